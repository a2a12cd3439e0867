"""What waits to be written, bounded: one side puts, the other takes, and neither waits for the other."""

from __future__ import annotations

from collections import deque
from enum import Enum, auto
from typing import NamedTuple

QUEUE_BYTES = 32 * 2**20
"""A venue's busiest second many times over; a disk that hangs for longer costs messages of the recording, never of the measure."""

OVERHEAD_BYTES = 150
"""What a waiting piece takes beside its text."""


class Place(Enum):
    """What a piece is to its file."""

    MESSAGE = auto()  # as it came; becomes a line when it is written
    BEGINS = auto()  # a line that begins a connection: every file of it repeats this one
    ASKS = auto()  # a line that belongs to how the connection began: the same
    OTHER = auto()  # any other line


class Piece(NamedTuple):
    """One thing that happened on a connection.

    Attributes:
        connection: Its number.
        at_us: When, µs since 1970.
        data: The message, or a line.
        place: Which of both, and what for.
        told: How many were missing already, if the piece is the line that says so; they are counted by who lost them.
    """

    connection: int
    at_us: int
    data: bytes
    place: Place
    told: int = 0

    @property
    def size(self) -> int:
        """Bytes that it takes while it waits."""
        return len(self.data) + OVERHEAD_BYTES


class PieceQueue:
    """A bounded queue between one thread that puts and one that takes; without a lock, since each counts for itself.

    Args:
        limit_bytes: What may wait at most.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._pieces: deque[Piece] = deque()
        self._put_bytes = 0
        self._taken_bytes = 0

    @property
    def waiting_bytes(self) -> int:
        """What waits."""
        return self._put_bytes - self._taken_bytes

    def put(self, piece: Piece) -> bool:
        """Let a piece wait; False when there is no room for it."""
        size = piece.size
        if self._put_bytes - self._taken_bytes + size > self._limit_bytes:
            return False
        self._put_bytes += size
        self._pieces.append(piece)
        return True

    def take(self, most_bytes: int) -> list[Piece]:
        """The pieces that have waited longest: at least one if any waits, together about ``most_bytes``."""
        taken: list[Piece] = []
        left = most_bytes
        while self._pieces and left > 0:
            piece = self._pieces.popleft()
            taken.append(piece)
            left -= piece.size
        self._taken_bytes += most_bytes - left
        return taken
