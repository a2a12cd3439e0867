"""Bucketed answers in steps: which questions can be continued, the held frame continued by its tail, and what changed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import numpy.typing as npt

from tapewatch.model.query import Function, Measure, Mode, Query
from tapewatch.model.rows import Coded, Floats, TypedColumn
from tapewatch.model.table import Kind, Table
from tapewatch.query.assemble import Assembly
from tapewatch.query.frame import Frame, FrameColumn
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


def continued(held: Frame, tail: Frame, query: Query, table: Table, book: SeriesBook) -> Frame:
    """The answer to ``query`` from the held frame's rows before the tail and the tail's rows, judged anew.

    Args:
        held: Answer to the same question for an earlier window.
        tail: Answer to ``query`` from a bucket boundary on.
        query: The whole question.
        table: Its table.
        book: Verdicts on its series.
    """
    bucket = held.columns[0].values
    kept = _array(bucket) < tail.start_us
    kept &= _array(bucket) >= query.start_us
    columns = {old.name: _joined(_taken(old.values, kept), new.values) for old, new in zip(held.columns, tail.columns, strict=True)}
    newest_us = max((us for us in (held.newest_us, tail.newest_us) if us is not None), default=None)
    rows = int(np.count_nonzero(kept)) + tail.rows
    answer = Answer(columns, rows, held.rows_behind, newest_us, tier=tail.tier if held.tier == "raw" else held.tier)
    return Assembly(query, table, answer, book, tail.as_of_us, tail.query_ms).frame()


def change(held: Frame | None, newer: Frame) -> Change | None:
    """What to send so that a viewer of ``held`` sees ``newer``; None when nothing that a viewer could see changed."""
    if held is None:
        return Change(newer, None)
    if not _are_bucketed_alike(held, newer):
        return None if held.signature == newer.signature else Change(newer, None)
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
    return (frame.series, frame.newest_us, frame.state, frame.error, frame.tier, frame.is_truncated, dict(frame.unsynchronised))


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
    left = (old.words() if isinstance(old, Coded) else old)[offset : offset + count]
    right = (new.words() if isinstance(new, Coded) else new)[:count]
    if np.object_ in {left.dtype.type, right.dtype.type}:
        return _first_difference_of(left.tolist(), right.tolist())
    differs = left != right
    if left.dtype.kind == "f":
        differs &= ~(np.isnan(left) & np.isnan(right))
    found = np.flatnonzero(differs)
    return int(found[0]) if len(found) else count


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


def _joined(first: TypedColumn, second: TypedColumn) -> TypedColumn:
    if isinstance(first, Coded) and isinstance(second, Coded):
        return Coded.of([*first.words().tolist(), *second.words().tolist()])
    return np.concatenate(cast("tuple[Floats, Floats]", (first, second)))
