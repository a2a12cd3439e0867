"""A file of an older format: kept beside, migrated on a copy, and never half of each, however it is interrupted."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import duckdb
import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import ConfigError
from tapewatch.model.query import Mode, Query
from tapewatch.model.rows import Mark
from tapewatch.model.table import Kind
from tapewatch.store.backends.duckdb import DuckDBStore, upkeep
from tapewatch.store.backends.duckdb.database import Database
from tapewatch.store.backends.duckdb.migration import MIGRATIONS, Migration, newest_format
from tapewatch.store.base import Stored
from tapewatch.testing.stores.tables import NOTE, SAMPLE, T0, batch, plain
from tests.sizes import ROOT
from tests.small_disk import fill, small_disk

TODAY = newest_format(MIGRATIONS)
FILE = "tapewatch.duckdb"


def coloured(connection: duckdb.DuckDBPyConnection) -> None:
    """What a later format might do: change every row, and add a book."""
    connection.execute("ALTER TABLE hot.note ADD COLUMN colour VARCHAR")
    connection.execute("UPDATE hot.note SET colour = 'red'")
    connection.execute("CREATE TABLE books.colours (colour VARCHAR)")


def counted(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("INSERT INTO books.colours SELECT colour FROM hot.note")


LATER = (*MIGRATIONS, Migration("Notes have a colour.", coloured), Migration("Colours are listed.", counted))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A store of today's format, which the later migrations make an old one; its rows are in the log, as after a kill."""
    store = DuckDBStore(tmp_path, SystemClock())
    store.create(NOTE)
    rows = [{"ts": T0 + i, "note": str(i)} for i in range(1000)]
    store.append([Stored((batch(NOTE, rows),), Mark("bot", 1))])
    store.close()
    return tmp_path


def open_later(directory: Path, migrations: tuple[Migration, ...] = LATER) -> Database:
    return Database(directory, memory_limit="64MB", threads=1, migrations=migrations)


def held(path: Path) -> tuple[int, int, bool]:
    """Format of a file, notes in it, and whether they have colours."""
    with contextlib.closing(duckdb.connect(path, read_only=True)) as connection:
        found = connection.execute("SELECT (SELECT max(version) FROM books.format), count(*) FROM hot.note").fetchone()
        columns = [name for (name,) in connection.execute("SELECT column_name FROM duckdb_columns() WHERE table_name = 'note'").fetchall()]
    assert found is not None
    return (*found, "colour" in columns)


def test_an_older_file_is_migrated_step_by_step_and_kept_beside(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    before = (directory / FILE).read_bytes()
    database = open_later(directory)
    assert database.cursor().execute("SELECT count(*) FROM books.colours WHERE colour = 'red'").fetchone() == (1000,)
    database.close()
    assert held(directory / FILE) == (TODAY + 2, 1000, True)
    kept = directory / f"{FILE}.format-{TODAY}"
    assert kept.read_bytes() == before
    assert f"migrated from format {TODAY} to {TODAY + 2}; the old file is {kept}" in caplog.text
    assert sorted(path.name for path in directory.iterdir()) == [FILE, kept.name, "tapewatch.lock"]


def test_the_kept_file_under_the_real_name_is_the_old_store_again(directory: Path) -> None:
    open_later(directory).close()
    with pytest.raises(ConfigError, match=f"store format {TODAY + 2}, this tapewatch reads up to {TODAY}"):
        DuckDBStore(directory, SystemClock())
    (directory / f"{FILE}.format-{TODAY}").replace(directory / FILE)
    store = DuckDBStore(directory, SystemClock())
    store.create(NOTE)
    assert store.append([Stored((batch(NOTE, [{"ts": T0}]),), Mark("bot", 1))]) == [False]
    store.close()
    open_later(directory).close()
    assert held(directory / FILE) == (TODAY + 2, 1000, True)


def test_rows_that_are_only_in_the_log_are_migrated_too(directory: Path) -> None:
    script = f"""
        import os, signal
        from pathlib import Path
        from tapewatch.clock import SystemClock
        from tapewatch.model.rows import Mark
        from tapewatch.store.backends.duckdb import DuckDBStore
        from tapewatch.store.base import Stored
        from tapewatch.testing.stores.tables import NOTE, SAMPLE, T0, batch, plain
        store = DuckDBStore(Path({str(directory)!r}), SystemClock())
        store.create(NOTE)
        store.append([Stored((batch(NOTE, [{{"ts": T0 + 10**6, "note": "late"}}]),), Mark("bot", 2))])
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False).returncode == -signal.SIGKILL
    assert (directory / f"{FILE}.wal").stat().st_size > 0
    open_later(directory).close()
    assert held(directory / FILE) == (TODAY + 2, 1001, True)
    assert held(directory / f"{FILE}.format-{TODAY}") == (TODAY, 1001, False)


def die(connection: duckdb.DuckDBPyConnection) -> None:
    """Half of the work is committed, then the process is gone."""
    connection.execute("DELETE FROM hot.note WHERE ts % 2 = 0")
    connection.execute("CHECKPOINT")
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_kill_in_the_middle_leaves_the_old_file_and_the_next_start_migrates_it(directory: Path) -> None:
    before = (directory / FILE).read_bytes()
    script = f"""
        from pathlib import Path
        from tests.store.backends.duckdb.test_migration import MIGRATIONS, Migration, coloured, die, open_later
        open_later(Path({str(directory)!r}), (*MIGRATIONS, Migration("Notes have a colour.", coloured), Migration("Never ends.", die)))
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, check=False).returncode == -signal.SIGKILL
    assert (directory / f"{FILE}.migrating").exists()
    assert (directory / FILE).read_bytes() == before
    open_later(directory).close()
    assert held(directory / FILE) == (TODAY + 2, 1000, True)
    assert held(directory / f"{FILE}.format-{TODAY}") == (TODAY, 1000, False)
    assert not list(directory.glob("*.migrating*"))


