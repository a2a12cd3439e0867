"""When rows move, that no answer changes by it, and that commits and moves do not hurt each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import StoreUnavailable
from tapewatch.model.query import Function, Measure, Query
from tapewatch.model.rows import BodyMark, Coded, Mark, RowBatch
from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb import DuckDBStore, upkeep
from tapewatch.store.backends.duckdb.database import Conflict
from tapewatch.store.base import BODY_MARK_US, MARK_WINDOW, Maintained, Stored
from tapewatch.testing.stores.tables import NOTE, SAMPLE, batch, plain

DAY_US = upkeep.PERIOD_US
MIDNIGHT_US = 20_000 * DAY_US


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path, SystemClock())
    for table in (SAMPLE, NOTE):
        opened.create(table)
    yield opened
    opened.close()


def rows_in(store: DuckDBStore, area: str, table: Table = SAMPLE) -> int:
    found = store._database.cursor().execute(f"SELECT count(*) FROM {area}.{table.name}").fetchone()
    return int(found[0]) if found else 0


def put(store: DuckDBStore, *moments_us: int, level: float = 1.0) -> None:
    store.append([Stored((batch(SAMPLE, [{"ts": ts, "level": level} for ts in moments_us]),))])


def levels(store: DuckDBStore) -> list[dict[str, object]]:
    query = Query("sample", 0, MIDNIGHT_US * 2, measures=(Measure(Function.COUNT), Measure(Function.SUM, "level")))
    return plain(store.scan(query))


def test_it_declares_that_it_wants_a_hand(store: DuckDBStore) -> None:
    assert isinstance(store, Maintained)


def test_a_day_moves_when_it_has_closed_and_late_rows_follow_with_the_next(store: DuckDBStore) -> None:
    put(store, MIDNIGHT_US - 2, MIDNIGHT_US - 1, MIDNIGHT_US, MIDNIGHT_US + 1)
    before = levels(store)
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US - 1)
    assert (rows_in(store, "hot"), rows_in(store, "cold")) == (4, 0)
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    assert (rows_in(store, "hot"), rows_in(store, "cold")) == (2, 2)
    assert levels(store) == before
    put(store, MIDNIGHT_US - 3)
    store.maintain(MIDNIGHT_US + 2 * upkeep.GRACE_US)
    assert (rows_in(store, "hot"), rows_in(store, "cold")) == (3, 2)
    store.maintain(MIDNIGHT_US + DAY_US + upkeep.GRACE_US)
    assert (rows_in(store, "hot"), rows_in(store, "cold")) == (0, 5)


def test_a_large_hot_table_moves_before_its_day_is_over(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "HOT_ROWS", 100)
    now_us = MIDNIGHT_US + DAY_US // 2
    store.maintain(now_us)
    put(store, *(now_us - upkeep.SETTLED_US - i for i in range(-5, 95)))
    store.maintain(now_us)
    assert (rows_in(store, "hot"), rows_in(store, "cold")) == (6, 94)
    assert levels(store) == [{"count": 100.0, "sum_level": 100.0}]


def test_what_moved_is_written_back_and_so_is_a_long_log(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, MIDNIGHT_US - 1)
    assert store._database.log_bytes > 0
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    assert store._database.log_bytes == 0
    put(store, MIDNIGHT_US + 1)
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    assert store._database.log_bytes > 0
    monkeypatch.setattr(upkeep, "LOG_BYTES", 1)
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    assert store._database.log_bytes == 0


def test_marks_beside_the_rows_stay_bounded(store: DuckDBStore) -> None:
    deliveries = [Stored((), Mark("bot", sequence)) for sequence in range(1, 3 * MARK_WINDOW)]
    assert all(store.append(deliveries))
    store.maintain(MIDNIGHT_US)
    kept = store._database.cursor().execute("SELECT count(*), min(sequence) FROM books.marks").fetchone()
    assert kept == (MARK_WINDOW, 2 * MARK_WINDOW)
    assert store.append([deliveries[0], deliveries[-1], Stored((), Mark("bot", 3 * MARK_WINDOW))]) == [False, False, True]


def test_bodies_beside_the_rows_are_forgotten_after_ten_minutes(store: DuckDBStore) -> None:
    deliveries = [Stored((), BodyMark(f"d{i}", MIDNIGHT_US + i)) for i in range(3)]
    assert all(store.append(deliveries))
    store.maintain(MIDNIGHT_US + 1 + BODY_MARK_US)
    assert store._database.cursor().execute("SELECT digest FROM books.bodies").fetchall() == [("d2",)]
    assert store.append(deliveries) == [True, True, False]


def test_a_move_gives_way_to_a_row_that_is_replaced_meanwhile(store: DuckDBStore) -> None:
    put(store, *(MIDNIGHT_US - 1 - i for i in range(50)))
    copy, delete = store._dialect.move(SAMPLE)
    cursor = store._database.cursor()

    def move() -> None:
        with store._database.transaction(cursor, "moving"):
            cursor.execute(copy, {"before": MIDNIGHT_US})
            replacing = threading.Thread(target=put, args=(store, MIDNIGHT_US - 10), kwargs={"level": 5.0})
            replacing.start()
            replacing.join()
            cursor.execute(delete, {"before": MIDNIGHT_US})

    with pytest.raises(Conflict):
        move()
    assert levels(store) == [{"count": 50.0, "sum_level": 54.0}]
    assert rows_in(store, "cold") == 0


def test_a_commit_that_replaces_a_moving_row_waits_for_it(store: DuckDBStore) -> None:
    put(store, *(MIDNIGHT_US - 1 - i for i in range(50)))
    copy, delete = store._dialect.move(SAMPLE)
    cursor = store._database.cursor()
    replacing = threading.Thread(target=put, args=(store, MIDNIGHT_US - 11), kwargs={"level": 7.0})
    store._upkeep.note_cold("sample", MIDNIGHT_US - 1)
    with store._upkeep.moving, store._database.transaction(cursor, "moving"):
        cursor.execute(copy, {"before": MIDNIGHT_US})
        cursor.execute(delete, {"before": MIDNIGHT_US})
        replacing.start()
        replacing.join(0.2)
        was_waiting = replacing.is_alive()
    replacing.join()
    assert was_waiting
    assert levels(store) == [{"count": 50.0, "sum_level": 56.0}]
    assert (rows_in(store, "hot"), rows_in(store, "cold")) == (1, 49)


def test_rows_arrive_are_replaced_asked_and_moved_all_at_once(store: DuckDBStore) -> None:
    wrong: list[object] = []
    done = threading.Event()

    def move() -> None:
        while not done.is_set():
            store._upkeep._moved_before.clear()
            store.maintain(MIDNIGHT_US + upkeep.GRACE_US)

    def ask() -> None:
        newest = 0.0
        while not done.is_set():
            found = levels(store)
            count = float(str(found[0]["count"])) if found else 0.0
            wrong.extend([(newest, count)] if count < newest or count % 20 else [])
            newest = count

    threads = [threading.Thread(target=target) for target in (move, ask, ask)]
    for thread in threads:
        thread.start()
    for step in range(40):
        put(store, *(MIDNIGHT_US - 1 - step * 20 - i for i in range(20)))
        if step % 4 == 3:
            put(store, *(MIDNIGHT_US - 1 - (step - 1) * 20 - i for i in range(20)), level=2.0)
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert levels(store) == [{"count": 800.0, "sum_level": 1000.0}]


def test_closing_ends_a_move_and_nothing_is_lost(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path, SystemClock())
    store.create(SAMPLE)
    ts = np.arange(MIDNIGHT_US - 300_000, MIDNIGHT_US)
    words = {name: Coded.constant("x", len(ts)) for name in ("source", "env", "host")}
    venues = Coded(np.arange(len(ts), dtype=np.int32) % 1000, tuple(f"v{i}" for i in range(1000)))
    store.append([Stored((RowBatch("sample", len(ts), {"ts": ts, "received_at": ts, "venue": venues, **words}),))])
    problems: list[BaseException] = []

    def move() -> None:
        try:
            store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
        except StoreUnavailable as problem:
            problems.append(problem)

    thread = threading.Thread(target=move)
    thread.start()
    while not store._upkeep.moving.locked():
        time.sleep(0.001)
    store.close()
    thread.join()
    again = DuckDBStore(tmp_path, SystemClock())
    again.create(SAMPLE)
    assert rows_in(again, "hot") + rows_in(again, "cold") == len(ts)
    assert {rows_in(again, "hot"), rows_in(again, "cold")} == {0, len(ts)}
    again.close()
