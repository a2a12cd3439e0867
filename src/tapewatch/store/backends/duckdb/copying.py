"""Copies of the file: written at one moment while commits go on, opened to be counted, put in the place of another."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import duckdb

from tapewatch.errors import ConfigError, StoreRejected, StoreUnavailable
from tapewatch.store.backends.duckdb.database import FILE, Database, first_line
from tapewatch.store.backends.duckdb.migration import MIGRATIONS, format_of, refuse_newer
from tapewatch.store.base import Contents
from tapewatch.store.dialect import DuckDBDialect
from tapewatch.store.dialect.duckdb import AREAS
from tapewatch.store.durable import sync

_LOOK_S = 0.05

_Counts = dict[tuple[str, str], int]


class Copier:
    """Copies inside the engine, in one reading transaction: it sees the file as of one moment and keeps no commit waiting.

    One copy at a time; `stop` ends it early.
    """

    def __init__(self, database: Database, dialect: DuckDBDialect) -> None:
        self._database = database
        self._dialect = dialect
        self._copying = threading.Lock()
        self._is_stopping = False

    @property
    def is_busy(self) -> bool:
        """Whether a copy is being written: what is deleted meanwhile stays on the disk."""
        return self._copying.locked()

    def write(self, directory: Path) -> Contents:
        """See `tapewatch.store.base.Copied.write_copy`."""
        with self._copying:
            self._refuse_when_stopping()
            path = directory / FILE
            cursor = self._database.cursor()
            try:
                cursor.execute(self._dialect.attach(str(path)))
                try:
                    before = self._copy(cursor)
                    cursor.execute(self._dialect.write_back_copy())
                finally:
                    with contextlib.suppress(duckdb.Error):
                        cursor.execute(self._dialect.detach())
                sync(path)
                sync(directory)
            except (OSError, duckdb.Error) as problem:
                raise StoreUnavailable(f"copying the store to {path}: {first_line(problem)}") from problem
            counts, found = _counted(path, self._dialect)
            if counts != before:
                raise StoreUnavailable(f"the copy {path} does not hold what the store held: {_different(before, counts)}")
            return found

    def _copy(self, cursor: duckdb.DuckDBPyConnection) -> _Counts:
        """Count and copy in one transaction; gives the counts."""
        cursor.begin()
        try:
            counts = _counts(cursor, self._dialect)
            self._refuse_when_stopping()
            database = cursor.execute("SELECT current_database()").fetchone()
            cursor.execute(self._dialect.copy_all(database[0] if database else ""))
            cursor.commit()
        except BaseException:
            with contextlib.suppress(duckdb.Error):
                cursor.rollback()
            raise
        return counts

    def _refuse_when_stopping(self) -> None:
        if self._is_stopping:
            raise StoreUnavailable("the store is closed")

    def stop(self) -> None:
        """End a copy that is being written, and take no other."""
        self._is_stopping = True
        while not self._copying.acquire(timeout=_LOOK_S):
            self._database.interrupt()
        self._copying.release()


def read_copy(directory: Path) -> Contents:
    """See `tapewatch.store.base.Copied.read_copy`."""
    path = directory / FILE
    try:
        return _counted(path, DuckDBDialect())[1]
    except ConfigError as problem:
        raise StoreRejected(str(problem)) from problem
    except duckdb.Error as problem:
        raise StoreRejected(f"{path} cannot be opened: {first_line(problem)}") from problem


def place_copy(copy: Path, directory: Path) -> Path | None:
    """See `tapewatch.store.base.Copied.place_copy`."""
    path = directory / FILE
    kept = _set_aside(path) if path.exists() else None
    (copy / FILE).replace(path)
    sync(directory)
    return kept


def _set_aside(path: Path) -> Path:
    """Give a store a second name; the first one can then be taken over in one step."""
    with contextlib.suppress(duckdb.Error):  # one that cannot be opened is why a copy is wanted
        duckdb.connect(path).close()  # writes its log back
    number = 1
    while (kept := path.with_name(f"{path.name}.replaced-{number}")).exists():
        number += 1
    kept.hardlink_to(path)
    log = path.with_name(f"{path.name}.wal")
    if log.exists():
        log.replace(kept.with_name(f"{kept.name}.wal"))
    return kept


def _counted(path: Path, dialect: DuckDBDialect) -> tuple[_Counts, Contents]:
    """Open a file for reading only, and count all its tables."""
    with contextlib.closing(duckdb.connect(path, read_only=True)) as connection:
        version = format_of(connection)
        if version is None:
            raise StoreRejected(f"{path} is a database, but no store of tapewatch")
        refuse_newer(path, version, MIGRATIONS)
        counts = _counts(connection, dialect)
    rows: dict[str, int] = {}
    for (schema, name), count in counts.items():
        if schema in AREAS:
            rows[name] = rows.get(name, 0) + count
    return counts, Contents(version, rows)


def _counts(connection: duckdb.DuckDBPyConnection, dialect: DuckDBDialect) -> _Counts:
    found: _Counts = {}
    for schema, name in connection.execute(dialect.parts()).fetchall():
        counted = connection.execute(dialect.count(schema, name)).fetchone()
        found[schema, name] = int(counted[0]) if counted else 0
    return found


def _different(before: _Counts, after: _Counts) -> str:
    """The first table whose counts differ, in words."""
    for schema, name in sorted({*before, *after}):
        if before.get((schema, name)) != after.get((schema, name)):
            return f"{schema}.{name} has {after.get((schema, name))} rows instead of {before.get((schema, name))}"
    return "nothing differs"
