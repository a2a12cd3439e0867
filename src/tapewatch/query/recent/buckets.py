"""The buckets of one width that are still filling, added up per series as rows arrive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tapewatch.model.query import Measure, Query
from tapewatch.model.rows import Coded, Floats, Times, TypedColumn, joined
from tapewatch.model.table import Table
from tapewatch.query.recent.parts import IDLE, Ambiguous, Cells, Part, added, parts_of, segments
from tapewatch.query.recent.rows import Arrived
from tapewatch.query.recent.series import Places, Selection
from tapewatch.store.base import Answer

KEPT = 4
"""Buckets that are kept behind the one of now: late rows of a few seconds still find theirs."""
AHEAD = 4
"""Buckets that are kept before the one of now, for hosts whose clocks run ahead; rows beyond are left to the store."""
MOST_VALUES = 50_000
"""Single values that a bucket keeps for quantiles; with more, its quantiles are left to the store."""
SKETCH_VALUES = 25
"""To merge a sketch takes as long as to sort so many values."""


class _Bucket:
    """One bucket: rows, newest time and parts per series. Spoiled when rows came in an order that cannot be added up."""

    def __init__(self) -> None:
        self.rows: Floats = np.zeros(0)
        self.newest: Times = np.zeros(0, np.int64)
        self.parts: dict[Part, Floats] = {}
        self.values: dict[str, list[tuple[Places, npt.NDArray[Any]]]] = {}
        self.kept_values = 0
        self.is_spoiled = False

    def grow(self, count: int) -> None:
        """Make room for so many series."""
        more = count - len(self.rows)
        if more > 0:
            self.rows = np.concatenate([self.rows, np.zeros(more)])
            self.newest = np.concatenate([self.newest, np.zeros(more, np.int64)])
            for part, values in self.parts.items():
                self.parts[part] = np.concatenate([values, np.full(more, IDLE[part.kind])])

    def part(self, part: Part) -> Floats:
        """Values of a part, made when it is missing."""
        if part not in self.parts:
            self.parts[part] = np.full(len(self.rows), IDLE[part.kind])
        return self.parts[part]


class OpenBuckets:
    """All open buckets of one width.

    Args:
        table: Whose rows.
        width_us: Of the buckets.
    """

    def __init__(self, table: Table, width_us: int) -> None:
        self._table = table
        self._width_us = width_us
        self._whole_from_us: dict[Part | None, int] = {}
        self._buckets: dict[int, _Bucket] = {}
        self._gone_us = 0
        self._skipped: set[int] = set()
        self.asked_s = 0.0

    def _start(self, time_us: int) -> int:
        return time_us // self._width_us * self._width_us

    # --- rows ---------------------------------------------------------------------------------------------------------

    def want(self, parts: Sequence[Part], latest_us: int) -> None:
        """Add these parts up from now on; they are whole in buckets that begin after ``latest_us``, the newest time so far."""
        for part in (None, *parts):
            if part not in self._whole_from_us:
                self._whole_from_us[part] = self._start(latest_us) + self._width_us

    def take(self, rows: Arrived, series: int, late_from_us: int | None, now_us: int) -> None:
        """Add rows up; those from ``late_from_us`` on came out of order."""
        buckets = rows.ts // self._width_us
        begins = (rows.places[1:] != rows.places[:-1]) | (buckets[1:] != buckets[:-1])
        starts = np.flatnonzero(np.append([True], begins))
        ends = np.append(starts[1:], len(rows)) - 1
        places, of_bucket, counts, newest = rows.places[starts], buckets[starts], ends - starts + 1, rows.ts[ends]
        wanted = [part for part in self._whole_from_us if part is not None]
        sums = {part: segments(part, rows, starts) for part in wanted if part.kind != "values"}
        self._forget(now_us)
        beyond_us = self._start(now_us) + (AHEAD + 1) * self._width_us
        for number in np.unique(of_bucket).tolist():
            if number * self._width_us >= beyond_us:
                self._skipped.add(number * self._width_us)
            if not self._gone_us <= number * self._width_us < beyond_us:
                continue
            bucket = self._buckets.setdefault(number * self._width_us, _Bucket())
            bucket.grow(series)
            chosen = np.flatnonzero(of_bucket == number)
            at = places[chosen]
            bucket.rows[at] += counts[chosen]
            bucket.newest[at] = np.maximum(bucket.newest[at], newest[chosen])
            for part, values in sums.items():
                held = bucket.part(part)
                held[at] = added(part.kind, held[at], values[chosen])
            self._keep_values(bucket, rows, buckets == number, [part.column for part in wanted if part.kind == "values"])
        if late_from_us is not None:
            for start_us, bucket in self._buckets.items():
                bucket.is_spoiled |= start_us >= self._start(late_from_us)

    def _keep_values(self, bucket: _Bucket, rows: Arrived, inside: npt.NDArray[np.bool_], columns: Sequence[str]) -> None:
        for name in columns:
            values = rows.columns.get(name)
            if values is None or isinstance(values, Coded):
                continue
            known = inside & (_not_none(values) if values.dtype.kind == "O" else ~np.isnan(values))
            bucket.kept_values += int(np.count_nonzero(known)) * (SKETCH_VALUES if values.dtype.kind == "O" else 1)
            if bucket.kept_values > MOST_VALUES:
                bucket.values.clear()
            elif known.any():
                bucket.values.setdefault(name, []).append((rows.places[known], values[known]))

    def _forget(self, now_us: int) -> None:
        self._gone_us = max(self._gone_us, self._start(now_us) - KEPT * self._width_us)
        for start_us in [start_us for start_us in self._buckets if start_us < self._gone_us]:
            del self._buckets[start_us]
        self._skipped = {start_us for start_us in self._skipped if start_us >= self._gone_us}

    # --- answers ------------------------------------------------------------------------------------------------------

    def answer(self, query: Query, selection: Selection) -> Answer | None:
        """The measures per bucket and group, as a store gives them; None when the store must be asked."""
        wanted = self._wanted(query)
        starts = range(self._start(query.start_us), query.end_us, self._width_us)
        if not self._holds(wanted, query):
            return None
        held = [(start_us, self._buckets[start_us]) for start_us in starts if start_us in self._buckets]
        if any(bucket.is_spoiled for _, bucket in held) or not self._skipped.isdisjoint(starts):
            return None
        has_values = any(part is not None and part.kind == "values" for part in wanted)
        if has_values and any(bucket.kept_values > MOST_VALUES for _, bucket in held):
            return None
        try:
            return self._together(query, selection, held)
        except Ambiguous:
            return None

    def whole(self, query: Query, selection: Selection) -> Answer | None:
        """The measures per group over all from the start of a bucket on, as a store gives them without buckets; no quantiles."""
        wanted = self._wanted(query)
        held = [self._buckets[start_us] for start_us in sorted(self._buckets) if start_us >= query.start_us]
        is_known = self._holds(wanted, query) and not any(query.start_us <= start_us < query.end_us for start_us in self._skipped)
        if not is_known or any(bucket.is_spoiled for bucket in held):
            return None
        for bucket in held:
            bucket.grow(int(selection.series.max(initial=-1)) + 1)
        newest_us = max((int(bucket.newest[selection.series].max(initial=0)) for bucket in held), default=0)
        if newest_us >= query.end_us:
            return None  # a row from beyond the end cannot be taken out again
        rows = np.zeros(len(selection.series))
        parts = {part: np.full(len(selection.series), IDLE[part.kind]) for part in wanted if part is not None}
        for bucket in held:
            rows += bucket.rows[selection.series]
            for part, before in parts.items():
                parts[part] = added(part.kind, before, bucket.part(part)[selection.series])
        by_group = np.bincount(selection.groups, rows, len(selection.keys))
        shown = np.flatnonzero(by_group > 0)
        cells = Cells(rows, parts, {}, selection)
        try:
            measured = [cells.measure(measure, self._table) for measure in query.measures]
        except Ambiguous:
            return None
        columns = [[values.take(shown) if isinstance(values, Coded) else values[shown]] for values in measured]
        return self._answer(query, selection, None, [shown], columns, int(by_group.sum()), newest_us or None)

    def _wanted(self, query: Query) -> list[Part | None]:
        return [None, *(part for measure in query.measures for part in parts_of(measure, self._table) or ())]

    def _holds(self, wanted: Sequence[Part | None], query: Query) -> bool:
        """Whether all parts are added up since the start of the range."""
        is_whole = all(query.start_us >= self._whole_from_us.get(part, query.end_us) for part in wanted)
        return is_whole and query.start_us >= self._gone_us

    def _together(self, query: Query, selection: Selection, held: Sequence[tuple[int, _Bucket]]) -> Answer:
        starts: list[Times] = []
        groups: list[Places] = []
        measured: list[list[TypedColumn]] = [[] for _ in query.measures]
        rows, newest_us = 0, 0
        for start_us, bucket in held:
            cells = self._cells(bucket, selection)
            by_group = np.bincount(selection.groups, cells.rows, len(selection.keys))
            shown = np.flatnonzero(by_group > 0)
            if not len(shown):
                continue
            rows += int(by_group.sum())
            newest_us = max(newest_us, int(bucket.newest[selection.series].max()))
            starts.append(np.full(len(shown), start_us, np.int64))
            groups.append(shown)
            for column, measure in zip(measured, query.measures, strict=True):
                values = cells.measure(measure, self._table)
                column.append(values.take(shown) if isinstance(values, Coded) else values[shown])
        return self._answer(query, selection, starts, groups, measured, rows, newest_us or None)

    def _nothing(self, measure: Measure) -> TypedColumn:
        """No value, in the form of a measure."""
        none = np.empty(0, np.int64)
        parts = {part: np.empty(0) for part in parts_of(measure, self._table) or ()}
        return Cells(np.empty(0), parts, {}, Selection(none, none, none, none, [])).measure(measure, self._table)

    def _cells(self, bucket: _Bucket, selection: Selection) -> Cells:
        bucket.grow(int(selection.series.max(initial=-1)) + 1)
        parts = {part: bucket.part(part)[selection.series] for part in self._whole_from_us if part is not None and part.kind != "values"}
        return Cells(bucket.rows[selection.series], parts, bucket.values, selection)

    def _answer(
        self,
        query: Query,
        selection: Selection,
        starts: Sequence[Times] | None,
        groups: Sequence[Places],
        measured: Sequence[Sequence[TypedColumn]],
        rows: int,
        newest_us: int | None,
    ) -> Answer:
        codes = np.concatenate(groups) if groups else np.empty(0, np.int64)
        columns: dict[str, TypedColumn] = {}
        if starts is not None:
            columns["bucket"] = np.concatenate(starts) if starts else np.empty(0, np.int64)
        for i, name in enumerate(query.group_by):
            words = Coded.of([key[i] for key in selection.keys])
            columns[name] = words.take(codes)
        for measure, parts in zip(query.measures, measured, strict=True):
            columns[measure.name] = joined(parts) if parts else self._nothing(measure)
        return Answer(columns, len(codes), rows, newest_us)


def _not_none(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.fromiter((value is not None for value in values), np.bool_, len(values))
