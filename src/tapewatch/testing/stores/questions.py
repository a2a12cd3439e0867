"""Random rows and random questions for a table, small enough that they meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode, Query
from tapewatch.model.table import NUMERIC, Column, Kind, Table
from tapewatch.testing.stores.tables import T0

SECOND = 1_000_000

_WORDS = ["a", "b", "ü☂", "it's"]
_MOMENTS = st.integers(-20, 20).map(lambda step: T0 + step * 7 * SECOND) | st.integers(-5, 5).map(lambda step: T0 + step * 1_500 * SECOND)
_QUARTERS = st.integers(-40, 40).map(lambda quarter: quarter / 4)  # sums of them are exact in any order
_SKETCHES = st.dictionaries(st.sampled_from([-10_000, -3, 0, 1, 300]), st.integers(1, 5), min_size=1, max_size=3)


def _values(column: Column) -> st.SearchStrategy[Any]:
    """Values that a column may hold, without null."""
    numbers = st.integers(0, 12).map(float)
    by_kind: dict[Kind, st.SearchStrategy[Any]] = {
        Kind.GAUGE: _QUARTERS,
        Kind.COUNTER: numbers,
        Kind.INTERVAL: numbers,
        Kind.FLAG: st.booleans(),
        Kind.TIME: _MOMENTS,
        Kind.SKETCH: _SKETCHES,
    }
    return by_kind.get(column.kind, st.sampled_from([state.name for state in column.states] or _WORDS))


def rows(table: Table) -> st.SearchStrategy[dict[str, Any]]:
    """One row; tags, ``ts`` and ``received_at`` are there, the rest may be null."""
    always = {"ts": _MOMENTS, "received_at": st.integers(0, 3).map(lambda step: T0 + step)}
    columns = {column.name: _values(column) | st.none() for column in table.columns if column.kind is not Kind.TAG}
    tags = {name: st.sampled_from(["a", "b"]) for name in ("source", *table.tags)}
    return st.fixed_dictionaries({**columns, **tags, **always})


def row_groups(table: Table) -> st.SearchStrategy[list[list[dict[str, Any]]]]:
    """Rows in the groups in which they are stored."""
    return st.lists(st.lists(rows(table), min_size=1, max_size=25), min_size=1, max_size=3)


@st.composite
def _filters(draw: st.DrawFn, table: Table) -> Filter:
    column = draw(st.sampled_from([column for column in table.all_columns if column.kind is not Kind.SKETCH]))
    comparison = draw(st.sampled_from(list(Comparison)))
    if comparison in {Comparison.IS_NULL, Comparison.NOT_NULL}:
        return Filter(column.name, comparison)
    few, many = (0, 3) if comparison in {Comparison.IN, Comparison.NOT_IN} else (1, 1)
    return Filter(column.name, comparison, tuple(draw(st.lists(_values(column), min_size=few, max_size=many))))


@st.composite
def _measures(draw: st.DrawFn, table: Table) -> Measure:
    shape = draw(st.sampled_from(["column", "column", "column", "rows", "ratio"]))
    if shape == "column":
        return draw(st.sampled_from(table.all_columns).flatmap(measures))
    if shape == "rows":
        return Measure(Function.COUNT)
    numbers = [column.name for column in table.all_columns if column.kind in NUMERIC]
    functions = st.sampled_from([Function.SUM, Function.AVG, Function.MAX, Function.COUNT])
    above, below = (Measure(draw(functions), draw(st.sampled_from(numbers))) for _ in range(2))
    return Measure(Function.RATIO, over=(above, below))


def measures(column: Column) -> st.SearchStrategy[Measure]:
    """One measure of a column."""
    plain = [Function.COUNT, Function.FIRST, Function.LAST] if column.kind is not Kind.SKETCH else [Function.COUNT, Function.BUCKETS]
    if column.kind in NUMERIC:
        plain += [Function.SUM, Function.AVG, Function.MIN, Function.MAX]
    if column.kind is Kind.GAUGE:
        plain += [Function.BUCKETS]
    if column.kind is Kind.COUNTER:
        plain += [Function.RATE, Function.DELTA]
    if column.kind is Kind.TIME:
        plain += [Function.MIN, Function.MAX]
    if column.kind in {Kind.STATE, Kind.FLAG}:
        plain += [Function.WORST]
    found = st.builds(Measure, st.sampled_from(plain), st.just(column.name))
    if column.kind in NUMERIC | {Kind.SKETCH}:
        found |= st.builds(Measure, st.just(Function.QUANTILE), st.just(column.name), st.sampled_from([0.0, 0.1, 0.5, 0.99, 1.0]))
    if column.kind in {Kind.STATE, Kind.FLAG}:
        words = [state.name for state in column.states] or ["true", "false"]
        found |= st.builds(Measure, st.just(Function.TIME_IN_STATE), st.just(column.name), st.sampled_from(words))
    return found


_INEXACT = {Function.QUANTILE, Function.RATE, Function.RATIO}  # equal up to rounding, so the order of close values is not defined


@st.composite
def questions(draw: st.DrawFn, table: Table) -> Query:
    """One question that fits the table; its name of the table is replaced by the suite."""
    mode = draw(st.sampled_from(list(Mode)))
    start_us = draw(_MOMENTS)
    parts: dict[str, Any] = {
        "start_us": start_us,
        "end_us": start_us + draw(st.sampled_from([1, 7 * SECOND, 100 * SECOND, 5_000 * SECOND, 50_000 * SECOND])),
        "filters": tuple(draw(st.lists(_filters(table), max_size=2))),
        "shift_us": draw(st.sampled_from([0, 0, 7 * SECOND, 3_600 * SECOND])),
        "limit": draw(st.none() | st.integers(1, 8)),
    }
    if mode is not Mode.ROWS:
        parts["group_by"] = tuple(draw(st.lists(st.sampled_from([*table.tags, "source"]), unique=True, max_size=3)))
    if mode is Mode.AGGREGATE:
        asked = draw(st.lists(_measures(table), min_size=1, max_size=4, unique_by=lambda measure: measure.name))
        parts["measures"] = tuple(asked)
        parts["bucket_us"] = draw(st.none() | st.sampled_from([7 * SECOND, 60 * SECOND, 1_000 * SECOND]))
        orderable = [m.name for m in asked if m.function not in {*_INEXACT, Function.BUCKETS}] + list(parts["group_by"])
    else:
        parts["columns"] = tuple(draw(st.lists(st.sampled_from(list(table.column)), unique=True, max_size=4)))
        orderable = [name for name in parts["columns"] or table.column if table.column[name].kind is not Kind.SKETCH]
    parts["order_by"] = draw(st.sampled_from(["", *(sign + name for name in orderable for sign in ("", "-"))]))
    return Query(table.name, mode=mode, **parts)
