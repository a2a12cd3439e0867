"""Rows on their way out of the quarantine: judged as if they had just come, moved where nothing of them is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from tapewatch.ingest.quarantine.entry import Entry, batch_of
from tapewatch.ingest.quarantine.propose import can_extend
from tapewatch.ingest.validate import Defaults, Judged, validate
from tapewatch.ingest.validate.strays import RESERVED, UNKNOWN_COLUMN
from tapewatch.ingest.validate.times import FUTURE_US
from tapewatch.model.rows import RawBatch
from tapewatch.model.table import Table
from tapewatch.model.venue import Names
from tapewatch.sources.base import Refusal
from tapewatch.store.base import Stored

PAGE = 2_000
"""Rows moved in one transaction."""

_SENDER = Defaults("quarantine")
"""Every row in quarantine says its own source and environment."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows that are moved together, or not at all.

    Attributes:
        stored: The rows for their table, and what is left of them in quarantine: one transaction.
        old: The entries that were.
        new: The entries that take their place.
        stayed: Rows that stay as they are.
        refusals: Why, for some of them.
    """

    stored: Stored | None
    old: Sequence[Entry] = ()
    new: Sequence[Entry] = ()
    stayed: int = 0
    refusals: Sequence[Refusal] = ()


@dataclass(slots=True)
class Moved:
    """What became of the rows in quarantine.

    Attributes:
        table: Table that took them.
        rows: Rows that it took.
        waiting: Of these, rows that still wait in quarantine for their other columns.
        stayed: Rows that stay because something of them would have been refused.
        refusals: Why, for some of them.
    """

    table: str
    rows: int = 0
    waiting: int = 0
    stayed: int = 0
    refusals: list[Refusal] = field(default_factory=list[Refusal])

    def add(self, page: Page) -> None:
        """Count a page; its rows are durable."""
        self.rows += len(page.new)
        self.waiting += sum(not entry.adopted_as for entry in page.new)
        self.stayed += page.stayed
        self.refusals += page.refusals[: max(0, _MOST_TOLD - len(self.refusals))]


_MOST_TOLD = 10


def gains(entry: Entry, table: Table) -> bool:
    """Whether a table takes more of a row than before."""
    if entry.reason == UNKNOWN_COLUMN and entry.table == table.name and not can_extend(table):
        return False
    return entry.reason != UNKNOWN_COLUMN or any(name in table.column for name in entry.names)


def pages(entries: Sequence[Entry], table: Table, names: Names, now_us: int) -> Iterator[Page]:
    """Cut the entries that ``table`` takes into pages; the next one may be asked for when the one before is durable.

    Args:
        entries: What waits, for this table or for one that it replaces.
        table: The table, as it is declared now.
        names: Known venues and symbols.
        now_us: The time.
    """
    taken = [entry for entry in entries if gains(entry, table)]
    if not can_extend(table):  # a row that came in parts would be there twice
        taken = [entry for entry in taken if not _rest(entry, table)]
    for first in range(0, len(taken), PAGE):
        yield from _judged(taken[first : first + PAGE], table, names, now_us)


def _judged(entries: Sequence[Entry], table: Table, names: Names, now_us: int) -> Iterator[Page]:
    judged = _judge(entries, table, names, now_us)
    if judged.refused_total > len(judged.refusals) and len(entries) > 1:  # not all are told: look at half as many
        half = len(entries) // 2
        yield from _judged(entries[:half], table, names, now_us)
        yield from _judged(entries[half:], table, names, now_us)
        return
    bad = {refusal.row for refusal in judged.refusals}
    good = [entry for i, entry in enumerate(entries) if i not in bad]
    if bad and good:
        judged = replace(_judge(good, table, names, now_us), refusals=judged.refusals)
    if not good or judged.batch is None:
        yield Page(None, stayed=len(entries), refusals=judged.refusals)
        return
    new = [_left(entry, table) for entry in good]
    yield Page(Stored((judged.batch, batch_of(new))), good, new, len(bad), judged.refusals)


def _judge(entries: Sequence[Entry], table: Table, names: Names, now_us: int) -> Judged:
    batch = RawBatch.of(table.name, [_row(entry, table) for entry in entries])
    return validate(batch, table, names=names, now_us=now_us, defaults=_SENDER, allow_old=True)


def _row(entry: Entry, table: Table) -> dict[str, Any]:
    """The row as it came, with the source and the times that it had then."""
    row = {name: value for name, value in entry.row().items() if name in table.column or name in RESERVED}
    if row.get("flags") is not None:
        row["flags"] = {name: reason for name, reason in orjson.loads(row["flags"]).items() if name in table.column}
    row |= {"source": entry.source, "env": entry.env, "received_at": entry.received_us}
    ts = row.get("ts")
    if type(ts) is int and ts > entry.received_us + FUTURE_US:
        row["ts"] = entry.received_us
        row["flags"] = {**(row.get("flags") or {}), "ts": "future_time"}
    return row


def _rest(entry: Entry, table: Table) -> tuple[str, ...]:
    return tuple(name for name in entry.names if name not in table.column)


def _left(entry: Entry, table: Table) -> Entry:
    rest = _rest(entry, table)
    return replace(entry, reason=UNKNOWN_COLUMN, names=rest) if rest else entry.gone_to(table.name)
