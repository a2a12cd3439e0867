"""The order of judgement: what names a row first, then its time, then its values."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import msgspec
import numpy as np
import numpy.typing as npt

from tapewatch.ingest.validate.book import Book, Defaults, Judged, Positions
from tapewatch.ingest.validate.border import OPEN, Border, Stray
from tapewatch.ingest.validate.cells import Cells
from tapewatch.ingest.validate.numbers import flags, numbers, sketches
from tapewatch.ingest.validate.strays import RESERVED, Undeclared, judge_columns, judge_rows, listed
from tapewatch.ingest.validate.times import place_rows, times
from tapewatch.ingest.validate.words import NAME_RULE, is_bad_name, symbols, venues, words
from tapewatch.model.rows import NULL_CODE, NULL_TIME, Coded, RawBatch, RawColumn, RowBatch, Times, TypedColumn
from tapewatch.model.table import FLAGS, RECEIVED_AT, TS, Column, Kind, Table
from tapewatch.model.venue import Names

NO_HOST = "unknown"

_US_PER_DAY = 86_400_000_000
_NOTHING = np.zeros(0, np.bool_)
_MOST_NUMBERS = 2**40
_REASON = re.compile(r"^[a-z][a-z0-9_]{0,39}$")

_JUDGES: Mapping[Kind, Callable[[Cells], TypedColumn]] = {
    Kind.TAG: words,
    Kind.STATE: words,
    Kind.ID: words,
    Kind.TEXT: words,
    Kind.GAUGE: numbers,
    Kind.COUNTER: numbers,
    Kind.INTERVAL: numbers,
    Kind.TIME: times,
    Kind.FLAG: flags,
    Kind.SKETCH: sketches,
}


def validate(
    batch: RawBatch,
    table: Table | None,
    *,
    names: Names,
    now_us: int,
    defaults: Defaults,
    allow_old: bool = False,
    border: Border = OPEN,
) -> Judged:
    """Judge one batch.

    Args:
        batch: Rows as they came.
        table: Their table; None when no table has this name.
        names: Known venues and symbols.
        now_us: Time of receipt.
        defaults: What rows get that do not say it themselves.
        allow_old: Accept rows older than the table keeps, with the ``received_at`` they carry: for restore, migrate and import.
        border: Bounds new series, and keeps what nothing is declared for.
    """
    book = Book(batch.table, batch.count, batch.positions)
    book.know_sources(None, defaults.source)
    if batch.count == 0:
        return book.finish(None)
    if table is None:
        judge_rows(batch, book, now_us, defaults, border.keeper)
        return book.finish(None)
    return book.finish(_Judgement(batch, table, book, names, now_us, defaults, allow_old, border).accept())


@dataclass(frozen=True, slots=True)
class _Judgement:
    batch: RawBatch
    table: Table
    book: Book
    names: Names
    now_us: int
    defaults: Defaults
    allow_old: bool
    border: Border
    undeclared: list[Undeclared] = field(default_factory=list[Undeclared])

    def accept(self) -> RowBatch | None:
        required = self._names_of_rows()
        own = self._own_times()
        for column in self.table.columns:
            if column.name not in required and (not column.nullable or column.name == self.table.id_column):
                required[column.name] = self._required(column)
        self._bound_series(required)
        keep = self.book.keep
        rows = np.flatnonzero(keep)
        if not len(rows):
            return None
        if len(rows) < len(keep):
            required = {name: values.take(keep) if isinstance(values, Coded) else values[keep] for name, values in required.items()}
            own = own[keep]
        columns: dict[str, TypedColumn] = {"ts": self._placed(own, rows, required)}
        columns["received_at"] = np.full(len(rows), self.now_us, np.int64)
        columns.update(required)
        self._values(columns, rows)
        marks = self.book.flag_words()
        if marks is not None:
            columns["flags"] = marks
        if self.undeclared:
            judge_columns(self.table, self.undeclared, self.book, self.border.keeper, self._strays(columns, rows))
        period_s = self.batch.period_s
        return RowBatch(self.table.name, len(rows), columns, period_s if period_s and math.isfinite(period_s) and period_s > 0 else None)

    # --- what names a row -------------------------------------------------------------------------------------------

    def _names_of_rows(self) -> dict[str, TypedColumn]:
        source = self._word("source", self.defaults.source)
        self.book.know_sources(source, self.defaults.source)
        self._refuse_wrong_sources(source)
        found: dict[str, TypedColumn] = {"source": source}
        fallback = {"env": self.defaults.env, "host": self.defaults.host or NO_HOST}
        for name in self.table.tags:
            found[name] = self._word(name, fallback.get(name))
        venue = found.get("venue")
        if isinstance(venue, Coded):
            venue = found["venue"] = venues(self._cells(self.table.column["venue"]), venue, self.names)
        symbol = found.get("symbol")
        if isinstance(symbol, Coded):
            found["symbol"] = symbols(
                self._cells(self.table.column["symbol"]), symbol, venue if isinstance(venue, Coded) else None, self.names
            )
        return found

    def _cells(self, column: Column, values: RawColumn | None = None) -> Cells:
        return Cells(column, [] if values is None else values, self.book, None)

    def _word(self, name: str, fallback: str | None) -> Coded:
        column = self.table.column[name]
        values = self.batch.columns.get(name)
        count = self.batch.count
        if values is None:
            if fallback is not None and is_bad_name(fallback):
                self.book.refuse_rows(np.arange(count), name, lambda _: fallback, "bad_tag", lambda _: f"{name} takes {NAME_RULE}.")
                return Coded.constant(None, count)
            if fallback is not None:
                return Coded.constant(fallback, count)
            values = [None] * count
        if fallback is not None:
            values = _filled(values, fallback)
        coded = words(self._cells(column, values))
        missing = np.flatnonzero(coded.codes == NULL_CODE)
        if len(missing):
            self._cells(column).missing(missing, lambda _: f"{self.table.name} needs the tag {name}.")
        return coded

    def _required(self, column: Column) -> TypedColumn:
        cells = self._cells(column, self.batch.columns.get(column.name, [None] * self.batch.count))
        typed = _JUDGES[column.kind](cells)
        cells.missing(np.flatnonzero(_is_null(typed)), lambda _: f"{self.table.name} needs a value for {column.name}.")
        return typed

    # --- when it happened -------------------------------------------------------------------------------------------

    def _own_times(self) -> Times:
        values = self.batch.columns.get("ts")
        if values is None:
            return np.full(self.batch.count, NULL_TIME, np.int64)
        cells = self._cells(TS, values)
        own = times(cells)
        days = self.table.retention.raw_days
        if not self.allow_old:
            old = (own < self.now_us - days * _US_PER_DAY) & (own != NULL_TIME)
            if old.any():
                name = self.table.name
                cells.refuse(np.flatnonzero(old), "too_old", lambda _: f"ts is older than the {days} days that {name} keeps raw rows.")
        return own

    def _placed(self, own: Times, rows: Positions, required: Mapping[str, TypedColumn]) -> Times:
        def series_of() -> npt.NDArray[np.int64]:
            return _numbered([values for name, values in required.items() if isinstance(values, Coded) and name != self.table.id_column])

        placed, future = place_rows(own, self.now_us, series_of)
        if future.any():
            Cells(TS, own, self.book, rows).note(np.flatnonzero(future), "future_time")
        return placed

    # --- what it says -----------------------------------------------------------------------------------------------

    def _values(self, columns: dict[str, TypedColumn], rows: Positions) -> None:
        everything = len(rows) == self.batch.count
        picked = rows.tolist()
        for name, raw in self.batch.columns.items():
            if name in columns and name != "received_at":
                continue
            values = raw if everything else _taken(raw, rows, picked)
            column = self.table.column.get(name)
            if name == "received_at":
                self._received(columns, Cells(RECEIVED_AT, values, self.book, rows))
            elif name == "flags":
                self._flags(Cells(FLAGS, values, self.book, rows), rows)
            elif column is not None:
                typed = _JUDGES[column.kind](Cells(column, values, self.book, rows))
                if not _is_null(typed).all():
                    columns[name] = typed
            elif name not in RESERVED:
                self._unknown(name, values, rows)

    def _received(self, columns: dict[str, TypedColumn], cells: Cells) -> None:
        if self.allow_old:
            kept = times(cells)
            columns["received_at"] = np.where(kept == NULL_TIME, self.now_us, kept)
            return
        at = [i for i, value in enumerate(cells.items()) if value is not None]
        cells.refuse(at, "reserved_column", lambda _: "received_at is written by tapewatch; leave it out.")

    def _flags(self, cells: Cells, rows: Positions) -> None:
        wrong: set[int] = set()
        for i, value in cells.each():
            reasons = _reasons(value)
            if reasons is None:
                wrong.add(i)
                continue
            for name, reason in reasons.items():
                if name in self.table.column and _REASON.match(reason):
                    self.book.mark(rows[i : i + 1], name, reason, counted=False)
                else:
                    wrong.add(i)
        cells.refuse(sorted(wrong), "wrong_type", lambda _: "flags takes an object of column to reason, such as latency_ms to clock.")

    def _unknown(self, name: str, values: RawColumn, rows: Positions) -> None:
        items = listed(values)
        at = [i for i, value in enumerate(items) if value is not None]
        if at:
            self.undeclared.append(Undeclared(name, [items[i] for i in at], rows[at]))

    def _strays(self, columns: Mapping[str, TypedColumn], rows: Positions) -> Callable[[int], Stray]:
        """Makes the stray of a row (position in the raw batch) that is kept without some of its columns."""
        raw = {name: listed(values) for name, values in self.batch.columns.items() if name != "received_at"}
        place = {row: i for i, row in enumerate(rows.tolist())}
        words = {name: values.words() for name in (*self.table.tags, "source", "flags") if isinstance(values := columns.get(name), Coded)}
        times_us = cast("Times", columns["ts"]).tolist()
        gone = {name: _is_null(columns[name]) if name in columns else None for name in raw if name in self.table.column}

        def is_gone(name: str, i: int) -> bool:
            """Whether a value of a declared column was not kept; ``flags`` say why."""
            nulls = gone.get(name, _NOTHING)
            return nulls is not _NOTHING and (nulls is None or bool(nulls[i]))

        def stray(row: int) -> Stray:
            i = place[row]
            content = {name: values[row] for name, values in raw.items() if values[row] is not None and not is_gone(name, i)}
            said = {name: found[i] for name, found in words.items() if name not in content}
            content |= {name: word for name, word in said.items() if word is not None} | {"ts": times_us[i]}
            if "flags" in words:
                content["flags"] = words["flags"][i]
            series = tuple(str(words[name][i]) for name in self.table.tags if name in words)
            return Stray(self.table.name, words["source"][i], words["env"][i], (), series, content, is_declared=True)

        return stray

    # --- who may send it ----------------------------------------------------------------------------------------------

    def _refuse_wrong_sources(self, source: Coded) -> None:
        for code, word in enumerate(source.values):
            if not self.defaults.may_name(word):
                rows = np.flatnonzero(source.codes == code)
                self.book.refuse_rows(rows, "source", lambda _, word=word: word, "wrong_source", self.defaults.why_not)

    def _bound_series(self, required: Mapping[str, TypedColumn]) -> None:
        gate, keep = self.border.gate, self.book.keep
        if gate is None or not keep.any():
            return
        rows = np.flatnonzero(keep)
        tags = {name: values for name in self.table.tags if isinstance(values := required[name], Coded)}
        source = cast("Coded", required["source"])
        if len(rows) < len(keep):
            tags, source = {name: values.take(rows) for name, values in tags.items()}, source.take(rows)
        for excess in gate.excess(self.table, source, tags):
            found = tags[excess.tag].take(excess.rows).words()
            self.book.refuse_rows(
                rows[excess.rows],
                excess.tag,
                lambda i, found=found: found[i],
                "too_many_series",
                lambda _, message=excess.message: message,
            )


def _filled(values: RawColumn, word: str) -> RawColumn:
    """The values with a word in place of those that are missing."""
    if not isinstance(values, Coded):
        return [word if value is None else value for value in listed(values)]
    missing = values.codes == NULL_CODE
    if not missing.any():
        return values
    held = values.values if word in values.values else (*values.values, word)
    return Coded(np.where(missing, np.int32(held.index(word)), values.codes).astype(np.int32), held)


def _taken(values: RawColumn, rows: Positions, picked: list[int]) -> RawColumn:
    """The values of some rows, given as an array and as a list."""
    if isinstance(values, Coded):
        return values.take(rows)
    return values[rows] if isinstance(values, np.ndarray) else [values[i] for i in picked]


def _reasons(value: object) -> Mapping[str, str] | None:
    try:
        data: object = msgspec.json.decode(value) if isinstance(value, str) else value
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    pairs = cast("dict[object, object]", data)
    if all(isinstance(name, str) and isinstance(reason, str) for name, reason in pairs.items()):
        return cast("dict[str, str]", pairs)
    return None


def _is_null(values: TypedColumn) -> npt.NDArray[np.bool_]:
    if isinstance(values, Coded):
        return values.codes == NULL_CODE
    match values.dtype.kind:
        case "f":
            return np.isnan(values)
        case "O":
            return np.array([value is None for value in values.tolist()], np.bool_)
        case _:
            return values == (NULL_TIME if values.dtype == np.int64 else -1)


def _numbered(columns: list[Coded]) -> npt.NDArray[np.int64]:
    """A number per row, equal where the words of all columns are equal."""
    numbers_of_rows = np.zeros(len(columns[0]), np.int64)
    highest = 1
    for coded in columns:
        width = len(coded.values) + 1
        if highest * width > _MOST_NUMBERS:
            _, numbers_of_rows = np.unique(numbers_of_rows, return_inverse=True)
            highest = len(numbers_of_rows)
        numbers_of_rows = numbers_of_rows * width + (coded.codes + 1)
        highest *= width
    return numbers_of_rows
