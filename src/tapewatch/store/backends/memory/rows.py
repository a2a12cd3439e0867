"""Typed batches as plain Python rows, and plain values as typed columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tapewatch.model.rows import NULL_FLAG, NULL_TIME, Coded, RowBatch, TypedColumn
from tapewatch.model.table import Table
from tapewatch.store.dialect.statement import Form, form_of

Value = Any
"""A float, int (times), bool, str, dict (sketches) or None."""

Row = dict[str, Value]
"""Column to value."""


def rows_of(table: Table, batch: RowBatch) -> list[Row]:
    """The rows of a batch with every column of the table."""
    columns: dict[str, list[Any]] = {column.name: [None] * batch.count for column in table.all_columns}
    for name, values in batch.columns.items():
        columns[name] = _plain(values, form_of(table.column[name]))
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _plain(values: TypedColumn, form: Form) -> list[Any]:
    if isinstance(values, Coded):
        return values.words().tolist()
    held: list[Any] = values.tolist()
    match form:
        case Form.NUMBER:
            return [None if math.isnan(value) else value for value in held]
        case Form.TIME:
            return [None if value == NULL_TIME else value for value in held]
        case Form.FLAG:
            return [None if value == NULL_FLAG else bool(value) for value in held]
        case _:
            return held


def typed(values: Sequence[Any], form: Form) -> TypedColumn:
    """Plain values as `tapewatch.model.rows` holds them."""
    match form:
        case Form.NUMBER:
            return np.array([np.nan if value is None else value for value in values], np.float64)
        case Form.TIME:
            return np.array([NULL_TIME if value is None else value for value in values], np.int64)
        case Form.FLAG:
            return np.array([NULL_FLAG if value is None else value for value in values], np.int8)
        case Form.WORD:
            return Coded.of(values)
        case Form.SKETCH:
            sketches = np.empty(len(values), np.object_)
            for i, value in enumerate(values):
                sketches[i] = value
            return sketches
