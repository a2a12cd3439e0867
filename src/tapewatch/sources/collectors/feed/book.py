"""A price-level order book, kept only as far as its stream's checks need it."""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

CHECKED_LEVELS = 10
"""Levels of each side that enter a checksum."""

Level = Sequence[str]
"""Price, quantity and perhaps more, as the venue wrote them; quantity 0 removes the level."""

Entry = Callable[[str, str], str]
"""What is kept of a level: price and quantity as text to one text."""


class Side:
    """One side of a book: prices in order from the best, and a text for each.

    Args:
        sign: 1 for asks (lowest first), -1 for bids (highest first).
        depth: Levels kept at most; None for all.
        entry: What is kept of a level.
    """

    __slots__ = ("_depth", "_entry", "_sign", "entries", "keys")

    def __init__(self, sign: int, depth: int | None, entry: Entry) -> None:
        self._sign = sign
        self._depth = depth
        self._entry = entry
        self.keys: list[float] = []
        self.entries: dict[float, str] = {}

    def replace(self, levels: Iterable[Level]) -> None:
        """Begin anew from a snapshot."""
        sign, entry = self._sign, self._entry
        self.entries = {sign * float(level[0]): entry(level[0], level[1]) for level in levels}
        self.keys = sorted(self.entries)
        self._truncate()

    def change(self, levels: Iterable[Level]) -> int:
        """Apply changes in the order in which they came; give the best position (from 0) that was touched."""
        touched = len(self.keys)
        keys, entries, sign, entry = self.keys, self.entries, self._sign, self._entry
        for level in levels:
            key = sign * float(level[0])
            position = bisect_left(keys, key)
            touched = min(touched, position)
            if float(level[1]) == 0:
                if entries.pop(key, None) is not None:
                    del keys[position]
            else:
                if key not in entries:
                    keys.insert(position, key)
                entries[key] = entry(level[0], level[1])
        self._truncate()
        return touched

    def _truncate(self) -> None:
        if self._depth is not None and len(self.keys) > self._depth:
            for key in self.keys[self._depth :]:
                del self.entries[key]
            del self.keys[self._depth :]

    @property
    def best(self) -> float | None:
        """Best price; None when the side is empty."""
        return self._sign * self.keys[0] if self.keys else None

    def top(self) -> str:
        """Texts of the best `CHECKED_LEVELS` levels, joined."""
        entries = self.entries
        return "".join([entries[key] for key in self.keys[:CHECKED_LEVELS]])


class Book:
    """Both sides.

    Args:
        depth: Levels kept a side; None for all. Levels that fall out are forgotten, as the venue forgets them.
        entry: What is kept of a level; for a checksum the text that enters it.
    """

    __slots__ = ("_checksum", "asks", "bids")

    def __init__(self, depth: int | None, entry: Entry) -> None:
        self.asks = Side(1, depth, entry)
        self.bids = Side(-1, depth, entry)
        self._checksum: int | None = None

    def replace(self, asks: Iterable[Level], bids: Iterable[Level]) -> None:
        """Begin anew from a snapshot."""
        self.asks.replace(asks)
        self.bids.replace(bids)
        self._checksum = None

    def change(self, asks: Sequence[Level], bids: Sequence[Level]) -> None:
        """Apply the changes of one message."""
        touched = CHECKED_LEVELS
        if asks:
            touched = self.asks.change(asks)
        if bids:
            touched = min(touched, self.bids.change(bids))
        if touched < CHECKED_LEVELS:
            self._checksum = None

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is above the best ask, which no order book of a working market is."""
        asks, bids = self.asks.keys, self.bids.keys
        return bool(asks and bids) and -bids[0] > asks[0]

    def checksum(self) -> int:
        """CRC32 (unsigned, 32 bit) of the kept texts: the best ten asks, then the best ten bids."""
        if self._checksum is None:
            self._checksum = zlib.crc32((self.asks.top() + self.bids.top()).encode("ascii"))
        return self._checksum
