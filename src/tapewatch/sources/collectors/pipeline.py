"""What data pipelines did, asked over HTTP as statistics per venue and data type."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, cast

from tapewatch.errors import SourceError
from tapewatch.model.rows import RawBatch
from tapewatch.sources.base import Context
from tapewatch.sources.from_settings import Seconds
from tapewatch.sources.http_json import fetch_object, redacted
from tapewatch.sources.json_body import describe
from tapewatch.sources.shown import shown

EXPECTED = (
    '{"exchanges": {VENUE: {DATA_TYPE: {"count", "bytes", "latency_ms", "symbols"}}}, '
    '"gaps": [{"exchange", "symbol", "data_type", "duration_seconds"}]}'
)
ALL_SYMBOLS = "*"
"""Symbol of a row whose amounts are of several symbols together: the statistics do not divide them, so neither do we."""

MOST_GAPPED = 10_000
"""Series with a gap that are remembered, so that the end of a gap is told."""

Key = tuple[str, str, str]


@dataclass(slots=True)
class _Before:
    """What the answer before said."""

    at_s: float | None = None
    amounts: dict[tuple[str, str, str], float] = field(default_factory=dict[tuple[str, str, str], float])
    gapped: dict[Key, None] = field(default_factory=dict[Key, None])


@dataclass(frozen=True, slots=True)
class PipelineCollector:
    """Asks for pipeline statistics: rows of table ``pipeline``.

    - Amounts and latency: one row for each venue and data type. Its symbol is the one in ``symbols`` when there is exactly one, else ``*``.
    - Gaps: when the answer has ``gaps``, one row for each symbol in ``symbols``, true or false; a gap for a symbol that is not listed
      makes rows of its own, from then on also when it is over. Without ``gaps`` nothing is said about them.
    - ``counts = "interval"`` (the default): ``count`` and ``bytes`` are amounts since the answer before. ``counts = "cumulative"``:
      they only grow; the difference to the answer before is stored, the first answer gives none, and a smaller number than before is
      a restart, after which the number itself is the amount.
    """

    kind: ClassVar[str] = "pipeline"
    tables: ClassVar[tuple[str, ...]] = ("pipeline",)
    busy: ClassVar[bool] = False

    url: str = field(metadata={"sentence": "Address that answers the JSON of the statistics."})
    counts: Literal["interval", "cumulative"] = field(
        default="interval", metadata={"sentence": "Whether count and bytes are amounts since the answer before, or grow since the start."}
    )
    period_s: Seconds = field(default=30.0, metadata={"sentence": "Seconds between two questions."})
    _before: _Before = field(default_factory=_Before, init=False, repr=False, compare=False)

    async def collect(self, context: Context) -> AsyncIterator[RawBatch]:
        """See `Collector.collect`."""
        answer = await fetch_object(context.http(), self.url, EXPECTED)
        now_s = context.clock.monotonic_s()
        statistics = self._statistics(answer)
        listed = {(venue, data_type): _symbols(numbers.get("symbols")) for venue, data_type, numbers in statistics}
        gaps = self._gaps(answer, [(venue, symbol, data_type) for (venue, data_type), symbols in listed.items() for symbol in symbols])
        rows: dict[Key, dict[str, Any]] = {}
        for venue, data_type, numbers in statistics:
            symbols = listed[venue, data_type]
            rows[venue, symbols[0] if len(symbols) == 1 else ALL_SYMBOLS, data_type] = {
                "records": self._amount((venue, data_type, "count"), numbers.get("count")),
                "bytes": self._amount((venue, data_type, "bytes"), numbers.get("bytes")),
                "latency_ms": numbers.get("latency_ms"),
            }
        for key, gap_s in gaps.items():
            rows.setdefault(key, {}).update({"gap": gap_s is not None, "gap_s": gap_s})
        interval_s = None if self._before.at_s is None else now_s - self._before.at_s
        self._before.at_s = now_s
        yield RawBatch.of("pipeline", [{**_named(key), "interval_s": interval_s, **row} for key, row in rows.items()])

    def _statistics(self, answer: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
        found: list[tuple[str, str, Mapping[str, Any]]] = []
        for venue, types in self._object(answer.get("exchanges"), "exchanges").items():
            for data_type, numbers in self._object(types, f"exchanges.{shown(venue)}").items():
                found.append((venue, data_type, self._object(numbers, f"exchanges.{shown(venue)}.{shown(data_type)}")))
        return found

    def _object(self, value: object, place: str) -> Mapping[str, object]:
        if not isinstance(value, dict):
            raise self._unexpected(place, value)
        return cast("dict[str, object]", value)

    def _amount(self, key: tuple[str, str, str], value: object) -> object:
        if self.counts == "interval" or isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return value
        before = self._before.amounts.get(key)
        self._before.amounts[key] = float(value)
        if before is None:
            return None
        return value - before if value >= before else value

    def _gaps(self, answer: Mapping[str, Any], symbols: Sequence[Key]) -> dict[Key, object]:
        """Series to the length of their gap in seconds, None for no gap; empty when the answer does not speak of gaps."""
        gaps: object = answer.get("gaps")
        if gaps is None:
            return {}
        if not isinstance(gaps, list):
            raise self._unexpected("gaps", gaps)
        lengths: dict[Key, object] = {}
        for i, gap in enumerate(cast("list[object]", gaps)):
            fields = self._object(gap, f"gaps[{i}]")
            key = (fields.get("exchange"), fields.get("symbol"), fields.get("data_type"))
            if not all(isinstance(word, str) for word in key) or fields.get("duration_seconds") is None:
                raise self._unexpected(f"gaps[{i}]", fields)
            series = cast("Key", key)
            lengths[series] = _longer(lengths.get(series), fields["duration_seconds"])
        before = self._before.gapped
        found: dict[Key, object] = {**dict.fromkeys((*symbols, *before)), **lengths}
        before.update(dict.fromkeys(lengths))
        while len(before) > MOST_GAPPED:
            del before[next(iter(before))]
        return found

    def _unexpected(self, place: str, value: object) -> SourceError:
        return SourceError(f"{redacted(self.url)} answered {describe(value)} as {place}; expected {EXPECTED}")


def _named(key: Key) -> dict[str, str]:
    return {"venue": key[0], "symbol": key[1], "data_type": key[2]}


def _symbols(listed: object) -> list[str]:
    """The symbols of a data type; a mere number of them names none."""
    if not isinstance(listed, list):
        return []
    return [symbol for symbol in cast("list[object]", listed) if isinstance(symbol, str)]


def _longer(one: object, other: object) -> object:
    """The longer of two gaps of one series; what is no number is left to validation, which tells about it."""
    both = isinstance(one, int | float) and isinstance(other, int | float)
    return max(cast("float", one), cast("float", other)) if both else other
