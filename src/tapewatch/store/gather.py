"""Batches of one table put together, so that a store writes them in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tapewatch.model.rows import NULL_CODE, NULL_FLAG, NULL_TIME, Coded, RowBatch, TypedColumn
from tapewatch.model.table import Table
from tapewatch.store.dialect.statement import Form, form_of


def gather(table: Table, batches: Sequence[RowBatch]) -> RowBatch:
    """One batch of all rows in their order; a column that a batch lacks is null there."""
    if len(batches) == 1:
        return batches[0]
    names = dict.fromkeys(name for batch in batches for name in batch.columns)
    columns: dict[str, TypedColumn] = {}
    for name in names:
        form = form_of(table.column[name])
        if form is Form.WORD:
            columns[name] = _words([_coded(batch, name) for batch in batches])
        else:
            columns[name] = np.concatenate([_array(batch, name, form) for batch in batches])
    return RowBatch(table.name, sum(batch.count for batch in batches), columns)


def blank(form: Form, count: int) -> TypedColumn:
    """A column of nulls."""
    match form:
        case Form.NUMBER:
            return np.full(count, np.nan)
        case Form.TIME:
            return np.full(count, NULL_TIME, np.int64)
        case Form.FLAG:
            return np.full(count, NULL_FLAG, np.int8)
        case Form.WORD:
            return Coded.constant(None, count)
        case Form.SKETCH:
            return np.full(count, None, np.object_)


def _coded(batch: RowBatch, name: str) -> Coded:
    return batch.coded(name) if name in batch.columns else Coded.constant(None, batch.count)


def _array(batch: RowBatch, name: str, form: Form) -> npt.NDArray[Any]:
    values = batch.columns[name] if name in batch.columns else blank(form, batch.count)
    if isinstance(values, Coded):
        return values.codes
    return values


def _words(parts: Sequence[Coded]) -> Coded:
    seen: dict[str, int] = {}
    moved: list[npt.NDArray[np.int32]] = []
    for part in parts:
        lookup = np.fromiter((*(seen.setdefault(word, len(seen)) for word in part.values), NULL_CODE), np.int32, len(part.values) + 1)
        moved.append(lookup[part.codes])
    return Coded(np.concatenate(moved), tuple(seen))
