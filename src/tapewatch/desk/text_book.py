"""An order book of texts as Kraken sends it, with its checksum and its view at a smaller depth."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Literal
from zlib import crc32

Level = Sequence[str]
"""Price, volume, time, as decimal texts; Kraken adds ``"r"`` to a level that it sends again."""

Side = Literal["a", "b"]

_CHECKED_LEVELS = 10


class _Half:
    """One side, best price first; keys are prices, negated for bids, so that the smallest key is the best."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[float] = []
        self._levels: dict[float, Level] = {}

    def key(self, level: Level) -> float:
        return self._sign * float(level[0])

    def put(self, level: Level) -> None:
        key = self.key(level)
        known = key in self._levels
        if float(level[1]) == 0:
            if known:
                del self._levels[key]
                del self._keys[bisect_left(self._keys, key)]
            return
        if not known:
            insort(self._keys, key)
        self._levels[key] = tuple(level[:3])

    def best(self, depth: int) -> list[Level]:
        return [self._levels[key] for key in islice(self._keys, depth)]

    def keys(self, depth: int) -> set[float]:
        return set(islice(self._keys, depth))

    def told(self, levels: Sequence[Level], before: set[float], after: set[float], changed: set[float]) -> list[Level]:
        seen = before | after
        again = sorted(after - before - changed)
        return [*(level for level in levels if self.key(level) in seen), *((*self._levels[key], "r") for key in again)]


class TextBook:
    """Both sides of one pair, kept from snapshots and updates of price, volume and time as texts."""

    def __init__(self) -> None:
        self._sides: dict[Side, _Half] = {"a": _Half(1), "b": _Half(-1)}

    def apply(self, side: Side, levels: Iterable[Level]) -> None:
        """Set levels; a volume of zero removes the level."""
        for level in levels:
            self._sides[side].put(level)

    def apply_at(self, side: Side, levels: Sequence[Level], depths: Iterable[int]) -> dict[int, list[Level]]:
        """Set levels and give what a subscriber at each depth must hear.

        Returns:
            By depth: the levels that are or were among the best, then those that moved up into them, marked ``"r"`` as sent again.
        """
        half = self._sides[side]
        before = {depth: half.keys(depth) for depth in depths}
        self.apply(side, levels)
        changed = {half.key(level) for level in levels}
        return {depth: half.told(levels, held, half.keys(depth), changed) for depth, held in before.items()}

    def best(self, side: Side, depth: int) -> list[Level]:
        """Best levels of a side, best first."""
        return self._sides[side].best(depth)

    def checksum(self) -> int:
        """CRC32 of the best ten asks and bids.

        Of each level price and volume without the point and without leading zeros; source: Kraken, "WebSockets API v1, Book checksum".
        """
        levels = (*self.best("a", _CHECKED_LEVELS), *self.best("b", _CHECKED_LEVELS))
        return crc32("".join(_digits(level[0]) + _digits(level[1]) for level in levels).encode())


def _digits(text: str) -> str:
    return text.replace(".", "").lstrip("0")
