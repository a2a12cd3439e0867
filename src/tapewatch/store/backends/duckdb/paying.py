"""Which tiers of a table pay: measured on the newest rows, begun when they do, paused when they no longer do."""

from __future__ import annotations

import logging

from tapewatch.model.rows import NULL_TIME
from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb.database import Database
from tapewatch.store.backends.duckdb.defining import define
from tapewatch.store.backends.duckdb.summary_book import Books
from tapewatch.store.backends.duckdb.summary_changes import Changes
from tapewatch.store.dialect import Binder, DuckDBDialect, Span, pays
from tapewatch.store.rollup import SETTLED_US, TIERS, WIDEST_US, Coverage, Tier, kept_tiers

log = logging.getLogger("tapewatch.store")

JUDGED_US = 3 * WIDEST_US
"""Whether tiers pay is measured over at most this much of the newest past, and again after each `WIDEST_US`."""

EARLY_US, EARLY_ROWS = 600_000_000, 100_000
"""Before the first whole hour has passed, a table with so many rows is judged by stretches of this length: rows may come so fast that
a question about the hour would be slow without summaries."""


class Paying:
    """Measures it.

    Args:
        database: The file.
        dialect: Writes the statements.
        books: What is known of the summaries.
        changes: Begins tiers.
    """

    def __init__(self, database: Database, dialect: DuckDBDialect, books: Books, changes: Changes) -> None:
        self._database = database
        self._dialect = dialect
        self._books = books
        self._changes = changes

    def estimate(self, table: Table) -> None:
        """Take the average of all rows for the pace of a table that has not been judged since it was opened."""
        with self._database.reading(table.name):
            reach: tuple[int | None, int | None, int] | None = self._database.cursor().execute(self._dialect.reach(table)).fetchone()
        oldest_us, newest_us, rows = reach or (None, None, 0)
        if oldest_us is not None and newest_us is not None:
            self._books.of(table).rows_per_s = rows / max(1.0, (newest_us - oldest_us) / 1e6)

    def judge(self, table: Table, now_us: int) -> None:
        """Measure which tiers pay; begin those that do, drop those that no longer do."""
        book = self._books.of(table)
        cursor = self._database.cursor()
        with self._database.reading(table.name):
            reach: tuple[int | None, int | None, int] = cursor.execute(self._dialect.reach(table)).fetchone() or (None, None, 0)
            oldest_us, newest_us, held = reach
            span = None if oldest_us is None or newest_us is None else _judged(oldest_us, newest_us, held, now_us)
            if oldest_us is None or span is None:
                return
            start_us, end_us, is_whole = span
            binder = Binder()
            sql = pays(self._dialect, table, [tier.width_us for tier in TIERS], Span(start_us, end_us), binder)
            rows, *groups = cursor.execute(sql, binder.values).fetchone() or (0, *(0 for _ in TIERS))
        book.judged_us = now_us if is_whole else now_us - WIDEST_US + EARLY_US
        if not rows:
            return
        judged_s = (end_us - max(start_us, oldest_us)) / 1e6
        book.rows_per_s = rows / judged_s
        book.summaries_per_s = {tier: count / judged_s for tier, count in zip(TIERS, groups, strict=True)}
        chosen = kept_tiers(rows, groups, book.coverage.keys() - book.paused)
        below = rows
        for tier, count in zip(TIERS, groups, strict=True):
            was_kept = tier in book.coverage and tier not in book.paused
            if (tier in chosen) != was_kept:
                words = "are no longer kept up" if was_kept else "are kept up"
                log.info("%s: %s summaries %s, %d of them for %d.", table.name, tier.label, words, count, below)
            if tier in chosen and tier not in book.coverage:
                self._begin(table, tier, oldest_us)
            below = count if tier in chosen else below
        book.paused = {tier for tier in book.coverage if tier not in chosen}  # a quiet day must not delete what cannot be made again
        book.is_judged |= is_whole

    def _begin(self, table: Table, tier: Tier, oldest_us: int) -> None:
        """Keep a tier from the oldest row on; where no row ever went, it speaks for all of the past."""
        book = self._books.of(table)
        first_us = oldest_us // WIDEST_US * WIDEST_US
        gone_us = -(-book.dropped_us // WIDEST_US) * WIDEST_US if book.dropped_us != NULL_TIME else NULL_TIME
        coverage = Coverage(tier, gone_us, max(first_us, gone_us))
        held = self._books.table(table, tier)
        with self._changes.of(table, f"beginning {held.name}") as cursor:
            define(cursor, self._dialect, held)
            self._books.note(cursor, table, coverage)
        book.coverage = dict(sorted({**book.coverage, tier: coverage}.items(), key=lambda item: item[0].width_us))


def _judged(oldest_us: int, newest_us: int, rows: int, now_us: int) -> tuple[int, int, bool] | None:
    """The stretch over which a table is judged, and whether it has a whole hour; None while there is too little of it."""
    for width_us, least_rows in ((WIDEST_US, 0), (EARLY_US, EARLY_ROWS)):
        end_us = min((now_us - SETTLED_US) // width_us, newest_us // width_us + 1) * width_us
        if oldest_us < end_us and rows >= least_rows:
            return max(end_us - JUDGED_US, oldest_us // width_us * width_us), end_us, width_us == WIDEST_US
    return None
