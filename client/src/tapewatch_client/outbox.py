"""Sealed batches on their way: on disk when the client has a spool, in memory when it has none or the disk refuses."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence

from tapewatch_client.batch import Batch
from tapewatch_client.row_queue import RowQueue
from tapewatch_client.settings import Settings
from tapewatch_client.spool import Spool, Waiting
from tapewatch_client.stats import Tally

logger = logging.getLogger("tapewatch_client")


class Outbox:
    """One thread puts, one takes, which may be the same.

    Args:
        settings: Where the spool is, and the bounds.
        client_id: Id of this client.
        queue: Told of what is dropped, and of the memory held.
        tally: Told what the disk says.
    """

    def __init__(self, settings: Settings, client_id: str, queue: RowQueue, tally: Tally) -> None:
        self._spool = Spool(settings.spool_dir, client_id, settings.max_spool_bytes) if settings.spool_dir else None
        self._queue = queue
        self._tally = tally
        self._held: deque[Batch] = deque()
        self._most_held_bytes = settings.max_memory_bytes // 2
        self._folder = settings.spool_dir
        self._is_disk_told = self._is_full_told = False

    @property
    def is_on_disk(self) -> bool:
        """Whether batches survive this program."""
        return self._spool is not None

    @property
    def is_full(self) -> bool:
        """Whether memory holds as many batches as it may, because the disk takes none."""
        return self._held_bytes() > self._most_held_bytes

    def _held_bytes(self) -> int:
        return sum(len(batch.payload) for batch in tuple(self._held))

    def put(self, batch: Batch) -> None:
        """Put a batch behind the others."""
        if not self._spooled(batch):
            self._held.append(batch)
        self._queue.hold(self._held_bytes())

    def _spooled(self, batch: Batch) -> bool:
        if self._spool is None or self._held:  # what waits in memory was written before
            return False
        try:
            dropped = self._spool.put(batch)
        except OSError as error:
            self._note_disk(error)
            return False
        self._is_disk_told = False
        if dropped:
            self._queue.give_up(dropped)
            self._note_full()
        return True

    def first(self) -> Waiting | None:
        """The batch to send next, the same one until it is `done`: always the one with the lowest sequence.

        The server takes a sequence far below the highest one of its client for known, so a batch must never overtake another by much.
        """
        on_disk = self._first_on_disk()
        return Waiting(self._held[0]) if on_disk is None and self._held else on_disk

    def _first_on_disk(self) -> Waiting | None:
        if self._spool is None:
            return None
        try:
            return self._spool.take()
        except OSError as error:
            self._note_disk(error)
            return None

    def done(self, waiting: Waiting) -> None:
        """The batch was answered, or goes on as others."""
        if waiting.log is None:
            self._held.popleft()  # nobody else takes from this end
        elif self._spool is not None:
            self._spool.done(waiting)
        self._queue.hold(self._held_bytes())

    def replace(self, waiting: Waiting, parts: Sequence[Batch]) -> None:
        """The batch goes on as several, which lie safely before it is forgotten."""
        if waiting.log is None:
            self._held.popleft()
            self._held.extendleft(reversed(parts))
            return
        for part in parts:
            self.put(part)
        self.done(waiting)

    def sync(self) -> None:
        """Make what lies on disk survive a power cut; called while the server is away."""
        if self._spool is not None:
            try:
                self._spool.sync()
            except OSError as error:
                self._note_disk(error)

    @property
    def spooled_bytes(self) -> int:
        """Bytes on disk."""
        return 0 if self._spool is None else self._spool.size_bytes

    def close(self) -> int:
        """Let go of the disk; own rows that stay there for the next client."""
        if self._spool is None:
            return 0
        rows = self._spool.rows
        self._spool.close()
        return rows

    def forget(self) -> None:
        """In a forked child: let go of what belongs to the parent."""
        if self._spool is not None:
            self._spool.forget()

    def _note_full(self) -> None:
        self._tally.last_error = f"the spool in {self._folder} is full; the oldest rows are dropped"
        if not self._is_full_told:
            self._is_full_told = True
            logger.warning("the spool of tapewatch-client in %s is full; the oldest rows are dropped", self._folder)

    def _note_disk(self, error: OSError) -> None:
        self._tally.last_error = f"the spool cannot be used: {error}"
        if not self._is_disk_told:
            self._is_disk_told = True
            logger.warning("the spool of tapewatch-client cannot be used (%s); rows wait in memory", error)
