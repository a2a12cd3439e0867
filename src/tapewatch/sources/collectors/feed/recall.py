"""Begins with what stored rows say about streams that this process has not learned: nothing is forgotten and nobody called.

A row of table ``feed`` holds the longest silence that was usual for its stream when it was written (``expected_ms``). Where the file
of what was learned is missing, or older than such rows, the server is asked for them once, hour by hour; while it does not answer,
streams are learned as if there were none.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tapewatch.clock import Clock, iso
from tapewatch.errors import SourceError
from tapewatch.sources.collectors.feed.cadence import LEARNED, Cadence
from tapewatch.sources.collectors.feed.season import HOUR_US, HOURS, hour_of_week
from tapewatch.sources.history import History, Question

REACH_US = 14 * 24 * HOUR_US
"""Two weeks: every hour of the week twice."""

SYMBOLS = 40
"""Symbols of one question: their hours are less than the rows of one answer."""

ATTEMPTS = 12
PAUSE_S = 5.0
"""A server that is being started, too, answers within a minute."""

Streams = Mapping[tuple[str, str], Cadence]
"""Cadences by symbol and channel."""

_log = logging.getLogger(__name__)


async def recall(history: History, venue: str, streams: Streams, known_until_us: int | None, clock: Clock) -> int:
    """Ask for the rows that are newer than what is known, and hold the streams to them; gives how many streams they tell of.

    Args:
        history: Asks the server.
        venue: Venue id.
        streams: The cadences to fill.
        known_until_us: Until when rows are known to be learned from already, µs; None when nothing is.
        clock: The time.
    """
    end_us = clock.now_us()
    start_us = max(end_us - REACH_US, known_until_us or 0)
    if end_us <= start_us:
        return 0
    limits: defaultdict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    try:
        for question in _questions(venue, streams, start_us, end_us):
            for row in await _answer(history, question):
                if row["avg_expected_ms"] is not None:
                    hour = int(hour_of_week(int(row["bucket"]))) % HOURS
                    limits[row["symbol"], row["channel"]][hour].append(row["avg_expected_ms"] / 1000)
    except (SourceError, KeyError, TypeError, ValueError) as error:
        _log.info("The server was asked what is known of the feeds of %s and did not say (%s): they are learned anew.", venue, error)
        return 0
    found = limits.keys() & streams.keys()
    for key in found:
        of_hour = {hour: max(seen_s) for hour, seen_s in limits[key].items()}
        cadence = streams[key]
        cadence.recalled.take(of_hour, for_all=cadence.learned < LEARNED)
    return len(found)


def _questions(venue: str, streams: Streams, start_us: int, end_us: int) -> Iterator[Question]:
    for channel in dict.fromkeys(channel for _, channel in streams):
        symbols = [symbol for symbol, of in streams if of == channel and "," not in symbol]
        for first in range(0, len(symbols), SYMBOLS):
            yield {
                "table": "feed",
                "measure": "avg(expected_ms)",
                "by": "symbol,channel",
                "bucket": "1h",
                "start": iso(start_us),
                "end": iso(end_us),
                "where": [f"venue:{venue}", f"channel:{channel}", f"symbol:{','.join(symbols[first : first + SYMBOLS])}"],
            }


async def _answer(history: History, question: Question) -> Sequence[Mapping[str, Any]]:
    """Ask until there is an answer, or none is to be expected.

    Raises:
        SourceError: There is none.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return await history(question)
        except SourceError as error:
            if error.permanent:
                raise
        await asyncio.sleep(PAUSE_S)
    return await history(question)
