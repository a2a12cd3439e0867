"""When to try to connect again: full jitter, and never faster than a venue allows."""

from __future__ import annotations

import asyncio
from random import Random

from tapewatch.clock import Clock

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


class Gate:
    """Lets connections of one venue through one by one, at least ``interval_s`` apart."""

    def __init__(self, interval_s: float, clock: Clock) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._free_s = clock.monotonic_s()

    async def wait(self) -> None:
        """Wait for one's turn; turns are given in the order in which they are asked for."""
        now_s = self._clock.monotonic_s()
        turn_s = max(now_s, self._free_s)
        self._free_s = turn_s + self._interval_s
        await asyncio.sleep(turn_s - now_s)