def test_a_migration_that_fails_leaves_the_old_file_and_says_so(directory: Path) -> None:
    before = (directory / FILE).read_bytes()
    broken = Migration("Impossible.", lambda connection: connection.execute("ALTER TABLE hot.nothing ADD COLUMN x INTEGER") and None)
    with pytest.raises(ConfigError, match=f"could not be migrated from store format {TODAY} and is as it was: .*nothing"):
        open_later(directory, (*MIGRATIONS, broken))
    assert (directory / FILE).read_bytes() == before
    assert not list(directory.glob("*.migrating*"))


def test_a_disk_without_room_for_the_copy_is_named(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "16m") as disk:
        store = DuckDBStore(disk, SystemClock())
        store.create(NOTE)
        store.append([Stored((batch(NOTE, [{"ts": T0, "note": "kept"}]),))])
        store.close()
        fill(disk)
        with pytest.raises(ConfigError, match=r"migrated on a copy, for which \d+ MB are needed and 0 MB are free; free some space"):
            open_later(disk)
        assert held(disk / FILE) == (TODAY, 1, False)


def test_a_format_that_no_version_wrote_is_refused(directory: Path) -> None:
    with contextlib.closing(duckdb.connect(directory / FILE)) as connection:
        connection.execute("UPDATE books.format SET version = 0")
    with pytest.raises(ConfigError, match="store format 0, which no tapewatch wrote"):
        DuckDBStore(directory, SystemClock())


def test_a_new_file_begins_with_the_newest_format(tmp_path: Path) -> None:
    open_later(tmp_path, LATER).close()
    with contextlib.closing(duckdb.connect(tmp_path / FILE, read_only=True)) as connection:
        assert connection.execute("SELECT version FROM books.format").fetchall() == [(TODAY + 2,)]


def as_before_packing(path: Path) -> None:
    """Make a file one of format 2: sketches as maps, and cold rows as hot ones."""
    with contextlib.closing(duckdb.connect(path)) as connection:
        maps = [column.name for column in SAMPLE.all_columns if column.kind is Kind.SKETCH]
        old = f"* REPLACE ({', '.join(f'CAST(map_from_entries({name}) AS MAP(INTEGER, BIGINT)) AS {name}' for name in maps)})"
        connection.execute(f"CREATE TABLE cold.old AS SELECT {old} FROM sample WHERE ts < {NOON}")
        connection.execute(f"CREATE TABLE hot.old AS SELECT {old} FROM sample WHERE ts >= {NOON}")
        for area in ("cold", "hot"):
            connection.execute(f"DROP TABLE {area}.sample")
            connection.execute(f"ALTER TABLE {area}.old RENAME TO sample")
        connection.execute("CREATE OR REPLACE VIEW sample AS SELECT * FROM cold.sample UNION ALL BY NAME SELECT * FROM hot.sample")
        connection.execute("UPDATE books.format SET version = 2")


NOON = 20_000 * upkeep.PERIOD_US


def test_rows_of_a_file_from_before_packing_are_the_same_afterwards(tmp_path: Path) -> None:
    def opened() -> DuckDBStore:
        store = DuckDBStore(tmp_path, SystemClock())
        store.create(SAMPLE)
        return store

    def rows(store: DuckDBStore) -> list[dict[str, object]]:
        return plain(store.scan(Query("sample", 0, 2 * NOON, mode=Mode.ROWS, columns=tuple(SAMPLE.column))))

    sketches = [{5: 1, 6: 2}, {-10_000: 4, 7: 1, 9: 2**40}, None, {-3: 1, 9_000: 1}]
    moments = [NOON - 3, NOON - 2, NOON - 1, NOON]
    held = [
        {"ts": ts, "level": float(i), "latency_ms_sketch": sketch, **({"seen_at": ts - 10**9} if i % 2 else {})}
        for i, (ts, sketch) in enumerate(zip(moments, sketches, strict=True))
    ]
    store = opened()
    store.append([Stored((batch(SAMPLE, held),))])
    store.maintain(NOON + upkeep.GRACE_US)
    before = rows(store)
    assert [row["latency_ms_sketch"] for row in before] == sketches[::-1]
    store.close()
    as_before_packing(tmp_path / FILE)
    store = opened()
    assert rows(store) == before
    store.append([Stored((batch(SAMPLE, [{"ts": NOON + 1, "latency_ms_sketch": {1: 1}}]),))])
    store.maintain(NOON + upkeep.PERIOD_US + upkeep.GRACE_US)
    assert rows(store)[1:] == before
    assert store._database.cursor().execute("SELECT count(*) FROM hot.sample").fetchone() == (0,)
    store.close()
    assert (tmp_path / f"{FILE}.format-2").exists()
