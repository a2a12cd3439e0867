"""A declaration for what is in quarantine, as the settings take it: read from the values, to be read again by a person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tapewatch.ingest.quarantine.entry import Entry
from tapewatch.ingest.validate.numbers import NOT_FINITE
from tapewatch.ingest.validate.words import is_bad_name
from tapewatch.model.rows import END_US, FIRST_US
from tapewatch.model.table import NAME, Identity, Kind, Table
from tapewatch.sources.shown import shown

MOST_TAG_VALUES = 100
"""A word with more values than this is a text: as a tag each value would be a series of its own."""

FEW_VALUES = 10
"""A word with no more values than this is a tag however few rows there are."""

ROWS_TO_GUESS = 3
"""Rows of one series from which a number that only grew is taken for a counter."""

_ENDINGS = frozenset({"ms", "s", "bytes", "bps", "ratio", "count"})
"""Units that the end of a column's name says."""

_BUILT_IN = frozenset({"ts", "received_at", "source", "env", "flags"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """How a table could be declared.

    Attributes:
        table: Its name.
        toml: Its lines for the settings file.
        rows: Rows in quarantine that it was read from.
        left_out: Columns that cannot be declared, with the reason.
        columns: Those that it declares.
        extends: Whether the table is there already, and only gets these columns.
    """

    table: str
    toml: str
    rows: int
    left_out: Mapping[str, str]
    columns: tuple[str, ...]
    extends: bool


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    kind: Kind
    sentence: str
    unit: str = ""
    remark: str = ""

    def toml(self, table: str) -> str:
        lines = [f"[tables.{table}.columns.{self.name}]", *([f"# {self.remark}"] if self.remark else []), f'kind = "{self.kind}"']
        if self.unit:
            lines.append(f'unit = "{self.unit}"')
        return "\n".join((*lines, f"sentence = {_quoted(self.sentence)}", ""))


@dataclass(slots=True)
class _Found:
    columns: list[_Column] = field(default_factory=list[_Column])
    left_out: dict[str, str] = field(default_factory=dict[str, str])


def proposal(name: str, entries: Sequence[Entry], base: Table | None = None, *, extends: bool = False) -> Proposal:
    """Read a declaration from rows.

    Args:
        name: What the table is to be called; must fit `tapewatch.model.table.NAME`.
        entries: Rows in quarantine, at least one.
        base: The declared table that they were for, whose tags they have; None when there is none.
        extends: Whether the base itself gets the columns; they are no tags then, because tags tell series apart.
    """
    rows = [entry.row() | {"source": entry.source, "env": entry.env} for entry in entries]
    known = base.column if base is not None and extends else {}
    names = dict.fromkeys(column for entry in entries for column in entry.names if column not in known)
    found = _Found()
    if base is not None and not extends:
        found.columns += [_Column(one.name, Kind.TAG, one.sentence) for one in base.columns if one.kind is Kind.TAG]
    elif base is None and any("host" in row for row in rows):
        found.columns.append(_Column("host", Kind.TAG, "Host that sent it."))
    for column in names:
        values = [row[column] for row in rows if row.get(column) is not None]
        reason = _why_not(column, values)
        if reason:
            found.left_out[column] = reason
        elif column not in {one.name for one in found.columns}:
            found.columns.append(_column(column, values, len(rows), may_be_tag=not extends))
    tags = [one.name for one in found.columns if one.kind is Kind.TAG]
    found.columns = [_counted(one, rows, tags) for one in found.columns]
    head = "" if extends else _head(name, entries, _collide(rows, tags))
    remarks = [f"# {shown(column)} is left out and stays in quarantine: {reason}" for column, reason in found.left_out.items()]
    parts = [*([head] if head else []), *(one.toml(name) for one in found.columns)]
    text = "\n".join(parts) + "".join(f"{remark}\n" for remark in remarks)
    return Proposal(name, text, len(rows), found.left_out, tuple(one.name for one in found.columns), extends)


def _head(name: str, entries: Sequence[Entry], collide: bool) -> str:  # noqa: FBT001 - private, named at its only call
    sources = sorted({entry.source for entry in entries})
    who = ", ".join(shown(source) for source in sources[:3]) + (" and others" if len(sources) > len(sources[:3]) else "")
    lines = [f"[tables.{name}]", f"sentence = {_quoted(f'Rows of {entries[0].table}, as they came from {who}.')}"]
    if collide:
        lines.append("# Some rows have the same time and tags: with another identity the later takes the place of the earlier.")
        lines.append('identity = "none"')
    return "\n".join((*lines, ""))


def _why_not(name: str, values: Sequence[Any]) -> str:
    if name in _BUILT_IN or not NAME.fullmatch(name):
        return "the name of a column takes lower-case letters, digits and _, and is none of the built-in ones."
    if all(isinstance(value, list | dict) for value in values):
        return "it holds lists or objects, and no kind of column does."
    return ""


def _column(name: str, values: Sequence[Any], rows: int, *, may_be_tag: bool) -> _Column:
    kinds = [_kind_of(name, value) for value in values]
    kind = max(set(kinds), key=kinds.count)
    others = len(kinds) - kinds.count(kind)
    remark = f"{others} of {len(kinds)} values are of another type; their rows stay in quarantine." if others else ""
    if kind is Kind.TEXT and may_be_tag and len(values) == rows and _is_tag([value for value in values if isinstance(value, str)]):
        kind = Kind.TAG
    unit = name.rpartition("_")[2]
    fits = kind is Kind.GAUGE and unit in _ENDINGS and "_" in name
    return _Column(name, kind, f"Column {name}, as it came.", unit if fits else "", remark)


def _kind_of(name: str, value: object) -> Kind:
    if isinstance(value, bool):
        return Kind.FLAG
    if (name == "id" or name.endswith("_id")) and isinstance(value, str | int):
        return Kind.ID
    if isinstance(value, int | float):
        return Kind.TIME if name.endswith("_at") and isinstance(value, int) and FIRST_US <= value < END_US else Kind.GAUGE
    if isinstance(value, str):
        return Kind.GAUGE if value in NOT_FINITE else Kind.TIME if name.endswith("_at") and _is_time(value) else Kind.TEXT
    return Kind.SKETCH  # lists and objects: no column is proposed for them alone


def _is_time(word: str) -> bool:
    try:
        return datetime.fromisoformat(word).tzinfo is not None
    except ValueError:
        return False


def _is_tag(words: Sequence[str]) -> bool:
    distinct = set(words)
    is_few = len(distinct) <= FEW_VALUES or (len(distinct) <= MOST_TAG_VALUES and 2 * len(distinct) <= len(words))
    return is_few and not any(map(is_bad_name, distinct))


def _key(row: Mapping[str, Any], tags: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(row.get(name)) for name in ("env", "source", *tags))


def _counted(column: _Column, rows: Sequence[Mapping[str, Any]], tags: Sequence[str]) -> _Column:
    """A gauge that only grew, in whole numbers and in each series, as a counter."""
    if column.kind is not Kind.GAUGE or column.unit not in {"", "count", "bytes"}:
        return column
    by_series: dict[tuple[str, ...], list[tuple[str, Any]]] = {}
    for row in rows:
        if row.get(column.name) is not None:
            by_series.setdefault(_key(row, tags), []).append((str(row.get("ts")), row[column.name]))
    grew = False
    for series in by_series.values():
        values = [value for _, value in sorted(series, key=lambda pair: pair[0])]
        if any(type(value) is not int or value < 0 for value in values) or values != sorted(values):
            return column
        grew = grew or len(set(values)) >= ROWS_TO_GUESS
    if not grew:
        return column
    remark = f'A guess: it never fell in {sum(map(len, by_series.values()))} rows. Where it may fall write kind = "gauge".'
    return _Column(column.name, Kind.COUNTER, column.sentence, column.unit, " ".join(filter(None, (column.remark, remark))))


def _collide(rows: Sequence[Mapping[str, Any]], tags: Sequence[str]) -> bool:
    """Whether two rows would be the same measurement."""
    seen = {(str(row.get("ts")), *_key(row, tags)) for row in rows}
    return len(seen) < len(rows)


def _quoted(text: str) -> str:
    """A text as TOML writes it: the escapes of JSON are among its own."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def can_extend(table: Table) -> bool:
    """Whether rows of a table can get further columns later: only where the fuller row takes the place of the first."""
    return table.identity is not Identity.NONE
