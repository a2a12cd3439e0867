"""Small tables with every kind and every identity, and rows for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tapewatch.model.rows import Coded, RowBatch, TypedColumn
from tapewatch.model.table import (
    Column,
    FlagRule,
    Identity,
    Kind,
    State,
    Status,
    Table,
    counter,
    flag,
    gauge,
    interval,
    state,
    tag,
    text,
    time,
)
from tapewatch.store.base import Answer
from tapewatch.store.dialect.statement import Form, form_of
from tapewatch.store.gather import blank

T0 = 1_700_000_000_000_000
"""A full second, microseconds."""

STATES = (State("fine", Status.UP), State("slow", Status.DEGRADED), State("gone", Status.DOWN))

SAMPLE = Table(
    "sample",
    "One measurement with a column of every kind.",
    (
        tag("host", "A host."),
        tag("venue", "A venue."),
        gauge("level", "none", "A gauge."),
        counter("total", "A counter."),
        interval("amount", "count", "An amount."),
        flag("connected", "A flag whose false is bad.", rule=FlagRule(bad=False)),
        flag("gap", "A flag whose true is bad.", rule=FlagRule(bad=True)),
        state("mood", "A state.", STATES),
        time("seen_at", "A time."),
        text("note", "A text."),
        Column("latency_ms_sketch", Kind.SKETCH, "A sketch."),
    ),
)

DEAL = Table(
    "deal",
    "One thing that happens once.",
    (tag("venue", "A venue."), Column("deal_id", Kind.ID, "Its id."), gauge("price", "price", "A price.")),
    identity=Identity.EVENT,
    id_column="deal_id",
)

JOB = Table(
    "job",
    "One state of a thing that lives.",
    (tag("venue", "A venue."), Column("job_id", Kind.ID, "Its id."), state("mood", "A state.", STATES), counter("total", "A counter.")),
    identity=Identity.LIVING,
    id_column="job_id",
)

NOTE = Table(
    "note",
    "One remark; nothing is merged.",
    (tag("venue", "A venue."), gauge("level", "none", "A gauge."), counter("total", "A counter."), text("note", "A text.")),
    identity=Identity.NONE,
)

TABLES = (SAMPLE, DEAL, JOB, NOTE)


def renamed(table: Table, name: str) -> Table:
    """The same table under another name."""
    return replace(table, name=name)


def batch(table: Table, rows: Sequence[Mapping[str, Any]]) -> RowBatch:
    """Typed rows from plain ones: ``ts`` defaults to `T0`, ``received_at`` to ``ts``, words of tags to ``x``."""
    columns: dict[str, TypedColumn] = {}
    for column in table.all_columns:
        columns[column.name] = _column([_value(row, column) for row in rows], form_of(column))
    return RowBatch(table.name, len(rows), columns)


def _value(row: Mapping[str, Any], column: Column) -> object:
    if column.name in row:
        return row[column.name]
    if column.name in {"ts", "received_at"}:
        return row.get("ts", T0)
    return "x" if column.kind is Kind.TAG else None


def _column(values: list[Any], form: Form) -> TypedColumn:
    if form is Form.WORD:
        return Coded.of(values)
    column = blank(form, len(values))
    for i, value in enumerate(values):
        if value is not None and not isinstance(column, Coded):
            column[i] = value
    return column


def plain(answer: Answer) -> list[dict[str, Any]]:
    """The rows of an answer as plain values; null is None."""
    columns = {name: _plain_values(values) for name, values in answer.columns.items()}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _plain_values(values: TypedColumn) -> list[Any]:
    if isinstance(values, Coded):
        return values.words().tolist()
    match values.dtype:
        case np.float64:
            return [None if value != value else value for value in values.tolist()]  # noqa: PLR0124 - only NaN differs from itself
        case np.int64:
            return [None if value == np.iinfo(np.int64).min else value for value in values.tolist()]
        case np.int8:
            return [None if value < 0 else bool(value) for value in values.tolist()]
        case _:
            return values.tolist()
