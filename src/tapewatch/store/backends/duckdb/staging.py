"""Typed batches as numpy columns that DuckDB reads directly, and its answers back as typed columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from tapewatch.model.rows import NULL_FLAG, NULL_TIME, Coded, RowBatch, TypedColumn
from tapewatch.store.dialect import Form

STAGED = "_staged_rows"
"""What statements call the staged columns."""


def run_staged(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    _staged_rows: dict[str, npt.NDArray[Any]],
    bound: Mapping[str, Any],
) -> duckdb.DuckDBPyConnection:
    """Run a statement that reads numpy columns as the rows of `STAGED`, without a copy.

    The engine finds them by name among the local variables of its caller: registering and forgetting a view of them for each statement
    takes as long as the statement itself where rows are few.
    """
    return connection.execute(sql, bound)


@dataclass(frozen=True, slots=True)
class Staged:
    """A batch in the form that statements read.

    Attributes:
        columns: Arrays to read: numbers with NaN as null, times, flags, words and sketches as str or None.
        constants: Word columns that hold the same word in every row: a bound value is read faster than an array.
        whole: Times and flags without a null, which are taken as they are; these flags are boolean.
    """

    columns: dict[str, npt.NDArray[Any]]
    constants: dict[str, str]
    whole: frozenset[str] = frozenset()


def stage(batch: RowBatch) -> Staged:
    """Make the columns of a batch readable for a statement."""
    columns: dict[str, npt.NDArray[Any]] = {}
    constants: dict[str, str] = {}
    whole: set[str] = set()
    for name, values in batch.columns.items():
        if not isinstance(values, Coded):
            columns[name], is_whole = _array(values)
            if is_whole:
                whole.add(name)
        elif len(values.values) == 1 and not values.codes.any():
            constants[name] = values.values[0]
        else:
            columns[name] = values.words()
    return Staged(columns, constants, frozenset(whole))


def _array(values: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], bool]:
    """An array as it is read, and whether it is one of times or flags without a null."""
    if values.dtype == np.object_:
        return _map_literals(values), False
    if values.dtype == np.int8 and (values > NULL_FLAG).all():
        return values.astype(np.bool_), True
    return np.ascontiguousarray(values), values.dtype == np.int64 and bool((values > NULL_TIME).all())


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
            words: list[str] = held.tolist()
            return Coded.of([None if gone else word for word, gone in zip(words, mask.tolist(), strict=True)] if mask.any() else words)
        case Form.SKETCH:
            sketches = np.empty(len(held), np.object_)
            for i in range(len(held)):
                sketches[i] = None if mask[i] else {entry["key"]: entry["value"] for entry in held[i] if entry["value"]}
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
