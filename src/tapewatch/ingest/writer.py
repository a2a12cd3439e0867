"""Group commit: one thread hands whatever waits to the store in one transaction, and tells each sender when it is durable."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from tapewatch.clock import Clock
from tapewatch.errors import ContractError, StoreFull, StoreRejected, StoreUnavailable
from tapewatch.ingest.job import Job, look_at, weigh
from tapewatch.ingest.retries import LONGEST_S, Retries
from tapewatch.ingest.spool import Replayed, StoreSpool
from tapewatch.ingest.timing import Timings
from tapewatch.model.rows import BodyMark
from tapewatch.store.base import Store, Stored

log = logging.getLogger("tapewatch.ingest")

STOP_S = 2.0
"""Seconds that a stop waits for what is queued; what is left then was never acknowledged."""

NOT_FOR_SPOOL = "The store is away, or has not yet taken all that waits in the spool; nothing leaves the quarantine until it has."


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the queue before the store.

    Attributes:
        queue_rows: Rows that may wait.
        queue_bytes: Bytes that may wait, estimated.
        group_rows: Rows after which a group takes no further delivery.
        linger_s: Seconds that a group waits for company while several senders write at once.
        wait_s: Seconds that a sender waits for a store that is away before it is told to come back.
        spool_after_s: Seconds that a store must have been away before deliveries go to the spool.
        thread_rows: Rows of a delivery from which validation leaves the event loop for a thread.
    """

    queue_rows: int = 500_000
    queue_bytes: int = 256_000_000
    group_rows: int = 50_000
    linger_s: float = 0.003
    wait_s: float = 10.0
    spool_after_s: float = 1.0
    thread_rows: int = 2_000


@dataclass(frozen=True, slots=True)
class StoreState:
    """How the store answered last: ``ok``, or ``away`` since a moment, why, and whether it is only its disk that is full."""

    state: str = "ok"
    since_us: int | None = None
    message: str = ""
    is_full: bool = False


