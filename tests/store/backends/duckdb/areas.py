"""Which rows lie in the hot table and which in the cold one."""

from __future__ import annotations

from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.testing.stores.tables import SAMPLE


def rows_in(store: DuckDBStore, area: str, table: Table = SAMPLE) -> int:
    """Rows of one area of a table."""
    found = store._database.cursor().execute(f"SELECT count(*) FROM {area}.{table.name}").fetchone()
    return int(found[0]) if found else 0
