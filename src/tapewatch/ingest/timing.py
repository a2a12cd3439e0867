"""How long things took lately: a bounded window of measurements."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock

import numpy as np


@dataclass(frozen=True, slots=True)
class Summary:
    """A window in four numbers, milliseconds; all None when nothing was measured."""

    p50_ms: float | None = None
    p99_ms: float | None = None
    max_ms: float | None = None
    count: int = 0

    def measures(self, name: str) -> dict[str, float]:
        """The numbers as metrics called ``<name>_p50_ms`` and so on; nothing when nothing was measured."""
        found = {f"{name}_p50_ms": self.p50_ms, f"{name}_p99_ms": self.p99_ms, f"{name}_max_ms": self.max_ms}
        return {metric: value for metric, value in found.items() if value is not None}


class Timings:
    """Measurements of the last ``span_s`` seconds, at most ``most`` of them; any thread may add and read.

    Args:
        span_s: Seconds after which a measurement is forgotten.
        most: Measurements kept; the oldest go first.
    """

    def __init__(self, *, span_s: float = 60.0, most: int = 8192) -> None:
        self._span_s = span_s
        self._at_s = np.full(most, -np.inf)
        self._took_s = np.zeros(most)
        self._next = 0
        self._lock = Lock()

    def add(self, at_s: float, took_s: float) -> None:
        """Note that something took ``took_s`` seconds and ended at ``at_s`` (monotonic)."""
        with self._lock:
            self._at_s[self._next], self._took_s[self._next] = at_s, took_s
            self._next = (self._next + 1) % len(self._at_s)

    def summary(self, now_s: float) -> Summary:
        """Quantiles (nearest rank) of what is not forgotten at ``now_s``."""
        with self._lock:
            took_ms = np.sort(self._took_s[self._at_s >= now_s - self._span_s]) * 1000
        if not len(took_ms):
            return Summary()
        last = len(took_ms) - 1
        return Summary(float(took_ms[round(last * 0.5)]), float(took_ms[round(last * 0.99)]), float(took_ms[last]), len(took_ms))


class Rate:
    """How many per second over the last ``span_s`` seconds, in steps of one second; used on the event loop only."""

    def __init__(self, *, span_s: int = 10) -> None:
        self._span_s = span_s
        self._kept: deque[tuple[int, int]] = deque(maxlen=span_s + 1)

    def add(self, at_s: float, count: int) -> None:
        """Count ``count`` at the monotonic time ``at_s``."""
        second = int(at_s)
        if self._kept and self._kept[-1][0] == second:
            self._kept[-1] = (second, self._kept[-1][1] + count)
        else:
            self._kept.append((second, count))

    def per_s(self, now_s: float) -> float:
        """The mean of the last whole seconds before ``now_s``."""
        second = int(now_s)
        return sum(count for at, count in self._kept if second - self._span_s <= at < second) / self._span_s
