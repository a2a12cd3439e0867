"""Summaries that have outlived their rows, out of one file and into another; see `tapewatch.store.base.Summarised`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tapewatch.errors import StoreRejected
from tapewatch.model.rows import RowBatch
from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb.database import Database
from tapewatch.store.backends.duckdb.rollups import Rollups
from tapewatch.store.backends.duckdb.staging import STAGED, run_staged, stage, typed
from tapewatch.store.dialect import DuckDBDialect, form_of
from tapewatch.store.history import History, outlived
from tapewatch.store.rollup import Coverage, Tier

PAGE_ROWS = 5_000
"""Most summaries that are held in memory at once, unless more of them have the same ``ts``."""


class Histories:
    """Reads and takes them.

    Args:
        database: The file.
        dialect: Writes the statements.
        rollups: The tiers.
    """

    def __init__(self, database: Database, dialect: DuckDBDialect, rollups: Rollups) -> None:
        self._database = database
        self._dialect = dialect
        self._rollups = rollups

    def of(self, table: Table) -> History:
        """What the file holds."""
        gone_us = self._rollups.gone_us(table)
        found = outlived(self._rollups.held(table), gone_us)
        rows = {item.tier: sum(count for _, count in self._moments(table, item)) for item in found}
        return History(gone_us, tuple(item for item in found if rows[item.tier]), {tier: count for tier, count in rows.items() if count})

    def pages(self, table: Table, coverage: Coverage) -> Iterator[RowBatch]:
        """The summaries of a tier up to where its part of the history ends, oldest first."""
        start_us, waiting = None, 0
        for ts, count in self._moments(table, coverage):
            if start_us is not None and waiting + count > PAGE_ROWS:
                yield self._page(table, coverage.tier, start_us, ts)
                start_us, waiting = None, 0
            start_us, waiting = ts if start_us is None else start_us, waiting + count
        if start_us is not None:
            yield self._page(table, coverage.tier, start_us, coverage.until_us)

    def take(self, table: Table, tier: Tier, page: RowBatch) -> None:
        """Keep one page; `keep` says at the end what they cover."""
        held = self._rollups.table(table, tier)
        if any(item.tier == tier for item in self._rollups.held(table)):
            raise StoreRejected(f"table {held.name} is kept already, so summaries of elsewhere cannot be added; choose an empty store")
        ready = stage(page)
        forms = {name: form_of(held.column[name]) for name in page.columns}
        sql = self._dialect.insert(held, forms, ready.constants, STAGED, whole=ready.whole)
        with self._rollups.defined(table, tier) as cursor:
            run_staged(cursor, sql, ready.columns, ready.constants)

    def _moments(self, table: Table, coverage: Coverage) -> list[tuple[int, int]]:
        held = self._rollups.table(table, coverage.tier)
        with self._database.reading(held.name):
            return self._database.cursor().execute(self._dialect.moments_before(held), {"before": coverage.until_us}).fetchall()

    def _page(self, table: Table, tier: Tier, start_us: int, end_us: int) -> RowBatch:
        held = self._rollups.table(table, tier)
        with self._database.reading(held.name):
            cursor = self._database.cursor().execute(self._dialect.between(held), {"start": start_us, "end": end_us})
            fetched: dict[str, Any] = cursor.fetchnumpy()
        columns = {name: typed(fetched[name], form_of(column)) for name, column in held.column.items()}
        return RowBatch(held.name, len(fetched["ts"]), columns)
