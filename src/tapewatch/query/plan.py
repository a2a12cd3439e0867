"""Which bucket answers a question, and whether it is too large to be asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tapewatch.clock import US_PER_S
from tapewatch.errors import QueryTooLarge
from tapewatch.model.query import Mode, Query

_MINUTE = 60
_HOUR = 3_600
_DAY = 86_400
BUCKETS_S: tuple[int, ...] = (
    *(1, 2, 5, 10, 15, 30),
    *(_MINUTE, 2 * _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 2 * _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY),
)
"""Bucket widths in seconds that people can read off an axis."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one question may ask.

    Attributes:
        rows: Most rows of an answer.
        buckets: Most buckets of a range.
        timeout_s: Most seconds in the store.
    """

    rows: int = 20_000
    buckets: int = 5_000
    timeout_s: float = 5.0


def bucket_for(range_us: int, points: int) -> int:
    """The narrowest listed bucket, in microseconds, that cuts ``range_us`` into at most ``points`` pieces."""
    for width_s in BUCKETS_S:
        if range_us <= width_s * US_PER_S * points:
            return width_s * US_PER_S
    return _DAY * US_PER_S


def bounded(query: Query, limits: Limits) -> Query:
    """The same question with the server's limits in force.

    Raises:
        QueryTooLarge: It asks for more buckets or rows than allowed; says how to ask for less.
    """
    if query.limit is not None and query.limit > limits.rows:
        raise QueryTooLarge(f"{query.limit} rows are more than the {limits.rows} allowed; ask page by page", position="limit")
    if query.mode is Mode.AGGREGATE and query.bucket_us is not None:
        buckets = -(-(query.end_us - query.start_us) // query.bucket_us)
        if buckets > limits.buckets:
            needed_s = bucket_for(query.end_us - query.start_us, limits.buckets) // US_PER_S
            raise QueryTooLarge(
                f"{buckets} buckets are more than the {limits.buckets} allowed; a bucket of {needed_s} s would do", position="bucket_us"
            )
    return replace(query, limit=query.limit or limits.rows)
