"""DuckDB in one file of the data directory, owned by one process."""

from tapewatch.store.backends.duckdb.store import DuckDBStore

__all__ = ["DuckDBStore"]
