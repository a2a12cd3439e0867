"""What is added up of a column per series and bucket, and how measures come out of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tapewatch.model import sketch
from tapewatch.model.query import Function, Measure
from tapewatch.model.rows import NULL_FLAG, NULL_TIME, Coded, Floats, TypedColumn
from tapewatch.model.table import NUMERIC, Kind, Table
from tapewatch.query.recent.rows import Arrived
from tapewatch.query.recent.series import Places, Selection

_US_PER_S = 1e6


@dataclass(frozen=True, slots=True)
class Part:
    """One number per series and bucket: which ``kind`` of sum over which column."""

    kind: str
    column: str


def parts_of(measure: Measure, table: Table) -> tuple[Part, ...] | None:
    """What a measure is made of; None when only the rows tell."""
    if measure.function is Function.RATIO:
        over = [parts_of(part, table) for part in measure.over]
        return None if None in over else tuple(part for parts in over if parts is not None for part in parts)
    if not measure.column:
        return ()
    kinds, kind = _KINDS.get(measure.function), table.column[measure.column].kind
    if kinds is None or kind not in _TAKES[measure.function]:
        return None
    return tuple(Part(name, measure.column) for name in kinds)


_NUMBERS = NUMERIC | {Kind.FLAG}
_KINDS: dict[Function, tuple[str, ...]] = {
    Function.COUNT: ("n",),
    Function.SUM: ("n", "sum"),
    Function.AVG: ("n", "sum"),
    Function.MIN: ("min",),
    Function.MAX: ("max",),
    Function.LAST: ("last", "last_ts"),
    Function.FIRST: ("first", "first_ts"),
    Function.WORST: ("min", "max"),
    Function.DELTA: ("gain", "span_us"),
    Function.RATE: ("gain", "span_us"),
    Function.QUANTILE: ("values",),
}
_TAKES: dict[Function, frozenset[Kind]] = {
    Function.COUNT: _NUMBERS | {Kind.TIME, Kind.STATE},
    Function.SUM: NUMERIC,
    Function.AVG: _NUMBERS,
    Function.MIN: NUMERIC | {Kind.TIME},
    Function.MAX: NUMERIC | {Kind.TIME},
    Function.LAST: _NUMBERS,
    Function.FIRST: _NUMBERS,
    Function.WORST: frozenset({Kind.FLAG, Kind.STATE}),
    Function.DELTA: frozenset({Kind.COUNTER}),
    Function.RATE: frozenset({Kind.COUNTER}),
    Function.QUANTILE: NUMERIC | {Kind.SKETCH},
}
IDLE: dict[str, float] = {
    "n": 0.0,
    "sum": 0.0,
    "gain": 0.0,
    "span_us": 0.0,
    "min": np.inf,
    "max": -np.inf,
    "last": np.nan,
    "first": np.nan,
    "last_ts": -np.inf,
    "first_ts": np.inf,
}
"""What a series without rows has of each kind."""


def segments(part: Part, rows: Arrived, starts: npt.NDArray[np.intp]) -> Floats:  # noqa: PLR0911 - one line per kind
    """The part for each stretch of rows; ``starts`` are their first rows."""
    if part.kind in {"gain", "span_us"}:
        return np.add.reduceat(rows.gains[part.column][part.kind == "span_us"], starts)
    values = rows.numbers(part.column)
    known = ~np.isnan(values)
    match part.kind:
        case "n":
            return np.add.reduceat(known.astype(np.float64), starts)
        case "sum":
            return np.add.reduceat(np.where(known, values, 0.0), starts)
        case "min":
            return np.minimum.reduceat(np.where(known, values, np.inf), starts)
        case "max":
            return np.maximum.reduceat(np.where(known, values, -np.inf), starts)
        case "last" | "last_ts":
            at = np.maximum.reduceat(np.where(known, np.arange(len(values)), -1), starts)
            source, none = (rows.ts, -np.inf) if part.kind == "last_ts" else (values, np.nan)
            return np.where(at < 0, none, source[at])
        case _:
            at = np.minimum.reduceat(np.where(known, np.arange(len(values)), len(values)), starts)
            source, none = (rows.ts, np.inf) if part.kind == "first_ts" else (values, np.nan)
            return np.where(at == len(values), none, source[np.minimum(at, len(values) - 1)])


def added(kind: str, held: Floats, more: Floats) -> Floats:  # noqa: PLR0911 - one line per kind
    """What a series has of a part after more rows, all newer than those before."""
    match kind:
        case "min":
            return np.minimum(held, more)
        case "max":
            return np.maximum(held, more)
        case "last":
            return np.where(np.isnan(more), held, more)
        case "first":
            return np.where(np.isnan(held), more, held)
        case "last_ts":
            return np.maximum(held, more)
        case "first_ts":
            return np.minimum(held, more)
        case _:
            return held + more


class Ambiguous(Exception):
    """Two series have their newest value at the same moment; only the rows tell which counts."""


@dataclass(frozen=True, slots=True)
class Cells:
    """The parts of one bucket, of the series of a selection, and how many groups there are.

    Attributes:
        rows: Rows per series.
        parts: Part to values per series.
        values: Column to pairs of series numbers and values, for quantiles.
        selection: Which series, in which groups.
    """

    rows: Floats
    parts: dict[Part, Floats]
    values: dict[str, list[tuple[Places, npt.NDArray[Any]]]]
    selection: Selection

    def measure(self, measure: Measure, table: Table) -> TypedColumn:
        """One value per group.

        Raises:
            Ambiguous: Only the rows can tell.
        """
        if measure.function is Function.RATIO:
            return quotient(*(self._number(part, table) for part in measure.over))
        return typed(self._number(measure, table), measure, table)

    def _number(self, measure: Measure, table: Table) -> Floats:  # noqa: PLR0911 - one line per function
        column = measure.column
        if not column:
            return self._sum(self.rows)
        match measure.function:
            case Function.COUNT:
                return self._sum(self._of("n", column))
            case Function.AVG:
                n = self._sum(self._of("n", column))
                return np.divide(self._sum(self._of("sum", column)), n, out=np.full(len(n), np.nan), where=n > 0)
            case Function.SUM:
                return self._over_sources(np.where(self._of("n", column) > 0, self._of("sum", column), np.nan))
            case Function.DELTA | Function.RATE:
                return self._over_sources(self._gained(measure.function, column))
            case Function.MIN:
                return self._extreme(np.minimum, "min", column)
            case Function.MAX:
                return self._extreme(np.maximum, "max", column)
            case Function.WORST:
                is_low = is_low_worst(measure, table)
                return self._extreme(np.minimum, "min", column) if is_low else self._extreme(np.maximum, "max", column)
            case Function.LAST | Function.FIRST:
                return self._at_edge(measure.function, column)
            case _:
                return self._quantiles(measure, table.column[column].kind)

    @property
    def _groups(self) -> int:
        return len(self.selection.keys)

    def _of(self, kind: str, column: str) -> Floats:
        return self.parts[Part(kind, column)]

    def _sum(self, values: Floats) -> Floats:
        return np.bincount(self.selection.groups, values, self._groups).astype(np.float64)

    def _gained(self, function: Function, column: str) -> Floats:
        gain, span_us = self._of("gain", column), self._of("span_us", column)
        if function is Function.DELTA:
            return np.where(span_us > 0, gain, np.nan)
        return np.divide(gain * _US_PER_S, span_us, out=np.full(len(gain), np.nan), where=span_us > 0)

    def _over_sources(self, values: Floats) -> Floats:
        """Of the sources of a subject the largest, added over the subjects of a group; null where none has a value."""
        best = np.full(len(self.selection.subject_groups), -np.inf)
        known = ~np.isnan(values)
        np.maximum.at(best, self.selection.subjects[known], values[known])
        has = best > -np.inf
        groups = self.selection.subject_groups
        total = np.bincount(groups[has], best[has], self._groups).astype(np.float64)
        total[np.bincount(groups[has], minlength=self._groups) == 0] = np.nan
        return total

    def _extreme(self, function: np.ufunc, kind: str, column: str) -> Floats:
        found = np.full(self._groups, IDLE[kind])
        function.at(found, self.selection.groups, self._of(kind, column))
        return np.where(np.isinf(found), np.nan, found)

    def _at_edge(self, function: Function, column: str) -> Floats:
        kind, sign = ("last", 1) if function is Function.LAST else ("first", -1)
        values, ts = self._of(kind, column), sign * self._of(f"{kind}_ts", column)
        known = np.flatnonzero(~np.isnan(values))
        order = known[np.lexsort((ts[known], self.selection.groups[known]))]
        groups = self.selection.groups[order]
        if ((groups[1:] == groups[:-1]) & (ts[order[1:]] == ts[order[:-1]])).any():
            raise Ambiguous
        found = np.full(self._groups, np.nan)
        found[groups] = values[order]  # of equal groups the last one stays
        return found

    def _quantiles(self, measure: Measure, kind: Kind) -> Floats:
        fraction = float(measure.argument) if isinstance(measure.argument, (int, float)) else 0.0
        found = np.full(self._groups, np.nan)
        for group, values in self._values_by_group(measure.column):
            found[group] = _quantile(values, fraction, is_sketch=kind is Kind.SKETCH)
        return found

    def _values_by_group(self, column: str) -> Sequence[tuple[int, npt.NDArray[Any]]]:
        chunks = self.values.get(column)
        if not chunks:
            return ()
        series = np.concatenate([places for places, _ in chunks])
        values = np.concatenate([values for _, values in chunks])
        group_of = np.full(max(int(series.max()), int(self.selection.series.max(initial=0))) + 1, -1)
        group_of[self.selection.series] = self.selection.groups
        groups = group_of[series]
        order = np.argsort(groups, kind="stable")
        found, first = np.unique(groups[order], return_index=True)
        cuts = np.split(values[order], first[1:])
        return [(int(group), cut) for group, cut in zip(found, cuts, strict=True) if group >= 0]


def quotient(above: Floats, below: Floats) -> Floats:
    """One divided by the other; NaN where there is nothing to divide by."""
    return np.divide(above, below, out=np.full(len(above), np.nan), where=~(np.isnan(below) | (below == 0)))


def typed(values: Floats, measure: Measure, table: Table) -> TypedColumn:
    """The values of a measure in the form that a store gives them: flags, times and words of states as such; NaN is null."""
    kind = table.column[measure.column].kind if measure.column else None
    if kind is Kind.FLAG and measure.function in {Function.WORST, Function.LAST, Function.FIRST}:
        return np.where(np.isnan(values), NULL_FLAG, values).astype(np.int8)
    if kind is Kind.TIME and measure.function is not Function.COUNT:
        return np.where(np.isnan(values), NULL_TIME, values).astype(np.int64)
    if kind is Kind.STATE and measure.function is Function.WORST:
        words = tuple(state.name for state in table.column[measure.column].states)
        return Coded(np.where(np.isnan(values), -1, values).astype(np.int32), words)
    return values


def is_low_worst(measure: Measure, table: Table) -> bool:
    """Whether the worst value is the lowest one: of a flag for which true is good; states are ranked, the best has 0."""
    column = table.column[measure.column]
    return column.kind is Kind.FLAG and not (column.flag_rule is not None and column.flag_rule.bad)


def _quantile(values: npt.NDArray[Any], fraction: float, *, is_sketch: bool) -> float:
    if is_sketch:
        found = sketch.quantile(sketch.merge(values.tolist()), fraction)
        return np.nan if found is None else found
    pick: Callable[..., Any] = np.quantile  # linear between the two closest ranks: R-7, as every store does it
    return float(pick(values.astype(np.float64), fraction))
