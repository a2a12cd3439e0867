"""A commit that fails leaves nothing behind: neither in what is read now, nor in what a start after a crash finds."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import duckdb
import numpy as np
import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import StoreUnavailable
from tapewatch.model.rows import Coded, RowBatch
from tapewatch.model.table import gauge
from tapewatch.store.backends.duckdb import DuckDBStore, database
from tapewatch.store.backends.duckdb.database import Conflict, OutOfMemory
from tapewatch.store.base import Stored
from tapewatch.testing.stores.tables import NOTE, SAMPLE, T0, batch

ROWS = 4_000
COLUMNS = 120
WIDE = replace(SAMPLE, name="wide", columns=(*SAMPLE.columns, *(gauge(f"g{i}", "none", "A number.") for i in range(COLUMNS))))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    store = DuckDBStore(tmp_path, SystemClock())
    for table in (SAMPLE, NOTE):
        store.create(table)
    yield store
    store.close()


def _wide(number: int) -> RowBatch:
    """Rows whose values tell where they belong."""
    ts = np.arange(number * ROWS, (number + 1) * ROWS, dtype=np.int64)
    words = {name: Coded.constant("x", ROWS) for name in ("source", "env", "host", "venue")}
    return RowBatch("wide", ROWS, {"ts": ts, "received_at": ts, **words, **{f"g{i}": (ts + i).astype(float) for i in range(COLUMNS)}})


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("Failed to commit: could not allocate block of size 256.0 KiB (121.9 MiB/122.0 MiB used)", OutOfMemory),
        ("Failed to commit: failed to pin block of size 256.0 KiB (41.9 MiB/41.9 MiB used)", OutOfMemory),
        ("Failed to commit: write-write conflict on key", Conflict),
        ("Failed to commit: something else", StoreUnavailable),
    ],
)
def test_a_commit_that_fails_says_of_what_and_is_not_built_upon(store: DuckDBStore, words: str, kind: type[StoreUnavailable]) -> None:
    class Short:
        """A connection that cannot commit."""

        def __init__(self, real: duckdb.DuckDBPyConnection) -> None:
            self._real = real

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

        def commit(self) -> None:
            raise duckdb.TransactionException(words)

    held = store._database
    real = held.writer()
    held._connection = cast("duckdb.DuckDBPyConnection", Short(real))
    with pytest.raises(StoreUnavailable, match="storing rows: Failed to commit") as told:
        store.append([Stored((batch(SAMPLE, [{"ts": T0}]),))])
    assert type(told.value) is kind
    if kind is Conflict:
        held._connection = real
    store.append([Stored((batch(SAMPLE, [{"ts": T0 + 1}]),))])
    assert held.age == (0 if kind is Conflict else 1)
    assert held.cursor().execute("SELECT ts FROM sample").fetchall() == [(T0 + 1,)]


@pytest.mark.parametrize("readers", [0, 1])
def test_after_a_commit_without_memory_every_acknowledged_row_is_there_as_it_was_sent(tmp_path: Path, readers: int) -> None:
    store = DuckDBStore(tmp_path / "live", SystemClock(), memory_limit="44MB")
    store.create(WIDE)
    for _ in range(readers):
        threading.Thread(target=_read_for_long, args=(store,), daemon=True).start()
    acknowledged: list[int] = []
    for number in range(60):
        try:
            store.append([Stored((_wide(number),))])
            acknowledged.append(number)
        except StoreUnavailable:
            store._database.cursor().execute("SET memory_limit = '1GB'")
    assert 0 < len(acknowledged) < 60, "memory never ran out: this shows nothing"
    assert store._database.age > 0
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in (tmp_path / "live").glob("tapewatch.duckdb*"):
        if file.is_file():
            shutil.copy(file, copy / file.name)
    store.close()
    wrong = " OR ".join(f"g{i} IS DISTINCT FROM ts + {i}" for i in range(COLUMNS))
    with duckdb.connect(copy / "tapewatch.duckdb") as crashed:
        found = crashed.execute(f"SELECT ts // {ROWS}, count(*), count(*) FILTER ({wrong}) FROM hot.wide GROUP BY 1 ORDER BY 1").fetchall()
    assert found == [(number, ROWS, 0) for number in acknowledged]


def _read_for_long(store: DuckDBStore) -> None:
    """A question that still runs when the file has to be opened again."""
    with pytest.raises(duckdb.Error):
        store._database.cursor().execute(
            "SELECT count(*) FROM range(4000000) a, range(100) b WHERE hash(a.range + b.range) % 7 = 3"
        ).fetchall()


def test_while_somebody_does_not_let_go_nothing_is_taken(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    held = store._database
    monkeypatch.setattr(database, "_LET_GO_TRIES", 2)
    with monkeypatch.context() as patch:
        patch.setattr(database, "_closed", lambda _: False)
        held._is_broken = True
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="somebody still reads it"):
                store.append([Stored((batch(SAMPLE, [{"ts": T0}]),))])
    store.append([Stored((batch(SAMPLE, [{"ts": T0 + 1}]),))])
    assert held.age == 1
    assert held.cursor().execute("SELECT ts FROM sample").fetchall() == [(T0 + 1,)]


def test_a_commit_that_began_before_another_failed_is_not_made(store: DuckDBStore) -> None:
    held = store._database

    def insert() -> None:
        with store._change("storing rows") as connection:
            connection.execute("INSERT INTO hot.sample (ts, source, env) VALUES (1, 'a', 'a')")
            held._is_broken = True

    with pytest.raises(StoreUnavailable, match="opened again first"):
        insert()
    assert held.cursor().execute("SELECT count(*) FROM sample").fetchall() == [(0,)]


def test_closing_in_health_writes_back_and_in_trouble_does_not(tmp_path: Path) -> None:
    for is_broken in (False, True):
        store = DuckDBStore(tmp_path / str(is_broken), SystemClock())
        store.create(SAMPLE)
        store.append([Stored((batch(SAMPLE, [{"ts": T0}]),))])
        store._database._is_broken = is_broken
        store.close()
        log = tmp_path / str(is_broken) / "tapewatch.duckdb.wal"
        assert (log.exists() and log.stat().st_size > 0) == is_broken
        again = DuckDBStore(tmp_path / str(is_broken), SystemClock())
        again.create(SAMPLE)
        assert again._database.cursor().execute("SELECT ts FROM sample").fetchall() == [(T0,)]
        again.close()
