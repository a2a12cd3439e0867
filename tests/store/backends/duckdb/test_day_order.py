"""Rows of a closed day lie in one order, whatever moved when; no answer changes by it, and nothing is lost when it is cut."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import QueryError, StoreRejected, StoreUnavailable, TapewatchError
from tapewatch.model.query import Function, Measure, Mode, Query
from tapewatch.model.rows import Coded, RowBatch
from tapewatch.model.table import Table, gauge, tag
from tapewatch.store.backends.duckdb import DuckDBStore, day_order, pieces, room, upkeep
from tapewatch.store.backends.duckdb.database import Conflict, OutOfMemory
from tapewatch.store.base import Stored
from tapewatch.store.retention import DAY_US, HOUR_US
from tapewatch.testing.stores.tables import NOTE, SAMPLE, batch, plain
from tests.store.backends.duckdb.areas import rows_in

MIDNIGHT_US = 20_000 * DAY_US
CLOSED_US = MIDNIGHT_US + DAY_US + upkeep.GRACE_US
HOSTS = ("h0", "h1", "h2", "h3", "h4")
PARTS, PART_ROWS = 4, 50


def opened(directory: Path) -> DuckDBStore:
    store = DuckDBStore(directory, SystemClock())
    for table in (SAMPLE, NOTE):
        store.create(table)
    return store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DuckDBStore]:
    monkeypatch.setattr(upkeep, "HOT_ROWS", PART_ROWS)
    store = opened(tmp_path)
    yield store
    store.close()


def put(store: DuckDBStore, start_us: int, *, level: float = 1.0, rows: int = PART_ROWS) -> None:
    """Rows of five hosts, turn by turn."""
    store.append([Stored((batch(SAMPLE, [{"ts": start_us + i, "host": HOSTS[i % 5], "level": level} for i in range(rows)]),))])


def cut_into(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have pieces of so many rows."""
    kinds = {column.name: str(column.kind) for column in SAMPLE.all_columns}
    monkeypatch.setattr(pieces, "MOVED_CELLS", rows * pieces.columns_of(kinds))


def put_day(store: DuckDBStore, midnight_us: int = MIDNIGHT_US) -> None:
    """A day of which the rows move in parts; the last of them when it has closed."""
    store.maintain(midnight_us + upkeep.GRACE_US)
    for part in range(PARTS):
        start_us = midnight_us + (1 + 5 * part) * HOUR_US
        put(store, start_us)
        if part < PARTS - 1:
            store.maintain(start_us + HOUR_US)


class Lying(NamedTuple):
    """How the cold rows lie: times from one row to the next that the host changes, and that time goes back within one."""

    changes: int
    back: int


def lying(store: DuckDBStore) -> Lying:
    rows = store._database.cursor().execute("SELECT host, ts FROM cold.sample ORDER BY rowid").fetchall()
    pairs = list(itertools.pairwise(rows))
    return Lying(sum(a[0] != b[0] for a, b in pairs), sum(a[0] == b[0] and a[1] > b[1] for a, b in pairs))


def noted(store: DuckDBStore) -> list[tuple[str, int]]:
    return store._database.cursor().execute("SELECT DISTINCT * FROM books.parts ORDER BY ALL").fetchall()


class Answers(NamedTuple):
    """By host, and all rows."""

    by_host: list[dict[str, Any]]
    rows: list[dict[str, Any]]

    def total(self, column: str) -> float:
        return sum(float(row[column]) for row in self.by_host)


def sort_all(store: DuckDBStore, now_us: int = CLOSED_US) -> int:
    """Let upkeep run until nothing is to be sorted; gives the pieces."""
    runs = 0
    store.maintain(now_us)
    while closed := [day for _, day in noted(store) if day < MIDNIGHT_US + DAY_US]:
        runs += 1
        store.maintain(now_us)
        assert runs < 100, closed
    return runs + 1


