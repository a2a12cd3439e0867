"""Bucketed answers in steps: which questions can be continued, the held frame continued by its tail, and what changed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from tapewatch.model.query import Function, Measure, Mode, Query
from tapewatch.model.rows import Coded, TypedColumn, joined
from tapewatch.model.table import Kind, Table
from tapewatch.query.assemble import Assembly
from tapewatch.query.frame import Frame, FrameColumn
from tapewatch.query.run import Tail
from tapewatch.query.series import SeriesBook
from tapewatch.store.base import Answer

_DELTA_AT_MOST = 0.7
"""A delta with more than this fraction of the rows is sent as a snapshot instead."""
_REMEMBERING = frozenset({Function.RATE, Function.DELTA, Function.TIME_IN_STATE})


@dataclass(frozen=True, slots=True)
class Change:
    """How the newer of two frames is sent: whole (``replace_from_us`` None), or as the rows from a bucket on."""

    frame: Frame
    replace_from_us: int | None


def can_continue(query: Query, table: Table) -> bool:
    """Whether a bucket's values follow from the rows of that bucket alone, so that only the newest buckets need to be asked again."""
    is_plain = query.mode is Mode.AGGREGATE and query.bucket_us is not None and query.limit is None and not query.order_by
    return is_plain and not any(_remembers(measure, table) for measure in query.measures)


def _remembers(measure: Measure, table: Table) -> bool:
    if measure.function is Function.RATIO:
        return any(_remembers(part, table) for part in measure.over)
    if measure.function is Function.RATE and table.column[measure.column].kind is Kind.INTERVAL:
        return False
    return measure.function in _REMEMBERING


def continued(held: Frame, tail: Tail, query: Query, table: Table, book: SeriesBook) -> Frame:
    """The answer to ``query`` from the held frame's rows before the tail and the tail's rows, judged anew.

    Args:
        held: Answer to the same question for an earlier window.
        tail: Answer to ``query`` from the beginning of a bucket on.
        query: The whole question.
        table: Its table.
        book: Verdicts on its series.
    """
    bucket = held.columns[0].values
    kept = _array(bucket) < tail.start_us
    kept &= _array(bucket) >= query.start_us
    newer = tail.answer
    columns = {old.name: joined([_taken(old.values, kept), newer.columns[old.name]]) for old in held.columns}
    newest_us = max((us for us in (held.newest_us, newer.newest_us) if us is not None), default=None)
    rows = int(np.count_nonzero(kept)) + newer.rows
    answer = Answer(columns, rows, held.rows_behind, newest_us, tier=newer.tier if held.tier == "raw" else held.tier)
    return Assembly(query, table, answer, book, tail.as_of_us, tail.query_ms).frame()


def change(held: Frame | None, newer: Frame) -> Change | None:
    """What to send so that a viewer of ``held`` sees ``newer``; None when nothing that a viewer could see changed."""
    if held is None:
        return Change(newer, None)
    if not _are_bucketed_alike(held, newer):
        return None if shows_same(held, newer) else Change(newer, None)
    before, after = _array(held.columns[0].values), _array(newer.columns[0].values)
    offset = int(np.searchsorted(before, newer.start_us, "left"))
    same = _equal_rows(held, newer, offset)
    if same == len(after) == len(before) - offset:
        return None if _meta(held) == _meta(newer) else Change(_from(newer, len(after)), _after_last(newer, after))
    replace_from_us = int(min(int(times[at]) for times, at in ((before, offset + same), (after, same)) if at < len(times)))
    first = int(np.searchsorted(after, replace_from_us, "left"))
    if len(after) - first > _DELTA_AT_MOST * len(after):
        return Change(newer, None)
    return Change(_from(newer, first), replace_from_us)


def shows_same(held: Frame | None, newer: Frame | None) -> bool:
    """Whether a viewer would see no difference: the frames differ at most in when, how fast and for which moment they were answered."""
    if held is newer or held is None or newer is None:
        return held is newer
    shape = (held.table, held.rows, held.bucket_us, held.rows_behind, held.cursor, len(held.columns))
    if shape != (newer.table, newer.rows, newer.bucket_us, newer.rows_behind, newer.cursor, len(newer.columns)):
        return False
    if _meta(held) != _meta(newer) or any(_head(old) != _head(new) for old, new in zip(held.columns, newer.columns, strict=True)):
        return False
    return _equal_rows(held, newer, 0) == newer.rows and shows_same(held.spark, newer.spark)


