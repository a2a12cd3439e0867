"""Rows and bytes a second of each source: a bucket that fills steadily and from which each delivery takes its size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tapewatch.clock import Clock
from tapewatch.errors import TooFast
from tapewatch.settings import SourceLimits

BURST_S = 10.0
"""A source that was silent may send what its limit allows in this many seconds at once."""

MOST_SOURCES = 10_000
"""Sources counted apart; beyond, the one that was silent for longest is forgotten."""

_WAIT_S = 0.1


@dataclass(slots=True)
class _Bucket:
    """Seconds of the limit that are left: full at `BURST_S`; below 0 the source has to wait."""

    left_s: float
    seen_s: float

    def fill(self, now_s: float) -> None:
        self.left_s = min(BURST_S, self.left_s + max(0.0, now_s - self.seen_s))
        self.seen_s = now_s


class Rates:
    """Refuses deliveries of sources that send too fast; not thread-safe.

    A delivery passes while anything is left, so that none is too large ever to pass; the next ones wait until it is paid for.

    Args:
        limits_of: Gives the limits of a source.
        clock: The time.
    """

    def __init__(self, limits_of: Callable[[str], SourceLimits], clock: Clock) -> None:
        self._limits_of = limits_of
        self._clock = clock
        self._buckets: dict[str, tuple[_Bucket, _Bucket]] = {}

    def take(self, source: str, rows: int, size_bytes: int) -> None:
        """Count a delivery.

        Raises:
            TooFast: The source has sent more than its limits allow; the delivery is not counted.
        """
        limits = self._limits_of(source)
        now_s = self._clock.monotonic_s()
        buckets = self._buckets.pop(source, None) or (_Bucket(BURST_S, now_s), _Bucket(BURST_S, now_s))
        if len(self._buckets) >= MOST_SOURCES:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[source] = buckets  # last: the first ones were silent for longest
        for bucket in buckets:
            bucket.fill(now_s)
        by_rows, by_bytes = buckets
        if by_rows.left_s <= 0:
            raise _too_fast(source, f"{limits.rows_per_s:g} rows a second", "rows_per_s", by_rows)
        if by_bytes.left_s <= 0:
            raise _too_fast(source, f"{limits.bytes_per_s:g} bytes a second", "bytes_per_s", by_bytes)
        by_rows.left_s -= rows / limits.rows_per_s
        by_bytes.left_s -= size_bytes / limits.bytes_per_s


def _too_fast(source: str, most: str, setting: str, bucket: _Bucket) -> TooFast:
    message = f"Source {source[:60]!r} sends more than {most}; send again later, or raise sources.{source[:60]}.{setting}."
    return TooFast(message, retry_after_s=max(_WAIT_S, -bucket.left_s))
