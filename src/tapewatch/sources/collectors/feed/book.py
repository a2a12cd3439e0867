"""A price-level order book, kept only as far as its stream's checks need it."""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from tapewatch.sources.collectors.feed.venues.base import Checksum

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
            is_kept, is_known = float(level[1]) != 0, key in entries
            if not is_kept and not is_known:
                continue
            position = bisect_left(keys, key)
            touched = min(touched, position)
            if is_kept:
                if not is_known:
                    keys.insert(position, key)
                entries[key] = entry(level[0], level[1])
            else:
                del keys[position], entries[key]
        self._truncate()
        return touched

    def _truncate(self) -> None:
        if self._depth is not None and len(self.keys) > self._depth:
            for key in self.keys[self._depth :]:
                del self.entries[key]
            del self.keys[self._depth :]

    def holds(self, levels: Iterable[Level]) -> bool:
        """Whether the best levels are these, as far as both go."""
        other = Side(self._sign, self._depth, self._entry)
        other.replace(levels)
        common = min(len(self.keys), len(other.keys))
        return self.keys[:common] == other.keys[:common] and self.top(common) == other.top(common)

    def top(self, levels: int) -> list[str]:
        """Texts of the best levels."""
        entries = self.entries
        return [entries[key] for key in self.keys[:levels]]


class Book:
    """Both sides.

    Args:
        depth: Levels kept a side; None for all. Levels that fall out are forgotten, as the venue forgets them.
        entry: What is kept of a level; for a checksum the text that enters it.
        check: How the venue sums its book; None when it does not.
    """

    __slots__ = ("_check", "_checksum", "_levels", "asks", "bids")

    def __init__(self, depth: int | None, entry: Entry, check: Checksum | None = None) -> None:
        self._check = check
        self._levels = check.levels if check else 0
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
        touched = self._levels
        if asks:
            touched = self.asks.change(asks)
        if bids:
            touched = min(touched, self.bids.change(bids))
        if touched < self._levels:
            self._checksum = None

    def holds(self, asks: Iterable[Level], bids: Iterable[Level]) -> bool:
        """Whether a snapshot's levels are those of this book, as far as both go."""
        return self.asks.holds(asks) and self.bids.holds(bids)

    @property
    def is_crossed(self) -> bool:
        """Whether the best bid is at or above the best ask, which no order book of a working market is."""
        asks, bids = self.asks.keys, self.bids.keys
        return bool(asks and bids) and -bids[0] >= asks[0]

    def checksum(self) -> int | None:
        """CRC32 (unsigned, 32 bit) of the kept texts, put together as the venue does; None when it sums nothing."""
        if self._check is None:
            return None
        if self._checksum is None:
            text = self._check.text(self.asks.top(self._levels), self.bids.top(self._levels))
            self._checksum = zlib.crc32(text.encode("ascii"))
        return self._checksum
