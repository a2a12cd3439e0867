"""What is known of the summaries of each table, in memory and in the file."""

from __future__ import annotations

from dataclasses import dataclass, field

import duckdb

from tapewatch.model.rows import NULL_TIME
from tapewatch.model.table import Table
from tapewatch.store.dialect import DuckDBDialect
from tapewatch.store.rollup import TIERS, Coverage, Tier, rolled


@dataclass(slots=True)
class Book:
    """What is known of the summaries of one table.

    Attributes:
        coverage: Tier to what it holds, narrowest first.
        paused: Tiers that do not pay now: they are read as far as they reach, and go on when they pay again.
        is_judged: Whether it is known which tiers pay.
        closed_us: Rows before this moment may have been summarised.
        late: Start of a stretch with late rows to how many times one came.
        dropped_us: Rows before this moment are gone; `NULL_TIME` when none ever went.
        rows_per_s: When last measured.
        summaries_per_s: And of each tier that pays.
        judged_us: When it was last measured which tiers pay.
        done_us: When it was last summarised.
    """

    coverage: dict[Tier, Coverage] = field(default_factory=dict[Tier, Coverage])
    paused: set[Tier] = field(default_factory=set[Tier])
    is_judged: bool = False
    closed_us: int = NULL_TIME
    late: dict[int, int] = field(default_factory=dict[int, int])
    dropped_us: int = NULL_TIME
    rows_per_s: float = 0.0
    summaries_per_s: dict[Tier, float] = field(default_factory=dict[Tier, float])
    judged_us: int = NULL_TIME
    done_us: int = NULL_TIME

    def kept(self) -> tuple[Coverage, ...]:
        """The tiers that are kept up, narrowest first."""
        return tuple(coverage for tier, coverage in self.coverage.items() if tier not in self.paused)


@dataclass(slots=True)
class Notes:
    """What the file says about the summaries of every table, by its name."""

    tiers: dict[str, list[Coverage]] = field(default_factory=dict[str, list[Coverage]])
    late: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    dropped: dict[str, int] = field(default_factory=dict[str, int])


class Books:
    """The books of all tables of one file, and the tables that hold their tiers.

    Args:
        dialect: Writes the statements.
    """

    def __init__(self, dialect: DuckDBDialect) -> None:
        self._dialect = dialect
        self._tables: dict[tuple[str, Tier], Table] = {}
        self.by_table: dict[str, Book] = {}

    def of(self, table: Table) -> Book:
        """What is known of a table that was opened."""
        return self.by_table[table.name]

    def table(self, table: Table, tier: Tier) -> Table:
        """The table that holds a tier."""
        key = (table.name, tier)
        if key not in self._tables:
            self._tables[key] = rolled(table, tier)
        return self._tables[key]

    def tables(self) -> list[Table]:
        """The tables of all tiers that are kept."""
        books = self.by_table
        return [held for (name, tier), held in list(self._tables.items()) if name in books and tier in books[name].coverage]

    def fill(self, table: Table, notes: Notes) -> list[Table]:
        """Take what the file says of a table; gives the tables of its tiers, which may lack columns that were added since."""
        book = self.by_table[table.name]
        for tier in TIERS:
            self._tables.pop((table.name, tier), None)  # of the columns that it had
        found = notes.tiers.get(table.name, [])
        book.coverage = {item.tier: item for item in sorted(found, key=lambda item: item.tier.width_us)}
        book.closed_us = max((item.until_us for item in found), default=book.closed_us)
        book.late = dict.fromkeys(notes.late.get(table.name, ()), 1)
        book.dropped_us = notes.dropped.get(table.name, NULL_TIME)
        return [self.table(table, tier) for tier in book.coverage]

    def read(self, connection: duckdb.DuckDBPyConnection) -> Notes:
        """What is written down about all tables, in three statements and not in three for each."""
        notes = Notes(dropped=dict(connection.execute(self._dialect.dropped()).fetchall()))
        by_label = {tier.label: tier for tier in TIERS}
        for name, label, since_us, until_us in connection.execute(self._dialect.tiers()).fetchall():
            if label in by_label:
                notes.tiers.setdefault(name, []).append(Coverage(by_label[label], since_us, until_us))
        for name, start in connection.execute(self._dialect.late()).fetchall():
            notes.late.setdefault(name, []).append(start)
        return notes

    def note(self, cursor: duckdb.DuckDBPyConnection, table: Table, coverage: Coverage) -> None:
        """Write down what a tier holds."""
        key = {"name": table.name, "label": coverage.tier.label}
        cursor.execute(self._dialect.forget_tier(), key)
        cursor.execute(self._dialect.keep_tier(), {**key, "since": coverage.since_us, "until": coverage.until_us})

    def note_late(self, connection: duckdb.DuckDBPyConnection, table: Table, starts: list[int]) -> None:
        """Write down stretches with late rows.

        Each time, though it may be noted already: what is noted may be forgotten at this moment by a correction that does not see the row.
        """
        book = self.of(table)
        for start in starts:
            book.late[start] = book.late.get(start, 0) + 1
        connection.execute(self._dialect.keep_late(), {"name": table.name, "starts": starts})

    def forget_late(self, cursor: duckdb.DuckDBPyConnection, table: Table, starts: list[int]) -> None:
        """Forget stretches in the file: they have been summarised again, or cannot be."""
        cursor.execute(self._dialect.forget_late(), {"name": table.name, "starts": starts})

    def note_dropped(self, connection: duckdb.DuckDBPyConnection, table: Table, before_us: int) -> None:
        """Write down that the rows before a moment are gone: what was summarised of them is all that is left."""
        book = self.of(table)
        book.dropped_us = max(book.dropped_us, before_us)
        connection.execute(self._dialect.forget_dropped(), {"name": table.name})
        connection.execute(self._dialect.keep_dropped(), {"name": table.name, "before": book.dropped_us})
        self.forget_late(connection, table, [start for start in book.late if start < before_us])
