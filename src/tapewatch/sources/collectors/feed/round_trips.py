"""The offset between the host's clock and a venue's, from round trips to the venue's time call.

The venue wrote its time T after we asked (t1) and before the answer came (t2), all that is known for certain: host minus venue lies between
t1 - T and t2 - T. Answers of different moments bound the same offset, so what all of them allow is the answer (intersection of intervals:
K. Marzullo, "Maintaining the time in a distributed system", 1984; RFC 5905 section 11.2.1), each widened by how far two clocks drift apart
meanwhile. The shortest round trip bounds it best, as in any minimum filter, and the others cannot spoil it. What is kept is the venue's
time against the clock that never goes back: setting the wall clock moves what is told, and nothing else.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from tapewatch.sources.collectors.feed.time_field import EARLIEST_US, LATEST_US

DRIFT = 500e-6
"""How fast two clocks may part, seconds a second: as fast as NTP turns a clock that it does not set (RFC 5905, section 11.3)."""

SET_US = 5_000
"""The host's clock was set during a round trip when its two clocks differ by more than this over it: the answer says nothing."""


KEPT = 32


@dataclass(frozen=True, slots=True)
class Moment:
    """The host's two clocks, read together.

    Attributes:
        us: Wall clock, µs.
        s: Clock that never goes back, seconds.
    """

    us: int
    s: float

    @property
    def apart_us(self) -> float:
        """Wall clock minus the other one: changes when the wall clock is set."""
        return self.us - self.s * 1e6


@dataclass(frozen=True, slots=True)
class Bounds:
    """Host's clock minus the venue's lies between these, µs."""

    low_us: float
    high_us: float

    @property
    def error_us(self) -> float:
        """How wrong the middle may be."""
        return (self.high_us - self.low_us) / 2

    def common(self, other: Bounds) -> Bounds | None:
        """What both allow; None when they contradict each other."""
        low_us, high_us = max(self.low_us, other.low_us), min(self.high_us, other.high_us)
        return Bounds(low_us, high_us) if low_us <= high_us else None

    def widened(self, by_us: float) -> Bounds:
        """Farther apart by so much on each side."""
        return Bounds(self.low_us - by_us, self.high_us + by_us)

    def moved(self, by_us: float) -> Bounds:
        """Both moved by so much."""
        return Bounds(self.low_us + by_us, self.high_us + by_us)


@dataclass(slots=True)
class RoundTrips:
    """Answers of a venue's time call.

    Attributes:
        errors: Questions that were not answered, or not with a time; None while none was asked.
    """

    errors: int | None = None
    # when each came and what it allows, with the clock that never goes back in the place of the host's
    _answers: deque[tuple[float, Bounds]] = field(default_factory=lambda: deque[tuple[float, Bounds]](maxlen=KEPT))

    def observe(self, asked: Moment, answered: Moment, venue_us: int, resolution_us: int) -> None:
        """Take one answer; it says nothing when the host's clock was set while it was waited for.

        Args:
            asked: Just before the question was sent.
            answered: Just after the answer came.
            venue_us: The time in the answer, µs, rounded down to the resolution.
            resolution_us: How finely the venue writes its time, µs.

        Raises:
            ValueError: The venue's time is not between 2000 and 2100.
        """
        if not EARLIEST_US <= venue_us < LATEST_US:
            raise ValueError(f"the venue's time is not between 2000 and 2100, but {venue_us:g} µs since 1970")
        self.errors = self.errors or 0
        set_us = abs(answered.apart_us - asked.apart_us)
        bounds = Bounds(asked.us - venue_us - resolution_us, answered.us - venue_us).widened(set_us)
        if set_us <= SET_US and bounds.low_us <= bounds.high_us:
            self._answers.append((answered.s, bounds.moved(-answered.apart_us)))

    def failed(self) -> None:
        """Count a question without an answer."""
        self.errors = (self.errors or 0) + 1

    def bounds(self, now: Moment) -> Bounds | None:
        """What the answers allow now; None without one. An answer that contradicts newer ones is forgotten: a clock was set meanwhile."""
        common: Bounds | None = None
        for index, (at_s, bounds) in enumerate(reversed(self._answers)):
            aged = bounds.widened(DRIFT * (now.s - at_s) * 1e6)
            both = aged if common is None else common.common(aged)
            if both is None:
                while len(self._answers) > index:
                    self._answers.popleft()
                break
            common = both
        return None if common is None else common.moved(now.apart_us)
