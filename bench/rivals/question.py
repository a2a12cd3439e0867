"""The five dashboard questions that every system is asked, and three by which the measuring goes on; what their answers are."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bench.desk_rows import SYMBOLS, VENUES

MINUTE_S, HOUR_S = 60, 3_600
WIDE_BUCKET_S = 5 * MINUTE_S
TOLERANCE = 1e-9
"""Relative: sums of floats depend on their order, nothing else may differ."""

Answer = dict[tuple[str | int, ...], tuple[float, ...]]
"""Groups and start of the bucket (seconds since 1970) to values."""


class Kind(StrEnum):
    """What is asked; the text is what the page says."""

    VENUES = "latency (mean, largest) of each of 10 venues, 1 h in minutes"
    TYPES = "records of each of 4 data types, 1 h in minutes"
    MARKET = "latency (mean, largest) of one market, 12 h in 5 minutes"
    SLOWEST = "the 5 slowest of 10 symbols by mean latency, 12 h"
    NEWEST = "newest CPU and memory of each of 50 processes, 1 h"
    COUNT = "rows of a table"
    MARK = "largest latency of the venue that marks"


DASHBOARD = (Kind.VENUES, Kind.TYPES, Kind.MARKET, Kind.SLOWEST, Kind.NEWEST)
SPAN_S = {Kind.VENUES: HOUR_S, Kind.TYPES: HOUR_S, Kind.MARKET: 12 * HOUR_S, Kind.SLOWEST: 12 * HOUR_S, Kind.NEWEST: HOUR_S}
TABLE = {Kind.VENUES: "exchange", Kind.TYPES: "pipeline", Kind.MARKET: "pipeline", Kind.SLOWEST: "pipeline", Kind.NEWEST: "process"}
ONE_VENUE, ONE_SYMBOL = VENUES[3], SYMBOLS[4]
MARKER = "marker"
SLOWEST = 5


@dataclass(frozen=True)
class Question:
    """What is asked of which half-open span, in seconds since 1970; both ends are starts of buckets."""

    kind: Kind
    start_s: int
    end_s: int
    table: str = ""


def asked(end_s: int, times: int, seed: int = 5) -> Iterator[Question]:
    """Each dashboard question ``times`` times over spans that end at random within the last 11 hours, as people look around."""
    chance = random.Random(seed)
    for _ in range(times):
        for kind in DASHBOARD:
            until_s = end_s - chance.randrange(11 * HOUR_S // WIDE_BUCKET_S) * WIDE_BUCKET_S
            yield Question(kind, until_s - SPAN_S[kind], until_s, TABLE[kind])


def agree(answer: Answer, truth: Answer) -> bool:
    """Whether the same groups and buckets hold the same numbers."""
    return answer.keys() == truth.keys() and all(
        len(values) == len(truth[key]) and all(math.isclose(*pair, rel_tol=TOLERANCE) for pair in zip(values, truth[key], strict=True))
        for key, values in answer.items()
    )
