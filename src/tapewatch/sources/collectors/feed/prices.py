"""The prices of one stream of trades: when each change came, by this process's clock and by the venue's."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

KEPT = 1_000
"""Changes that are kept at most: as many as can be compared in a few hundredths of a second."""

WINDOW_S = 600.0
"""Seconds that are compared."""


@dataclass(slots=True)
class Prices:
    """Changes of the price, oldest first: seconds of a clock that never goes back, the venue's time in µs, the price's logarithm."""

    _changes: deque[tuple[float, int, float]] = field(default_factory=lambda: deque[tuple[float, int, float]](maxlen=KEPT))

    def note(self, now_s: float, venue_us: int, price: float) -> None:
        """Take a price; one that is not positive says nothing, and one like the last is no change."""
        if price <= 0 or not math.isfinite(price):
            return
        value = math.log(price)
        if not self._changes or self._changes[-1][2] != value:
            self._changes.append((now_s, venue_us, value))

    def since(self, begin_s: float) -> Series:
        """What came since then."""
        kept = [change for change in self._changes if change[0] >= begin_s]
        arrived, venue, values = zip(*kept, strict=True) if kept else ((), (), ())
        return Series(np.array(arrived, np.float64), np.array(venue, np.float64) / 1e6, np.array(values, np.float64))

    def __len__(self) -> int:
        return len(self._changes)

    def clear(self) -> None:
        """Forget all: the times of before and after cannot be compared."""
        self._changes.clear()


@dataclass(frozen=True, slots=True)
class Series:
    """Price changes, shape (n,).

    Attributes:
        arrived_s: When each came here, ascending.
        venue_s: The venue's own times, seconds since 1970, in order of arrival.
        values: Logarithms of the prices.
    """

    arrived_s: npt.NDArray[np.float64]
    venue_s: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]

    def by_venue(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Venue times, ascending, and the values then."""
        order = np.argsort(self.venue_s, kind="stable")
        return self.venue_s[order], self.values[order]
