"""Stretches in which tapewatch itself took no rows: by that silence nobody else is judged."""

from __future__ import annotations

from collections import deque

MOST_STRETCHES = 100
"""Past stretches that are remembered; a store that comes and goes more often than this has other troubles."""


class Deafness:
    """Remembers them, in seconds of the monotonic clock; told and asked under the lock of its owner."""

    def __init__(self) -> None:
        self._past: deque[tuple[float, float]] = deque(maxlen=MOST_STRETCHES)
        self._since_s: float | None = None

    def note(self, now_s: float, *, is_deaf: bool) -> None:
        """Whether rows are taken at this moment; it has been so since the last time that it was noted otherwise."""
        if is_deaf and self._since_s is None:
            self._since_s = now_s
        elif not is_deaf and self._since_s is not None:
            self._past.append((self._since_s, now_s))
            self._since_s = None

    def within_us(self, start_s: float, end_s: float) -> int:
        """Microseconds of a stretch in which no rows were taken."""
        going_on = [] if self._since_s is None else [(self._since_s, end_s)]
        return round(sum(max(0.0, min(until_s, end_s) - max(since_s, start_s)) for since_s, until_s in (*self._past, *going_on)) * 1e6)