def answers(store: DuckDBStore) -> Answers:
    sums = (Measure(Function.COUNT), Measure(Function.SUM, "level"), Measure(Function.LAST, "level"))
    grouped = Query("sample", MIDNIGHT_US, MIDNIGHT_US + 2 * DAY_US, measures=sums, group_by=("host",))
    rows = Query("sample", MIDNIGHT_US, MIDNIGHT_US + 2 * DAY_US, Mode.ROWS, columns=("ts", "host", "level"))
    return Answers(plain(store.scan(grouped)), plain(store.scan(rows)))


def test_a_day_that_moved_in_parts_is_sorted_when_it_has_closed(store: DuckDBStore) -> None:
    put_day(store)
    before = answers(store)
    assert (rows_in(store, "cold"), rows_in(store, "hot")) == ((PARTS - 1) * PART_ROWS, PART_ROWS)
    assert lying(store).changes == (PARTS - 1) * len(HOSTS) - 1
    assert noted(store) == [("sample", MIDNIGHT_US)]
    store.maintain(CLOSED_US)
    assert (rows_in(store, "cold"), rows_in(store, "hot")) == (PARTS * PART_ROWS, 0)
    assert lying(store) == (len(HOSTS) - 1, 0)
    assert noted(store) == []
    assert answers(store) == before


def test_a_day_that_moved_at_once_is_left_alone(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store._upkeep._order, "_sort", lambda *_: pytest.fail("it lies in its order"))
    put(store, MIDNIGHT_US + HOUR_US, rows=PART_ROWS - 1)
    store.maintain(CLOSED_US)
    assert (rows_in(store, "cold"), noted(store)) == (PART_ROWS - 1, [])


def test_other_days_stay_where_they_lie(store: DuckDBStore) -> None:
    put_day(store, MIDNIGHT_US - DAY_US)
    store.maintain(CLOSED_US - DAY_US)
    put_day(store)
    put(store, MIDNIGHT_US + DAY_US + 1, rows=10)
    number = "SELECT min(rowid), max(rowid) FROM cold.sample WHERE ts < ?"
    first = store._database.cursor().execute(number, [MIDNIGHT_US]).fetchall()
    store.maintain(CLOSED_US)
    assert store._database.cursor().execute(number, [MIDNIGHT_US]).fetchall() == first
    assert (rows_in(store, "cold"), rows_in(store, "hot")) == (2 * PARTS * PART_ROWS, 10)
    assert lying(store).back == 0


def test_a_restart_does_not_forget_what_is_to_be_sorted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "HOT_ROWS", PART_ROWS)
    store = opened(tmp_path)
    put_day(store)
    store.close()
    store = opened(tmp_path)
    store.maintain(CLOSED_US)
    assert lying(store) == (len(HOSTS) - 1, 0)
    store.close()


