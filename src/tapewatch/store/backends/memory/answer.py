"""Questions answered row by row, in plain Python: what every dialect must agree with."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tapewatch.errors import QueryError
from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode, Query
from tapewatch.model.table import Kind, Table
from tapewatch.store.backends.memory.measure import Group, form_of_measure, measured
from tapewatch.store.backends.memory.rows import Row, typed
from tapewatch.store.base import LOOK_BACK_US, Answer
from tapewatch.store.cursor import Position
from tapewatch.store.dialect.base import order_key
from tapewatch.store.dialect.statement import Form, form_of

_COMPARE: dict[Comparison, Callable[[Any, Any], bool]] = {
    Comparison.EQ: operator.eq,
    Comparison.NE: operator.ne,
    Comparison.LT: operator.lt,
    Comparison.LE: operator.le,
    Comparison.GT: operator.gt,
    Comparison.GE: operator.ge,
    Comparison.IN: lambda value, values: value in values,
    Comparison.NOT_IN: lambda value, values: value not in values,
}


def answer(query: Query, table: Table, rows: Iterable[Row]) -> Answer:
    """Answer a question that fits its table."""
    moved = [{**row, "ts": row["ts"] + query.shift_us} for row in rows]
    passed = [row for row in moved if row["ts"] < query.end_us and all(_passes(row, item, table) for item in query.filters)]
    match query.mode:
        case Mode.AGGREGATE:
            return _aggregate(query, table, [row for row in passed if row["ts"] >= query.start_us - LOOK_BACK_US])
        case Mode.LATEST:
            return _latest(query, table, [row for row in passed if row["ts"] >= query.start_us])
        case Mode.ROWS:
            return _page(query, table, [row for row in passed if row["ts"] >= query.start_us])


def _passes(row: Row, item: Filter, table: Table) -> bool:
    value = row[item.column]
    if item.comparison is Comparison.IS_NULL:
        return value is None
    if value is None:
        return False
    if item.comparison is Comparison.NOT_NULL:
        return True
    if table.column[item.column].kind is Kind.TIME and any(isinstance(wanted, (str, bool)) for wanted in item.values):
        raise QueryError(f"{item.column} holds microseconds since 1970", position="filters")
    wanted = item.values if item.comparison in {Comparison.IN, Comparison.NOT_IN} else item.values[0]
    return _COMPARE[item.comparison](value, wanted)


def rank(row: Row, names: Sequence[str]) -> tuple[Any, ...]:
    """Sort key over columns; null is the smallest."""
    return tuple((row[name] is not None, row[name]) if row[name] is not None else (False,) for name in names)


def _aggregate(query: Query, table: Table, rows: list[Row]) -> Answer:
    inside = [row for row in rows if row["ts"] >= query.start_us]
    keys = (["bucket"] if query.bucket_us else []) + list(query.group_by)
    answers: dict[tuple[Any, ...], Row] = {}
    for key in _keys(query, inside):
        answers[key] = {}
    for measure in query.measures:
        for key, value in _values(measure, query, table, rows).items():
            answers.setdefault(key, {})[measure.name] = value
    lines = [dict(zip(keys, key, strict=True)) | values for key, values in answers.items()]
    for line in lines:
        for measure in query.measures:
            line.setdefault(measure.name, 0.0 if measure.function is Function.COUNT else None)
    forms = dict.fromkeys(keys, Form.WORD) | {"bucket": Form.TIME} if query.bucket_us else dict.fromkeys(keys, Form.WORD)
    forms |= {measure.name: form_of_measure(measure, table) for measure in query.measures}
    if len(forms) != len(keys) + len(query.measures):
        raise QueryError("two columns of the answer have one name; give one an alias", position="measures")
    return _answer(query, forms, _ordered(lines, query, forms, keys), inside, behind=len(inside))


def _keys(query: Query, rows: Iterable[Row]) -> set[tuple[Any, ...]]:
    return {Group(query).key(row, row["ts"]) for row in rows}


def _values(measure: Measure, query: Query, table: Table, rows: list[Row]) -> dict[tuple[Any, ...], Any]:
    if measure.function is not Function.RATIO:
        return measured(measure, query, table, rows)
    above, below = (_values(part, query, table, rows) for part in measure.over)
    if measure.over[0].function is Function.COUNT:
        above = {key: above.get(key, 0.0) for key in {*above, *below}}
    return {key: value / below[key] for key, value in above.items() if value is not None and below.get(key)}


def _latest(query: Query, table: Table, rows: list[Row]) -> Answer:
    key = query.group_by or table.tags
    newest: dict[tuple[Any, ...], Row] = {}
    for row in sorted(rows, key=lambda row: rank(row, ("ts", "received_at", *order_key(table)))):
        newest[tuple(row[name] for name in key)] = row
    forms = {name: form_of(table.column[name]) for name in query.columns or table.column}
    return _answer(query, forms, _ordered(list(newest.values()), query, forms, key), rows, behind=len(rows))


def _page(query: Query, table: Table, rows: list[Row]) -> Answer:
    if query.order_by and query.cursor is not None:
        raise QueryError("a cursor follows the order newest first; leave order_by out", position="cursor")
    key = ("ts", *order_key(table))
    forms = {name: form_of(table.column[name]) for name in query.columns or table.column}
    ordered = sorted(rows, key=lambda row: rank(row, key), reverse=True)
    if query.order_by:
        ordered = _ordered(ordered, query, forms, ())
    if query.cursor is not None:
        after = dict(zip(key, Position.decode(query.cursor, len(key)).values, strict=True))
        ordered = [row for row in ordered if rank(row, key) < rank(after, key)]
    page = _answer(query, forms, ordered, rows, behind=None)
    if not page.truncated or query.order_by or query.limit is None:
        return page
    last = ordered[query.limit - 1]
    return Answer(
        page.columns,
        page.rows,
        newest_us=page.newest_us,
        truncated=True,
        cursor=Position(tuple(last[name] for name in key)).encode(),
    )


def _ordered(lines: list[Row], query: Query, forms: dict[str, Form], keys: Sequence[str]) -> list[Row]:
    """By the asked column, nulls last; equal ones by the keys, nulls last too."""
    ordered = lines
    for name in reversed(keys):
        ordered = _sorted(ordered, name, reverse=False)
    if not query.order_by:
        return ordered
    name = query.order_by.removeprefix("-")
    if name not in forms or forms[name] is Form.SKETCH:
        raise QueryError(f"the answer has no column {name!r} to order by; it has {', '.join(forms)}", position="order_by")
    return _sorted(ordered, name, reverse=query.order_by.startswith("-"))


def _sorted(lines: list[Row], name: str, *, reverse: bool) -> list[Row]:
    known = [line for line in lines if line[name] is not None]
    return sorted(known, key=lambda line: line[name], reverse=reverse) + [line for line in lines if line[name] is None]


def _answer(query: Query, forms: dict[str, Form], lines: list[Row], matched: Sequence[Row], *, behind: int | None) -> Answer:
    kept = lines if query.limit is None else lines[: query.limit]
    columns = {name: typed([line[name] for line in kept], form) for name, form in forms.items()}
    newest = max((row["ts"] for row in matched), default=None)
    return Answer(columns, len(kept), rows_behind=behind, newest_us=newest, truncated=len(kept) < len(lines))
