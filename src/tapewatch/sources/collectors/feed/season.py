"""How busy a stream is at each hour of the week: the mean of its silences, in UTC.

Traders' hours follow local time, so that a change to summer time moves the pattern by an hour. Neighbouring hours are therefore
blended into each other, and `cadence` never believes the table against what the stream has just done.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from tapewatch.clock import US_PER_S

HOURS = 168
HOUR_US = 3600 * US_PER_S
EPOCH_HOUR = 72
"""1970-01-01 was a Thursday: its first hour is the 73rd of a week that begins on Monday."""

KEPT_S = 4 * 3600.0
"""Seconds of silence that an hour of the week holds at most; beyond it older ones count half: about a month."""

POOLED_SILENCES = 50.0
"""Silences at which an hour's own mean weighs as much as the mean of all hours."""

UNKNOWN = 0.5
"""An hour that is not known at all may be slower than the mean of all hours by so much."""


def hour_of_week(now_us: int) -> float:
    """Hours since Monday 00:00 UTC, with fraction.

    >>> hour_of_week(0)
    72.0
    """
    return (now_us / HOUR_US + EPOCH_HOUR) % HOURS


@dataclass(slots=True)
class Season:
    """Silences and their seconds of each hour of the week, float32, shape (168,)."""

    silences: array[float] = field(default_factory=lambda: array("f", bytes(4 * HOURS)))
    seconds: array[float] = field(default_factory=lambda: array("f", bytes(4 * HOURS)))
    _all_silences: float = 0.0
    _all_seconds: float = 0.0

    def learn(self, hour: int, silence_s: float) -> None:
        """Take one silence that ended in ``hour`` of the week."""
        self.silences[hour] += 1
        self.seconds[hour] += silence_s
        self._all_silences += 1
        self._all_seconds += silence_s
        if self.seconds[hour] > KEPT_S:
            self.silences[hour] /= 2
            self.seconds[hour] /= 2
            self.add_up()

    def add_up(self) -> None:
        """Work out the totals again; needed after the arrays were filled from outside."""
        self._all_silences = sum(self.silences)
        self._all_seconds = sum(self.seconds)

    @property
    def known_s(self) -> float:
        """Seconds of silences that the table rests on."""
        return self._all_seconds

    def mean_s(self, hour: float) -> float | None:
        """Mean silence at a moment of the week, s; of an hour that is not known yet that of all hours; None while none is known.

        Between the middles of two hours the mean goes over from one to the other.
        """
        if self._all_silences <= 0:
            return None
        pooled_s = self._all_seconds / self._all_silences
        before = int(hour - 0.5) if hour >= 0.5 else HOURS - 1  # noqa: PLR2004 - the middle of an hour
        share = (hour - 0.5 - before) % HOURS
        return self._of(before, pooled_s) * (1 - share) + self._of((before + 1) % HOURS, pooled_s) * share

    def _of(self, hour: int, pooled_s: float) -> float:
        own = self.silences[hour]
        mean_s = (self.seconds[hour] + POOLED_SILENCES * pooled_s) / (own + POOLED_SILENCES)
        return mean_s * (1 + UNKNOWN * POOLED_SILENCES / (own + POOLED_SILENCES))
