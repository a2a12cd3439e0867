"""Asking a venue for its time over HTTP, beside the streams: rarely, not when all others do, and without any harm when it fails."""

from __future__ import annotations

import asyncio
import logging
from random import Random
from typing import TYPE_CHECKING

from tapewatch.clock import Clock
from tapewatch.errors import SourceError
from tapewatch.sources.collectors.feed.round_trips import Moment, RoundTrips
from tapewatch.sources.collectors.feed.venues.base import ServerTime
from tapewatch.sources.http_json import fetch_object

if TYPE_CHECKING:
    import httpx2

FIRST_S = 5.0
"""The first question comes within so many seconds of the start."""

ASK_S = 60.0
SPREAD = 0.2
"""Seconds between two bursts of questions, a fifth more or less: clocks part by 30 ms at most meanwhile (`round_trips.DRIFT`)."""

BURST = 2
"""Questions one after the other on one connection: the first one pays for opening it, the shortest round trip counts."""

RETRY_S, RETRY_MAX_S = 60.0, 3600.0
"""Seconds after a failure until the next question: doubled each time, up to an hour."""

_log = logging.getLogger(__name__)


class TimeCall:
    """Keeps asking one venue for its time.

    Args:
        call: What to ask.
        http: Client with its time limits.
        trips: Takes the answers and counts the failures.
        clock: The time.
        random: Jitter of the waits.
    """

    def __init__(self, call: ServerTime, http: httpx2.AsyncClient, trips: RoundTrips, clock: Clock, random: Random) -> None:
        self._call = call
        self._http = http
        self._trips = trips
        self._clock = clock
        self._random = random

    async def run(self) -> None:
        """Ask for ever; ends only when it is cancelled."""
        await asyncio.sleep(self._random.uniform(0, FIRST_S))
        failures = 0
        while True:
            failures = 0 if await self._burst() else failures + 1
            await asyncio.sleep(wait_s(failures, self._random))

    async def _burst(self) -> bool:
        """Ask some times in a row; whether every question was answered."""
        for _ in range(BURST):
            try:
                await self._ask()
            except (SourceError, LookupError, ValueError, ArithmeticError) as error:
                self._trips.failed()
                _log.warning("time of the venue: %s", error)
                return False
        return True

    async def _ask(self) -> None:
        clock, call = self._clock, self._call
        asked = Moment(clock.now_us(), clock.monotonic_s())
        answer = await fetch_object(self._http, call.url, "the venue's time", body=call.message)
        answered = Moment(clock.now_us(), clock.monotonic_s())
        self._trips.observe(asked, answered, call.answer.read(answer), call.answer.resolution_us)


def wait_s(failures: int, random: Random) -> float:
    """Seconds until the next questions, after so many failures in a row."""
    usual_s = min(RETRY_MAX_S, RETRY_S * 2.0 ** min(failures - 1, 10)) if failures else ASK_S
    return usual_s * random.uniform(1 - SPREAD, 1 + SPREAD)
