from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import StoreRejected
from tapewatch.model.table import gauge
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.store.base import Store, Stored
from tapewatch.store.dialect import DuckDBDialect
from tapewatch.testing.stores import StoreSuite
from tapewatch.testing.stores.identity import IdentitySuite
from tapewatch.testing.stores.measuring import MeasuringSuite
from tapewatch.testing.stores.tables import NOTE, batch
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


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path, SystemClock())
    opened.create(NOTE)
    yield opened
    opened.close()


def columns_of(store: DuckDBStore) -> dict[str, set[str]]:
    found = store._database.cursor().execute(
        "SELECT schema_name, column_name FROM duckdb_columns() WHERE table_name = 'note' AND column_name NOT IN ('_arrival')"
    )
    columns: dict[str, set[str]] = {}
    for schema, column in found.fetchall():
        columns.setdefault(schema, set()).add(column)
    return columns


def test_an_added_column_reaches_hot_cold_and_view_at_once_or_not_at_all(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    wider = replace(NOTE, columns=(*NOTE.columns, gauge("extra", "none", "An extra."), gauge("another", "none", "Another.")))
    before = columns_of(store)
    complete = DuckDBDialect.add
    monkeypatch.setattr(DuckDBDialect, "add", lambda *given: [*complete(*given)[:-1], "SELECT * FROM missing"])
    with pytest.raises(StoreRejected, match="creating table note"):
        store.create(wider)
    assert columns_of(store) == before
    store.append([Stored((batch(NOTE, [{"level": 1.0}]),))])
    monkeypatch.undo()
    store.create(wider)
    assert columns_of(store) == dict.fromkeys(("hot", "cold", "main"), before["hot"] | {"extra", "another"})


def test_it_never_asks_another_host_and_keeps_to_its_memory(store: DuckDBStore) -> None:
    names = ("autoinstall_known_extensions", "autoload_known_extensions", "memory_limit", "threads")
    settings = {name: store._database.cursor().execute(f"SELECT current_setting('{name}')").fetchone() for name in names}
    assert settings == {
        "autoinstall_known_extensions": (False,),
        "autoload_known_extensions": (False,),
        "memory_limit": ("122.0 MiB",),
        "threads": (1,),
    }


def test_neither_pandas_nor_arrow_is_loaded_to_write_and_to_read(tmp_path: Path) -> None:
    script = """
        import sys
        from pathlib import Path
        from tapewatch.clock import SystemClock
        from tapewatch.model.query import Mode, Query
        from tapewatch.store.backends.duckdb import DuckDBStore
        from tapewatch.store.base import Stored
        from tapewatch.testing.stores.tables import SAMPLE, T0, batch

        store = DuckDBStore(Path(sys.argv[1]), SystemClock())
        store.create(SAMPLE)
        store.append([Stored((batch(SAMPLE, [{"level": 1.0, "note": "a", "latency_ms_sketch": {1: 1}}]),))])
        assert store.scan(Query("sample", T0, T0 + 1, mode=Mode.ROWS)).rows == 1
        store.close()
        print(sorted({"pandas", "pyarrow", "polars"} & set(sys.modules)))
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path)]
    assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "[]\n"
