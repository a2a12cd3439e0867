"""What a batch says of each of its series: their tags, the newest row and its values. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tapewatch.model.rows import NULL_FLAG, NULL_TIME, Coded, RowBatch
from tapewatch.model.table import Column, Kind, Table
from tapewatch.query.known import Value

MOST_COMBINED = 2**40
"""Above this, combined tag codes are renumbered before the next tag could overflow 64 bits."""


def series_of(batch: RowBatch, table: Table) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """For each series of the batch: its tags and source, the position of its newest row, and its number of rows."""
    columns = [column if isinstance(column := batch.columns.get(name), Coded) else None for name in (*table.tags, "source")]
    combined = np.zeros(batch.count, np.int64)
    for column in columns:
        if column is not None:
            combined = combined * (len(column.values) + 1) + (column.codes + 1)
            if combined.max() > MOST_COMBINED:
                combined = np.unique(combined, return_inverse=True)[1].astype(np.int64)
    order = np.lexsort((batch.array("ts"), combined))
    ordered = combined[order]
    ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
    previous = -1
    for end in ends:
        last = int(order[end])
        yield tuple(_coded_word(column, last) or "" for column in columns), last, int(end) - previous
        previous = int(end)


def _coded_word(column: Coded | None, row: int) -> str | None:
    if column is None:
        return None
    code = int(column.codes[row])
    return column.values[code] if code >= 0 else None


def word(batch: RowBatch, name: str, row: int) -> str | None:
    """The word of a coded column in a row; None where there is none."""
    column = batch.columns.get(name)
    return _coded_word(column, row) if isinstance(column, Coded) else None


def value_of(batch: RowBatch, column: Column, row: int) -> Value:
    """The value of a column in a row, in plain Python; None for a missing one."""
    values = batch.columns.get(column.name)
    if values is None:
        return None
    if isinstance(values, Coded):
        return word(batch, column.name, row)
    value = values[row]
    if column.kind is Kind.FLAG:
        return None if value == NULL_FLAG else bool(value)
    if column.kind is Kind.TIME:
        return None if value == NULL_TIME else float(value)
    return None if np.isnan(value) else float(value)
