"""Each measure's definition, written out over plain rows."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tapewatch.clock import US_PER_S
from tapewatch.model import sketch
from tapewatch.model.query import Function, Measure, Query
from tapewatch.model.table import Column, Kind, Table
from tapewatch.store.backends.memory.rows import Row, Value
from tapewatch.store.base import STATE_LASTS_US
from tapewatch.store.dialect.base import order_key
from tapewatch.store.dialect.statement import Form, form_of

Key = tuple[Any, ...]
Values = dict[Key, Value]


class Group:
    """Where a row counts: its bucket, if there are buckets, and its group."""

    def __init__(self, query: Query) -> None:
        self._bucket_us = query.bucket_us
        self._names = query.group_by

    def bucket(self, time_us: int) -> int:
        """Start of the bucket that holds a time."""
        return time_us // (self._bucket_us or 1) * (self._bucket_us or 1)

    def key(self, row: Row, time_us: int) -> Key:
        """Bucket and group of a row at a time."""
        groups = tuple(row[name] for name in self._names)
        return (self.bucket(time_us), *groups) if self._bucket_us else groups


def form_of_measure(measure: Measure, table: Table) -> Form:
    """How the values of a measure are held."""
    if measure.function is Function.BUCKETS:
        return Form.SKETCH
    if measure.function in {Function.FIRST, Function.LAST, Function.WORST, Function.MIN, Function.MAX}:
        return form_of(table.column[measure.column])
    return Form.NUMBER


def measured(measure: Measure, query: Query, table: Table, rows: Sequence[Row]) -> Values:
    """The measure per bucket and group; ``rows`` reach back before the range as far as any measure looks."""
    match measure.function:
        case Function.SUM:
            inside = [row for row in rows if row["ts"] >= query.start_us and row[measure.column] is not None]
            return _over_series(query, table, inside, lambda held: sum(row[measure.column] for row in held))
        case Function.RATE | Function.DELTA:
            return _gained(measure, query, table, rows)
        case Function.TIME_IN_STATE:
            return _lasted(measure, query, table, rows)
        case _:
            groups: dict[Key, list[Row]] = defaultdict(list)
            for row in rows:
                if row["ts"] >= query.start_us:
                    groups[Group(query).key(row, row["ts"])].append(row)
            return {key: _plain(measure, table, held) for key, held in groups.items()}


def _plain(measure: Measure, table: Table, rows: Sequence[Row]) -> Value:
    if not measure.column:
        return float(len(rows))
    column = table.column[measure.column]
    ordered = sorted(rows, key=lambda row: (row["ts"], row["received_at"], *(row[name] or "" for name in order_key(table))))
    values = [row[column.name] for row in ordered if row[column.name] is not None]
    if measure.function is Function.COUNT:
        return float(len(values))
    return _of_values(measure, column, values) if values else None


def _of_values(measure: Measure, column: Column, values: Sequence[Value]) -> Value:
    """The measure of values that are not null, oldest first."""
    fraction = float(measure.argument) if isinstance(measure.argument, (int, float)) else 0.0
    if column.kind is Kind.SKETCH and measure.function is Function.QUANTILE:
        return sketch.quantile(sketch.merge(values), fraction)
    definitions: dict[Function, Callable[[], Value]] = {
        Function.AVG: lambda: math.fsum(values) / len(values),
        Function.MIN: lambda: min(values),
        Function.MAX: lambda: max(values),
        Function.FIRST: lambda: values[0],
        Function.LAST: lambda: values[-1],
        Function.WORST: lambda: _worst(column, values),
        Function.QUANTILE: lambda: _quantile(sorted(values), fraction),
        Function.BUCKETS: lambda: (sketch.merge(values) if column.kind is Kind.SKETCH else sketch.sketch_of(np.array(values))) or None,
    }
    return definitions[measure.function]()


def _worst(column: Column, values: Sequence[Value]) -> Value:
    if column.kind is Kind.FLAG:
        bad = column.flag_rule is not None and column.flag_rule.bad
        return bad if bad in values else not bad
    ranks = {state.name: rank for rank, state in enumerate(column.states)}
    return max(values, key=lambda word: ranks[word])


def _quantile(ordered: Sequence[float], fraction: float) -> float:
    """Linear interpolation between the two closest ranks (R-7, Hyndman and Fan 1996)."""
    place = fraction * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _series(table: Table, rows: Iterable[Row]) -> dict[Key, list[Row]]:
    """Rows per series and source, oldest first."""
    found: dict[Key, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row["ts"], row["received_at"], *(row[name] or "" for name in order_key(table)))):
        found[tuple(row[name] for name in (*table.tags, "source"))].append(row)
    return found


def _over_series(query: Query, table: Table, rows: Iterable[Row], value: Callable[[list[Row]], float | None]) -> Values:
    """Per series and source one value; of the sources the largest; added over the series of a group.

    A row may say in ``_at`` in which bucket it counts.
    """
    group, subject = Group(query), (*table.tags, *(["source"] if "source" in query.group_by else []))
    per_source: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        key = group.key(row, row.get("_at", row["ts"]))
        per_source[key, tuple(row[name] for name in subject), row["source"]].append(row)
    best: dict[Key, float] = {}
    for (key, who, _), held in per_source.items():
        found = value(held)
        if found is not None:
            best[key, who] = max(best.get((key, who), -math.inf), found)
    total: Values = defaultdict(float)
    for (key, _), found in best.items():
        total[key] += found
    return dict(total)


def _gained(measure: Measure, query: Query, table: Table, rows: Sequence[Row]) -> Values:
    steps: list[Row] = []
    known = [row for row in rows if row[measure.column] is not None]
    for held in _series(table, known).values():
        for before, row in itertools.pairwise(held):
            old, new = before[measure.column], row[measure.column]
            if row["ts"] >= query.start_us:
                steps.append({**row, "_gain": new if new < old else new - old, "_span_us": row["ts"] - before["ts"]})

    def value(held: list[Row]) -> float | None:
        gain, span_us = math.fsum(row["_gain"] for row in held), sum(row["_span_us"] for row in held)
        if measure.function is Function.DELTA:
            return gain
        return gain / span_us * US_PER_S if span_us else None

    return _over_series(query, table, steps, value)


def _lasted(measure: Measure, query: Query, table: Table, rows: Sequence[Row]) -> Values:
    group = Group(query)
    spans: list[Row] = []
    known = [row for row in rows if row[measure.column] is not None and row["ts"] >= query.start_us - STATE_LASTS_US]
    for held in _series(table, known).values():
        for row, after in zip(held, [*held[1:], None], strict=True):
            until_us = min(row["ts"] + STATE_LASTS_US, query.end_us, after["ts"] if after else query.end_us)
            from_us = max(row["ts"], query.start_us)
            while from_us < until_us:
                stop_us = min(until_us, group.bucket(from_us) + query.bucket_us) if query.bucket_us else until_us
                spans.append({**row, "_at": from_us, "_span_us": stop_us - from_us})
                from_us = stop_us

    def value(held: list[Row]) -> float:
        return sum(row["_span_us"] for row in held if _word(row[measure.column]) == measure.argument) / US_PER_S

    return _over_series(query, table, spans, value)


def _word(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
