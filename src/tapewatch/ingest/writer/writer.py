"""The thread that hands whatever waits to the store in one transaction."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence

from tapewatch.clock import Clock
from tapewatch.errors import ContractError, StoreFull, StoreRejected, StoreUnavailable
from tapewatch.ingest.spool import Replayed, StoreSpool
from tapewatch.ingest.writer.doubt import Doubt
from tapewatch.ingest.writer.job import Job, look_at, weigh
from tapewatch.ingest.writer.limits import Limits
from tapewatch.ingest.writer.overflow import Overflow
from tapewatch.ingest.writer.queue import Queue
from tapewatch.ingest.writer.replay import Replay
from tapewatch.ingest.writer.retries import LONGEST_S
from tapewatch.ingest.writer.store_calls import StoreHangs
from tapewatch.ingest.writer.store_link import StoreLink, StoreState
from tapewatch.ingest.writer.telling import Telling
from tapewatch.model.rows import BodyMark, Mark
from tapewatch.store.base import Recognising, Store, Stored

log = logging.getLogger("tapewatch.ingest")

STOP_S = 2.0
"""Seconds that a stop waits for what is queued; what is left then was never acknowledged."""


class Writer:
    """Owns the thread that calls `Store.append`.

    A store that is away is tried again with growing pauses. After ``spool_after_s`` deliveries go to the spool, and are acknowledged when
    they are on disk there; until the store has taken all of the spool, everything goes through it, so that the order holds. Without a
    spool, or when it is full, senders wait up to ``wait_s`` and new ones are refused once the queue is full: nothing that was not
    acknowledged is promised. A delivery that the store rejects fails alone.

    Args:
        store: Where rows go.
        clock: The time.
        limits: Bounds of the queue.
        committed: Called on the event loop with the jobs that became durable, in their order, before the senders hear of it.
        spool: Keeps what is accepted while the store is away; None for a store whose rows need not survive.
        replayed: Called on the event loop with what the store took from the spool, and with what it answered late.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        limits: Limits,
        committed: Callable[[Sequence[Job]], None],
        spool: StoreSpool | None = None,
        replayed: Callable[[Sequence[Replayed]], None] | None = None,
    ) -> None:
        self.spool = spool
        self.link = StoreLink(store, clock, None if spool is None else limits.hang_s)
        self._store = store
        self._clock = clock
        self._limits = limits
        self._queue = Queue(clock, limits)
        self._telling = Telling(self._queue, committed, replayed)
        self._doubt = Doubt(self.link.calls, spool, self._telling)
        self._overflow = None if spool is None else Overflow(spool, self._doubt, self._telling)
        self._replay = None if spool is None else Replay(spool, self.link, clock, self._doubt, self._telling)
        self._thread: threading.Thread | None = None

    # --- on the event loop -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread; senders are told on the running event loop."""
        self._telling.start()
        self._thread = threading.Thread(target=self._run, name="tapewatch-writer", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Write what waits, for at most two seconds, then end the thread; what is left fails with `StoreUnavailable`."""
        self._queue.stop()
        self.link.calls.hurry()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, STOP_S)
        self.link.calls.end()  # not before: what waits is written through it
        left = self._queue.left()
        for job in left:
            if job.outcome is None:
                job.outcome = StoreUnavailable("The server is stopping; send again.")
        self._telling.settle(left)
        if self.spool is not None and not (self._thread is not None and self._thread.is_alive()):
            self.spool.close()

    def put(self, stored: Stored, *, may_spool: bool = True) -> asyncio.Future[bool]:
        """Queue a delivery, which is refused instead of being spooled when it says so.

        Raises:
            StoreUnavailable: The queue is full, or the server is stopping.
        """
        if self._thread is None:
            raise StoreUnavailable("The server is starting; send again.", retry_after_s=2.0)
        rows, size = weigh(stored)
        now_s = self._clock.monotonic_s()
        settled = asyncio.get_running_loop().create_future()
        settled.add_done_callback(look_at)
        job = Job(stored, rows, size, now_s, now_s + self._limits.wait_s, settled, may_spool=may_spool)
        self._queue.put(job, self.link.why_away)
        return job.settled

    def knows(self, mark: Mark | BodyMark) -> bool:
        """Whether a delivery with this mark is durable already, in the store or in the spool; False also when that is not certain."""
        is_stored = isinstance(self._store, Recognising) and self._store.knows(mark)
        return is_stored or (self.spool is not None and self.spool.knows(mark))

    def queue(self) -> tuple[int, int, float]:
        """See `Queue.measures`."""
        return self._queue.measures()

    @property
    def state(self) -> StoreState:
        """How the store answered last."""
        return self.link.state

    @property
    def has_doubt(self) -> bool:
        """Whether anything was set aside or ended in doubt since the start."""
        return self._doubt.was_any

    @property
    def silent_s(self) -> float:
        """Seconds for which the store has not answered a call, neither with yes nor with no; 0 while it is not asked."""
        return self.link.calls.silent_s

    # --- in the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (group := self._queue.next_group(self._due_s)) is not None:
            self._write(group)
            self._queue.landed()
            self._telling.tell(group)
            if self.link.tries.is_due:
                self._follow_up()

    @property
    def _due_s(self) -> float | None:
        """Seconds until the store is asked for other reasons than a delivery."""
        return self.link.tries.due_in_s if self._has_backlog or not self._doubt.is_empty else None

    def _follow_up(self) -> None:
        """Give the store what waits in the spool; without that, ask at least what became of the jobs in doubt."""
        if self._has_backlog:
            self._give_back()
        elif not self._doubt.is_empty:
            try:
                self._doubt.settle()
            except StoreHangs as error:
                self.link.failed(error)

    @property
    def _has_backlog(self) -> bool:
        return self.spool is not None and not self.spool.is_empty

    @property
    def _is_for_spool(self) -> bool:
        """Whether what comes now goes to the spool: behind what is in it, or because the store has been away for long enough."""
        return self._has_backlog or self.link.tries.is_long_away(0.0 if self._queue.is_stopping else self._limits.spool_after_s)

    def _to_spool(self, jobs: Sequence[Job]) -> bool:
        return self._overflow is not None and self._overflow.take(jobs)

    def _give_back(self) -> bool:
        return self._replay is not None and self._replay.give()

    def _write(self, group: Sequence[Job]) -> None:
        """Give every job of the group its outcome; comes back only when all have one."""
        while pending := [job for job in group if job.outcome is None]:
            if self._is_for_spool and self._to_spool(pending):
                continue
            if self._has_backlog:  # the spool is full: first the store has to take some of it
                if not (self.link.tries.is_due and self._give_back()):
                    self._wait_or_refuse(pending)
                continue
            try:
                self._append(pending)
            except StoreUnavailable as error:
                self.link.failed(error)
                hangs = isinstance(error, StoreHangs)
                for job in pending:
                    job.is_in_doubt |= hangs and error.is_unknown
                if not (hangs or self._queue.is_stopping) or not self._to_spool(pending):
                    self._wait_or_refuse(pending)
            except Exception as error:  # noqa: BLE001 - whatever a store raises must not end the only writer
                self._fail(pending, error)

    def _append(self, jobs: Sequence[Job]) -> None:
        """Write jobs, marked where there is a spool: if the call hangs and they go to the spool too, the store takes them once."""
        if self.spool is not None:
            for job in jobs:
                job.stored = self.spool.marked(job.stored)
        self._doubt.settle()
        for job, is_new in zip(jobs, self.link.append([job.stored for job in jobs]), strict=True):
            job.outcome = is_new

    def _wait_or_refuse(self, jobs: Sequence[Job]) -> None:
        """Wait until the store may be asked again; whose time is over is told now."""
        now_s = self._clock.monotonic_s()
        late = [job for job in jobs if now_s >= job.until_s or self._queue.is_stopping]
        state, trouble = self.link.state, "" if self._overflow is None else self._overflow.trouble
        why = f"{state.message}; {trouble}" if trouble else state.message
        for job in late:
            kind = StoreFull if state.is_full else StoreUnavailable
            job.outcome = self.link.calls.answer_to(job.stored.mark)
            if job.outcome is None:
                job.outcome = kind(f"The store is away: {why}", retry_after_s=LONGEST_S, is_unknown=self._doubt.takes(job))
        self._telling.tell(late)
        self._queue.pause(self.link.tries.due_in_s)

    def _fail(self, jobs: Sequence[Job], error: Exception) -> None:
        if len(jobs) > 1:
            for job in jobs:
                self._write([job])
        elif isinstance(error, StoreRejected | ContractError):
            jobs[0].outcome = error
        else:
            log.error("The store failed in a way that it should not.", exc_info=error)
            jobs[0].outcome = ContractError(f"The store failed: {type(error).__name__}: {error}")
