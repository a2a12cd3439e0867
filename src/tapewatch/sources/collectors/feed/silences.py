"""Silences of one stream within one interval, counted as `cadence` learns them: what is usual is drawn against these."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from statistics import median

from tapewatch.sources.collectors.feed.cadence import BURST_S
from tapewatch.sources.collectors.feed.pulse import Pulse


@dataclass(slots=True)
class Silences:
    """Times are seconds of a clock that never goes back."""

    _ended: array[float] = field(default_factory=lambda: array("d"))
    _counted_s: float | None = None

    def arrive(self, pulse: Pulse, now_s: float) -> None:
        """Take one message; what lies before its pulse was listened to is no silence, and a burst is one arrival."""
        counted_s = self._counted_s
        if counted_s is None or (pulse.since_s is not None and counted_s < pulse.since_s):
            self._counted_s = now_s
        elif now_s - counted_s >= BURST_S:
            self._counted_s = now_s
            self._ended.append(now_s - counted_s)

    def take(self, pulse: Pulse, now_s: float) -> dict[str, float | None]:
        """End the interval: median and longest silence, ms, as columns of table ``feed``. The longest may still last; none is null."""
        open_s = pulse.silence_s(now_s) if pulse.has_spoken else 0.0
        longest_s = max(*self._ended, open_s) if self._ended else open_s
        found = {
            "silence_p50_ms": median(self._ended) * 1000 if self._ended else None,
            "silence_max_ms": longest_s * 1000 if longest_s > 0 else None,
        }
        del self._ended[:]
        return found
