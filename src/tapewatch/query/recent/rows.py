"""Rows that arrived, in the order that adding them up needs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tapewatch.model.rows import NULL_FLAG, NULL_TIME, Coded, Times, TypedColumn
from tapewatch.model.table import Column, Table
from tapewatch.query.recent.series import Places

Gains = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
"""For each row by how much its counter grew since the one before, and in how many microseconds; 0 and 0 where that is not known."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """Rows of one table, ordered by series and time; among equals the one received last, stored last, comes last.

    Attributes:
        table: Their table.
        places: Number of each row's series (int64, n).
        ts: Their times (int64, n).
        columns: Their values.
        gains: By counter.
    """

    table: Table
    places: Places
    ts: Times
    columns: dict[str, TypedColumn]
    gains: dict[str, Gains]

    def __len__(self) -> int:
        return len(self.ts)

    def numbers(self, name: str) -> npt.NDArray[np.float64]:
        """A column of numbers, flags or times as float64, NaN = null; ranks of its words for a state, best 0."""
        column, values = self.table.column[name], self.columns.get(name)
        if values is None:
            return np.full(len(self), np.nan)
        return numbers_of(values, column)


def numbers_of(values: TypedColumn, column: Column | None) -> npt.NDArray[np.float64]:
    """Numbers, flags or times as float64, NaN = null; words of a state column as their ranks, best 0."""
    if isinstance(values, Coded):
        ranks = {} if column is None else {state.name: float(rank) for rank, state in enumerate(column.states)}
        return np.array([*(ranks.get(word, np.nan) for word in values.values), np.nan])[values.codes]
    if values.dtype == np.int64:
        return np.where(values == NULL_TIME, np.nan, values)
    if values.dtype == np.int8:
        return np.where(values == NULL_FLAG, np.nan, values)
    return values.astype(np.float64, copy=False)
