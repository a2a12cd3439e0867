"""Moments of the wall clock on the steady one, so that ages and durations survive a host's clock that is set anew. Pure."""

from __future__ import annotations

from tapewatch.clock import US_PER_S


def steady_moment(at_us: int, now_us: int, now_s: float) -> float:
    """The second of the steady clock at which a moment was, as heard of now; one that is still to come counts as now.

    Args:
        at_us: The moment, in microseconds since 1970.
        now_us: The wall clock now.
        now_s: The steady clock now.
    """
    return now_s - max(0, now_us - at_us) / US_PER_S


def passed_us(since_s: float, now_s: float) -> int:
    """Microseconds between two seconds of the steady clock."""
    return round((now_s - since_s) * US_PER_S)
