"""Rows of a closed day lie in one order, whatever moved when; no answer changes by it, and nothing is lost when it is cut."""

from __future__ import annotations

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
from tapewatch.errors import StoreUnavailable
from tapewatch.model.query import Function, Measure, Mode, Query
from tapewatch.model.rows import Coded, RowBatch
from tapewatch.model.table import Table, gauge, tag
from tapewatch.store.backends.duckdb import DuckDBStore, day_order, pieces, room, upkeep
from tapewatch.store.backends.duckdb.database import OutOfMemory
from tapewatch.store.base import Stored
from tapewatch.store.retention import DAY_US
from tapewatch.testing.stores.tables import NOTE, SAMPLE, batch, plain
from tests.store.backends.duckdb.areas import rows_in

MIDNIGHT_US = 20_000 * DAY_US
CLOSED_US = MIDNIGHT_US + DAY_US + upkeep.GRACE_US
HOUR_US = 3_600_000_000
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


def test_days_of_many_rows_are_sorted_by_pieces_of_whole_series(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_into(30, monkeypatch)
    monkeypatch.setattr(upkeep, "MOVING_LOG_BYTES", 1)
    tried: list[tuple[int, int]] = []
    sort_piece = store._upkeep._order._sort_piece

    def sort(table: Table, day: Mapping[str, int], piece: int, count: int) -> int:
        tried.append((piece, count))
        return sort_piece(table, day, piece, count)

    monkeypatch.setattr(store._upkeep._order, "_sort_piece", sort)
    put_day(store)
    before = answers(store)
    store.maintain(CLOSED_US)
    assert tried == [(piece, 7) for piece in range(7)]
    assert lying(store) == (len(HOSTS) - 1, 0)
    assert answers(store) == before


def test_too_little_memory_makes_more_pieces(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "FEWEST_ROWS", 1)
    tried: list[tuple[int, int]] = []
    sort_cold = store._dialect.sort_cold

    def scarce(table: Table, piece: int, count: int) -> tuple[str, str]:
        tried.append((piece, count))
        if count < 4:
            raise OutOfMemory("no memory")
        return sort_cold(table, piece, count)

    monkeypatch.setattr(store._dialect, "sort_cold", scarce)
    put_day(store)
    before = answers(store)
    store.maintain(CLOSED_US)
    assert tried == [(0, 1), (0, 2), (0, 4), (1, 4), (2, 4), (3, 4)]
    assert lying(store) == (len(HOSTS) - 1, 0)
    assert answers(store) == before


def test_on_a_tight_disk_rows_stay_where_they_lie_for_an_hour(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put_day(store)
    with monkeypatch.context() as patched:
        patched.setattr(room, "RESERVE_BYTES", 10**18)
        store.maintain(CLOSED_US)
        assert noted(store) == [("sample", MIDNIGHT_US)]
    store.maintain(CLOSED_US + day_order.AGAIN_US - 1)
    assert noted(store) == [("sample", MIDNIGHT_US)]
    store.maintain(CLOSED_US + day_order.AGAIN_US)
    assert (lying(store), noted(store)) == ((len(HOSTS) - 1, 0), [])


def test_what_never_fits_stays_where_it_lies(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put_day(store)
    monkeypatch.setattr(room, "RESERVE_BYTES", 10**18)
    for hour in range(day_order.MOST_TRIES):
        assert noted(store) == [("sample", MIDNIGHT_US)]
        store.maintain(CLOSED_US + hour * HOUR_US)
    assert noted(store) == []
    assert lying(store).changes > len(HOSTS)


def test_within_a_quota_rows_are_not_sorted_that_would_exceed_it_meanwhile(store: DuckDBStore) -> None:
    put_day(store)
    store._upkeep._room.quota_bytes = store._upkeep._room.used_bytes() + 1
    store._upkeep._order.run([SAMPLE], CLOSED_US, MIDNIGHT_US + DAY_US)
    assert noted(store) == [("sample", MIDNIGHT_US)]


def test_it_waits_for_a_copy_that_is_being_written(store: DuckDBStore) -> None:
    put_day(store)
    with store._copier._copying:
        store.maintain(CLOSED_US)
    assert noted(store) == [("sample", MIDNIGHT_US)]
    store.maintain(CLOSED_US)
    assert noted(store) == []


def test_one_day_is_sorted_at_a_time(store: DuckDBStore) -> None:
    with store._copier._copying:  # until it is done nothing is sorted
        for days in (2, 1, 0):
            put_day(store, MIDNIGHT_US - days * DAY_US)
    for left in (2, 1, 0):
        store.maintain(CLOSED_US)
        assert len(noted(store)) == left
    assert lying(store) == (3 * len(HOSTS) - 1, 0)


def test_a_day_that_cannot_be_sorted_keeps_no_other_from_it_nor_the_log(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    sort_piece = store._upkeep._order._sort_piece

    def failing(table: Table, day: Mapping[str, int], piece: int, count: int) -> int:
        if day["start"] < MIDNIGHT_US:
            raise StoreUnavailable("sorting rows of sample: no")
        return sort_piece(table, day, piece, count)

    monkeypatch.setattr(store._upkeep._order, "_sort_piece", failing)
    with store._copier._copying:
        put_day(store, MIDNIGHT_US - DAY_US)
        put_day(store)
    with pytest.raises(StoreUnavailable, match="sample: no"):
        store.maintain(CLOSED_US)
    assert store._database.log_bytes == 0
    store.maintain(CLOSED_US)
    assert noted(store) == [("sample", MIDNIGHT_US - DAY_US)]


def test_without_memory_it_stays_as_it_is(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> int:
        raise OutOfMemory("no memory")

    monkeypatch.setattr(store._upkeep._order, "_sort_piece", failing)
    put_day(store)
    before = answers(store)
    store.maintain(CLOSED_US)
    assert (noted(store), answers(store)) == ([], before)


def test_a_day_with_a_very_large_series_stays_as_it_is(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(day_order, "MOST_OF_A_SERIES", PARTS * PART_ROWS // len(HOSTS) - 1)
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
        with pytest.raises(Exception, match="sorting rows of sample"):
            store.maintain(CLOSED_US)
    assert answers(store) == before
    assert noted(store) == [("sample", MIDNIGHT_US)]
    store.maintain(CLOSED_US + day_order.AGAIN_US)
    assert (lying(store), noted(store)) == ((len(HOSTS) - 1, 0), [])
    assert answers(store) == before


def test_it_gives_way_to_a_row_that_is_replaced_meanwhile(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put_day(store)
    before = answers(store)
    last_cold = store._dialect.last_cold
    replacing: list[threading.Thread] = []

    def replace_now(table: Table) -> str:
        if not replacing:
            replacing.append(threading.Thread(target=put, args=(store, MIDNIGHT_US + HOUR_US), kwargs={"level": 5.0, "rows": 1}))
            replacing[0].start()
            time.sleep(0.2)  # the transaction has begun: what is replaced now is not what it sees
        return last_cold(table)

    monkeypatch.setattr(store._dialect, "last_cold", replace_now)
    store.maintain(CLOSED_US)
    replacing[0].join()
    store.maintain(CLOSED_US + day_order.AGAIN_US)
    after = answers(store)
    assert (after.total("sum_level"), len(after.rows)) == (PARTS * PART_ROWS + 4, len(before.rows))
    assert ("sample", MIDNIGHT_US) not in noted(store)


def test_rows_arrive_are_replaced_and_asked_for_while_days_are_sorted(store: DuckDBStore) -> None:
    put_day(store)
    done, wrong = threading.Event(), list[object]()

    def sort() -> None:
        while not done.is_set():
            store._upkeep._order._tried.clear()
            with store._database.transaction(cursor := store._database.cursor(), "noting"):
                cursor.execute(store._dialect.keep_part(), {"name": "sample", "day": MIDNIGHT_US})
            store.maintain(CLOSED_US)

    def ask() -> None:
        while not done.is_set():
            count = answers(store).total("count")
            wrong.extend([] if count == PARTS * PART_ROWS else [count])

    threads = [threading.Thread(target=target) for target in (sort, ask, ask)]
    for thread in threads:
        thread.start()
    for turn in range(30):
        put(store, MIDNIGHT_US + (1 + 5 * (turn % PARTS)) * HOUR_US, level=float(turn))
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert answers(store).total("sum_level") == PART_ROWS * (26 + 27 + 28 + 29)


SORTING = """
    import os
    import sys
    from pathlib import Path
    from tapewatch.clock import SystemClock
    from tapewatch.store.backends.duckdb import DuckDBStore, pieces, upkeep
    from tapewatch.testing.stores.tables import NOTE, SAMPLE

    pieces.MOVED_CELLS, upkeep.MOVING_LOG_BYTES = 1_200_000, 1
    store = DuckDBStore(Path(sys.argv[1]), SystemClock())
    for table in (SAMPLE, NOTE):
        store.create(table)
    os.write(1, b"begins\\n")
    store.maintain(int(sys.argv[2]))
    os.write(1, b"sorted\\n")
"""


def test_killed_while_it_sorts_no_row_is_missing_and_none_is_there_twice(tmp_path: Path) -> None:
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
    cut = 0
    for run in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SORTING), str(tmp_path), str(CLOSED_US)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "begins\n"
        time.sleep(0.1 * (1 + 2 * run))
        os.kill(process.pid, signal.SIGKILL)
        cut += "sorted" not in process.communicate()[0]
        store = opened(tmp_path)
        assert store._database.cursor().execute(whole, {"start": MIDNIGHT_US}).fetchall() == expected
        if not noted(store):
            with store._database.transaction(cursor := store._database.cursor(), "noting"):
                cursor.execute(store._dialect.keep_part(), {"name": "sample", "day": MIDNIGHT_US})
        store.close()
    assert cut > 0
    store = opened(tmp_path)
    store.maintain(CLOSED_US)
    assert store._database.cursor().execute(whole, {"start": MIDNIGHT_US}).fetchall() == expected
    assert noted(store) == []
    store.close()


def test_closing_ends_it_and_nothing_is_lost(store: DuckDBStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_day(store)
    before = answers(store)
    cut_into(10, monkeypatch)
    write_back = store._upkeep.write_back

    def close_then() -> None:
        write_back()
        store.close()

    monkeypatch.setattr(store._upkeep._order, "_write_back", close_then)
    with pytest.raises(StoreUnavailable, match="closed"):
        store.maintain(CLOSED_US)
    again = opened(tmp_path)
    assert answers(again) == before
    assert noted(again) == [("sample", MIDNIGHT_US)]
    again.close()
