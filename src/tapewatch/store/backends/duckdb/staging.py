"""Typed batches as numpy columns that DuckDB reads directly, and its answers back as typed columns."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from tapewatch.model.rows import NULL_FLAG, NULL_TIME, Coded, RowBatch, TypedColumn
from tapewatch.store.dialect import Form

STAGED = "staged_rows"
"""What statements call the staged columns."""


@contextlib.contextmanager
def staged(connection: duckdb.DuckDBPyConnection, columns: dict[str, npt.NDArray[Any]]) -> Generator[None]:
    """Let statements of one connection read numpy columns as rows, without a copy, inside this block."""
    connection.register(STAGED, columns)
    try:
        yield
    finally:
        with contextlib.suppress(duckdb.Error):  # after a failed statement the transaction refuses everything but its end
            connection.unregister(STAGED)


@dataclass(frozen=True, slots=True)
class Staged:
    """A batch in the form that statements read.

    Attributes:
        columns: Arrays to register: numbers with NaN as null, times, flags, words and sketches as str or None.
        constants: Word columns that hold the same word in every row: a bound value is read faster than an array.
    """

    columns: dict[str, npt.NDArray[Any]]
    constants: dict[str, str]


def stage(batch: RowBatch) -> Staged:
    """Make the columns of a batch readable for a statement."""
    columns: dict[str, npt.NDArray[Any]] = {}
    constants: dict[str, str] = {}
    for name, values in batch.columns.items():
        if not isinstance(values, Coded):
            columns[name] = _map_literals(values) if values.dtype == np.object_ else np.ascontiguousarray(values)
        elif len(values.values) == 1 and not values.codes.any():
            constants[name] = values.values[0]
        else:
            columns[name] = values.words()
    return Staged(columns, constants)


def _map_literals(sketches: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    texts = np.empty(len(sketches), np.object_)
    for i, sketch in enumerate(sketches):
        texts[i] = None if sketch is None else "{" + ", ".join(f"{index}={count}" for index, count in sketch.items()) + "}"
    return texts


def typed(values: npt.NDArray[Any], form: Form) -> TypedColumn:
    """A fetched column, masked where it is null, in the form that `tapewatch.model.rows` describes."""
    mask: Any = np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else np.zeros(len(values), np.bool_)
    held: npt.NDArray[Any] = np.ma.getdata(values)
    match form:
        case Form.NUMBER:
            return np.where(mask, np.nan, held.astype(np.float64))
        case Form.TIME:
            return np.where(mask, NULL_TIME, held.astype(np.int64))
        case Form.FLAG:
            return np.where(mask, NULL_FLAG, held.astype(np.int8)).astype(np.int8)
        case Form.WORD:
            return Coded.of([None if gone else word for word, gone in zip(held.tolist(), mask.tolist(), strict=True)])
        case Form.SKETCH:
            sketches = np.empty(len(held), np.object_)
            for i in range(len(held)):
                sketches[i] = None if mask[i] else held[i]
            return sketches


def in_order(columns: Mapping[str, TypedColumn], keys: Sequence[str]) -> dict[str, TypedColumn]:
    """The rows in the order of key columns, the first key first; nulls last, words by their code points, as the engine orders them."""
    if not keys:
        return dict(columns)
    order = np.lexsort([_ranks(columns[key]) for key in reversed(keys)])
    return {name: values.take(order) if isinstance(values, Coded) else values[order] for name, values in columns.items()}


def _ranks(values: TypedColumn) -> npt.NDArray[np.int64]:
    if not isinstance(values, Coded):
        return values.astype(np.int64, copy=False)
    ranks = np.empty(len(values.values) + 1, np.int64)
    ranks[sorted(range(len(values.values)), key=values.values.__getitem__)] = np.arange(len(values.values))
    ranks[-1] = len(values.values)  # where the code of null points to
    return ranks[values.codes]