def test_a_day_of_many_rows_is_sorted_by_pieces_of_whole_series_one_in_a_run(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_into(30, monkeypatch)
    put_day(store)
    before = answers(store)
    assert sort_all(store) == 7
    assert lying(store) == (len(HOSTS) - 1, 0)
    assert answers(store) == before


def test_without_memory_for_a_piece_the_rest_stays_where_it_lies(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_into(30, monkeypatch)
    sort_cold = store._dialect.sort_cold

    def scarce(table: Table, piece: int, count: int) -> tuple[str, str]:
        if piece == 3:
            raise OutOfMemory("no memory")
        return sort_cold(table, piece, count)

    monkeypatch.setattr(store._dialect, "sort_cold", scarce)
    put_day(store)
    before = answers(store)
    assert sort_all(store) == 4
    assert answers(store) == before


def test_a_restart_in_between_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "HOT_ROWS", PART_ROWS)
    cut_into(30, monkeypatch)
    store = opened(tmp_path)
    put_day(store)
    before = answers(store)
    for _ in range(3):
        store.maintain(CLOSED_US)
    store.close()
    store = opened(tmp_path)
    assert sort_all(store) == 7
    assert (lying(store), answers(store)) == ((len(HOSTS) - 1, 0), before)
    store.close()


def test_on_a_tight_disk_rows_stay_where_they_lie_for_an_hour(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put_day(store)
    with monkeypatch.context() as patched:
        patched.setattr(room, "RESERVE_BYTES", 10**18)
        store.maintain(CLOSED_US)
    store.maintain(CLOSED_US + day_order.AGAIN_US - 1)
    assert noted(store) == [("sample", MIDNIGHT_US)]
    store.maintain(CLOSED_US + day_order.AGAIN_US)
    assert (lying(store), noted(store)) == ((len(HOSTS) - 1, 0), [])


@pytest.mark.parametrize("trouble", [StoreUnavailable, StoreRejected, QueryError, Conflict])
def test_what_always_fails_is_given_up(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch, trouble: type[TapewatchError]) -> None:
    def failing(*_: object) -> None:
        raise trouble("no")

    monkeypatch.setattr(store._upkeep._order, "_sort_piece", failing)
    put_day(store)
    for hour in range(day_order.MOST_TRIES):
        assert noted(store) == [("sample", MIDNIGHT_US)]
        with contextlib.suppress(TapewatchError):
            store.maintain(CLOSED_US + hour * day_order.AGAIN_US)
        assert store._database.log_bytes == 0
    store.maintain(CLOSED_US + day_order.MOST_TRIES * day_order.AGAIN_US)
    assert (noted(store), store._upkeep._order._going) == ([], {})
    assert lying(store).changes > len(HOSTS)


def test_within_a_quota_rows_are_not_sorted_that_would_exceed_it_meanwhile(store: DuckDBStore) -> None:
    put_day(store)
    store._upkeep._room.quota_bytes = store._upkeep._room.used_bytes() + 1
    store._upkeep._order.run([SAMPLE], CLOSED_US, MIDNIGHT_US + DAY_US)
    assert "exceed the quota" in store._upkeep._order._going["sample", MIDNIGHT_US].why
    assert noted(store) == [("sample", MIDNIGHT_US)]


def test_while_rows_flood_in_nothing_is_sorted(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put_day(store)
    store.maintain(CLOSED_US - 1)
    monkeypatch.setattr(upkeep, "FLOOD_ROWS_PER_S", 1)
    put(store, MIDNIGHT_US + DAY_US + 1)
    store.maintain(CLOSED_US)
    assert ("sample", MIDNIGHT_US) in noted(store)
    store.maintain(CLOSED_US + 1)
    assert ("sample", MIDNIGHT_US) not in noted(store)


def test_it_waits_for_a_copy_that_is_being_written(store: DuckDBStore) -> None:
    put_day(store)
    with store._copier._copying:
        store.maintain(CLOSED_US)
    assert noted(store) == [("sample", MIDNIGHT_US)]
    store.maintain(CLOSED_US)
    assert noted(store) == []


def test_one_day_is_sorted_after_the_other(store: DuckDBStore) -> None:
    with store._copier._copying:  # until it is done nothing is sorted
        for days in (2, 1, 0):
            put_day(store, MIDNIGHT_US - days * DAY_US)
    for left in (2, 1, 0):
        store.maintain(CLOSED_US)
        assert len(noted(store)) == left
    assert lying(store) == (3 * len(HOSTS) - 1, 0)


def test_a_day_that_cannot_be_sorted_keeps_no_other_from_it_nor_the_log(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    sort_piece = store._upkeep._order._sort_piece

    def failing(table: Table, day: Mapping[str, int], piece: int, count: int) -> None:
        if day["start"] < MIDNIGHT_US:
            raise StoreUnavailable("sorting rows of sample: no")
        sort_piece(table, day, piece, count)

    monkeypatch.setattr(store._upkeep._order, "_sort_piece", failing)
    with store._copier._copying:
        put_day(store, MIDNIGHT_US - DAY_US)
        put_day(store)
    with pytest.raises(StoreUnavailable, match="sample: no"):
        store.maintain(CLOSED_US)
    assert store._database.log_bytes == 0
    store.maintain(CLOSED_US)
    assert noted(store) == [("sample", MIDNIGHT_US - DAY_US)]


def test_a_day_with_a_very_large_series_stays_as_it_is(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_into(PARTS * PART_ROWS // len(HOSTS) // 2 - 1, monkeypatch)
    put_day(store)
    store.maintain(CLOSED_US)
    assert noted(store) == []
    assert lying(store).changes > len(HOSTS)


def test_a_table_with_a_column_that_hides_the_numbers_of_rows_stays_as_it_is(store: DuckDBStore) -> None:
    odd = Table("odd", "Odd.", (tag("host", "A host."), gauge(day_order.ROW_NUMBER, "none", "A gauge.")))
    store.create(odd)
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    for part in (1, 2):
        rows = [{"ts": MIDNIGHT_US + part * HOUR_US + i, "host": "h", day_order.ROW_NUMBER: float(i)} for i in range(PART_ROWS)]
        store.append([Stored((batch(odd, rows),))])
        store.maintain(MIDNIGHT_US + (part + 1) * HOUR_US)
    store.maintain(CLOSED_US)
    assert noted(store) == []
    assert plain(store.scan(Query("odd", MIDNIGHT_US, MIDNIGHT_US + DAY_US, measures=(Measure(Function.COUNT),)))) == [
        {"count": 2.0 * PART_ROWS}
    ]


def test_a_day_of_too_many_pieces_stays_as_it_is(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_into(PARTS * PART_ROWS // day_order.MOST_PIECES - 1, monkeypatch)
    put_day(store)
    store.maintain(CLOSED_US)
    assert lying(store).changes > len(HOSTS)
    assert noted(store) == []


@pytest.mark.parametrize("fails", ["copy", "delete"])
def test_what_fails_midway_changes_nothing_and_the_next_run_sorts(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    sort_cold = store._dialect.sort_cold

    def failing(table: Table, piece: int, count: int) -> tuple[str, str]:
        copy, delete = sort_cold(table, piece, count)
        return ("SELECT error('no') WHERE $start < $end AND $last > 0", delete) if fails == "copy" else (copy, f"{delete} AND ts < $start")

    put_day(store)
    before = answers(store)
    with monkeypatch.context() as patched:
        patched.setattr(store._dialect, "sort_cold", failing)
        with pytest.raises(TapewatchError, match="sorting rows of sample"):
            store.maintain(CLOSED_US)
    assert answers(store) == before
    assert noted(store) == [("sample", MIDNIGHT_US)]
    store.maintain(CLOSED_US + day_order.AGAIN_US)
    assert (lying(store), noted(store)) == ((len(HOSTS) - 1, 0), [])
    assert answers(store) == before


def test_it_gives_way_to_a_row_that_is_replaced_meanwhile(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put_day(store)
    before = answers(store)
    sort_cold = store._dialect.sort_cold

    def replace_now(table: Table, piece: int, count: int) -> tuple[str, str]:
        replacing = threading.Thread(target=put, args=(store, MIDNIGHT_US + HOUR_US), kwargs={"level": 5.0, "rows": 1})
        replacing.start()  # the transaction has asked already: it does not see what is replaced now
        replacing.join()
        return sort_cold(table, piece, count)

    with monkeypatch.context() as patched:
        patched.setattr(store._dialect, "sort_cold", replace_now)
        store.maintain(CLOSED_US)
    assert ("sample", MIDNIGHT_US) in noted(store)
    assert store._upkeep._order._going["sample", MIDNIGHT_US].failures == 1
    after = answers(store)
    assert (after.total("sum_level"), len(after.rows)) == (PARTS * PART_ROWS + 4, len(before.rows))
    store.maintain(CLOSED_US + day_order.AGAIN_US)
    assert ("sample", MIDNIGHT_US) not in noted(store)
    assert answers(store) == after


def test_rows_are_replaced_and_asked_for_while_days_are_sorted(store: DuckDBStore) -> None:
    put_day(store)
    done, wrong, sorted_days = threading.Event(), list[object](), list[int]()

    def sort() -> None:
        while not done.is_set():
            store._upkeep._order._going.clear()
            with store._database.transaction(cursor := store._database.cursor(), "noting"):
                cursor.execute(store._dialect.keep_part(), {"name": "sample", "day": MIDNIGHT_US})
            store.maintain(CLOSED_US)
            if ("sample", MIDNIGHT_US) not in noted(store):
                sorted_days.append(1)

    def ask() -> None:
        while not done.is_set():
            count = answers(store).total("count")
            wrong.extend([] if count == PARTS * PART_ROWS else [count])

    threads = [threading.Thread(target=target) for target in (sort, ask, ask)]
    for thread in threads:
        thread.start()
    turn, deadline_s = 0, time.monotonic() + 60
    try:
        while (turn < 30 or len(sorted_days) < 3) and time.monotonic() < deadline_s:
            turn += 1
            put(store, MIDNIGHT_US + (1 + 5 * (turn % PARTS)) * HOUR_US, level=float(turn))
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert wrong == []
    assert len(sorted_days) >= 3
    assert answers(store).total("sum_level") == PART_ROWS * sum(range(turn - 3, turn + 1))


SORTING = """
    import os
    import sys
    from pathlib import Path
    from tapewatch.clock import SystemClock
    from tapewatch.store.backends.duckdb import DuckDBStore, pieces
    from tapewatch.testing.stores.tables import NOTE, SAMPLE

    pieces.MOVED_CELLS = 1_200_000
    store = DuckDBStore(Path(sys.argv[1]), SystemClock())
    for table in (SAMPLE, NOTE):
        store.create(table)
    sort_piece = store._upkeep._order._sort_piece

    def told(*given):
        os.write(1, b"piece\\n")
        sort_piece(*given)

    store._upkeep._order._sort_piece = told
    while True:
        store.maintain(int(sys.argv[2]))
"""


@pytest.mark.parametrize("wait_s", [0.0, 0.05])
def test_killed_while_it_sorts_no_row_is_missing_and_none_is_there_twice(tmp_path: Path, wait_s: float) -> None:
    rows, store = 260_000, opened(tmp_path)  # more than one group of rows, which the engine drops as a whole
    for part in range(2):
        ts = MIDNIGHT_US + part * HOUR_US + np.arange(rows // 2)
        words = {name: Coded.constant("x", len(ts)) for name in ("source", "env", "host")}
        venues = Coded(np.arange(len(ts), dtype=np.int32) % 100, tuple(f"v{i}" for i in range(100)))
        columns = {"ts": ts, "received_at": ts, "venue": venues, "total": np.arange(len(ts)) + part, **words}
        store.append([Stored((RowBatch("sample", len(ts), columns),))])
        store._upkeep._move_piece(SAMPLE, MIDNIGHT_US + (part + 1) * HOUR_US)
    whole = "SELECT count(*), count(DISTINCT (ts, venue)), sum(total), sum(ts - $start) FROM sample"
    expected = store._database.cursor().execute(whole, {"start": MIDNIGHT_US}).fetchall()
    assert (expected[0][:2], noted(store)) == ((rows, rows), [("sample", MIDNIGHT_US)])
    store.close()
    command = [sys.executable, "-c", textwrap.dedent(SORTING), str(tmp_path), str(CLOSED_US)]
    for piece in (1, 4, 8):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(piece)] == ["piece\n"] * piece
        time.sleep(wait_s)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        store = opened(tmp_path)
        assert store._database.cursor().execute(whole, {"start": MIDNIGHT_US}).fetchall() == expected
        assert noted(store) == [("sample", MIDNIGHT_US)]
        store.close()
    store = opened(tmp_path)
    sort_all(store)
    assert store._database.cursor().execute(whole, {"start": MIDNIGHT_US}).fetchall() == expected
    store.close()


def test_closing_meanwhile_waits_for_the_piece_and_loses_nothing(
    store: DuckDBStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_day(store)
    before = answers(store)
    sort_cold = store._dialect.sort_cold
    closing = threading.Thread(target=store.close)

    def close_now(table: Table, piece: int, count: int) -> tuple[str, str]:
        closing.start()
        closing.join(0.2)
        assert closing.is_alive()
        return sort_cold(table, piece, count)

    monkeypatch.setattr(store._dialect, "sort_cold", close_now)
    with contextlib.suppress(StoreUnavailable):
        store.maintain(CLOSED_US)
    closing.join()
    again = opened(tmp_path)
    assert answers(again) == before
    again.close()
