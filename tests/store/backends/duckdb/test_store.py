from __future__ import annotations

from pathlib import Path

from tapewatch.clock import SystemClock
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.store.base import Store
from tapewatch.testing.stores import StoreSuite
from tapewatch.testing.stores.identity import IdentitySuite
from tapewatch.testing.stores.measuring import MeasuringSuite
from tapewatch.testing.stores.writing import WritingSuite

AFTER_ALL_US = 260_000_000_000_000_000


class TestDuckDBStore(StoreSuite):
    """Closed hours move between all writing and asking: answers come from both tables."""

    def open_store(self, directory: Path) -> Store:
        return DuckDBStore(directory, SystemClock())

    def tidy(self, store: Store) -> None:
        assert isinstance(store, DuckDBStore)
        store._upkeep._moved_before.clear()
        store.maintain(AFTER_ALL_US)


class TestDuckDBStoreWithNewRowsOnly(WritingSuite, IdentitySuite, MeasuringSuite):
    def open_store(self, directory: Path) -> Store:
        return DuckDBStore(directory, SystemClock())
