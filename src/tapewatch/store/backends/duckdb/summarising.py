"""Summaries kept up while rows arrive: the next piece of each tier, and once more what late rows came for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import duckdb

from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb.database import Database
from tapewatch.store.backends.duckdb.summary_book import Books
from tapewatch.store.backends.duckdb.summary_changes import Changes
from tapewatch.store.dialect import Binder, DuckDBDialect, Span, roll_rows, roll_tier
from tapewatch.store.dialect.duckdb import AREAS
from tapewatch.store.rollup import LATE_US, SETTLED_US, WIDEST_US, Coverage, Tier

CHUNK_ROWS = 200_000
"""The past is summarised in pieces of about so many rows, so that each fits the engine's memory and is soon over."""

CHUNK_CELLS = 6_000_000
"""And of about so many values of summaries' columns a row: a table of many columns is summarised in smaller pieces."""

CHUNK_SUMMARIES = 10_000
"""Summaries become wider ones in pieces of about so many."""

_DAY_US = 86_400_000_000


class Summarising:
    """Writes the summaries of one file.

    Args:
        database: The file.
        dialect: Writes the statements.
        books: What is known of the summaries.
        changes: The transactions.
    """

    def __init__(self, database: Database, dialect: DuckDBDialect, books: Books, changes: Changes) -> None:
        self._database = database
        self._dialect = dialect
        self._books = books
        self._changes = changes

    def extend(self, table: Table, now_us: int) -> bool:
        """Summarise the next piece of each tier; True when nothing is left to do."""
        book = self._books.of(table)
        with self._database.reading(table.name):
            newest_us: int | None = (self._database.cursor().execute(self._dialect.largest(table, "ts")).fetchone() or (None,))[0]
        if newest_us is None:
            return True
        is_done = True
        below: Tier | None = None
        limit_us = min(now_us - SETTLED_US, newest_us + WIDEST_US)  # a clock that is ahead closes no time that is still to come
        for tier, coverage in list(book.coverage.items()):
            if tier in book.paused:
                continue
            begin_us = coverage.until_us if below else self._next(table, coverage)
            chunk_us = self._chunk_us(table, tier, below)
            end_us = limit_us // tier.width_us * tier.width_us
            until_us = min(end_us, begin_us + max(tier.width_us, chunk_us // tier.width_us * tier.width_us))
            if until_us > coverage.until_us:
                longer = Coverage(tier, coverage.since_us, until_us)
                with self._changes.of(table, f"summarising {table.name}", closing_us=until_us) as cursor:
                    self._replace(cursor, table, tier, below, Span(coverage.until_us, until_us))
                    self._books.note(cursor, table, longer)
                book.coverage[tier] = longer
            is_done &= until_us >= end_us
            below, limit_us = tier, max(until_us, coverage.until_us)
        return is_done

    def _chunk_us(self, table: Table, tier: Tier, below: Tier | None) -> int:
        """How much time is summarised at once."""
        book = self._books.of(table)
        if below is None:
            return min(_DAY_US, int(self._chunk_rows(table, tier) / max(book.rows_per_s, 1e-3) * 1e6))
        return min(7 * _DAY_US, int(CHUNK_SUMMARIES / max(book.summaries_per_s.get(below, 0.0), 1e-3) * 1e6))

    def _chunk_rows(self, table: Table, tier: Tier) -> int:
        """How many rows are summarised at once."""
        return min(CHUNK_ROWS, CHUNK_CELLS // len(self._books.table(table, tier).all_columns))

    def _next(self, table: Table, coverage: Coverage) -> int:
        """The first bucket of a tier, behind what it holds, that has rows: empty time is passed over at once."""
        with self._database.reading(table.name):
            sql = self._dialect.next_at(table)
            found = self._database.cursor().execute(sql, {"from": coverage.until_us}).fetchone()
        return coverage.until_us if found is None or found[0] is None else found[0] // coverage.tier.width_us * coverage.tier.width_us

    def pieces(self, table: Table, starts: Sequence[int]) -> list[Sequence[int]]:
        """Stretches with late rows, in the pieces in which they are summarised again: as much time as is summarised at once."""
        narrowest = next(iter(self._books.of(table).coverage))
        at_once = max(1, self._chunk_us(table, narrowest, None) // LATE_US)
        return [starts[i : i + at_once] for i in range(0, len(starts), at_once)]

    def correct(self, table: Table, starts: Sequence[int]) -> None:
        """Summarise stretches again in which late rows came."""
        book = self._books.of(table)
        with self._changes.writing:  # what is noted now was written before the transaction begins, which sees it
            seen = {start: book.late[start] for start in starts if start in book.late}
        with self._changes.of(table, f"summarising {table.name} again") as cursor:
            narrower: list[Coverage] = []
            for tier, coverage in book.coverage.items():
                for start_us, end_us in _stretches(seen, max(LATE_US, tier.width_us), book.dropped_us):
                    span = Span(max(start_us, coverage.since_us), min(end_us, coverage.until_us))
                    if span.end_us > span.start_us:
                        self._replace(cursor, table, tier, _whole(narrower, span), span)
                narrower.append(coverage)
            self._books.forget_late(cursor, table, list(seen))
        with self._changes.writing:  # a row that came meanwhile is not in what was summarised
            for start, times in seen.items():
                if book.late.get(start) == times:
                    del book.late[start]

    def _replace(self, cursor: duckdb.DuckDBPyConnection, table: Table, tier: Tier, below: Tier | None, span: Span) -> None:
        """Summarise a span in the place of what the tier may hold of it."""
        for area in AREAS:
            sql = self._dialect.delete_between(self._books.table(table, tier), area)
            cursor.execute(sql, {"start": span.start_us, "end": span.end_us})
        for part in self._parts(cursor, table, tier, below, span):
            self._insert(cursor, table, tier, below, part)

    def _parts(self, cursor: duckdb.DuckDBPyConnection, table: Table, tier: Tier, below: Tier | None, span: Span) -> list[Span]:
        """A span in pieces, of whole buckets, that the engine's memory holds: rows may be far denser there than they were when measured."""
        source = table if below is None else self._books.table(table, below)
        counted = cursor.execute(self._dialect.count_between(source), {"start": span.start_us, "end": span.end_us}).fetchone()
        pieces = -(-(counted[0] if counted else 0) // (self._chunk_rows(table, tier) if below is None else CHUNK_SUMMARIES))
        if pieces <= 1:
            return [span]
        width_us = max(tier.width_us, (span.end_us - span.start_us) // pieces // tier.width_us * tier.width_us)
        starts = range(span.start_us, span.end_us, width_us)
        return [Span(start_us, min(start_us + width_us, span.end_us)) for start_us in starts]

    def _insert(self, cursor: duckdb.DuckDBPyConnection, table: Table, tier: Tier, below: Tier | None, span: Span) -> None:
        binder = Binder()
        if below is None:
            rows = roll_rows(self._dialect, table, tier, span, binder)
        else:
            rows = roll_tier(self._dialect, table, below, tier, span, binder)
        cursor.execute(self._dialect.insert_from(self._books.table(table, tier), rows), binder.values)


def _whole(narrower: Iterable[Coverage], span: Span) -> Tier | None:
    """The widest of some tiers that holds all of a span; None for the rows."""
    return next((item.tier for item in reversed([*narrower]) if item.since_us <= span.start_us and span.end_us <= item.until_us), None)


def _stretches(starts: Iterable[int], width_us: int, dropped_us: int) -> list[tuple[int, int]]:
    """The aligned stretches of a width that hold some moments; those that follow each other as one, and none of which rows are gone."""
    found: list[tuple[int, int]] = []
    for start in sorted({moment // width_us * width_us for moment in starts}):
        if start < dropped_us:
            continue
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], start + width_us)
        else:
            found.append((start, start + width_us))
    return found
