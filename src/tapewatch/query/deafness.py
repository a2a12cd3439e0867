"""Stretches in which tapewatch itself took no rows: by that silence nobody else is judged."""

from __future__ import annotations

from math import inf

MOST_STRETCHES = 100
"""Stretches that are remembered; a store that comes and goes more often than this has other troubles."""


class Deafness:
    """Remembers them, in seconds of the monotonic clock; told under the lock of its owner, asked from anywhere."""

    def __init__(self) -> None:
        self._stretches: tuple[tuple[float, float], ...] = ()  # one value: who asks meanwhile sees all of a change or nothing

    def note(self, now_s: float, *, is_deaf: bool) -> None:
        """Whether rows are taken at this moment; it has been so since the last time that it was noted otherwise."""
        since_s, until_s = self._stretches[-1] if self._stretches else (now_s, now_s)
        if is_deaf and until_s != inf:
            self._stretches = (*self._stretches, (now_s, inf))[-MOST_STRETCHES:]
        elif not is_deaf and until_s == inf:
            self._stretches = (*self._stretches[:-1], (since_s, now_s))

    def within_us(self, start_s: float, end_s: float) -> int:
        """Microseconds of a stretch in which no rows were taken."""
        return round(sum(max(0.0, min(until_s, end_s) - max(since_s, start_s)) for since_s, until_s in self._stretches) * 1e6)
