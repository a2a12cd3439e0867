"""When rows move, that no answer changes by it, and that commits and moves do not hurt each other."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tapewatch.clock import ManualClock, SystemClock
from tapewatch.errors import StoreUnavailable
from tapewatch.model.query import Function, Measure, Mode, Query
from tapewatch.model.rows import BodyMark, Coded, Mark, RowBatch
from tapewatch.model.table import Column, Identity, Kind, Table, gauge, tag
from tapewatch.model.table import time as time_of
from tapewatch.store.backends.duckdb import DuckDBStore, pieces, upkeep
from tapewatch.store.backends.duckdb.database import Conflict, OutOfMemory
from tapewatch.store.base import BODY_MARK_US, MARK_WINDOW, Maintained, Stored
from tapewatch.testing.stores.tables import NOTE, SAMPLE, batch, plain
from tests.store.backends.duckdb.areas import rows_in

DAY_US = upkeep.PERIOD_US
SKETCH = Column("taken", Kind.SKETCH, "How long.")
MIDNIGHT_US = 20_000 * DAY_US


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path, SystemClock())
    for table in (SAMPLE, NOTE):
        opened.create(table)
    yield opened
    opened.close()


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


def test_a_table_that_rows_flood_moves_when_they_come_more_slowly_or_it_is_very_large(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, rows in (("HOT_ROWS", 100), ("FLOOD_ROWS_PER_S", 6), ("MOST_HOT_ROWS", 250)):
        monkeypatch.setattr(upkeep, name, rows)
    now_us, cold = MIDNIGHT_US + DAY_US // 2, list[int]()
    for came in (0, 100, 60, 60, 60, 10, 50, 40, 59):
        put(store, *(now_us - upkeep.SETTLED_US - i - 1 for i in range(came)))
        store.maintain(now_us)
        cold.append(rows_in(store, "cold"))
        now_us += 10_000_000
    assert cold == [0, 0, 0, 0, 280, 280, 280, 380, 380]
    assert [row["count"] for row in levels(store)] == [439.0]


def test_a_table_that_cannot_move_keeps_neither_the_others_nor_the_log(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    moves = store._upkeep._move_piece

    def failing(table: Table, before_us: int, piece: int, pieces: int) -> int:
        if table.name == "sample":
            raise OutOfMemory("moving rows of sample: no memory")
        return moves(table, before_us, piece, pieces)

    monkeypatch.setattr(store._upkeep, "_move_piece", failing)
    put(store, MIDNIGHT_US - 1)
    store.append([Stored((batch(NOTE, [{"ts": MIDNIGHT_US - 1}]),))])
    with pytest.raises(StoreUnavailable, match="sample: no memory"):
        store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    assert (rows_in(store, "hot"), rows_in(store, "cold", NOTE)) == (1, 1)
    assert store._database.log_bytes == 0
    monkeypatch.setattr(store._upkeep, "_move_piece", moves)
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    assert (rows_in(store, "hot"), rows_in(store, "cold")) == (0, 1)


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


@pytest.mark.parametrize("jump_s", [-86_400.0, -3_600.0, -1.0, 0.0, 1.0, 3_600.0, 86_400.0])
def test_bodies_beside_the_rows_are_forgotten_after_ten_minutes_whatever_the_clock_says(tmp_path: Path, jump_s: float) -> None:
    clock = ManualClock(MIDNIGHT_US)
    store = DuckDBStore(tmp_path, clock)
    clock.jump(jump_s)
    deliveries = [Stored((), BodyMark(f"d{i}", clock.steady_us() + i)) for i in range(3)]
    assert all(store.append(deliveries))
    clock.advance(BODY_MARK_US / 1e6 - 1)
    store.maintain(clock.now_us())
    again = [Stored((), BodyMark(f"d{i}", clock.steady_us())) for i in range(3)]
    assert store.append(again) == [False, False, False]
    clock.jump(-2 * jump_s)
    clock.advance(1 + 1e-6)
    store.maintain(clock.now_us())
    assert store._database.cursor().execute("SELECT digest FROM books.bodies").fetchall() == [("d2",)]
    assert store.append(deliveries) == [True, True, False]
    store.close()


def test_a_body_of_before_a_clock_was_set_back_is_known_for_ten_minutes_after_the_start(tmp_path: Path) -> None:
    clock = ManualClock(MIDNIGHT_US)
    store = DuckDBStore(tmp_path, clock)
    store.append([Stored((), BodyMark("d", MIDNIGHT_US))])
    store.close()
    later = ManualClock(MIDNIGHT_US - 86_400_000_000)
    store = DuckDBStore(tmp_path, later)
    assert store.append([Stored((), BodyMark("d", later.steady_us()))]) == [False]
    later.advance(BODY_MARK_US / 1e6)
    assert store.append([Stored((), BodyMark("d", later.steady_us()))]) == [True], "not for a day"
    store.close()


@pytest.mark.slow
@pytest.mark.parametrize("cells", [pieces.MOVED_CELLS, 10**9])
def test_a_wide_table_moves_within_the_memory_of_the_engine(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    """A day of summaries of two hundred streams: 130 columns, a sketch among them; what is too much at once moves in more pieces."""
    monkeypatch.setattr(pieces, "MOVED_CELLS", cells)
    wide = Table(
        "wide", "Many.", (tag("stream", "One."), SKETCH, *(gauge(f"x{i}", "none", "One.") for i in range(130))), identity=Identity.NONE
    )
    store.create(wide)
    count, chance = 40_000, np.random.default_rng(1)
    ts = MIDNIGHT_US - count + np.arange(count)
    sketches = np.array([dict.fromkeys(range(k % 100, k % 100 + 70), 1) for k in range(count)], np.object_)
    for half in np.array_split(np.arange(count), 6):
        words = Coded((half % 100).astype(np.int32), tuple(f"s{i}" for i in range(100)))
        columns = {"ts": ts[half], "received_at": ts[half], "source": words, "env": words, "stream": words, "taken": sketches[half]}
        drawn = {f"x{i}": chance.random(len(half)) for i in range(130)}
        store.append([Stored((RowBatch("wide", len(half), {**columns, **drawn}),))])
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    assert (rows_in(store, "hot", wide), rows_in(store, "cold", wide)) == (0, count)


def test_what_has_gathered_without_upkeep_moves_by_stretches_of_time(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "MOVED_ROWS", 100)
    put(store, *(MIDNIGHT_US - 1 - i for i in range(950)))
    put(store, MIDNIGHT_US + 1)
    parts = store._upkeep._stretches(SAMPLE, MIDNIGHT_US, 951)
    assert 5 < len(parts) <= 10
    assert parts == sorted(parts)
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    assert (rows_in(store, "hot"), rows_in(store, "cold")) == (1, 950)


def test_a_move_gives_way_to_a_row_that_is_replaced_meanwhile(store: DuckDBStore) -> None:
    put(store, *(MIDNIGHT_US - 1 - i for i in range(50)))
    copy, delete = store._dialect.move(SAMPLE, {column.name: str(column.kind) for column in SAMPLE.all_columns})
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
    copy, delete = store._dialect.move(SAMPLE, {column.name: str(column.kind) for column in SAMPLE.all_columns})
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


@pytest.mark.parametrize("jump_days", [-30, -1, 1, 30])
def test_closed_days_go_on_moving_after_the_clock_was_set(store: DuckDBStore, jump_days: int) -> None:
    put(store, MIDNIGHT_US - 1)
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    assert (rows_in(store, "hot"), rows_in(store, "cold")) == (0, 1)
    set_us = MIDNIGHT_US + jump_days * DAY_US
    put(store, set_us + 1)
    store.maintain(set_us + upkeep.GRACE_US)
    assert (rows_in(store, "hot"), rows_in(store, "cold")) == (1, 1), "its day goes on"
    store.maintain(set_us + DAY_US + upkeep.GRACE_US)
    assert (rows_in(store, "hot"), rows_in(store, "cold")) == (0, 2)
    assert levels(store) == [{"count": 2.0, "sum_level": 2.0}]


@pytest.mark.parametrize("jump_s", [-86_400, -3_600, -1, 1, 599, 3_600, 86_400])
def test_a_body_sent_again_across_a_jump_keeps_its_rows_once(store: DuckDBStore, jump_s: int) -> None:
    """A body has a mark only when all its rows say when they happened: whether the mark is known or not, the rows are the same ones."""
    rows = [{"ts": MIDNIGHT_US + i, "level": 1.0} for i in range(3)]
    for received_us in (MIDNIGHT_US, MIDNIGHT_US + jump_s * 1_000_000):
        store.maintain(received_us)
        store.append([Stored((batch(SAMPLE, rows),), BodyMark("d", received_us))])
    assert levels(store) == [{"count": 3.0, "sum_level": 3.0}]


FAR = 2**63 - 1


@pytest.mark.parametrize(("ts", "came_us"), [(-5, FAR), (5, -FAR), (MIDNIGHT_US - 9, -FAR), (-FAR, FAR)])
def test_a_row_whose_times_lie_too_far_apart_to_be_packed_stays_hot_and_keeps_no_other_from_moving(
    store: DuckDBStore, ts: int, came_us: int
) -> None:
    put(store, MIDNIGHT_US - 2)
    far = batch(SAMPLE, [{"ts": ts, "level": 2.0}])
    store.append([Stored((replace(far, columns={**far.columns, "received_at": np.array([came_us], np.int64)}),))])
    asked = Query("sample", -FAR, FAR, Mode.ROWS, columns=("ts", "received_at", "level"))
    before = plain(store.scan(asked))
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    assert (rows_in(store, "hot"), rows_in(store, "cold")) == (1, 1)
    assert plain(store.scan(asked)) == before


def test_a_column_that_is_added_while_rows_move_is_packed_as_the_others_are(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = (Table("grown", "It grows.", (tag("host", "A host."), *more)) for more in ((), (time_of("seen_at", "When."),)))
    seen_us = MIDNIGHT_US - 5_000_000
    store.create(before)
    store.append([Stored((batch(before, [{"ts": MIDNIGHT_US - 2, "host": "a"}]),))])
    move_piece = store._upkeep._move_piece

    def grow(table: Table, before_us: int, piece: int, pieces: int) -> int:
        store.create(after)
        store.append([Stored((batch(after, [{"ts": MIDNIGHT_US - 1, "host": "a", "seen_at": seen_us}]),))])
        return move_piece(table, before_us, piece, pieces)

    monkeypatch.setattr(store._upkeep, "_move_piece", grow)
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    assert rows_in(store, "cold", after) == 2
    found = plain(store.scan(Query("grown", MIDNIGHT_US - 10, MIDNIGHT_US, Mode.ROWS, columns=("ts", "seen_at"))))
    assert sorted(row["seen_at"] for row in found if row["seen_at"] is not None) == [seen_us]
