"""From a store's answer to a frame: definitions, verdict per cell, series with their holes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import orjson

from tapewatch.model.query import Comparison, Mode, Query
from tapewatch.model.rows import NULL_FLAG, Coded, Flags, Floats, Times, TypedColumn
from tapewatch.model.table import NUMERIC, Column, Identity, Kind, Status, Table
from tapewatch.query.frame import Frame, FrameColumn, FrameSeries, describe, plain
from tapewatch.query.group import Retired
from tapewatch.query.holes import explain, find_holes
from tapewatch.query.series import SeriesBook
from tapewatch.query.verdict import Verdict, is_past, judge_flag, judge_number, judge_state
from tapewatch.store.base import Answer

MOST_FRAME_SERIES = 2_000

_TABLE_PER_ROW, _TABLE = 4, 10_000
"""Keys are counted through in a table of all possible ones while it is about as long as the rows: faster than sorting them."""


@dataclass(frozen=True)
class Assembly:
    """Everything that turns an answer to ``query`` into a frame.

    Rows are many and what is wrong is rare: values are compared as arrays, and only those past a line are looked at one by one.
    """

    query: Query
    table: Table
    answer: Answer
    book: SeriesBook
    now_us: int
    query_ms: float

    def frame(self) -> Frame:
        """Build the frame; the newest rows of retired series are left out of it, and those series are named beside it."""
        retired = self._retired()
        if not retired or self.query.mode is not Mode.LATEST:
            return self.whole(retired)
        gone = {tuple(one.key.values()) for one in retired}
        is_alive = np.array([key not in gone for key in self._groups.keys], np.bool_)[self._groups.codes]
        columns = {
            name: values.take(is_alive) if isinstance(values, Coded) else values[is_alive] for name, values in self.answer.columns.items()
        }
        return replace(self, answer=replace(self.answer, columns=columns, rows=int(np.count_nonzero(is_alive)))).whole(retired)

    def _retired(self) -> tuple[Retired, ...]:
        by = self._key_names() if self.query.mode is not Mode.ROWS else ()
        return tuple(self.book.retired(self.table.name, keep=tag_filter(self.query), by=by or None)[:MOST_FRAME_SERIES])

    def whole(self, retired: tuple[Retired, ...]) -> Frame:
        """The frame of all rows of the answer, beside which some series are named as retired."""
        query, answer = self.query, self.answer
        shown = {
            name: values for name, values in answer.columns.items() if name != "flags" or not query.columns or "flags" in query.columns
        }
        notes = self._notes()
        return Frame(
            table=self.table.name,
            columns=tuple(self._column(name, values, notes.get(name, {})) for name, values in shown.items()),
            rows=answer.rows,
            series=self._series(),
            start_us=query.start_us if answer.start_us is None else answer.start_us,
            end_us=query.end_us if answer.end_us is None else answer.end_us,
            bucket_us=query.bucket_us,
            newest_us=answer.newest_us,
            as_of_us=self.now_us,
            query_ms=self.query_ms,
            rows_behind=answer.rows_behind,
            tier=answer.tier,
            is_truncated=answer.truncated,
            cursor=answer.cursor,
            unsynchronised=self._unsynchronised(),
            retired=retired,
        )

    def _column(self, name: str, values: TypedColumn, notes: dict[int, str]) -> FrameColumn:
        column = describe(self.query, self.table, name)
        status = self._status(column, name, values)
        judged = (column.thresholds, column.flag_rule, column.states, status, notes)
        return FrameColumn(
            name, column.kind, column.unit, column.sentence, values, *judged, of=self._column_behind(name), by_clock=self._is_by_clock(name)
        )

    def _is_by_clock(self, name: str) -> bool:
        """Latencies are measured with the host's wall clock; so are times beside ``ts``, which are shown as ages."""
        column = self.table.column.get(self._column_behind(name))
        return column is not None and (column.by_clock or (column.kind is Kind.TIME and column.name not in {"ts", "received_at"}))

    def _unsynchronised(self) -> dict[str, float | None]:
        wrong = self.book.clocks.unsynchronised()
        if not wrong or "host" not in self.table.tags or not any(map(self._is_by_clock, self.answer.columns)):
            return {}
        at, keep = self.table.tags.index("host"), tag_filter(self.query)
        names = (*self.table.tags, "source")
        hosts = {
            series.key[at]
            for series in self.book.series(self.table.name)
            if series.key[at] in wrong and (keep is None or keep(dict(zip(names, (*series.key, series.source), strict=True))))
        }
        return {host: wrong[host] for host in sorted(hosts)}

    def _column_behind(self, name: str) -> str:
        return next((measure.column for measure in self.query.measures if measure.name == name), name)

    def _status(self, column: Column, name: str, values: TypedColumn) -> tuple[Status | None, ...] | None:
        is_bucketed = self.query.bucket_us is not None
        if column.kind is Kind.STATE:
            by_word = {state.name: state.status for state in column.states}
            return tuple(
                None if word is None else by_word.get(word, judge_state(word, column).status) for word in plain(values, Kind.STATE)
            )
        if isinstance(values, Coded):
            return None
        if column.kind is Kind.FLAG and column.flag_rule is not None:
            flags = values.astype(np.int8, copy=False)
            return self._bucketed_flags(column, flags) if is_bucketed else self._flags(column, name, flags)
        if column.kind in NUMERIC and column.thresholds is not None and not is_bucketed:
            return self._numbers(column, name, values.astype(np.float64, copy=False))
        return None

    def _numbers(self, column: Column, name: str, values: Floats) -> tuple[Status | None, ...]:
        thresholds = column.thresholds
        found = _all_up(np.isnan(values))
        past = np.flatnonzero(is_past(values, thresholds))
        held = self._held(self._column_behind(name)) if len(past) and thresholds is not None and thresholds.hold_s else {}
        for row in past.tolist():
            found[row] = judge_number(float(values[row]), thresholds, held_us=held.get(self._key_of(row))).status
        return tuple(found.tolist())

    def _flags(self, column: Column, name: str, values: Flags) -> tuple[Status | None, ...]:
        found = _all_up(values == NULL_FLAG)
        bad = np.flatnonzero(_is_bad(column, values))
        held = self._held(self._column_behind(name)) if len(bad) else {}
        for row in bad.tolist():
            found[row] = judge_flag(bool(values[row]), column.flag_rule, held.get(self._key_of(row)), column).status
        return tuple(found.tolist())

    def _bucketed_flags(self, column: Column, values: Flags) -> tuple[Status | None, ...]:
        """A bad flag is judged by how long it had been bad at the end of its bucket."""
        found = _all_up(values == NULL_FLAG)
        bad = _is_bad(column, values)
        if not bad.any():
            return tuple(found.tolist())
        bucket_us = self.query.bucket_us or 0
        starts: list[int] = _times(self.answer.columns["bucket"]).tolist()
        bad_since: dict[int, int] = {}
        for row, (group, is_bad) in enumerate(zip(self._groups.codes.tolist(), bad.tolist(), strict=True)):
            if not is_bad:
                bad_since.pop(group, None)
                continue
            held_us = starts[row] + bucket_us - bad_since.setdefault(group, starts[row])
            found[row] = judge_flag(bool(values[row]), column.flag_rule, held_us, column).status
        return tuple(found.tolist())

    def _held(self, column: str) -> dict[tuple[str, ...], int]:
        held: dict[tuple[str, ...], int] = {}
        names = self._key_names()
        for series in self.book.series(self.table.name):
            tags = dict(zip((*self.table.tags, "source"), (*series.key, series.source), strict=True))
            judged = series.judged.get(column)
            if judged is not None:
                key = tuple(tags[name] for name in names)
                held[key] = max(held.get(key, 0), self.book.held_us(judged))
        return held

    def _key_names(self) -> tuple[str, ...]:
        if self.query.group_by or self.query.mode is Mode.AGGREGATE:
            return self.query.group_by
        return tuple(name for name in self.table.tags if name in self.answer.columns)

    @cached_property
    def _groups(self) -> Groups:
        return groups_of([column for name in self._key_names() if isinstance(column := self.answer.columns[name], Coded)], self.answer.rows)

    def _key_of(self, row: int) -> tuple[str, ...]:
        return self._groups.keys[int(self._groups.codes[row])]

    def _notes(self) -> dict[str, dict[int, str]]:
        flags = self.answer.columns.get("flags")
        notes: dict[str, dict[int, str]] = {}
        if not isinstance(flags, Coded):
            return notes
        parsed: list[Mapping[str, Any]] = [_reasons(word) for word in flags.values]
        for row in np.flatnonzero(flags.codes >= 0).tolist():
            for column, reason in parsed[int(flags.codes[row])].items():
                notes.setdefault(column, {})[row] = str(reason)
        return notes

    def _series(self) -> tuple[FrameSeries, ...]:
        if self.table.identity is not Identity.MEASUREMENT:
            return ()
        by = self._key_names() if self.query.mode is not Mode.ROWS else ()
        verdicts = self.book.judge(self.table.name, keep=tag_filter(self.query), by=by)
        if len(verdicts) > MOST_FRAME_SERIES:
            verdicts = sorted(verdicts, key=lambda verdict: -verdict.status.rank)[:MOST_FRAME_SERIES]
        if self.query.bucket_us is None:
            return tuple(FrameSeries(verdict) for verdict in verdicts)
        return self._with_holes(verdicts)

    def _with_holes(self, verdicts: Sequence[Verdict]) -> tuple[FrameSeries, ...]:
        buckets = self.answer.columns.get("bucket")
        if buckets is None or self.query.bucket_us is None:
            return tuple(FrameSeries(verdict) for verdict in verdicts)
        times = _times(buckets)
        order = np.lexsort((times, self._groups.codes))
        ends = np.searchsorted(self._groups.codes[order], np.arange(len(self._groups.keys) + 1))
        starts_of = {key: times[order[ends[i] : ends[i + 1]]] for i, key in enumerate(self._groups.keys)}
        outages = self.book.outages.known()
        found: list[FrameSeries] = []
        for verdict in verdicts:
            starts = starts_of.get(tuple(verdict.key.values()))
            holes = find_holes(starts, self.query.bucket_us, verdict.expected_us) if starts is not None else []
            found.append(FrameSeries(verdict, explain(holes, verdict.sources, outages)))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows by their key: ``codes`` (int64, n) point into ``keys``."""

    codes: npt.NDArray[np.int64]
    keys: list[tuple[str, ...]]


def groups_of(columns: Sequence[Coded], rows: int) -> Groups:
    """Number the different keys that word columns make; null counts as the empty word, and without columns there is one key."""
    codes, count = np.zeros(rows, np.int64), 1
    for column in columns:
        width = len(column.values) + 1
        # numbered anew after each column: the product of many would not fit 64 bits
        codes, count = _numbered(codes * width + (column.codes + 1), count * width)
    first = np.zeros(count, np.int64)
    first[codes[::-1]] = np.arange(rows)[::-1]  # of several rows of a key the last one written, which is the first, stays
    words = [column.take(first).words().tolist() for column in columns]
    return Groups(codes, [tuple(word or "" for word in key) for key in zip(*words, strict=True)] if columns else [()])


def _numbered(codes: npt.NDArray[np.int64], below: int) -> tuple[npt.NDArray[np.int64], int]:
    """The different codes, all ``below`` a number, counted through in their order, and how many there are."""
    if not len(codes) or below > _TABLE_PER_ROW * len(codes) + _TABLE:
        found, numbers = np.unique(codes, return_inverse=True)
        return numbers.astype(np.int64, copy=False), len(found)
    is_there = np.zeros(below, np.bool_)
    is_there[codes] = True
    numbers = np.cumsum(is_there)
    return numbers[codes] - 1, int(numbers[-1])


def _times(values: TypedColumn) -> Times:
    return np.empty(0, np.int64) if isinstance(values, Coded) else values.astype(np.int64, copy=False)


def _all_up(is_null: npt.NDArray[np.bool_]) -> npt.NDArray[np.object_]:
    """``up`` for every row, None where there is no value."""
    found = np.full(len(is_null), Status.UP, np.object_)
    found[is_null] = None
    return found


def _is_bad(column: Column, values: Flags) -> npt.NDArray[np.bool_]:
    return np.zeros(len(values), np.bool_) if column.flag_rule is None else values == int(column.flag_rule.bad)


def _reasons(word: str) -> Mapping[str, Any]:
    try:
        found: object = orjson.loads(word)
    except orjson.JSONDecodeError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def tag_filter(query: Query) -> Callable[[Mapping[str, str]], bool] | None:
    """Which series a question is about, judged by their tags; filters on values are not looked at. None: all."""
    if not query.filters:
        return None

    def keep(tags: Mapping[str, str]) -> bool:
        for item in query.filters:
            if item.column not in tags:
                continue
            is_listed = tags[item.column] in item.values
            if item.comparison in {Comparison.IN, Comparison.EQ} and not is_listed:
                return False
            if item.comparison in {Comparison.NOT_IN, Comparison.NE} and is_listed:
                return False
        return True

    return keep
