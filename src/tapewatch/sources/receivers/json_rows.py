"""Rows as JSON: ``POST /api/rows``, the client's own form and the one for everybody's scripts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from tapewatch.errors import SourceError
from tapewatch.model.rows import Delivery, Mark, RawBatch, RawColumn
from tapewatch.sources.base import Received, Refusal
from tapewatch.sources.json_body import Doubled, decode, decode_exactly, describe, may_have_doubles
from tapewatch.sources.shown import shown

LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
"""Content types with one row a line."""

DEFAULT_SOURCE = "http"
"""Source of rows whose sender does not name itself."""

MOST_COLUMNS = 512
"""Different columns in the rows of one table; more is not a table but a mistake, and would grow with its square in memory."""

MOST_UNREADABLE = 1_000
"""Lines or rows that may be unreadable before the whole body is refused."""

_SENDER = ("client", "sequence", "source", "env", "host")
_BATCH = ("table", "period_s", "columns", "rows")
_ALLOWED = {"batches": (*_SENDER, "batches"), "rows": (*_SENDER, *_BATCH)}
_LONGEST_CLIENT = 128


class JsonRows:
    """Rows as JSON objects, or as lists of values below the names of their columns: of one table, or of several with a proof of delivery.

    Objects come one a line as well. Lists take half the time to read, and are what our client sends.
    """

    name: ClassVar[str] = "json_rows"
    paths: ClassVar[tuple[str, ...]] = ("/api/rows",)

    def receive(self, body: bytes, content_type: str, query: Mapping[str, str], path: Mapping[str, str]) -> Received:
        """See `Receiver.receive`. Columns that are missing in a row are null; unknown names beside the rows are refused."""
        if content_type.partition(";")[0].strip().lower() in LINES:
            return _receive_lines(body, query)
        document = decode(body)
        if may_have_doubles(body, _names_in(document)):
            document = decode_exactly(body)
        return _receive_document(document, query)


# --- one document ----------------------------------------------------------------------------------------------------


def _names_in(document: object) -> int:
    """Names of the objects that `_receive_document` looks at; nested ones are not counted (they are looked at again, slowly)."""
    if not isinstance(document, dict):
        return -1
    envelope = cast("dict[str, Any]", document)
    batches: object = envelope.get("batches", [envelope])
    if not isinstance(batches, list):
        return -1
    names = len(envelope)
    for batch in cast("list[Any]", batches):
        if batch is not envelope and isinstance(batch, dict):
            names += len(cast("dict[str, Any]", batch))
        rows: object = cast("dict[str, Any]", batch).get("rows") if isinstance(batch, dict) else None
        if isinstance(rows, list):
            objects = (cast("dict[str, Any]", row) for row in cast("list[object]", rows) if isinstance(row, dict))
            names += sum(map(len, objects))
    return names


def _receive_document(document: object, query: Mapping[str, str]) -> Received:
    if not isinstance(document, dict):
        hint = "for one row a line send Content-Type: application/x-ndjson"
        raise SourceError(f'the body is {describe(document)}, not {{"table": …, "rows": […]}}; {hint}', permanent=True)
    envelope = cast("dict[str, Any]", document)
    form = "batches" if "batches" in envelope else "rows"
    _check_names(envelope, _ALLOWED[form], "the body")
    found = _Found()
    if form == "rows":
        found.add(envelope, "the body")
    else:
        batches: object = envelope["batches"]
        if not isinstance(batches, list):
            raise SourceError(f"batches is {describe(batches)}, not a list", permanent=True)
        for i, batch in enumerate(cast("list[object]", batches)):
            if not isinstance(batch, dict):
                raise SourceError(f"batches[{i}] is {describe(batch)}, not an object with table and rows", permanent=True)
            _check_names(cast("dict[str, Any]", batch), _BATCH, f"batches[{i}]")
            found.add(cast("dict[str, Any]", batch), f"batches[{i}]")
    return Received(
        _delivery(found, {**{name: query[name] for name in ("source", "env", "host") if name in query}, **envelope}), found.told
    )


def _check_names(found: Mapping[str, Any], allowed: tuple[str, ...], where: str) -> None:
    if isinstance(found, Doubled):
        raise SourceError(f"{where}: {shown(found.lost[0][0])!r} stands twice", permanent=True)
    for name in found:
        if name not in allowed:
            raise SourceError(f"{where}: there is no {shown(name)!r} beside the rows; allowed are {', '.join(allowed)}", permanent=True)


@dataclass(slots=True)
class _Found:
    """What was read of a body so far."""

    batches: list[RawBatch] = field(default_factory=list[RawBatch])
    refusals: list[Refusal] = field(default_factory=list[Refusal])

    @property
    def told(self) -> tuple[Refusal, ...]:
        return tuple(self.refusals)

    def add(self, batch: Mapping[str, Any], where: str) -> None:
        table, rows = batch.get("table"), batch.get("rows")
        if not isinstance(table, str):
            raise SourceError(f"{where}: table is {describe(table)}, not the name of a table", permanent=True)
        if not isinstance(rows, list):
            raise SourceError(f"{where}: rows is {describe(rows)}, not a list of rows", permanent=True)
        period_s = _period(batch.get("period_s"), where)
        if "columns" in batch:
            self.add_lists(table, _column_names(batch["columns"], where), cast("list[object]", rows), period_s)
        else:
            self.add_rows(table, cast("list[object]", rows), None, period_s)

    def add_lists(self, table: str, names: Sequence[str], rows: list[object], period_s: float | None) -> None:
        """Add rows whose values stand in the order of the names; a row that ends early has no value for the rest."""
        width = len(names)
        if set(map(type, rows)) != {list} or set(map(len, cast("list[list[Any]]", rows))) != {width}:
            kept = [i for i, row in enumerate(rows) if isinstance(row, list) and 0 < len(cast("list[Any]", row)) <= width]
            for i in sorted(set(range(len(rows))).difference(kept)):
                message = f"A row below columns is a list of 1 to {width} values, not {describe(rows[i])}."
                self.refuse(Refusal(shown(table), i, None, describe(rows[i]), "not_a_list", message))
            full = [cast("list[Any]", rows[i]) for i in kept]
            full = [row if len(row) == width else [*row, *[None] * (width - len(row))] for row in full]
        else:
            kept, full = None, cast("list[list[Any]]", rows)
        if full:
            columns: dict[str, RawColumn] = {name: list(values) for name, values in zip(names, zip(*full, strict=True), strict=True)}
            self.batches.append(RawBatch(table, columns, period_s, None if kept is None or len(kept) == len(rows) else kept))

    def add_rows(self, table: str, rows: list[object], positions: list[int] | None, period_s: float | None) -> None:
        """Add the rows that are objects with something in them; refuse the others."""
        kept = [i for i, row in enumerate(rows) if row and isinstance(row, dict)]
        places = positions or range(len(rows))
        if len(kept) < len(rows):
            good = set(kept)
            for i, row in enumerate(rows):
                if i not in good:
                    message = f"A row is an object with at least one column, not {describe(row)}."
                    self.refuse(Refusal(shown(table), places[i], None, describe(row), "not_an_object", message))
        if not kept:
            return
        good_rows = [cast("dict[str, Any]", rows[i]) for i in kept]
        names: dict[str, None] = {}
        for i, row in zip(kept, good_rows, strict=True):
            if not row.keys() <= names.keys():
                names.update(dict.fromkeys(row))
                if len(names) > MOST_COLUMNS:
                    raise SourceError(
                        f"{shown(table)}, row {places[i]}: more than {MOST_COLUMNS} different columns in one table", permanent=True
                    )
            if isinstance(row, Doubled):
                self._refuse_lost(table, places[i], row)
        columns: dict[str, RawColumn] = {name: [row.get(name) for row in good_rows] for name in names}
        self.batches.append(
            RawBatch(table, columns, period_s, None if positions is None and len(kept) == len(rows) else [places[i] for i in kept])
        )

    def _refuse_lost(self, table: str, place: int, row: Doubled) -> None:
        for name, value in row.lost:
            message = f"{shown(name)!r} stands twice in the row; its last value was kept."
            self.refuse(Refusal(shown(table), place, shown(name), shown(value), "duplicate_name", message))

    def refuse(self, refusal: Refusal) -> None:
        """Note what cannot be read, up to a bound.

        Raises:
            SourceError: There is too much of it.
        """
        if len(self.refusals) >= MOST_UNREADABLE:
            raise SourceError(f"more than {MOST_UNREADABLE} rows cannot be read; the first: {self.refusals[0].message}", permanent=True)
        self.refusals.append(refusal)


def _column_names(names: object, where: str) -> list[str]:
    held = [name for name in cast("list[object]", names) if isinstance(name, str)] if isinstance(names, list) else None
    if held is None or len(held) < len(cast("list[object]", names)):
        raise SourceError(f"{where}: columns is {describe(cast('object', names))}, not a list of names", permanent=True)
    if not 0 < len(held) <= MOST_COLUMNS:
        raise SourceError(f"{where}: columns has {len(held)} names; 1 to {MOST_COLUMNS} may stand there", permanent=True)
    if len(set(held)) < len(held):
        doubled = next(name for i, name in enumerate(held) if name in held[:i])
        raise SourceError(f"{where}: columns: {shown(doubled)!r} stands twice", permanent=True)
    return held


# --- one row a line --------------------------------------------------------------------------------------------------


def _receive_lines(body: bytes, query: Mapping[str, str]) -> Received:
    found = _Found()
    rows: dict[str, list[object]] = {}
    positions: dict[str, list[int]] = {}
    for line, text in enumerate(body.split(b"\n")):
        row = _line(text, line, found)
        if row is None:
            continue
        table: object = row.pop("table", None)
        if not isinstance(table, str):
            message = f'Line {line} names no table: write {{"table": "exchange", …}}.'
            found.refuse(Refusal("", line, None, describe(table), "missing_table", message))
            continue
        rows.setdefault(table, []).append(row)
        positions.setdefault(table, []).append(line)
    period_s = _period(_number(query.get("period_s")), "the address")
    for table, held in rows.items():
        found.add_rows(table, held, positions[table], period_s)
    sender: dict[str, Any] = {name: query[name] for name in _SENDER if name in query}
    if "sequence" in sender and str(sender["sequence"]).isdecimal():
        sender["sequence"] = int(sender["sequence"])
    return Received(_delivery(found, sender), found.told)


def _line(text: bytes, line: int, found: _Found) -> dict[str, Any] | None:
    if not text.strip():
        return None
    try:
        row = decode(text)
        if isinstance(row, dict) and may_have_doubles(text, len(cast("dict[str, Any]", row))):
            row = decode_exactly(text)
    except SourceError as error:
        found.refuse(Refusal("", line, None, shown(text.decode(errors="replace")), "bad_json", f"Line {line}: {error}."))
        return None
    if isinstance(row, dict):
        return cast("dict[str, Any]", row)
    message = f"Line {line} is {describe(row)}, not an object."
    found.refuse(Refusal("", line, None, describe(row), "not_an_object", message))
    return None


# --- who sent it -----------------------------------------------------------------------------------------------------


def _delivery(found: _Found, sender: Mapping[str, Any]) -> Delivery:
    names: dict[str, str | None] = {}
    for name in ("source", "env", "host"):
        value = sender.get(name)
        if value is not None and not isinstance(value, str):
            raise SourceError(f"{name} is {describe(value)}, not a text", permanent=True)
        names[name] = value
    return Delivery(tuple(found.batches), names["source"] or DEFAULT_SOURCE, names["env"] or "live", names["host"], _mark(sender))


def _mark(sender: Mapping[str, Any]) -> Mark | None:
    client, sequence = sender.get("client"), sender.get("sequence")
    if client is None and sequence is None:
        return None
    if not isinstance(client, str) or not 0 < len(client) <= _LONGEST_CLIENT or not client.isprintable():
        raise SourceError(
            f"client is {describe(client)}; it goes with sequence and takes 1 to {_LONGEST_CLIENT} characters", permanent=True
        )
    if isinstance(sequence, bool) or not isinstance(sequence, int) or not 0 < sequence < 2**63:
        raise SourceError(f"sequence is {describe(sequence)}; it goes with client and takes an integer from 1", permanent=True)
    return Mark(client, sequence)


def _number(text: str | None) -> object:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _period(value: object, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise SourceError(f"{where}: period_s is {describe(value)}, not a number of seconds above 0", permanent=True)
    return float(value)
