"""From lines to batches: the columns of all lines of one table, in the order of the body."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from tapewatch.errors import SourceError
from tapewatch.model.rows import END_US, FIRST_US, NULL_TIME, Coded, RawBatch, RawColumn, Times
from tapewatch.sources.base import Refusal
from tapewatch.sources.receivers.line_protocol.grammar import NS_PER_US
from tapewatch.sources.receivers.line_protocol.line import Line, Unreadable
from tapewatch.sources.receivers.line_protocol.quick import Piece, doubled_name
from tapewatch.sources.shown import shown

MOST_COLUMNS = 512
"""Different columns of one table in one body; more is not a table but a mistake."""

MOST_TABLES = 1_000
"""Different tables in one body; each costs a judgement of its own."""

MOST_UNREADABLE = 1_000
"""Lines that may be unreadable before the whole body is refused."""

MOST_CELLS = 20_000_000
"""Rows times columns of one table that are put side by side; lines that share few columns are kept apart beyond."""

_TOO_FEW = 2**62
_SIZES = ((10**11, "seconds", "s"), (10**14, "milliseconds", "ms"), (10**17, "microseconds", "us"))


@dataclass(slots=True)
class Found:
    """What a body held.

    Attributes:
        batches: Rows, one batch for each table.
        refusals: Lines that were not taken, in the order of the body.
        lines: Rows and refused lines together.
        all_timed: Whether every row says when it happened.
    """

    batches: list[RawBatch] = field(default_factory=list[RawBatch])
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    lines: int = 0
    all_timed: bool = True


def gather(parts: Iterable[Piece | Line | Unreadable], unit_ns: int) -> Found:
    """Put the parts of a body together.

    Args:
        parts: Readable and unreadable lines, in any order.
        unit_ns: Nanoseconds of one unit of the times of lines that do not say it themselves.

    Raises:
        SourceError: There are too many unreadable lines, tables, or columns in one table.
    """
    found = Found()
    by_table: dict[str, list[Piece]] = {}
    lines: dict[str, list[Line]] = {}
    for part in parts:
        if isinstance(part, Unreadable):
            _refuse(found, part)
        elif isinstance(part, Piece):
            by_table.setdefault(part.table, []).append(part)
        elif (name := doubled_name(part)) is not None:
            message = f"Line {part.number + 1}: {shown(name)!r} stands twice in the line."
            _refuse(found, Unreadable(part.number, shown(part.table), shown(name), "", "duplicate_name", message))
        else:
            lines.setdefault(part.table, []).append(part)
    for table, held in lines.items():
        by_table.setdefault(table, []).append(_piece(table, held))
    if len(by_table) > MOST_TABLES:
        raise SourceError(
            f"more than {MOST_TABLES} different tables in one body; the first is {shown(next(iter(by_table)))!r}", permanent=True
        )
    for table, pieces in by_table.items():
        placed = [_placed(piece, unit_ns, found) for piece in pieces]
        found.batches += _batches(table, [piece for piece in placed if len(piece.numbers)])
    found.lines = len(found.refusals) + sum(batch.count for batch in found.batches)
    found.refusals.sort(key=lambda refusal: refusal.row)
    return found


def _refuse(found: Found, line: Unreadable) -> None:
    if len(found.refusals) >= MOST_UNREADABLE:
        raise SourceError(f"more than {MOST_UNREADABLE} lines cannot be read; one of them: {found.refusals[0].message}", permanent=True)
    found.refusals.append(Refusal(line.table, line.number, line.column, line.value, line.reason, line.message))


def _piece(table: str, lines: Sequence[Line]) -> Piece:
    """Lines of one table, as one piece; what a line does not name is missing.

    Raises:
        SourceError: They have too many different columns.
    """
    rows = [{**{name: word or None for name, word in line.tags}, **dict(line.fields)} for line in lines]
    names: dict[str, None] = {}
    for row in rows:
        names.update(dict.fromkeys(row))
        _check_width(table, len(names))
    columns: dict[str, RawColumn] = {name: [row.get(name) for row in rows] for name in names}
    numbers = np.array([line.number for line in lines], np.int64)
    times = np.array([NULL_TIME if line.time is None else max(line.time, NULL_TIME + 1) for line in lines], np.int64)
    return Piece(table, numbers, columns, times, np.array([line.unit_ns for line in lines], np.int64))


# --- times -----------------------------------------------------------------------------------------------------------


def _placed(piece: Piece, unit_ns: int, found: Found) -> Piece:
    """The piece with its times in microseconds; lines whose time cannot be one in its unit are refused."""
    units = np.where(piece.units_ns == 0, unit_ns, piece.units_ns)
    times = microseconds(piece.times, units)
    has_time = piece.times != NULL_TIME
    found.all_timed &= bool(has_time.all())
    wrong = has_time & ((times < FIRST_US) | (times >= END_US))
    if wrong.any():
        for i in np.flatnonzero(wrong).tolist():
            _refuse(found, _misplaced(piece, i, int(units[i])))
        kept = ~wrong
        columns = {name: taken(values, kept) for name, values in piece.columns.items()}
        piece, times = Piece(piece.table, piece.numbers[kept], columns, piece.times[kept], piece.units_ns[kept]), times[kept]
    return Piece(piece.table, piece.numbers, piece.columns, times, piece.units_ns)


def microseconds(times: Times, units_ns: Times) -> Times:
    """Microseconds of times in units of so many nanoseconds; `NULL_TIME` stays, what does not fit becomes a time nobody can mean."""
    factors = np.maximum(units_ns // NS_PER_US, 1)
    fits = np.abs(times) < _TOO_FEW // factors
    scaled = np.where(units_ns < NS_PER_US, times // NS_PER_US, np.where(fits, times, 0) * factors)
    return np.where(times == NULL_TIME, NULL_TIME, scaled)


def _misplaced(piece: Piece, i: int, unit_ns: int) -> Unreadable:
    time, number = int(piece.times[i]), int(piece.numbers[i])
    size, unit = next(((name, short) for end, name, short in _SIZES if abs(time) < end), ("nanoseconds", "ns"))
    read_as = {1: "nanoseconds", 1_000: "microseconds", 1_000_000: "milliseconds"}.get(unit_ns, "seconds")
    hint = f"it has the size of {size}: send precision={unit} in the address" if size != read_as else "times lie between 1973 and 5138"
    message = f"Line {number + 1}: the time {time} was read as {read_as}; {hint}."
    return Unreadable(number, shown(piece.table), "ts", str(time), "time_unit", message)


def _check_width(table: str, columns: int) -> None:
    if columns > MOST_COLUMNS:
        raise SourceError(f"{shown(table)}: more than {MOST_COLUMNS} different columns in one table", permanent=True)


# --- columns ---------------------------------------------------------------------------------------------------------


def _batches(table: str, pieces: list[Piece]) -> list[RawBatch]:
    names = dict.fromkeys(name for piece in pieces for name in piece.columns)
    _check_width(table, len(names))
    if not pieces:
        return []
    count = sum(len(piece.numbers) for piece in pieces)
    if count * len(names) > MOST_CELLS and len(pieces) > 1:
        return [batch for piece in pieces for batch in _batches(table, [piece])]
    numbers = np.concatenate([piece.numbers for piece in pieces])
    order = None if (numbers[1:] > numbers[:-1]).all() else np.argsort(numbers, kind="stable")
    columns = {name: _joined(pieces, name, count, order) for name in names}
    times = np.concatenate([piece.times for piece in pieces])
    if "ts" not in columns and (times != NULL_TIME).any():
        columns["ts"] = times if order is None else times[order]
    elif (times != NULL_TIME).any():
        columns["ts"] = _either(columns["ts"], times if order is None else times[order])
    return [RawBatch(table, columns, None, _positions(numbers if order is None else numbers[order]))]


def _positions(numbers: npt.NDArray[np.int64]) -> Sequence[int]:
    first, last = int(numbers[0]), int(numbers[-1])
    return range(first, last + 1) if last - first + 1 == len(numbers) else cast("list[int]", numbers.tolist())


def _either(values: RawColumn | Coded, times: Times) -> RawColumn:
    """A field called ``ts`` where there is one, else the time of the line."""
    held: list[Any] = listed(values)
    return [time if value is None and time != NULL_TIME else value for value, time in zip(held, times.tolist(), strict=True)]


def _joined(pieces: Sequence[Piece], name: str, count: int, order: npt.NDArray[np.int64] | None) -> RawColumn:
    parts: list[tuple[int, RawColumn]] = []
    start = 0
    for piece in pieces:
        if name in piece.columns:
            parts.append((start, piece.columns[name]))
        start += len(piece.numbers)
    joined = _side_by_side(parts, count)
    return joined if order is None else taken(joined, order)


def _side_by_side(parts: Sequence[tuple[int, RawColumn]], count: int) -> RawColumn:
    """One column of ``count`` rows from parts that begin at given rows; what no part covers is missing."""
    values = [part for _, part in parts]
    is_whole = sum(map(len, values)) == count
    if len(parts) == 1 and is_whole and not _has_nan(values[0]):
        return values[0]
    kinds = {"c" if isinstance(part, Coded) else part.dtype.kind if isinstance(part, np.ndarray) else "l" for part in values}
    if kinds == {"c"}:
        return _one_coded(cast("Sequence[tuple[int, Coded]]", parts), count)
    if kinds == {"f"} and not any(map(_has_nan, values)):
        floats = np.full(count, np.nan)
        for start, part in parts:
            floats[start : start + len(part)] = part
        return floats
    if is_whole and len(kinds) == 1 and kinds <= {"i", "b"}:
        return np.concatenate(cast("list[npt.NDArray[Any]]", values))
    items: list[Any] = [None] * count
    for start, part in parts:
        items[start : start + len(part)] = listed(part)
    return items


def _has_nan(values: RawColumn) -> bool:
    """Whether a number was sent as NaN: an array could not tell it from a missing one."""
    return isinstance(values, np.ndarray) and values.dtype.kind == "f" and bool(np.isnan(values).any())


def _one_coded(parts: Sequence[tuple[int, Coded]], count: int) -> Coded:
    places: dict[str, int] = {}
    codes = np.full(count, -1, np.int32)
    for start, part in parts:
        new = np.array([*(places.setdefault(word, len(places)) for word in part.values), -1], np.int32)  # the last is that of null
        codes[start : start + len(part)] = new[part.codes]
    return Coded(codes, tuple(places))


def taken(values: RawColumn, index: npt.NDArray[Any]) -> RawColumn:
    """Select by position or mask."""
    if isinstance(values, Coded):
        return values.take(index)
    if isinstance(values, np.ndarray):
        return values[index]
    at = np.flatnonzero(index) if index.dtype == np.bool_ else index
    return [values[i] for i in at.tolist()]


def listed(values: RawColumn) -> list[Any]:
    """The values as Python objects."""
    if isinstance(values, Coded):
        return values.words().tolist()
    found: list[Any] = values.tolist() if isinstance(values, np.ndarray) else values
    return found
