"""The newest row of every series of a table, and the last known value of its counters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tapewatch.model.query import Query
from tapewatch.model.rows import NULL_FLAG, NULL_TIME, Coded, Times, TypedColumn
from tapewatch.model.table import Column, Identity, Kind, Table
from tapewatch.query.recent.rows import Arrived, Gains
from tapewatch.query.recent.series import Places, Selection
from tapewatch.store.base import LOOK_BACK_US, Answer
from tapewatch.store.dialect import Form, form_of

_NEVER = NULL_TIME
_TYPES: dict[Form, tuple[type, object]] = {
    Form.NUMBER: (np.float64, np.nan),
    Form.TIME: (np.int64, NULL_TIME),
    Form.FLAG: (np.int8, NULL_FLAG),
    Form.WORD: (np.object_, None),
    Form.SKETCH: (np.object_, None),
}


class Newest:
    """One row per series; series are numbered by `SeriesIndex`.

    Args:
        table: Whose rows.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._columns = {column.name: _empty(form_of(column), 0) for column in table.all_columns}
        self._is_tied = np.zeros(0, np.bool_)
        self._counters = [column.name for column in table.all_columns if column.kind is Kind.COUNTER]
        self._counted: dict[str, tuple[Times, npt.NDArray[np.float64]]] = {
            name: (np.empty(0, np.int64), np.empty(0)) for name in self._counters
        }
        self._unsure = {name: np.zeros(0, np.bool_) for name in self._counters}

    @property
    def ts(self) -> Times:
        """Time of the newest row of each series; `NULL_TIME` for one without."""
        return self._columns["ts"]

    def grow(self, count: int) -> None:
        """Make room for so many series."""
        more = count - len(self._is_tied)
        if more <= 0:
            return
        for name, values in self._columns.items():
            self._columns[name] = np.concatenate([values, _empty(form_of(self._table.column[name]), more)])
        self._is_tied = np.concatenate([self._is_tied, np.zeros(more, np.bool_)])
        for name, (ts, values) in self._counted.items():
            self._counted[name] = np.concatenate([ts, np.full(more, _NEVER)]), np.concatenate([values, np.full(more, np.nan)])
            self._unsure[name] = np.concatenate([self._unsure[name], np.zeros(more, np.bool_)])

    # --- rows ---------------------------------------------------------------------------------------------------------

    def seed(self, rows: Arrived) -> None:
        """Take rows that were stored before; what arrived since stays."""
        is_new = self.ts[rows.places] == _NEVER
        for name in self._counters:
            ts, values = self._counted[name]
            known = is_new & ~np.isnan(rows.numbers(name))
            ts[rows.places[known]], values[rows.places[known]] = rows.ts[known], rows.numbers(name)[known]
            self._unsure[name][rows.places] |= ts[rows.places] == _NEVER
        self.take(rows)

    def out_of_order(self, rows: Arrived) -> npt.NDArray[np.bool_]:
        """Which rows are not newer than all before them of their series."""
        is_first = np.append([True], rows.places[1:] != rows.places[:-1])
        before = np.where(is_first, self.ts[rows.places], np.append([_NEVER], rows.ts[:-1]))
        return rows.ts <= before

    def forget_counts(self, places: Places) -> None:
        """The last values of these series are not known any more: the row that had them may have been replaced."""
        for name, (ts, _) in self._counted.items():
            ts[places] = _NEVER
            self._unsure[name][places] = True

    def gains(self, rows: Arrived) -> tuple[dict[str, Gains], int | None]:
        """What each counter gained, row by row; and from which time on that is not to be trusted, if any.

        Call it before `take`.
        """
        doubtful: list[int] = []
        found: dict[str, Gains] = {}
        for name in self._counters:
            values = rows.numbers(name)
            known = np.flatnonzero(~np.isnan(values))
            gain, span_us = np.zeros(len(rows)), np.zeros(len(rows))
            found[name] = gain, span_us
            if not len(known):
                continue
            places, ts, value = rows.places[known], rows.ts[known], values[known]
            last_ts, last_value = self._counted[name]
            is_first = np.append([True], places[1:] != places[:-1])
            before_ts = np.where(is_first, last_ts[places], np.append([_NEVER], ts[:-1]))
            before = np.where(is_first, last_value[places], np.append([np.nan], value[:-1]))
            has_before = before_ts != _NEVER
            span = np.where(has_before, ts - before_ts, 0)
            unsure = (is_first & ~has_before & self._unsure[name][places]) | (span > LOOK_BACK_US)
            if unsure.any():
                doubtful.append(int(ts[unsure].min()))
            gain[known] = np.where(has_before, np.where(value < before, value, value - before), 0.0)
            span_us[known] = span
            is_last = np.append(places[1:] != places[:-1], [True]) & (ts > last_ts[places])
            last_ts[places[is_last]], last_value[places[is_last]] = ts[is_last], value[is_last]
            self._unsure[name][places] = False
        return found, min(doubtful) if doubtful else None

    def take(self, rows: Arrived) -> None:
        """Keep the newest of each series."""
        if not len(rows):
            return
        received = _array(rows.columns["received_at"])
        is_last = np.append(rows.places[1:] != rows.places[:-1], [True])
        last = np.flatnonzero(is_last)
        places = rows.places[last]
        held_ts, held_received = self.ts[places], _array(self._columns["received_at"])[places]
        newer = (rows.ts[last] > held_ts) | ((rows.ts[last] == held_ts) & (received[last] >= held_received))
        same_as_before = np.append([False], (rows.places[1:] == rows.places[:-1]) & (rows.ts[1:] == rows.ts[:-1]))
        same_as_before[1:] &= received[1:] == received[:-1]
        tied = same_as_before[last] | ((rows.ts[last] == held_ts) & (received[last] == held_received))
        tied &= self._table.identity is Identity.NONE  # elsewhere the later one has taken the place of the other
        last, places = last[newer], places[newer]
        self._is_tied[places] = tied[newer]
        for column in self._table.all_columns:
            self._columns[column.name][places] = _values(rows.columns.get(column.name), column, last)

    # --- answers ------------------------------------------------------------------------------------------------------

    def answer(self, query: Query, selection: Selection) -> Answer | None:
        """The newest row of each group, as a store gives it; None when the store must be asked."""
        names = list(dict.fromkeys(query.columns or tuple(self._table.column)))
        order_by = query.order_by.removeprefix("-")
        if order_by and (order_by not in names or form_of(self._table.column[order_by]) is Form.SKETCH):
            return None
        ts, received = self.ts[selection.series], _array(self._columns["received_at"])[selection.series]
        if len(ts) and ts.max() >= query.end_us:
            return None  # the newest row before the end is not known
        inside = np.flatnonzero(ts >= query.start_us)
        order = inside[np.lexsort((received[inside], ts[inside], selection.groups[inside]))]
        groups = selection.groups[order]
        is_last = np.append(groups[1:] != groups[:-1], [True] * min(1, len(order))).astype(np.bool_)
        equal = (groups[1:] == groups[:-1]) & (ts[order[1:]] == ts[order[:-1]]) & (received[order[1:]] == received[order[:-1]])
        chosen = selection.series[order[is_last]]
        if self._is_tied[chosen].any() or (equal & is_last[1:]).any():
            return None  # two rows are equally new: which comes first is the store's to say
        chosen = self._ordered(chosen, query.order_by)
        shown = chosen if query.limit is None else chosen[: query.limit]
        columns = {name: _typed(self._columns[name][shown], self._table.column[name]) for name in names}
        newest_us = int(ts[inside].max()) if len(inside) else None
        return Answer(columns, len(shown), newest_us=newest_us, truncated=len(shown) < len(chosen))

    def _ordered(self, chosen: Places, order_by: str) -> Places:
        """By a column, nulls last, equal ones as they were: in the order of their keys."""
        if not order_by:
            return chosen
        name = order_by.removeprefix("-")
        values: list[Any] = self._columns[name][chosen].tolist()
        is_null = [value is None or value != value or value == _TYPES[form_of(self._table.column[name])][1] for value in values]  # noqa: PLR0124 - NaN is not itself
        known = [i for i, missing in enumerate(is_null) if not missing]
        ordered = sorted(known, key=lambda i: values[i], reverse=order_by.startswith("-"))  # keeps equal ones in order both ways
        order = [*ordered, *(i for i, missing in enumerate(is_null) if missing)]
        return chosen[np.array(order, np.int64)]


def _empty(form: Form, count: int) -> npt.NDArray[Any]:
    kind, null = _TYPES[form]
    return cast("npt.NDArray[Any]", np.full(count, null, kind))


def _array(values: TypedColumn) -> npt.NDArray[np.int64]:
    return np.empty(0, np.int64) if isinstance(values, Coded) else values.astype(np.int64, copy=False)


def _values(values: TypedColumn | None, column: Column, rows: Places) -> npt.NDArray[Any]:
    if values is None:
        return _empty(form_of(column), len(rows))
    return values.take(rows).words() if isinstance(values, Coded) else values[rows]


def _typed(values: npt.NDArray[Any], column: Column) -> TypedColumn:
    if form_of(column) is not Form.WORD:
        return values
    words: Sequence[str | None] = values.tolist()
    return Coded.of(words)
