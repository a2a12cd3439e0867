"""What passed through the daemon's pipelines: records, bytes, latency and gaps, interval by interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tapewatch.desk.clock import Clock


class Pipe(NamedTuple):
    """One pipeline: venue, symbol as tapewatch spells it, kind of data."""

    venue: str
    symbol: str
    data_type: str


@dataclass(slots=True)
class Amount:
    """Amounts of a span of time.

    Attributes:
        records: Records written.
        bytes: Their size as received.
        latency_ms: Sum of the records' latencies.
        gap_s: Longest gap; None without one.
    """

    records: int = 0
    bytes: int = 0
    latency_ms: float = 0.0
    gap_s: float | None = None

    def add(self, size_bytes: int, latency_ms: float) -> None:
        """Count a record."""
        self.records += 1
        self.bytes += size_bytes
        self.latency_ms += max(0.0, latency_ms)

    def mark_gap(self, gap_s: float) -> None:
        """Remember the longest gap."""
        self.gap_s = max(gap_s, self.gap_s or 0.0)

    @property
    def mean_latency_ms(self) -> float | None:
        """Mean latency of a record; None without records."""
        return self.latency_ms / self.records if self.records else None


@dataclass(frozen=True, slots=True)
class Interval:
    """What every pipeline did in one span of time.

    Attributes:
        end_us: When it ended.
        length_s: How long it was.
        amounts: By pipeline; one that did nothing has zeros.
    """

    end_us: int
    length_s: float
    amounts: Mapping[Pipe, Amount]


class Tally:
    """The present interval of every pipeline.

    Args:
        pipes: All pipelines.
        clock: Source of time.
    """

    def __init__(self, pipes: Iterable[Pipe], clock: Clock) -> None:
        self._clock = clock
        self._amounts = {pipe: Amount() for pipe in pipes}
        self._before = {pipe: Amount() for pipe in self._amounts}
        self._began_s = clock.monotonic_s()

    @property
    def totals(self) -> Mapping[Pipe, tuple[int, int]]:
        """Records and bytes of every pipeline since the start."""
        before = self._before
        return {pipe: (before[pipe].records + now.records, before[pipe].bytes + now.bytes) for pipe, now in self._amounts.items()}

    def record(self, pipe: Pipe, size_bytes: int, latency_ms: float) -> None:
        """Count a record."""
        self._amounts[pipe].add(size_bytes, latency_ms)

    def gap(self, pipe: Pipe, gap_s: float) -> None:
        """Count that data is missing, for ``gap_s`` seconds."""
        self._amounts[pipe].mark_gap(gap_s)

    def end_interval(self) -> Interval:
        """Give what happened since the last call and begin anew."""
        now_s = self._clock.monotonic_s()
        ended = Interval(self._clock.now_us(), now_s - self._began_s, self._amounts)
        for pipe, amount in self._amounts.items():
            self._before[pipe].records += amount.records
            self._before[pipe].bytes += amount.bytes
        self._amounts = {pipe: Amount() for pipe in self._amounts}
        self._began_s = now_s
        return ended


def pipeline_document(totals: Mapping[Pipe, tuple[int, int]], last: Mapping[Pipe, Amount]) -> dict[str, object]:
    """Write what pipelines did by venue and kind of data, with the gaps of the last interval.

    ``exchanges`` → venue → data type → ``count`` and ``bytes`` (since the start), ``latency_ms`` (mean of a record of the last interval,
    null without records), ``symbols``; ``gaps`` lists ``exchange``, ``symbol``, ``data_type``, ``duration_seconds``.
    """
    venues: dict[str, dict[str, dict[str, object]]] = {}
    for venue, data_type in dict.fromkeys((pipe.venue, pipe.data_type) for pipe in totals):
        pipes = [pipe for pipe in totals if (pipe.venue, pipe.data_type) == (venue, data_type)]
        records = sum(last[pipe].records for pipe in pipes)
        venues.setdefault(venue, {})[data_type] = {
            "count": sum(totals[pipe][0] for pipe in pipes),
            "bytes": sum(totals[pipe][1] for pipe in pipes),
            "latency_ms": sum(last[pipe].latency_ms for pipe in pipes) / records if records else None,
            "symbols": [pipe.symbol for pipe in pipes],
        }
    gaps = [{**_names(pipe), "duration_seconds": amount.gap_s} for pipe, amount in last.items() if amount.gap_s is not None]
    return {"exchanges": venues, "gaps": gaps}


def _names(pipe: Pipe) -> dict[str, object]:
    return {"exchange": pipe.venue, "symbol": pipe.symbol, "data_type": pipe.data_type}