def _are_bucketed_alike(held: Frame, newer: Frame) -> bool:
    if newer.bucket_us is None or held.bucket_us != newer.bucket_us or newer.spark or held.spark:
        return False
    if not newer.columns or newer.columns[0].name != "bucket" or len(held.columns) != len(newer.columns):
        return False
    is_sorted = bool((np.diff(_array(newer.columns[0].values)) >= 0).all() and (np.diff(_array(held.columns[0].values)) >= 0).all())
    return is_sorted and all(_head(old) == _head(new) for old, new in zip(held.columns, newer.columns, strict=True))


def _head(column: FrameColumn) -> tuple[object, ...]:
    return (column.name, column.kind, column.unit, column.thresholds, column.states, column.status is None)


def _meta(frame: Frame) -> tuple[object, ...]:
    newest = (frame.newest_us, frame.state, frame.error, frame.tier, frame.is_truncated)  # first: under load it is these that differ
    return (newest, frame.series, dict(frame.unsynchronised), frame.retired)


def _after_last(frame: Frame, buckets: npt.NDArray[np.int64]) -> int:
    return int(buckets[-1]) + (frame.bucket_us or 0) if len(buckets) else frame.start_us


def _equal_rows(held: Frame, newer: Frame, offset: int) -> int:
    """Rows at the beginning of ``newer`` that equal those of ``held`` from row ``offset`` on."""
    count = max(0, min(held.rows - offset, newer.rows))
    for old, new in zip(held.columns, newer.columns, strict=True):
        if count == 0:
            return 0
        count = _first_difference(old.values, new.values, offset, count)
        if old.status is not None and new.status is not None:
            count = _first_difference_of(old.status[offset : offset + count], new.status[:count])
        count = min([count, *_differing_notes(old.notes, new.notes, offset)])
    return count


def _differing_notes(old: Mapping[int, str], new: Mapping[int, str], offset: int) -> list[int]:
    shifted = {row - offset: note for row, note in old.items() if row >= offset}
    return [row for row in shifted.keys() | new.keys() if shifted.get(row) != new.get(row)]


def _first_difference(old: TypedColumn, new: TypedColumn, offset: int, count: int) -> int:
    has_same_codes = isinstance(old, Coded) and isinstance(new, Coded) and new.values[: len(old.values)] == old.values
    left = _comparable(old, has_same_codes=has_same_codes)[offset : offset + count]
    right = _comparable(new, has_same_codes=has_same_codes)[:count]
    if np.object_ in {left.dtype.type, right.dtype.type}:
        return _first_difference_of(left.tolist(), right.tolist())
    differs = left != right
    if left.dtype.kind == "f":
        differs &= ~(np.isnan(left) & np.isnan(right))
    found = np.flatnonzero(differs)
    return int(found[0]) if len(found) else count


def _comparable(values: TypedColumn, *, has_same_codes: bool) -> npt.NDArray[Any]:
    if isinstance(values, Coded):
        return values.codes if has_same_codes else values.words()
    return values


def _first_difference_of(old: Sequence[object], new: Sequence[object]) -> int:
    return next((at for at, (left, right) in enumerate(zip(old, new, strict=True)) if left != right), len(new))


def _from(frame: Frame, first: int) -> Frame:
    """The frame with only its rows from ``first`` on; all else as it is."""
    columns = tuple(
        replace(
            column,
            values=_taken(column.values, np.arange(first, frame.rows)),
            status=None if column.status is None else column.status[first:],
            notes={row - first: note for row, note in column.notes.items() if row >= first},
        )
        for column in frame.columns
    )
    return replace(frame, columns=columns, rows=frame.rows - first)


def _array(values: TypedColumn) -> npt.NDArray[np.int64]:
    return np.empty(0, np.int64) if isinstance(values, Coded) else values.astype(np.int64, copy=False)


def _taken(values: TypedColumn, index: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> TypedColumn:
    return values.take(index) if isinstance(values, Coded) else values[index]
