"""What silence is usual for a stream, learned from its own arrivals, and what the present silence means.

Messages that come within `BURST_S` of a counted one are the same arrival: a burst must not teach that silences are microseconds.
For arrivals at a rate λ without memory, a silence longer than ln(n)/λ is expected once in n silences; with n = 3.6e6·λ that is once
in a thousand hours. Streams are burstier than that, so the longest silence seen counts too: the limit is the larger of both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

BURST_S = 0.05
GROWTH = 1.25
"""Silences are kept in logarithmic bins, each a quarter longer than the one before."""

BINS = 72
"""From 50 ms to 50 ms · 1.25^72, about five days."""

MEMORY = 4096
"""Silences after which older ones count half."""

FORGOTTEN = 0.2
"""A bin that has been halved below this no longer counts as seen."""

LEARNED = 10
"""Silences needed before a stream is judged."""

HOURS_PER_ALARM = 1000.0

LATE, STALE, DEAD = 1.25, 2.0, 5.0
"""Multiples of the limit at which a stream is called late, stale, dead."""

DEAD_S = 10.0
"""No stream is called dead before it has been silent for this long."""

LOST_DEAD_S = 30.0
"""A stream whose connection is lost is stale at once and dead after this long."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the present silence means, and why."""

    verdict: str
    evidence: str
    expected_s: float | None


@dataclass(slots=True)
class Cadence:
    """Learned silences of one stream; times are seconds of a clock that never goes back."""

    _bins: list[float] = field(default_factory=lambda: [0.0] * BINS)
    _silences: float = 0.0
    _seconds: float = 0.0
    _learned: int = 0
    _counted_s: float | None = None

    def arrive(self, now_s: float) -> None:
        """Take the arrival of one message."""
        counted = self._counted_s
        if counted is None:
            self._counted_s = now_s
            return
        silence = now_s - counted
        if silence < BURST_S:
            return
        self._counted_s = now_s
        self._bins[min(BINS - 1, int(math.log(silence / BURST_S) / _LOG_GROWTH))] += 1
        self._silences += 1
        self._seconds += silence
        self._learned += 1
        if self._silences >= MEMORY:
            self._halve()

    def interrupt(self) -> None:
        """The connection was lost or begun anew: the silence across it says nothing about the stream."""
        self._counted_s = None

    @property
    def limit_s(self) -> float | None:
        """Longest silence that is usual; None while too little was seen."""
        if self._learned < LEARNED:
            return None
        doubt = 2 / math.sqrt(self._silences)
        rate = self._silences / self._seconds * max(0.25, 1 - doubt)
        return max(math.log(max(math.e, HOURS_PER_ALARM * 3600 * rate)) / rate, self._longest_s())

    def judge(self, channel: str, age_s: float | None, *, lost_s: float | None = None, reason: str = "") -> Judgement:
        """Judge a silence.

        Args:
            channel: Word for a message of the stream, used in the sentence.
            age_s: Seconds since the last message; None when none came yet.
            lost_s: Seconds since the connection was lost; None while it stands.
            reason: Why it was lost, or why nothing can come.
        """
        limit = self.limit_s
        if lost_s is not None:
            verdict = "dead" if lost_s >= LOST_DEAD_S else "stale" if age_s is not None else "unknown"
            return Judgement(verdict, f"the connection has been away for {seconds(lost_s)}{because(reason)}", limit)
        if age_s is None:
            return Judgement("unknown", f"no {channel} message has come since the subscription{because(reason)}", limit)
        if limit is None:
            return Judgement(
                "unknown", f"last {channel} message {seconds(age_s)} ago; {self._learned} of {LEARNED} silences learned", limit
            )
        usual = f"silences stay under {seconds(limit)} ({self._learned} learned)"
        verdict = self._verdict(age_s, limit)
        if verdict == "fresh":
            return Judgement(verdict, f"last {channel} message {seconds(age_s)} ago; {usual}", limit)
        return Judgement(verdict, f"no {channel} message for {seconds(age_s)}; {usual}{because(reason)}", limit)

    @staticmethod
    def _verdict(age_s: float, limit_s: float) -> str:
        if age_s >= max(DEAD_S, DEAD * limit_s):
            return "dead"
        if age_s >= STALE * limit_s:
            return "stale"
        return "late" if age_s >= LATE * limit_s else "fresh"

    def _longest_s(self) -> float:
        for index in range(BINS - 1, -1, -1):
            if self._bins[index] >= FORGOTTEN:
                return float(BURST_S * GROWTH ** (index + 1))
        return 0.0

    def _halve(self) -> None:
        self._bins = [count / 2 for count in self._bins]
        self._silences /= 2
        self._seconds /= 2


_LOG_GROWTH = math.log(GROWTH)


def seconds(value: float) -> str:
    """Write seconds for a sentence: 0.04 s, 4.2 s, 41 s, 12 min."""
    for limit, text in ((1, f"{value:.2f} s"), (10, f"{value:.1f} s"), (600, f"{value:.0f} s")):
        if value < limit:
            return text
    return f"{value / 60:.0f} min"


def because(reason: str) -> str:
    """The end of a sentence that names a reason, if there is one."""
    return f": {reason}" if reason else ""
