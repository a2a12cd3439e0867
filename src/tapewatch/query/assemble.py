"""From a store's answer to a frame: definitions, verdict per cell, series with their holes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import orjson

from tapewatch.model.query import Comparison, Mode, Query
from tapewatch.model.rows import Coded, TypedColumn
from tapewatch.model.table import NUMERIC, Column, Identity, Kind, Status, Table
from tapewatch.query.frame import Frame, FrameColumn, FrameSeries, describe, plain
from tapewatch.query.holes import explain, find_holes
from tapewatch.query.series import SeriesBook
from tapewatch.query.verdict import Verdict, judge_flag, judge_number, judge_state
from tapewatch.store.base import Answer

MOST_FRAME_SERIES = 2_000


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything that turns an answer to ``query`` into a frame."""

    query: Query
    table: Table
    answer: Answer
    book: SeriesBook
    now_us: int
    query_ms: float

    def frame(self) -> Frame:
        """Build the frame."""
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
            start_us=query.start_us,
            end_us=query.end_us,
            bucket_us=query.bucket_us,
            newest_us=answer.newest_us,
            as_of_us=self.now_us,
            query_ms=self.query_ms,
            rows_behind=answer.rows_behind,
            tier=answer.tier,
            is_truncated=answer.truncated,
            cursor=answer.cursor,
        )

    def _column(self, name: str, values: TypedColumn, notes: dict[int, str]) -> FrameColumn:
        column = describe(self.query, self.table, name)
        status = self._status(column, name, values)
        return FrameColumn(
            name, column.kind, column.unit, column.sentence, values, column.thresholds, column.flag_rule, column.states, status, notes
        )

    def _column_behind(self, name: str) -> str:
        return next((measure.column for measure in self.query.measures if measure.name == name), name)

    def _status(self, column: Column, name: str, values: TypedColumn) -> tuple[Status | None, ...] | None:
        is_bucketed = self.query.bucket_us is not None
        if column.kind is Kind.STATE:
            by_word = {state.name: state.status for state in column.states}
            return tuple(
                None if word is None else by_word.get(word, judge_state(word, column).status) for word in plain(values, Kind.STATE)
            )
        if column.kind is Kind.FLAG and column.flag_rule is not None:
            return self._bucketed_flags(column, values) if is_bucketed else self._flags(column, name, values)
        if column.kind in NUMERIC and column.thresholds is not None and not is_bucketed and not isinstance(values, Coded):
            return self._numbers(column, name, values.tolist())
        return None

    def _numbers(self, column: Column, name: str, values: Sequence[float]) -> tuple[Status | None, ...]:
        held: Mapping[tuple[str, ...], int] = {}
        if column.thresholds is not None and column.thresholds.hold_s:
            held = self._held(self._column_behind(name))
        return tuple(
            None if math.isnan(value) else judge_number(value, column.thresholds, held_us=held.get(key)).status
            for key, value in zip(self._row_keys(), values, strict=True)
        )

    def _flags(self, column: Column, name: str, values: TypedColumn) -> tuple[Status | None, ...]:
        held = self._held(self._column_behind(name))
        keys = self._row_keys()
        return tuple(
            None if value is None else judge_flag(value, column.flag_rule, held.get(key), column).status
            for key, value in zip(keys, plain(values, Kind.FLAG), strict=True)
        )

    def _bucketed_flags(self, column: Column, values: TypedColumn) -> tuple[Status | None, ...]:
        """A bad flag is judged by how long it had been bad at the end of its bucket."""
        bucket_us = self.query.bucket_us or 0
        buckets = self.answer.columns["bucket"]
        starts: list[int] = [] if isinstance(buckets, Coded) else buckets.tolist()
        bad_since: dict[tuple[str, ...], int] = {}
        found: list[Status | None] = []
        for key, start_us, value in zip(self._row_keys(), starts, plain(values, Kind.FLAG), strict=True):
            rule = column.flag_rule
            if value is None or rule is None or value is not rule.bad:
                bad_since.pop(key, None)
                found.append(None if value is None else Status.UP)
                continue
            held_us = start_us + bucket_us - bad_since.setdefault(key, start_us)
            found.append(judge_flag(value, rule, held_us, column).status)
        return tuple(found)

    def _held(self, column: str) -> dict[tuple[str, ...], int]:
        held: dict[tuple[str, ...], int] = {}
        names = self._key_names()
        for series in self.book.series(self.table.name):
            tags = dict(zip((*self.table.tags, "source"), (*series.key, series.source), strict=True))
            judged = series.judged.get(column)
            if judged is not None:
                key = tuple(tags[name] for name in names)
                held[key] = max(held.get(key, 0), self.now_us - judged.since_us)
        return held

    def _key_names(self) -> tuple[str, ...]:
        if self.query.group_by or self.query.mode is Mode.AGGREGATE:
            return self.query.group_by
        return tuple(name for name in self.table.tags if name in self.answer.columns)

    def _row_keys(self) -> list[tuple[str, ...]]:
        columns = [plain(self.answer.columns[name], Kind.TAG) for name in self._key_names()]
        return [tuple(word or "" for word in words) for words in zip(*columns, strict=True)] if columns else [()] * self.answer.rows

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
        verdicts = self.book.judge(self.table.name, keep=tag_filter(self.query), by=by)[:MOST_FRAME_SERIES]
        if self.query.bucket_us is None:
            return tuple(FrameSeries(verdict) for verdict in verdicts)
        return self._with_holes(verdicts)

    def _with_holes(self, verdicts: Sequence[Verdict]) -> tuple[FrameSeries, ...]:
        buckets = self.answer.columns.get("bucket")
        if buckets is None or isinstance(buckets, Coded) or self.query.bucket_us is None:
            return tuple(FrameSeries(verdict) for verdict in verdicts)
        rows_of: dict[tuple[str, ...], list[int]] = {}
        for row, key in enumerate(self._row_keys()):
            rows_of.setdefault(key, []).append(row)
        outages = self.book.outages()
        found: list[FrameSeries] = []
        for verdict in verdicts:
            rows = rows_of.get(tuple(verdict.key.values()), [])
            holes = find_holes(np.sort(buckets[rows].astype(np.int64)), self.query.bucket_us, verdict.expected_us) if rows else []
            found.append(FrameSeries(verdict, explain(holes, verdict.sources, outages)))
        return tuple(found)


def _reasons(word: str) -> Mapping[str, Any]:
    try:
        found: object = orjson.loads(word)
    except orjson.JSONDecodeError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def tag_filter(query: Query) -> Callable[[Mapping[str, str]], bool]:
    """Which series a question is about, judged by their tags; filters on values are not looked at."""

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
