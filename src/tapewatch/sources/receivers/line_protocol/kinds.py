"""Values of lines in the form that a table's columns want: the protocol has fewer types than a table has kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from tapewatch.model.rows import Coded, RawBatch, RawColumn
from tapewatch.model.table import CODED, NUMERIC, Kind, Table
from tapewatch.sources.receivers.line_protocol.columns import listed

_YES_OR_NO: dict[float, bool] = {0: False, 1: True}


def fit(batch: RawBatch, table: Table | None) -> RawBatch:
    """The batch with each value in its column's form; what has no such form stays as it came, and validation tells about it.

    Numbers take true and false as 1 and 0, flags take 1 and 0 as true and false, words take integers as their digits, and sketches take
    text that is a JSON object. Unknown tables and columns stay as they came.
    """
    if table is None:
        return batch
    columns: dict[str, RawColumn] = {}
    for name, values in batch.columns.items():
        column = table.column.get(name)
        columns[name] = values if column is None else _fitted(values, column.kind)
    return RawBatch(batch.table, columns, batch.period_s, batch.positions)


def _fitted(values: RawColumn, kind: Kind) -> RawColumn:
    if kind in NUMERIC:
        return _numbers(values)
    if kind is Kind.FLAG:
        return _flags(values)
    if kind in CODED:
        return values if isinstance(values, Coded) else _each(values, _digits)
    if kind is Kind.SKETCH:
        return _each(values, _sketch)
    return values


def _numbers(values: RawColumn) -> RawColumn:
    if isinstance(values, np.ndarray):
        return values.astype(np.float64) if values.dtype.kind == "b" else values
    return values if isinstance(values, Coded) else [int(value) if isinstance(value, bool) else value for value in values]


def _flags(values: RawColumn) -> RawColumn:
    if isinstance(values, np.ndarray) and values.dtype.kind in "if" and np.isin(values, (0, 1)).all():
        return values.astype(np.bool_)
    if isinstance(values, Coded) or (isinstance(values, np.ndarray) and values.dtype.kind == "b"):
        return values
    return _each(values, _yes_or_no)


def _each(values: RawColumn, change: Callable[[Any], Any]) -> list[Any]:
    is_float = isinstance(values, np.ndarray) and values.dtype.kind == "f"
    # An array of floats has NaN where a value is missing.
    return [None if value is None or (is_float and value != value) else change(value) for value in listed(values)]  # noqa: PLR0124 - NaN


def _yes_or_no(value: Any) -> Any:  # noqa: ANN401 - raw values have no type yet
    return _YES_OR_NO.get(value, value) if isinstance(value, int | float) else value


def _digits(value: Any) -> Any:  # noqa: ANN401 - raw values have no type yet
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _sketch(value: Any) -> Any:  # noqa: ANN401 - raw values have no type yet
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value.encode(errors="replace"))
    except msgspec.DecodeError:
        return value
