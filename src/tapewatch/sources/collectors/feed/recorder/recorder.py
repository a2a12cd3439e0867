"""The recorder: takes what connections receive and writes it in a thread of its own, so that no stream ever waits for a disk."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tapewatch.clock import Clock
from tapewatch.errors import ConfigError
from tapewatch.sources.collectors.feed.recorder.discretion import Discretion
from tapewatch.sources.collectors.feed.recorder.files import Folder
from tapewatch.sources.collectors.feed.recorder.piece import QUEUE_BYTES, Piece, PieceQueue
from tapewatch.sources.collectors.feed.recorder.reel import Reel
from tapewatch.sources.collectors.feed.recorder.tape import QueuedTape, Tape

WRITE_S = 0.2
FLUSH_S = 1.0
"""What is older than this has been handed to the operating system: a killed process loses no more."""

WRITE_BYTES = 256 * 1024
"""Taken from the queue at once."""

RETRY_S = 5.0
"""Seconds between two attempts to write while a disk does not take it."""

TELL_S = 60.0
"""Seconds between two log lines about messages that are missing."""

_log = logging.getLogger(__name__)


class Recorder:
    """Writes the traffic of one collector's connections.

    Args:
        directory: Where its files are.
        name: The collector's; begins the name of each file.
        limit_bytes: What all its files may take together.
        discretion: What is not to be written.
        clock: For the spacing of attempts.
        queue_bytes: What may wait to be written.
    """

    def __init__(
        self, directory: Path, name: str, limit_bytes: int, discretion: Discretion, clock: Clock, *, queue_bytes: int = QUEUE_BYTES
    ) -> None:
        self._directory = directory
        self.name = name
        self._discretion = discretion
        self._clock = clock
        self._queue = PieceQueue(queue_bytes)
        self._folder = Folder(directory, name, limit_bytes)
        self._tapes: list[QueuedTape] = []
        self._reels: list[Reel] = []
        self._problem = ""
        self._retry_s = self._flush_s = self._tell_s = clock.monotonic_s()
        self._told = 0
        self._is_left = False
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"tapewatch-record-{name}", daemon=True)

    def tape(self, url: str) -> Tape:
        """The tape of another connection."""
        connection = len(self._tapes) + 1
        tape = QueuedTape(connection, url, self._discretion, self._queue)
        self._tapes.append(tape)
        self._reels.append(Reel(connection, self._folder, self._discretion))
        return tape

    def take(self) -> None:
        """Become the one who writes files of this name; without it, the thread tries to, again and again.

        Raises:
            ConfigError: Another process does.
            OSError: The directory cannot be written.
        """
        self._folder.take()

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def end(self) -> None:
        """Tell the thread to write what waits and to end its files; returns at once."""
        self._ending.set()

    def join(self, within_s: float) -> bool:
        """Wait until the thread has ended; False when it takes longer."""
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def leave(self) -> None:
        """Nobody waits for the thread any more: what it has not written is missing unless it is written before the process ends."""
        self._is_left = True
        _log.error("%s: %d messages still wait for %s; what it does not take at once is lost", self.name, self.waiting, self._directory)

    @property
    def waiting(self) -> int:
        """Messages, and other lines, that were taken and neither written nor lost so far."""
        return sum(tape.pieces for tape in self._tapes) - sum(reel.written + reel.unwritten for reel in self._reels)

    @property
    def taken(self) -> int:
        """Messages that were taken to be written."""
        return sum(tape.taken for tape in self._tapes)

    @property
    def missing(self) -> int:
        """Messages, and other lines, that are not in the recording."""
        lost = sum(tape.dropped for tape in self._tapes) + sum(reel.unwritten for reel in self._reels)
        return lost + (self.waiting if self._is_left else 0)

    @property
    def problem(self) -> str:
        """Why nothing can be written; empty while it can."""
        return self._problem

    def measures(self) -> Mapping[str, float]:
        """Numbers about the recording."""
        return {
            "recorded_messages": self.taken,
            "missing_messages": self.missing,
            "waiting_bytes": self._queue.waiting_bytes,
            "file_bytes": self._folder.size_bytes,
            "files": self._folder.files,
        }

    # --- in the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        is_ending = False
        while not is_ending:
            is_ending = self._ending.wait(WRITE_S)
            while pieces := self._queue.take(WRITE_BYTES):
                self._write(pieces)
            self._flush(is_ending=is_ending)
            self._tell()
        self._folder.give_back()

    def _write(self, pieces: Sequence[Piece]) -> None:
        by_connection: dict[int, list[Piece]] = {}
        for piece in pieces:
            by_connection.setdefault(piece.connection, []).append(piece)
        for connection, held in by_connection.items():
            reel = self._reels[connection - 1]
            if self._problem and not self._ending.is_set() and self._clock.monotonic_s() < self._retry_s:
                reel.skip(held)
                continue
            try:
                reel.write(held)
                self._problem = ""
            except (OSError, ConfigError) as error:
                self._failed(error)

    def _flush(self, *, is_ending: bool) -> None:
        now_s = self._clock.monotonic_s()
        if now_s < self._flush_s and not is_ending:
            return
        self._flush_s = now_s + FLUSH_S
        for reel in self._reels:
            try:
                if is_ending:
                    reel.end()
                else:
                    reel.flush()
            except (OSError, ConfigError) as error:
                self._failed(error)

    def _failed(self, error: OSError | ConfigError) -> None:
        words = (error.strerror if isinstance(error, OSError) else "") or str(error)
        self._retry_s = self._clock.monotonic_s() + RETRY_S
        if not self._problem:
            _log.error("%s: %s cannot be recorded into: %s", self.name, self._directory, words)
        self._problem = words

    def _tell(self) -> None:
        """Say in the log that messages are missing, now and then."""
        now_s, missing = self._clock.monotonic_s(), self.missing
        if missing > self._told and now_s >= self._tell_s:
            _log.warning("%s: %d messages more are missing from the recording, %d in all", self.name, missing - self._told, missing)
            self._told, self._tell_s = missing, now_s + TELL_S
