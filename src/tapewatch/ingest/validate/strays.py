"""Values that no table or column is declared for: kept in quarantine where there is room, else refused by name."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from tapewatch.ingest.validate.book import Book, Defaults, Positions
from tapewatch.ingest.validate.border import Keeper, Room, Stray
from tapewatch.ingest.validate.cells import objects, plain
from tapewatch.ingest.validate.words import LONGEST_WORD, NAME_RULE, is_bad_name
from tapewatch.model.rows import NULL_TIME, RawBatch, RawColumn
from tapewatch.model.table import Table
from tapewatch.sources.shown import shown

RESERVED = ("ts", "env", "source", "host")
"""Columns that any row may carry; ``host`` is left out where the table has none."""

UNKNOWN_TABLE, UNKNOWN_COLUMN, FULL = "unknown_table", "unknown_column", "quarantine_full"
KEPT = "the row waits in quarantine"
_SETTLED = ("received_at", "flags")
"""Written by tapewatch; what a row says of them is no column of its own."""


@dataclass(frozen=True, slots=True)
class Undeclared:
    """A column that the table does not have: its values that are there, and their rows (positions in the raw batch)."""

    name: str
    items: list[Any]
    rows: Positions


def judge_rows(batch: RawBatch, book: Book, now_us: int, defaults: Defaults, keeper: Keeper | None) -> None:
    """Rows of a table that is not declared: each is kept, or refused with its reason."""
    name = shown(batch.table)
    message = f"There is no table {name!r}; GET /api/catalog lists them."
    every = np.arange(batch.count)
    if keeper is None or is_bad_name(batch.table):
        book.refuse_rows(every, "table", lambda _: batch.table, UNKNOWN_TABLE, lambda _: message)
        return
    names = [column for column in batch.columns if column not in RESERVED and column not in _SETTLED]
    room = keeper.room(batch.table, [column for column in names if not is_odd(column)])
    if room.closed:
        book.refuse_rows(every, "table", lambda _: batch.table, FULL, lambda _: f"{message} {room.closed}")
        return
    columns = _kept_columns(batch, book, names, room)
    told = f"There is no table {name!r}; {KEPT}: `tapewatch adopt {name}` declares it, GET /api/catalog lists the others."
    refused: dict[str, list[int]] = {}
    kept: list[int] = []
    for row, source, env in _senders(batch, book, defaults):
        content = {column: value for column, values in columns.items() if (value := values[row]) is not None}
        own = tuple(column for column in content if column not in RESERVED)
        content["ts"] = plain(content.get("ts", now_us + row))
        if defaults.host is not None:
            content.setdefault("host", defaults.host)
        why = keeper.keep(Stray(batch.table, source, env, own, _words_of(content, own), content, is_declared=False))
        (refused.setdefault(why, []) if why else kept).append(row)
    for why, rows in refused.items():
        book.refuse_rows(np.array(rows, np.intp), "table", lambda _: batch.table, FULL, lambda _, why=why: f"{message} {why}")
    book.hold_rows(np.array(kept, np.intp), "table", lambda _: batch.table, UNKNOWN_TABLE, lambda _: told)


def judge_columns(table: Table, found: Sequence[Undeclared], book: Book, keeper: Keeper | None, make: Callable[[int], Stray]) -> None:
    """Columns that a table does not have: the values of each row are kept together, or refused with their reason.

    Args:
        table: The table.
        found: The columns.
        book: Takes the findings.
        keeper: Keeps strays; None refuses all.
        make: Gives the stray of a row of the raw batch, with all of its columns.
    """
    if keeper is None:
        for each in found:
            _tell(table, each, book, {}, "")
        return
    room = keeper.room(table.name, [each.name for each in found if not is_odd(each.name)])
    names_of: dict[int, list[str]] = {}
    for each in found:
        if not room.closed and not _why_not(each.name, room):
            for row in each.rows.tolist():
                names_of.setdefault(row, []).append(each.name)
    why_of: dict[int, str] = {}
    for row, names in names_of.items():
        stray = make(row)
        kept = {name: value for name, value in stray.content.items() if name in table.column or name in RESERVED or name in names}
        why_of[row] = keeper.keep(replace(stray, names=tuple(names), content=kept))
    for each in found:
        _tell(table, each, book, why_of, room.closed or _why_not(each.name, room))


def _tell(table: Table, each: Undeclared, book: Book, why_of: Mapping[int, str], why_column: str) -> None:
    name = shown(each.name)
    message = f"{table.name} has no column {name!r}; {_hint(name, tuple(table.column))}"
    kept = f"{message} The value waits in quarantine: `tapewatch adopt {table.name}` says how to keep it."
    groups: dict[str | None, list[int]] = {}
    for place, row in enumerate(each.rows.tolist()):
        groups.setdefault(why_column or why_of.get(row), []).append(place)
    for why, places in groups.items():

        def value_at(i: int, places: Sequence[int] = places) -> object:
            return plain(each.items[places[i]])

        rows = each.rows[places]
        if why is None:
            book.refuse_values(rows, each.name, value_at, UNKNOWN_COLUMN, lambda _: message)
        elif why:
            book.refuse_values(rows, each.name, value_at, FULL, lambda _, why=why: f"{message} {why}")
        else:
            book.hold_values(rows, each.name, value_at, UNKNOWN_COLUMN, lambda _: kept)


def is_odd(name: str) -> bool:
    """Whether a text cannot be the name of a column in quarantine."""
    return is_bad_name(name) or "," in name


def _why_not(name: str, room: Room) -> str:
    return f"A name takes {NAME_RULE}, and no comma." if is_odd(name) else room.refused.get(name, "")


def _kept_columns(batch: RawBatch, book: Book, names: Sequence[str], room: Room) -> dict[str, list[Any]]:
    """The columns that go to quarantine, as lists; the values of the others are refused."""
    columns = {name: listed(values) for name, values in batch.columns.items() if name not in _SETTLED}
    for name in names:
        why = _why_not(name, room)
        if why:
            items = columns.pop(name)
            rows = np.array([i for i, value in enumerate(items) if value is not None], np.intp)
            message = f"Column {shown(name)!r} of {shown(batch.table)!r} is not kept. {why}"

            def value_at(i: int, items: list[Any] = items, rows: Positions = rows) -> object:
                return plain(items[rows[i]])

            book.refuse_values(rows, name, value_at, FULL, lambda _, message=message: message)
    return columns


def _senders(batch: RawBatch, book: Book, defaults: Defaults) -> list[tuple[int, str, str]]:
    """Row, source and environment of those that say both as they may."""
    found: list[tuple[int, str, str]] = []
    sources, envs = batch.columns.get("source"), batch.columns.get("env")
    bad: dict[str, list[int]] = {"source": [], "env": []}
    wrong: list[int] = []
    words: list[str] = []
    for row in range(batch.count):
        source = defaults.source if sources is None or sources[row] is None else plain(sources[row])
        env = defaults.env if envs is None or envs[row] is None else plain(envs[row])
        if not isinstance(source, str) or is_bad_name(source):
            bad["source"].append(row)
        elif not isinstance(env, str) or is_bad_name(env):
            bad["env"].append(row)
        elif not defaults.may_name(source):
            wrong.append(row)
            words.append(source)
        else:
            found.append((row, source, env))
    for name, rows in bad.items():
        book.refuse_rows(np.array(rows, np.intp), name, None, "bad_tag", lambda _, name=name: f"{name} takes {NAME_RULE}.")
    book.refuse_rows(np.array(wrong, np.intp), "source", lambda i: words[i], "wrong_source", defaults.why_not)
    return found


def _words_of(content: dict[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{name}={value}" for name in names if isinstance(value := content[name], str) and len(value) <= LONGEST_WORD)


def listed(values: RawColumn) -> list[Any]:
    """A raw column as Python objects; what an array has for a missing value is None."""
    if not isinstance(values, np.ndarray):
        return objects(values)
    if values.dtype.kind == "M":
        times = values.astype("datetime64[us]").astype(np.int64)
        return [None if value == NULL_TIME else value for value in times.tolist()]
    items: list[Any] = values.tolist()
    if values.dtype.kind == "f":
        return [None if math.isnan(value) else value for value in items]
    return items


@lru_cache(256)
def _hint(name: str, columns: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name, columns, 1)
    return f"did you mean {close[0]}?" if close else f"it has {', '.join(columns)}."
