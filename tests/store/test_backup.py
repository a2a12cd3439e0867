"""Backups of a store in use: as of one moment, verified, and put back in one step or not at all."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tapewatch.clock import ManualClock, SystemClock
from tapewatch.errors import ConfigError, StoreRejected, StoreUnavailable
from tapewatch.model.query import Function, Measure, Mode, Query
from tapewatch.model.rows import Mark, RowBatch
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.store.backends.duckdb.migration import MIGRATIONS, newest_format
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.backup import MANIFEST, read_manifest, verify_backup, write_backup
from tapewatch.store.base import Store, Stored
from tapewatch.store.restore import restore_backup
from tapewatch.testing.stores.tables import NOTE, SAMPLE, T0, batch, plain
from tests.small_disk import fill, small_disk

FILE = "tapewatch.duckdb"


def opened(directory: Path) -> DuckDBStore:
    store = DuckDBStore(directory, SystemClock())
    for table in (NOTE, SAMPLE):
        store.create(table)
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    store = opened(tmp_path / "data")
    put(store, 1)
    yield store
    store.close()


def put(store: Store, sequence: int, rows: int = 100) -> None:
    given = [{"ts": T0 + sequence * 1000 + i, "note": str(sequence)} for i in range(rows)]
    assert store.append([Stored((batch(NOTE, given),), Mark("bot", sequence))]) == [True]


def notes(store: Store) -> list[str]:
    query = Query("note", T0 - 10**9, T0 + 10**12, mode=Mode.ROWS, columns=("note",))
    return [row["note"] for row in plain(store.scan(query))]


def test_a_backup_is_restored_with_its_rows_and_its_marks(store: DuckDBStore, tmp_path: Path) -> None:
    manifest = write_backup(store, tmp_path / "backup", ManualClock(1_700_000_000_000_000), "9.9")
    put(store, 2)
    assert (manifest.store, manifest.tapewatch, manifest.taken_at) == ("duckdb", "9.9", "2023-11-14T22:13:20.000000Z")
    assert (manifest.rows, manifest.rows_by_table) == (100, {"note": 100, "sample": 0})
    assert sorted(path.name for path in (tmp_path / "backup").iterdir()) == [MANIFEST, FILE]
    assert verify_backup(tmp_path / "backup") == manifest
    assert restore_backup(tmp_path / "backup", tmp_path / "other") == (manifest, None)
    again = opened(tmp_path / "other")
    assert notes(again) == ["1"] * 100
    assert again.append([Stored((batch(NOTE, [{"ts": T0}]),), Mark("bot", 1))]) == [False], "a batch that was kept stays known"
    put(again, 2)
    again.maintain(T0 + 10**12)
    assert notes(again) == ["2"] * 100 + ["1"] * 100
    again.close()


def test_moved_rows_and_rows_of_one_day_are_both_in_it(store: DuckDBStore, tmp_path: Path) -> None:
    store.maintain(T0 + 10**12)
    put(store, 2)
    write_backup(store, tmp_path / "backup", SystemClock(), "1")
    restore_backup(tmp_path / "backup", tmp_path / "other")
    again = opened(tmp_path / "other")
    assert notes(again) == notes(store)
    again.close()


def many(sequence: int) -> RowBatch:
    """20,000 rows as fast as they can be made."""
    repeated = batch(SAMPLE, [{"ts": T0}]).take(np.zeros(20_000, np.intp))
    return RowBatch("sample", 20_000, {**repeated.columns, "ts": np.arange(20_000, dtype=np.int64) + T0 + sequence * 20_000})


@pytest.mark.slow
def test_commits_go_on_while_it_is_written_and_it_holds_what_was_acknowledged_before(store: DuckDBStore, tmp_path: Path) -> None:
    for sequence in range(13):
        store.append([Stored((many(sequence),))])
    acknowledged, done = 1, threading.Event()
    waits: list[float] = []

    def write() -> None:
        nonlocal acknowledged
        while not done.is_set():
            began = time.monotonic()
            put(store, acknowledged + 1)
            waits.append(time.monotonic() - began)
            acknowledged += 1
            if acknowledged % 20 == 0:
                store.maintain(T0 + 10**12)

    writer = threading.Thread(target=write)
    writer.start()
    while acknowledged < 5:
        time.sleep(0.01)
    before = acknowledged
    manifest = write_backup(store, tmp_path / "backup", SystemClock(), "1")
    after = acknowledged + 1
    done.set()
    writer.join()
    assert after > before + 1, "commits went on"
    assert before * 100 <= manifest.rows_by_table["note"] <= after * 100
    assert manifest.rows_by_table["note"] % 100 == 0, "whole deliveries only"
    assert manifest.rows_by_table["sample"] == 260_000
    assert max(waits) < 1.0
    assert sum(store.usage().rows_by_table.values()) == 260_000 + acknowledged * 100


def test_the_sizes_of_the_store_do_not_count_the_copy(store: DuckDBStore, tmp_path: Path) -> None:
    cursor = store._database.cursor()
    (tmp_path / "copy").mkdir()
    cursor.execute(store._dialect.attach(str(tmp_path / "copy" / FILE)))
    cursor.execute(store._dialect.copy_all("tapewatch"))
    assert store.usage().rows_by_table == {"note": 100, "sample": 0}
    assert store._upkeep._hot_rows()["note"] == 100
    cursor.execute(store._dialect.detach())


def test_a_close_ends_a_backup_that_is_being_written(store: DuckDBStore, tmp_path: Path) -> None:
    for sequence in range(40):
        store.append([Stored((many(sequence),))])
    told: list[BaseException] = []

    def back_up() -> None:
        try:
            write_backup(store, tmp_path / "backup", SystemClock(), "1")
        except StoreUnavailable as error:
            told.append(error)

    thread = threading.Thread(target=back_up)
    thread.start()
    while not (tmp_path / "backup" / "partial" / FILE).exists():
        time.sleep(0.001)
    store.close()
    thread.join(5)
    assert not thread.is_alive()
    assert len(told) == 1
    assert list((tmp_path / "backup").iterdir()) == []
    again = opened(tmp_path / "data")
    assert notes(again) == ["1"] * 100
    again.close()


def test_a_full_disk_leaves_no_backup_and_a_sound_store(store: DuckDBStore, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "2m") as disk:
        fill(disk)
        with pytest.raises(StoreUnavailable, match="No space left"):
            write_backup(store, disk / "backup", SystemClock(), "1")
        assert not (disk / "backup").exists() or list((disk / "backup").iterdir()) == []
    put(store, 2)
    write_backup(store, tmp_path / "backup", SystemClock(), "1")


def test_a_directory_in_use_is_named(store: DuckDBStore, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letters").touch()
    with pytest.raises(StoreRejected, match=r"full is not empty, it has letters; name a new directory"):
        write_backup(store, tmp_path / "full", SystemClock(), "1")
    with pytest.raises(StoreRejected, match="is a file"):
        write_backup(store, tmp_path / "full" / "letters", SystemClock(), "1")
    write_backup(store, tmp_path / "backup", ManualClock(), "1")
    with pytest.raises(StoreRejected, match=r"holds a backup of 2023-11-14T22:13:20"):
        write_backup(store, tmp_path / "backup", SystemClock(), "1")


def test_what_a_kill_left_of_a_backup_is_no_backup_and_does_not_stand_in_the_way(store: DuckDBStore, tmp_path: Path) -> None:
    (tmp_path / "backup" / "partial").mkdir(parents=True)
    (tmp_path / "backup" / "partial" / FILE).write_bytes(b"half")
    with pytest.raises(StoreRejected, match=r"is no complete backup: it has no manifest\.json"):
        restore_backup(tmp_path / "backup", tmp_path / "other")
    write_backup(store, tmp_path / "backup", SystemClock(), "1")
    assert verify_backup(tmp_path / "backup").rows == 100


def test_a_store_without_files_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreRejected, match="the memory store keeps no files"):
        write_backup(MemoryStore(), tmp_path / "backup", SystemClock(), "1")


# --- restoring ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def backup(store: DuckDBStore, tmp_path: Path) -> Path:
    write_backup(store, tmp_path / "backup", SystemClock(), "1")
    return tmp_path / "backup"


def flip_a_byte(backup: Path) -> None:
    with (backup / FILE).open("r+b") as file:
        file.seek(20_000)
        byte = file.read(1)
        file.seek(20_000)
        file.write(bytes([byte[0] ^ 1]))


def cut(backup: Path) -> None:
    with (backup / FILE).open("r+b") as file:
        file.truncate(1000)


def lie(backup: Path) -> None:
    told = json.loads((backup / MANIFEST).read_text())
    told["rows_by_table"]["note"] += 1
    (backup / MANIFEST).write_text(json.dumps(told))


def of_another_engine(backup: Path) -> None:
    told = json.loads((backup / MANIFEST).read_text())
    told["store"] = "hologram"
    (backup / MANIFEST).write_text(json.dumps(told))


DAMAGE: dict[Callable[[Path], object], str] = {
    flip_a_byte: "has other bytes than were written",
    cut: "has 1000 bytes instead of",
    lie: "does not hold the rows that its manifest.json names",
    of_another_engine: "is of a hologram store",
    lambda backup: (backup / FILE).unlink(): "cannot be read: No such file",
    lambda backup: (backup / MANIFEST).write_text("{"): "manifest.json cannot be read",
}


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: DAMAGE[damage])
def test_a_damaged_backup_is_refused_and_what_was_there_stays(backup: Path, tmp_path: Path, damage: Callable[[Path], object]) -> None:
    damage(backup)
    other = opened(tmp_path / "other")
    put(other, 7)
    other.close()
    before = (tmp_path / "other" / FILE).read_bytes()
    with pytest.raises(StoreRejected, match=DAMAGE[damage]):
        restore_backup(backup, tmp_path / "other", replace=True)
    assert (tmp_path / "other" / FILE).read_bytes() == before


def test_a_data_directory_that_holds_something_is_left_alone_unless_told(backup: Path, tmp_path: Path) -> None:
    other = opened(tmp_path / "other")
    put(other, 7)
    other.close()
    (tmp_path / "other" / "spool").mkdir()
    (tmp_path / "other" / "spool" / "waiting").write_text("rows that wait")
    with pytest.raises(StoreRejected, match=r"other is not empty, it has spool, tapewatch\.duckdb; .*--replace"):
        restore_backup(backup, tmp_path / "other")
    kept = restore_backup(backup, tmp_path / "other", replace=True)[1]
    assert kept is not None
    assert kept == tmp_path / "other" / f"{FILE}.replaced-1"
    assert (tmp_path / "other" / "spool" / "waiting").read_text() == "rows that wait"
    again = opened(tmp_path / "other")
    assert notes(again) == ["1"] * 100
    again.close()
    assert restore_backup(backup, tmp_path / "other", replace=True)[1] == tmp_path / "other" / f"{FILE}.replaced-2"
    (tmp_path / "third").mkdir()
    shutil.copy(kept, tmp_path / "third" / FILE)
    again = opened(tmp_path / "third")
    assert notes(again) == ["7"] * 100
    again.close()


def test_a_store_that_cannot_be_opened_is_replaced_and_kept_with_its_log(backup: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / FILE).write_bytes(b"broken" * 1000)
    (other / f"{FILE}.wal").write_bytes(b"log")
    restore_backup(backup, other, replace=True)
    assert (other / f"{FILE}.replaced-1").read_bytes() == b"broken" * 1000
    assert (other / f"{FILE}.replaced-1.wal").read_bytes() == b"log"
    again = opened(other)
    assert notes(again) == ["1"] * 100
    again.close()


def test_a_store_in_use_is_not_replaced(store: DuckDBStore, backup: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="in use by tapewatch process"):
        restore_backup(backup, tmp_path / "data", replace=True)
    put(store, 2)


def test_a_disk_without_room_is_named_and_the_old_store_stays(backup: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "16m") as disk:
        other = opened(disk / "data")
        put(other, 7)
        other.close()
        fill(disk)
        with pytest.raises(StoreUnavailable, match=r"MB are needed in .*0 MB are free"):
            restore_backup(backup, disk / "data", replace=True)
        again = opened(disk / "data")
        assert notes(again) == ["7"] * 100
        again.close()


def test_the_manifest_reads_back_as_written(backup: Path) -> None:
    manifest = read_manifest(backup)
    assert (manifest.format, len(manifest.files), len(manifest.files[0].sha256)) == (newest_format(MIGRATIONS), 1, 64)
    assert manifest.files[0].bytes == (backup / FILE).stat().st_size


def test_counts_are_those_of_the_moment(store: DuckDBStore, backup: Path) -> None:
    found = store.scan(Query("note", T0 - 10**9, T0 + 10**12, measures=(Measure(Function.COUNT, alias="n"),)))
    assert plain(found)[0]["n"] == read_manifest(backup).rows_by_table["note"]
