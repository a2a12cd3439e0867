"""The answer over a whole range out of those over its two halves. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from tapewatch.model.query import Function, Measure, Query
from tapewatch.model.rows import Coded, Floats, TypedColumn
from tapewatch.model.table import Kind, Table
from tapewatch.query.recent.parts import is_low_worst, parts_of, quotient, typed
from tapewatch.query.recent.rows import numbers_of
from tapewatch.store.base import Answer

Key = tuple[str | None, ...]
Half = dict[str, Floats]
"""Measure of the half to a value for each group of the whole; NaN where the half has none."""
_ADDED = frozenset({Function.SUM, Function.DELTA})
"""Of several sources of a subject the one that saw most counts: which one that is cannot be told from halves."""
_SIMPLE = _ADDED | {Function.COUNT, Function.MIN, Function.MAX, Function.FIRST, Function.LAST, Function.WORST}


@dataclass(frozen=True)
class Joint:
    """How a question is asked of the halves, and its answer made of theirs.

    Attributes:
        whole: The question.
        table: Its table.
        query: What is asked of each half: of a mean also how many values it is of, of a ratio both parts; in no order, without a limit.
    """

    whole: Query
    table: Table
    query: Query

    @classmethod
    def of(cls, query: Query, table: Table) -> Joint | None:
        """None for a question whose answer does not follow from those of the halves."""
        singles = [single for measure in query.measures for single in _singles(measure)]
        if any(single.function not in _SIMPLE | {Function.AVG} or parts_of(single, table) is None for single in singles):
            return None
        asked = {_name(single): replace(single, alias=_name(single)) for single in singles}
        for single in singles:
            if single.function is Function.AVG:
                count = Measure(Function.COUNT, single.column)
                asked[_name(count)] = replace(count, alias=_name(count))
        order_by = query.order_by.removeprefix("-")
        if order_by and order_by not in {*query.group_by, *(measure.name for measure in query.measures if _is_number(measure, table))}:
            return None
        return cls(query, table, replace(query, measures=tuple(asked.values()), order_by="", limit=None))

    @property
    def needs_one_source(self) -> bool:
        """Whether it is only right while no subject is measured by several sources."""
        return any(measure.function in _ADDED for measure in self.query.measures)

    def together(self, older: Answer, newer: Answer) -> Answer:
        """The whole answer."""
        by = self.whole.group_by
        keys = sorted({*_keys(older, by), *_keys(newer, by)}, key=lambda key: [(word is None, word or "") for word in key])
        place_of = {key: i for i, key in enumerate(keys)}
        before, after = (self._half(answer, [place_of[key] for key in _keys(answer, by)], len(keys)) for answer in (older, newer))
        columns: dict[str, TypedColumn] = {name: Coded.of([key[i] for key in keys]) for i, name in enumerate(by)}
        for measure in self.whole.measures:
            found = [_joined(single, before, after, self.table) for single in _singles(measure)]
            columns[measure.name] = quotient(*found) if measure.function is Function.RATIO else typed(found[0], measure, self.table)
        order, is_cut = self._order(columns, len(keys))
        columns = {name: values.take(order) if isinstance(values, Coded) else values[order] for name, values in columns.items()}
        behind = None if older.rows_behind is None or newer.rows_behind is None else older.rows_behind + newer.rows_behind
        newest_us = max((us for us in (older.newest_us, newer.newest_us) if us is not None), default=None)
        return Answer(columns, len(order), behind, newest_us, truncated=is_cut, tier=older.tier, start_us=older.start_us)

    def _half(self, answer: Answer, places: Sequence[int], groups: int) -> Half:
        found: Half = {}
        for measure in self.query.measures:
            found[measure.name] = np.full(groups, np.nan)
            found[measure.name][places] = numbers_of(answer.columns[measure.name], self.table.column.get(measure.column))
        return found

    def _order(self, columns: dict[str, TypedColumn], groups: int) -> tuple[npt.NDArray[np.int64], bool]:
        """Rows in the order that is asked for, nulls last, equal ones by their keys; and whether the limit cut some off."""
        order = np.arange(groups)
        if self.whole.order_by:
            values = columns[self.whole.order_by.removeprefix("-")]
            is_falling = self.whole.order_by.startswith("-")
            ranks = (
                np.unique(values.words().astype(str), return_inverse=True)[1] if isinstance(values, Coded) else values.astype(np.float64)
            )
            is_null = values.codes < 0 if isinstance(values, Coded) else np.isnan(ranks)
            order = np.lexsort((order, -ranks if is_falling else ranks, is_null))
        limit = self.whole.limit
        return order if limit is None else order[:limit], limit is not None and groups > limit


def _singles(measure: Measure) -> tuple[Measure, ...]:
    return measure.over if measure.function is Function.RATIO else (measure,)


def _name(measure: Measure) -> str:
    return f"{measure.function} {measure.column}"


def _is_number(measure: Measure, table: Table) -> bool:
    """Whether it gives plain numbers, whose order is the same for everybody."""
    if measure.function in {Function.RATIO, Function.COUNT, Function.AVG}:
        return True
    return table.column[measure.column].kind not in {Kind.FLAG, Kind.STATE, Kind.TIME}


def _keys(answer: Answer, by: Sequence[str]) -> list[Key]:
    words: Iterator[list[str | None]] = (column.words().tolist() for name in by if isinstance(column := answer.columns[name], Coded))
    return list(zip(*words, strict=True)) if by else [()] * answer.rows


def _joined(measure: Measure, before: Half, after: Half, table: Table) -> Floats:  # noqa: PLR0911 - one line per function
    old, new = before[_name(measure)], after[_name(measure)]
    match measure.function:
        case Function.COUNT:
            return np.nan_to_num(old) + np.nan_to_num(new)
        case Function.SUM | Function.DELTA:
            return np.where(np.isnan(old), new, np.where(np.isnan(new), old, old + new))
        case Function.MIN:
            return np.fmin(old, new)
        case Function.MAX:
            return np.fmax(old, new)
        case Function.WORST:
            return np.fmin(old, new) if is_low_worst(measure, table) else np.fmax(old, new)
        case Function.LAST:
            return np.where(np.isnan(new), old, new)
        case Function.FIRST:
            return np.where(np.isnan(old), new, old)
        case _:
            return _mean(old, new, *(np.nan_to_num(half[_name(Measure(Function.COUNT, measure.column))]) for half in (before, after)))


def _mean(old: Floats, new: Floats, old_count: Floats, new_count: Floats) -> Floats:
    total, count = np.nan_to_num(old) * old_count + np.nan_to_num(new) * new_count, old_count + new_count
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
