from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import QueryTooLarge, StoreUnavailable
from tapewatch.model.query import Function, Measure, Query
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.store.backends.duckdb.watch import Watch
from tapewatch.store.base import Stored
from tapewatch.testing.stores.tables import NOTE, T0, batch, plain

ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range + b.range < 0"


@pytest.fixture
def watch() -> Iterator[Watch]:
    made = Watch(SystemClock())
    yield made
    made.stop()


def test_what_takes_too_long_is_interrupted_with_advice(watch: Watch) -> None:
    with duckdb.connect() as connection:
        started = time.monotonic()
        with (
            pytest.raises(QueryTooLarge, match=r"from note took longer than 0.05 s; ask for a shorter range"),
            watch.limited(connection, 0.05, "note"),
        ):
            connection.execute(ENDLESS)
        assert time.monotonic() - started < 2
        with watch.limited(connection, 5, "note"):
            assert connection.execute("SELECT 1").fetchone() == (1,)


def test_each_thread_has_its_own_limit(watch: Watch) -> None:
    ended: dict[float, float] = {}

    def ask(connection: duckdb.DuckDBPyConnection, limit_s: float) -> None:
        started = time.monotonic()
        with pytest.raises(QueryTooLarge), watch.limited(connection, limit_s, "note"):
            connection.execute(ENDLESS)
        ended[limit_s] = time.monotonic() - started

    with duckdb.connect() as connection:
        threads = [threading.Thread(target=ask, args=(connection.cursor(), limit_s)) for limit_s in (0.6, 0.1, 0.3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(limit_s <= taken_s < limit_s + 1.5 for limit_s, taken_s in ended.items())
    assert len(ended) == 3


def test_without_a_limit_no_thread_is_started(watch: Watch) -> None:
    with duckdb.connect() as connection, watch.limited(connection, None, "note"):
        connection.execute("SELECT 1")
    assert watch._thread is None


def test_the_store_answers_again_after_an_interrupted_question(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path, SystemClock())
    store.create(NOTE)
    rows = [{"ts": T0 + i, "venue": f"v{i}", "total": float(i)} for i in range(200_000)]
    store.append([Stored((batch(NOTE, rows),))])
    query = Query("note", T0, T0 + 200_000, measures=(Measure(Function.DELTA, "total"), Measure(Function.COUNT)), group_by=("venue",))
    with pytest.raises(QueryTooLarge):
        store.scan(query, timeout_s=0.0)
    assert len(plain(store.scan(query, timeout_s=30))) == 200_000
    store.close()


def test_closing_does_not_wait_for_a_long_question(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path, SystemClock())
    store.create(NOTE)
    problems: list[BaseException] = []
    asking = threading.Event()

    def ask() -> None:
        try:
            with store._database.reading("note"):
                cursor = store._database.cursor()
                asking.set()
                cursor.execute(ENDLESS)
        except StoreUnavailable as problem:
            problems.append(problem)

    thread = threading.Thread(target=ask)
    thread.start()
    asking.wait()
    time.sleep(0.2)
    started = time.monotonic()
    store.close()
    thread.join()
    assert time.monotonic() - started < 3
    assert len(problems) == 1
