"""The day's range of prices, as the venue's ticker gives it, and trades that lie outside: one of the two is wrong.

A trade may set a new high or low, and the ticker tells of it a moment later. So a trade outside the range that is known waits for the
first range that comes `SETTLED_S` later: that one must hold it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

SETTLED_S = 8.0
"""Seconds within which a venue brings its day's range up to date."""

FORGOTTEN_S = 3600.0
"""A doubt that no range settled in an hour is dropped: after a day the range need not hold the trade any more."""

UNTOLD_S = 60.0
"""Trades so long after the ticker last spoke are held against nothing: a trade makes a ticker speak, so this one is dead."""

DOUBTS_MAX = 512


@dataclass(slots=True)
class DayBand:
    """The range of one symbol and what lies outside it; shared by the symbol's streams."""

    _low: float | None = None
    _high: float | None = None
    _told_s: float = 0.0
    _traded_s: float = 0.0
    _doubts: deque[tuple[float, float, float]] = field(default_factory=lambda: deque[tuple[float, float, float]](maxlen=DOUBTS_MAX))
    _outside: int = 0

    def trade(self, low: float, high: float, now_s: float) -> None:
        """Take the lowest and the highest price of a message with fresh trades."""
        self._traded_s = now_s
        if self._low is None or self._high is None:
            return
        if low < self._low or high > self._high:
            self._doubts.append((low, high, now_s))

    def day(self, low: float | None, high: float | None, now_s: float) -> None:
        """Take the day's lowest and highest price; None for one that the message does not tell, since it has not changed."""
        self.alive(now_s)
        self._low = low or self._low
        self._high = high or self._high
        while self._doubts and now_s - self._doubts[0][2] >= SETTLED_S:
            self._settle(*self._doubts.popleft(), now_s)

    def alive(self, now_s: float) -> None:
        """The ticker spoke, perhaps of other things than the range."""
        self._told_s = now_s

    def take(self) -> int | None:
        """Messages since the last call whose trades lie outside; None while no range, or none of today, is known."""
        if self._low is None or self._high is None or self._traded_s - self._told_s > UNTOLD_S:
            return None
        taken, self._outside = self._outside, 0
        return taken

    def _settle(self, low: float, high: float, since_s: float, now_s: float) -> None:
        is_outside = self._low is not None and self._high is not None and (low < self._low or high > self._high)
        self._outside += is_outside and now_s - since_s <= FORGOTTEN_S
