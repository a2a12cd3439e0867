"""Limits that stored rows tell of, hour by hour of the week; each holds until its hour has been listened to for long enough."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

from tapewatch.sources.collectors.feed.season import HOURS

HEARD_S = 1800.0
"""Seconds of silences that have to be learned in an hour of the week, in one go, before what is recalled of it is let go."""

LEARNED_ANEW = 300
"""Silences of the stream that have to be learned, in whatever hours: of a slow one, half an hour teaches little."""


@dataclass(slots=True)
class Recalled:
    """What is recalled of one stream.

    Attributes:
        limits_s: Longest usual silence of each hour of the week, s, float32, shape (168,), 0 where nothing is recalled (any more);
            shape (0,) when nothing is of any hour.
    """

    limits_s: array[float] = field(default_factory=lambda: array("f"))
    _hour: int = -1
    _heard_s: float = 0.0
    _learned: int = 0

    def take(self, limits_s: Mapping[int, float], *, for_all: bool) -> None:
        """Recall limits by hour; ``for_all`` holds hours that no row tells of to the largest, which is right when nothing else is known."""
        largest_s = max(limits_s.values(), default=0.0) if for_all else 0.0
        self.limits_s = array("f", [limits_s.get(hour, largest_s) for hour in range(HOURS)])
        self._hour, self._heard_s, self._learned = -1, 0.0, 0

    def learned(self, hour: int, silence_s: float) -> None:
        """One silence that ended in ``hour`` of the week was learned."""
        if not self.limits_s:
            return
        if hour != self._hour:
            self._hour, self._heard_s = hour, 0.0
        self._heard_s += silence_s
        self._learned += 1
        if self._heard_s >= HEARD_S and self._learned >= LEARNED_ANEW:
            self.limits_s[hour] = 0.0
            if not any(self.limits_s):
                self.limits_s = array("f")

    def limit_s(self, hour: int) -> float | None:
        """The limit recalled for an hour of the week; None for none."""
        return (self.limits_s[hour] or None) if self.limits_s else None