def _received_at(stored: Stored, now_us: int) -> Stored:
    """A delivery from the spool whose body is remembered from now on, so that a replay that is cut off changes nothing."""
    if not isinstance(stored.mark, BodyMark):
        return stored
    return replace(stored, mark=replace(stored.mark, received_us=now_us))


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
        replayed: Called on the event loop with what the store took from the spool.
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
        self.state = StoreState()
        self.commits = Timings()
        self.last_commit_us: int | None = None
        self._asked_s: float | None = None
        self._store = store
        self._clock = clock
        self._limits = limits
        self._committed = committed
        self.spool = spool
        self._replayed = replayed
        self._tries = Retries(clock)
        self._spool_trouble = ""
        self._waiting: deque[Job] = deque()
        self._in_flight: list[Job] = []
        self._rows = 0
        self._bytes = 0
        self._busy = False
        self._stopping = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    # --- on the event loop -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the thread; senders are told on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="tapewatch-writer", daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Write what waits, for at most two seconds, then end the thread; what is left fails with `StoreUnavailable`."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, STOP_S)
        with self._changed:
            left = [*self._in_flight, *self._waiting]
            self._waiting.clear()
        for job in left:
            if job.outcome is None:
                job.outcome = StoreUnavailable("The server is stopping; send again.")
        self._settle(left)
        if self.spool is not None and not (self._thread is not None and self._thread.is_alive()):
            self.spool.close()

    def put(self, stored: Stored, *, may_spool: bool = True) -> asyncio.Future[bool]:
        """Queue a delivery, which is refused instead of being spooled when it says so.

        Raises:
            StoreUnavailable: The queue is full, or the server is stopping.
        """
        rows, size = weigh(stored)
        now_s = self._clock.monotonic_s()
        settled = asyncio.get_running_loop().create_future()
        settled.add_done_callback(look_at)
        job = Job(stored, rows, size, now_s, now_s + self._limits.wait_s, settled, may_spool=may_spool)
        with self._changed:
            if self._stopping or self._thread is None:
                raise StoreUnavailable("The server is stopping; send again.", retry_after_s=2.0)
            full = self._rows + rows > self._limits.queue_rows or self._bytes + size > self._limits.queue_bytes
            if full and self._rows:
                raise StoreUnavailable(self._why_full(), retry_after_s=2.0 if self.state.state == "away" else 0.5)
            self._waiting.append(job)
            self._rows += rows
            self._bytes += size
            self._changed.notify_all()
        return job.settled

    def _why_full(self) -> str:
        waiting = f"{self._rows} rows wait to be written, and at most {self._limits.queue_rows} may"
        return f"{waiting}: the store is away ({self.state.message})." if self.state.state == "away" else f"{waiting}; send again."

    def queue(self) -> tuple[int, int, float]:
        """Rows and bytes that are not durable yet, and the age of the oldest of them in seconds."""
        with self._changed:
            first = self._in_flight[0] if self._in_flight else self._waiting[0] if self._waiting else None
            return self._rows, self._bytes, 0.0 if first is None else self._clock.monotonic_s() - first.queued_s

    @property
    def silent_s(self) -> float:
        """Seconds for which the store has not answered a call, neither with yes nor with no; 0 while it is not asked."""
        asked_s = self._asked_s
        return 0.0 if asked_s is None else self._clock.monotonic_s() - asked_s

    def _settle(self, jobs: Sequence[Job]) -> None:
        """Observers first, then the senders; a job is settled once."""
        jobs = [job for job in jobs if not job.is_told]
        with self._changed:
            self._rows -= sum(job.rows for job in jobs)
            self._bytes -= sum(job.bytes for job in jobs)
        self._committed(jobs)
        for job in jobs:
            job.is_told = True
            if job.settled.done():
                continue
            if isinstance(job.outcome, bool):
                job.settled.set_result(job.outcome)
            else:
                job.settled.set_exception(job.outcome or ContractError("A delivery was settled without an outcome."))

    # --- in the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (group := self._next_group()) is not None:
            self._write(group)
            with self._changed:
                self._in_flight = []
            self._tell(group)
            if self._has_backlog and self._tries.is_due:
                self._replay()

    def _tell(self, jobs: Sequence[Job]) -> None:
        if self._loop is not None and jobs:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._settle, jobs)

    def _next_group(self) -> list[Job] | None:
        """What to write next; empty when it is time for the spool, None at the end."""
        with self._changed:
            due_s = self._tries.due_in_s if self._has_backlog else None
            self._changed.wait_for(lambda: self._waiting or self._stopping, due_s)
            if not self._waiting:
                return None if self._stopping else []
            if self._busy and not self._stopping:
                self._changed.wait_for(lambda: self._stopping or self._rows >= self._limits.group_rows, self._limits.linger_s)
            group: list[Job] = []
            rows = 0
            while self._waiting and (not group or rows + self._waiting[0].rows <= self._limits.group_rows):
                group.append(self._waiting.popleft())
                rows += group[-1].rows
            self._busy = len(group) > 1
            self._in_flight = group
            return group

    def _write(self, group: Sequence[Job]) -> None:
        """Give every job of the group its outcome; comes back only when all have one."""
        while pending := [job for job in group if job.outcome is None]:
            if self._is_for_spool and self._to_spool(pending):
                continue
            if self._has_backlog:  # the spool is full: first the store has to take some of it
                if not (self._tries.is_due and self._replay()):
                    self._refuse_late(pending)
                    self._pause(self._tries.due_in_s)
                continue
            try:
                self._append(pending)
            except StoreUnavailable as error:
                self._is_away(error)
                if not self._stopping or not self._to_spool(pending):
                    self._refuse_late(pending)
                    self._pause(self._tries.due_in_s)
            except Exception as error:  # noqa: BLE001 - whatever a store raises must not end the only writer
                self._fail(pending, error)

    def _append(self, jobs: Sequence[Job]) -> None:
        for job, is_new in zip(jobs, self._stored([job.stored for job in jobs]), strict=True):
            job.outcome = is_new

    def _stored(self, deliveries: Sequence[Stored]) -> list[bool]:
        began_s = self._clock.monotonic_s()
        self._asked_s = began_s
        try:
            stored = self._store.append(deliveries)
        finally:
            self._asked_s = None
        ended_s = self._clock.monotonic_s()
        if len(stored) != len(deliveries):
            raise ContractError(f"The store answered for {len(stored)} deliveries, not for {len(deliveries)}.")
        self.commits.add(ended_s, ended_s - began_s)
        self.last_commit_us = self._clock.now_us()
        self._tries.worked()
        if self.state.state != "ok":
            log.warning("The store answers again.")
            self.state = StoreState("ok", self.last_commit_us)
        return stored

    def _is_away(self, error: StoreUnavailable) -> None:
        self._tries.failed()
        if self.state.state != "away":
            log.error("The store is away: %s", error)
        since_us = self.state.since_us if self.state.state == "away" else self._clock.now_us()
        self.state = StoreState("away", since_us, str(error), isinstance(error, StoreFull))

    def _refuse_late(self, jobs: Sequence[Job]) -> None:
        now_s = self._clock.monotonic_s()
        late = [job for job in jobs if now_s >= job.until_s or self._stopping]
        why = f"{self.state.message}; {self._spool_trouble}" if self._spool_trouble else self.state.message
        for job in late:
            kind = StoreFull if self.state.is_full else StoreUnavailable
            job.outcome = kind(f"The store is away: {why}", retry_after_s=LONGEST_S)
        self._tell(late)

    # --- the spool, in the thread ------------------------------------------------------------------------------------

    @property
    def _has_backlog(self) -> bool:
        return self.spool is not None and not self.spool.is_empty

    @property
    def _is_for_spool(self) -> bool:
        """Whether what comes now goes to the spool: behind what is in it, or because the store has been away for long enough."""
        return self._has_backlog or self._tries.is_long_away(0.0 if self._stopping else self._limits.spool_after_s)

    def _to_spool(self, jobs: Sequence[Job]) -> bool:
        """Put jobs into the spool; False when there is none, or it takes none of them."""
        if self.spool is None:
            return False
        for job in jobs:
            if not job.may_spool:
                job.outcome = StoreUnavailable(NOT_FOR_SPOOL, retry_after_s=LONGEST_S)
        jobs = [job for job in jobs if job.may_spool]
        if not jobs:
            return True
        try:
            for job in jobs:
                job.stored = self.spool.marked(job.stored)
            kept = self.spool.put([(job.stored, job.rows) for job in jobs])
        except Exception as error:  # noqa: BLE001 - as in `_write`
            return self._has_not_spooled(jobs, error)
        self._spool_trouble = ""
        for job in jobs[:kept]:
            job.outcome = True
        self._tell(jobs[:kept])
        return True

    def _has_not_spooled(self, jobs: Sequence[Job], error: Exception) -> bool:
        """The spool refused jobs; whether some have an outcome all the same."""
        if isinstance(error, ContractError) and len(jobs) > 1:  # one of them cannot be written, the others can
            taken = [self._to_spool([job]) for job in jobs]
            return any(taken)
        if str(error) != self._spool_trouble:
            is_known = isinstance(error, StoreUnavailable | ContractError)
            log.warning("Rows are not accepted while the store is away: %s", error, exc_info=None if is_known else error)
        self._spool_trouble = str(error)
        if not (isinstance(error, StoreUnavailable) and error.is_unknown):
            return False
        for job in jobs:  # another try would write them a second time
            job.outcome = error
        return True

    def _replay(self) -> bool:
        """Give the store the oldest deliveries of the spool; whether it took any."""
        if self.spool is None:
            return False
        deliveries: list[Stored] = []
        try:
            deliveries = [_received_at(stored, self._clock.now_us()) for stored in self.spool.oldest()]
            taken = self._stored(deliveries) if deliveries else []
        except StoreUnavailable as error:
            self._is_away(error)
            return False
        except Exception as error:
            if deliveries:
                return self._replay_one(deliveries[0], error)
            log.exception("The spool failed in a way that it should not; it is tried again.")
            self._is_away(StoreUnavailable(f"the spool cannot be read: {type(error).__name__}: {error}"))
            return False
        self._has_replayed(deliveries, taken)
        return True

    def _replay_one(self, delivery: Stored, why: Exception) -> bool:
        """One of several failed: the first alone; what fails alone is set aside, so that the others come through."""
        try:
            taken = self._stored([delivery])
        except StoreUnavailable as error:
            self._is_away(error)
            return False
        except Exception as error:  # noqa: BLE001 - as in `_write`
            why = error
        else:
            self._has_replayed([delivery], taken)
            return True
        try:
            if self.spool is not None:
                self.spool.set_aside(f"{type(why).__name__}: {why}")
        except StoreUnavailable as error:
            self._is_away(error)
            return False
        return True

    def _has_replayed(self, deliveries: Sequence[Stored], taken: Sequence[bool]) -> None:
        if self.spool is None:
            return
        found = self.spool.found
        replayed = [Replayed(stored, taken[i], i < found) for i, stored in enumerate(deliveries)]
        self.spool.done(len(deliveries))
        if self.spool.is_empty:
            log.warning("The store has taken everything that waited in the spool.")
        if self._loop is not None and self._replayed is not None and replayed:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody looks any more
                self._loop.call_soon_threadsafe(self._replayed, replayed)

    def _fail(self, jobs: Sequence[Job], error: Exception) -> None:
        if len(jobs) > 1:
            for job in jobs:
                self._write([job])
        elif isinstance(error, StoreRejected | ContractError):
            jobs[0].outcome = error
        else:
            log.error("The store failed in a way that it should not.", exc_info=error)
            jobs[0].outcome = ContractError(f"The store failed: {type(error).__name__}: {error}")

    def _pause(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, seconds)
