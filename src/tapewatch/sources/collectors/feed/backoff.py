"""When to try to connect again: full jitter."""

from __future__ import annotations

from random import Random

BASE_S = 1.0
CAP_S = 30.0
DOUBLINGS = 10
"""After so many failures the cap has long been reached; keeps the power of two small."""


def backoff_s(failures: int, random: Random) -> float:
    """Seconds to wait after ``failures`` consecutive failures: uniform between 0 and the doubled base, at most the cap.

    "Full jitter" of M. Brooker, "Exponential backoff and jitter", AWS architecture blog, 2015: many clients that lost the same server
    do not come back together.
    """
    return random.uniform(0, min(CAP_S, BASE_S * 2 ** min(failures, DOUBLINGS)))
