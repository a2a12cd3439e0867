"""The offset between the host's clock and a venue's, from one-way times alone.

A one-way time (received minus venue time) is the clocks' offset plus the way. The way is never shorter than its shortest, so the
minimum over a window is the offset plus the shortest way: what lies above it is delay (minimum filter, as in D. Mills, "Modelling and
analysis of computer network clocks", 1992, and in NTP's clock filter, RFC 5905 section 10).
A delay passes and leaves the windows' minima where they were; a clock that was set, or a new route, lifts every minimum by the same
amount and stays, and then the offset follows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from statistics import median

import numpy as np
import numpy.typing as npt

Lags = npt.NDArray[np.int64]
"""Received minus venue time of messages, µs, shape (n,)."""

WINDOW_S = 10.0
WINDOWS = 30
"""Five minutes: long against any backlog, short against the drift of a bad clock (50 ppm = 15 ms)."""

ISOLATED_US = 20_000
"""A minimum with no second message within this distance above it is one wrong time stamp, not a shorter way."""

STAYED_WINDOWS = 3
STAYED_SPREAD_US = 5_000
STAYED_LIFT_US = 10_000
"""A lift of at least 10 ms whose minima stay within 5 ms for three windows stays: a clock or a route, not a queue."""

WANDERING = 2.0
"""Where the minima wander by themselves, they may do so after a lift, too, and the lift has to be this many times as large."""

WINDOW_MESSAGES = 5
"""Messages that a window needs before its minimum can say that the offset moved up."""


@dataclass(slots=True)
class _Window:
    start_s: float
    minimum_us: int
    messages: int


@dataclass(slots=True)
class ClockOffset:
    """Minimum filter over windows, shared by every stream of a venue (they all run on the venue's clock)."""

    _windows: deque[_Window] = field(default_factory=lambda: deque[_Window](maxlen=WINDOWS))
    _pending: Lags = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def baseline_us(self) -> int | None:
        """Host's clock minus venue's plus the shortest way seen, µs; None before the first message."""
        return min((window.minimum_us for window in self._windows), default=None)

    def bound_us(self, now_s: float, drift: float) -> float | None:
        """Host's clock minus venue's is at most this, µs, when the two part by at most ``drift`` seconds a second; None before a message.

        The shortest way of minutes ago may be that of a clock which has been turned since.
        """
        return min((window.minimum_us + drift * (now_s - window.start_s) * 1e6 for window in self._windows), default=None)

    @property
    def spread_us(self) -> int | None:
        """How far a window's minimum usually lies above the lowest of all; None until there are two windows."""
        minima = [window.minimum_us for window in self._windows if window.messages >= WINDOW_MESSAGES]
        return int(median(minima) - min(minima)) if len(minima) > 1 else None

    def observe(self, lags: Lags, now_s: float) -> None:
        """Take the one-way times of messages that arrived since the last call, in any order."""
        if len(lags) == 0:
            return
        minimum = self._trusted_minimum(lags)
        if minimum is None:
            return
        last = self._windows[-1] if self._windows else None
        if last is not None and now_s - last.start_s < WINDOW_S:
            last.minimum_us = min(last.minimum_us, minimum)
            last.messages += len(lags)
        else:
            self._follow_lift()
            self._windows.append(_Window(now_s, minimum, len(lags)))

    def shift(self, step_us: int) -> None:
        """The host's clock was set by ``step_us``: the offset is known to have moved by as much."""
        for window in self._windows:
            window.minimum_us += step_us
        self._pending = self._pending + step_us

    def above(self, lags: Lags) -> Lags:
        """Latencies above the best seen, µs, never negative; one-way times far below it (a wrong time stamp) are left out."""
        baseline = self.baseline_us
        if baseline is None:
            return np.empty(0, np.int64)
        latency = lags - baseline
        return np.maximum(latency[latency > -ISOLATED_US], 0)

    def _trusted_minimum(self, lags: Lags) -> int | None:
        """Lowest one-way time that a second one confirms, now or the next time; None when none is trusted yet."""
        candidates = np.sort(np.concatenate((self._pending, lags)))
        baseline = self.baseline_us
        floor = int(candidates[0]) if baseline is None and len(candidates) == 1 else baseline
        trusted: int | None = None
        for value, above in zip(candidates, [*candidates[1:], None], strict=True):
            is_usual = floor is not None and value >= floor - ISOLATED_US
            if is_usual or (above is not None and above - value <= ISOLATED_US):
                trusted = int(value)
                break
        self._pending = lags if trusted is None else lags[lags < trusted]
        return trusted

    def _follow_lift(self) -> None:
        """Forget the windows before the offset moved up, once the lift has proved that it stays."""
        recent = [window for window in self._windows if window.messages >= WINDOW_MESSAGES][-STAYED_WINDOWS:]
        baseline = self.baseline_us
        if baseline is None or len(recent) < STAYED_WINDOWS:
            return
        minima = [window.minimum_us for window in recent]
        wander_us = self._wander_us(before_s=recent[0].start_s)
        is_lifted = min(minima) - baseline >= max(STAYED_LIFT_US, WANDERING * wander_us)
        if is_lifted and max(minima) - min(minima) <= max(STAYED_SPREAD_US, wander_us):
            while self._windows and self._windows[0].start_s < recent[0].start_s:
                self._windows.popleft()

    def _wander_us(self, before_s: float) -> float:
        """Twice what a window's minimum usually lies above the lowest one before a moment: their range, were one of them not a delay."""
        minima = [window.minimum_us for window in self._windows if window.messages >= WINDOW_MESSAGES and window.start_s < before_s]
        return 2 * (median(minima) - min(minima)) if minima else 0.0
