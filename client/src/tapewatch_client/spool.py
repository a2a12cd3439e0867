"""Batches on disk while they wait for their answer: they survive the program, the server and, once synced, a power cut.

Each running client has a folder of its own in the spool's folder, named by its id and locked while it lives. What a program left
behind is sent by the next client that uses the same spool, under the id and the number it was written with: a batch that the server
has already is recognised there and changes nothing.
"""

from __future__ import annotations

import os
from contextlib import suppress
from threading import RLock
from time import monotonic

from tapewatch_client.batch import Batch
from tapewatch_client.segment_log import Record, SegmentLog

try:
    import fcntl
except ImportError:  # only POSIX systems have it
    fcntl = None

LOCK = "lock"
LOOK_EVERY_S = 30.0
_GZIP = 1


class Waiting:
    """A batch that is to be sent: the log that it lies in, None for one in memory; ``is_own`` says whether this client wrote it."""

    __slots__ = ("batch", "is_own", "log")

    def __init__(self, batch: Batch, log: SegmentLog | None = None, *, is_own: bool = True) -> None:
        self.batch = batch
        self.log = log
        self.is_own = is_own


class Spool:
    """The spool of one client; thread-safe.

    Args:
        folder: The folder that clients share; made when the first batch is written.
        client_id: Id of this client.
        limit_bytes: Bound on all files in the folder; beyond, the oldest are dropped.

    Raises:
        ValueError: This system cannot lock a folder, so that two programs could send the same batches.
    """

    def __init__(self, folder: str, client_id: str, limit_bytes: int) -> None:
        if fcntl is None:
            raise ValueError("spool_dir needs a POSIX system, such as Linux or macOS; leave it out to keep rows in memory.")
        self._folder = folder
        self._own_folder = os.path.join(folder, client_id)  # noqa: PTH118 - pathlib would double the time of the import
        self._limit_bytes = limit_bytes
        self._lock = RLock()
        self._own = SegmentLog(self._own_folder)
        self._own_lock: int | None = None
        self._left: list[tuple[SegmentLog, int]] = []
        self._look_s = 0.0

    # --- writing ---

    def put(self, batch: Batch) -> list[tuple[int, int]]:
        """Write a batch behind the others.

        Returns:
            Sequence and rows of the own batches that were dropped to make room.

        Raises:
            OSError: The disk does not take it.
        """
        with self._lock:
            if self._own_lock is None:
                os.makedirs(self._own_folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - as above
                self._own_lock = _locked(self._own_folder)
            dropped = self._make_room(len(batch.payload))
            self._own.append(batch.sequence, batch.rows, _GZIP if batch.is_gzip else 0, batch.payload)
            return dropped

    def _make_room(self, size_bytes: int) -> list[tuple[int, int]]:
        dropped: list[tuple[int, int]] = []
        while self._size_bytes() + size_bytes > self._limit_bytes:
            oldest = next((log for log, _ in self._left if log.size_bytes), self._own)
            batches = oldest.drop_oldest()
            if batches is None:
                break
            if oldest is self._own:
                dropped += batches
        return dropped

    def _size_bytes(self) -> int:
        return self._own.size_bytes + sum(log.size_bytes for log, _ in self._left)

    def sync(self) -> None:
        """Make what was written survive a power cut.

        Raises:
            OSError: The disk does not take it.
        """
        with self._lock:
            self._own.sync()

    # --- reading ---

    def take(self) -> Waiting | None:
        """The oldest batch, the same one until it is `done`; what other programs left comes first. None when there is none."""
        with self._lock:
            self._look_around()
            while self._left:
                log, lock = self._left[0]
                record = log.take()
                if record is not None:
                    return Waiting(_batch(record), log, is_own=False)
                self._let_go(log, lock)
                del self._left[0]
            record = self._own.take()
            return None if record is None else Waiting(_batch(record), self._own)

    def _look_around(self) -> None:
        """Now and then, look for what a program left that has ended meanwhile."""
        now_s = monotonic()
        if not self._left and now_s >= self._look_s:
            self._look_s = now_s + LOOK_EVERY_S
            self._left = _left_behind(self._folder, self._own_folder)

    def done(self, waiting: Waiting) -> None:
        """A batch that was taken was answered."""
        if waiting.log is not None:
            with self._lock:
                waiting.log.done()

    # --- about itself and the end ---

    @property
    def size_bytes(self) -> int:
        """Bytes on disk, what others left included."""
        with self._lock:
            return self._size_bytes()

    @property
    def rows(self) -> int:
        """Own rows that wait."""
        with self._lock:
            return self._own.rows

    def close(self) -> None:
        """Make everything durable and let go: the next client sends what is left."""
        with self._lock:
            for log, lock in self._left:
                self._let_go(log, lock)
            self._left = []
            if self._own_lock is not None:
                self._let_go(self._own, self._own_lock)
                self._own_lock = None

    @staticmethod
    def _let_go(log: SegmentLog, lock: int) -> None:
        is_empty = log.size_bytes == 0
        if is_empty:
            with suppress(OSError):
                os.unlink(os.path.join(log.folder, LOCK))  # noqa: PTH108, PTH118 - as above
        log.close()
        os.close(lock)

    def forget(self) -> None:
        """In a forked child: let go of the parent's files; its locks stay with the parent."""
        for log, lock in [*self._left, *([(self._own, self._own_lock)] if self._own_lock is not None else [])]:
            log.forget()
            os.close(lock)
        self._left, self._own_lock = [], None


def _locked(folder: str) -> int:
    """The lock of a client's folder.

    Raises:
        OSError: Its client lives.
    """
    file = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)  # noqa: PTH118 - as above
    try:
        if fcntl is not None:  # the constructor has refused a system without it
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(file)
        raise
    return file


def _left_behind(folder: str, own_folder: str) -> list[tuple[SegmentLog, int]]:
    """The folders of clients that live no more, oldest first, locked."""
    found: list[tuple[float, SegmentLog, int]] = []
    try:
        names = os.listdir(folder)  # noqa: PTH208 - as above
    except OSError:
        return []
    for name in names:
        path = os.path.join(folder, name)  # noqa: PTH118 - as above
        if path == own_folder or not os.path.isdir(path):  # noqa: PTH112 - as above
            continue
        with suppress(OSError):  # its client lives, or has just removed it
            lock = _locked(path)
            found.append((os.path.getmtime(path), SegmentLog(path), lock))  # noqa: PTH204 - as above
    return [(log, lock) for _, log, lock in sorted(found, key=lambda each: each[0])]


def _batch(record: Record) -> Batch:
    return Batch(record.number, record.rows, record.payload, bool(record.flags & _GZIP))
