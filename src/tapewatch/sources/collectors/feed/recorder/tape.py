"""What one connection says to the recorder; every call returns at once and never fails."""

from __future__ import annotations

from typing import Protocol

from tapewatch.model import recording
from tapewatch.sources.collectors.feed.recorder.discretion import Discretion
from tapewatch.sources.collectors.feed.recorder.piece import Piece, PieceQueue, Place


class Tape(Protocol):
    """Takes what happens on one connection, in order; times are of the wall clock, µs."""

    def opened(self, at_us: int) -> None:
        """The connection stands."""
        ...

    def asked(self, at_us: int, text: str) -> None:
        """Streams were asked for, at the beginning of the connection."""
        ...

    def sent(self, at_us: int, text: str) -> None:
        """Something else was sent."""
        ...

    def received(self, at_us: int, message: bytes) -> None:
        """A message came."""
        ...

    def closed(self, at_us: int, reason: str) -> None:
        """The connection ended, or could not be made."""
        ...


class NoTape:
    """Nothing is recorded."""

    def opened(self, at_us: int) -> None:
        """See `Tape.opened`."""

    def asked(self, at_us: int, text: str) -> None:
        """See `Tape.asked`."""

    def sent(self, at_us: int, text: str) -> None:
        """See `Tape.sent`."""

    def received(self, at_us: int, message: bytes) -> None:
        """See `Tape.received`."""

    def closed(self, at_us: int, reason: str) -> None:
        """See `Tape.closed`."""


NO_TAPE = NoTape()


class QueuedTape:
    """Puts what happens into the recorder's queue; what finds no room is missing, is counted, and the recording says so.

    Args:
        connection: Number of the connection.
        url: Its address.
        discretion: What is not to be written.
        queue: The recorder's.
    """

    def __init__(self, connection: int, url: str, discretion: Discretion, queue: PieceQueue) -> None:
        self._connection = connection
        self._url = discretion.address(url)
        self._discretion = discretion
        self._queue = queue
        self._is_open = False
        self._missing = 0
        self.taken = 0
        """Messages that were put into the queue."""
        self.pieces = 0
        """Messages and other lines that were put into it; what only says that some are missing is none."""
        self.dropped = 0
        """Messages and other lines that found no room in it."""

    def opened(self, at_us: int) -> None:
        """See `Tape.opened`."""
        self._is_open = True
        self._put(at_us, recording.opened(at_us, self._url), Place.BEGINS)

    def asked(self, at_us: int, text: str) -> None:
        """See `Tape.asked`."""
        self._put(at_us, recording.sent(at_us, self._url, self._discretion.sent(text)), Place.ASKS)

    def sent(self, at_us: int, text: str) -> None:
        """See `Tape.sent`."""
        self._put(at_us, recording.sent(at_us, self._url, self._discretion.sent(text)), Place.OTHER)

    def received(self, at_us: int, message: bytes) -> None:
        """See `Tape.received`."""
        self.taken += self._put(at_us, message, Place.MESSAGE)

    def closed(self, at_us: int, reason: str) -> None:
        """See `Tape.closed`; an attempt that failed was no connection, and is not written."""
        if self._is_open:
            self._is_open = False
            self._put(at_us, recording.closed(at_us, self._discretion.reason(reason)), Place.OTHER)

    def _put(self, at_us: int, data: bytes, place: Place) -> bool:
        if self._missing:
            told = Piece(self._connection, at_us, recording.missing(at_us, self._missing), Place.OTHER, self._missing)
            self._missing = 0 if self._queue.put(told) else self._missing
        if not self._missing and self._queue.put(Piece(self._connection, at_us, data, place)):
            self.pieces += 1
            return True
        self._missing += 1
        self.dropped += 1
        return False
