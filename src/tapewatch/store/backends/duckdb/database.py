"""The open database file: a connection that writes, a cursor per reading thread, its format, and what its errors mean."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
from collections.abc import Generator, Sequence
from pathlib import Path

import duckdb

from tapewatch.errors import ConfigError, QueryError, QueryTooLarge, StoreFull, StoreRejected, StoreUnavailable
from tapewatch.store.backends.duckdb.migration import MIGRATIONS, Migration, bring_up_to_date, format_of, newest_format, refuse_newer
from tapewatch.store.dialect.duckdb import BOOKS

log = logging.getLogger("tapewatch.store")

FILE = "tapewatch.duckdb"

_CHECKPOINT_THRESHOLD = "1GB"  # never reached: upkeep writes the log back at quiet moments, so that a commit need not

_BROKEN = (duckdb.FatalException, duckdb.InternalException)
_AWAY = (
    duckdb.IOException,
    duckdb.ConnectionException,
    duckdb.TransactionException,
    duckdb.InterruptException,
)


_NO_MEMORY = "could not allocate block"


class Conflict(StoreUnavailable):
    """Another transaction changed the same rows first; the same call may succeed at once."""


class OutOfMemory(StoreUnavailable):
    """The engine may not use as much memory as this takes; less of it at once may succeed."""


class Database:
    """Owns the file; opens it anew when the engine has given up on it. A file of an older format is migrated first.

    Args:
        directory: Where the file lives.
        memory_limit: Most memory of the engine, such as ``128MB``.
        threads: Threads for one statement.
        migrations: What leads from older formats to today's.

    Raises:
        ConfigError: The file cannot be opened, is of a newer format, or could not be migrated.
    """

    def __init__(self, directory: Path, *, memory_limit: str, threads: int, migrations: Sequence[Migration] = MIGRATIONS) -> None:
        self.path = directory / FILE
        self._migrations = migrations
        self._config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "threads": threads,
            "checkpoint_threshold": _CHECKPOINT_THRESHOLD,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allocator_background_threads": True,  # memory that is free goes back at once, not when the engine is next used
            "pandas_analyze_sample": 0,  # staged object columns are always words, whatever their first rows hold
        }
        self._lock = threading.Lock()
        self._local = threading.local()
        self._cursors: list[duckdb.DuckDBPyConnection] = []
        self._age = 0
        self._is_broken = False
        self._connection: duckdb.DuckDBPyConnection | None = self._connect()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        connection = self._open()
        try:
            found = format_of(connection)
            refuse_newer(self.path, found, self._migrations)
            if found is not None and found < newest_format(self._migrations):
                connection.execute("CHECKPOINT")
                connection.close()
                kept = bring_up_to_date(self.path, found, self._config, self._migrations)
                log.warning(
                    "The store was migrated from format %d to %d; the old file is %s.", found, newest_format(self._migrations), kept
                )
                connection = self._open()
            _settle(connection, newest_format(self._migrations))
        except duckdb.Error as problem:
            connection.close()
            raise ConfigError(f"data: cannot write {self.path}: {first_line(problem)}") from problem
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self) -> duckdb.DuckDBPyConnection:
        try:
            return duckdb.connect(self.path, config=self._config)
        except duckdb.InvalidInputException as problem:
            raise ConfigError(f"store: {first_line(problem)}") from problem
        except duckdb.Error as problem:
            raise ConfigError(f"data: cannot open {self.path}: {first_line(problem)}") from problem

    def writer(self) -> duckdb.DuckDBPyConnection:
        """The connection for changes; callers take turns.

        Raises:
            StoreUnavailable: The store is closed, or the file cannot be opened again.
        """
        with self._lock:
            if self._connection is None and not self._is_broken:
                raise StoreUnavailable("the store is closed")
            if self._is_broken:
                self._reopen()
            return self._connection if self._connection is not None else self._connect()

    def _reopen(self) -> None:
        self._let_go()
        try:
            self._connection = self._connect()
        except ConfigError as problem:
            raise StoreUnavailable(str(problem), retry_after_s=5.0) from problem
        self._is_broken = False
        self._age += 1

    @property
    def age(self) -> int:
        """How often the file was opened again: what was cached of it may be out of date."""
        return self._age

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """The calling thread's own cursor."""
        held: tuple[int, duckdb.DuckDBPyConnection] | None = getattr(self._local, "cursor", None)
        if held is not None and held[0] == self._age and not self._is_broken and self._connection is not None:
            return held[1]
        connection = self.writer()
        with self._lock:
            cursor = connection.cursor()
            self._cursors.append(cursor)
            self._local.cursor = (self._age, cursor)
        return cursor

    @contextlib.contextmanager
    def transaction(self, connection: duckdb.DuckDBPyConnection, what: str) -> Generator[None]:
        """All or nothing, on disk at its end.

        Raises:
            StoreUnavailable: Nothing changed; try again.
            StoreRejected: Nothing changed, and never will.
        """
        try:
            connection.begin()
            try:
                yield
            except BaseException:
                with contextlib.suppress(duckdb.Error):
                    connection.rollback()
                raise
            self._commit(connection)
        except _BROKEN as problem:
            self._is_broken = True
            kind = StoreFull if _says_full(problem) else StoreUnavailable
            raise kind(f"{what}: {first_line(problem)}") from problem
        except duckdb.OutOfMemoryException as problem:
            kind = StoreFull if _says_full(problem) else OutOfMemory
            raise kind(f"{what}: {first_line(problem)}") from problem
        except _AWAY as problem:
            raise _kind_of(problem)(f"{what}: {first_line(problem)}") from problem
        except duckdb.Error as problem:
            raise StoreRejected(f"{what}: {first_line(problem)}") from problem

    def _commit(self, connection: duckdb.DuckDBPyConnection) -> None:
        try:
            connection.commit()
        except BaseException as problem:
            # a commit that ran out of memory leaves rows of itself behind, which the next checkpoint would stumble over: the file has none
            self._is_broken |= _NO_MEMORY in str(problem)
            with contextlib.suppress(duckdb.Error):
                connection.rollback()
            raise

    @contextlib.contextmanager
    def reading(self, table: str) -> Generator[None]:
        """Say in tapewatch's words why a question was not answered."""
        try:
            yield
        except duckdb.OutOfMemoryException as problem:
            raise QueryTooLarge(
                f"the answer from {table} needs more memory than the store may use; ask for a shorter range or fewer groups"
            ) from problem
        except _BROKEN as problem:
            self._is_broken = True
            raise StoreUnavailable(f"reading {table}: {first_line(problem)}") from problem
        except _AWAY as problem:
            raise StoreUnavailable(f"reading {table}: {first_line(problem)}") from problem
        except duckdb.Error as problem:
            raise QueryError(f"{table} cannot answer this: {first_line(problem)}") from problem

    def checkpoint(self) -> None:
        """Write the log back into the file.

        Raises:
            StoreUnavailable: It could not be done; what was committed is still in the log.
        """
        try:
            self.cursor().execute("CHECKPOINT")
        except _BROKEN as problem:
            self._is_broken = True
            raise StoreUnavailable(f"writing back the log: {first_line(problem)}") from problem
        except duckdb.Error as problem:
            raise StoreUnavailable(f"writing back the log: {first_line(problem)}") from problem

    @property
    def log_bytes(self) -> int:
        """Size of the write-ahead log."""
        log = self.path.with_name(f"{FILE}.wal")
        return log.stat().st_size if log.exists() else 0

    def interrupt(self) -> None:
        """End what the cursors are doing; nothing of it is kept."""
        with self._lock:
            for cursor in self._cursors:
                with contextlib.suppress(duckdb.Error):
                    cursor.interrupt()

    def close(self) -> None:
        """Close the file; what the log holds is written back."""
        with self._lock:
            self._let_go()
            self._is_broken = False

    def _let_go(self) -> None:
        if self._is_broken and self._connection is not None:  # what it holds in memory is not to be trusted: the log has all that counts
            with contextlib.suppress(duckdb.Error):
                self._connection.execute("PRAGMA disable_checkpoint_on_shutdown")
        for connection in (*self._cursors, *([self._connection] if self._connection is not None else [])):
            with contextlib.suppress(duckdb.Error):
                connection.close()
        self._cursors.clear()
        self._connection = None


def _settle(connection: duckdb.DuckDBPyConnection, newest: int) -> None:
    """Write the books into a new file."""
    connection.begin()
    for sql in BOOKS:
        connection.execute(sql)
    if format_of(connection) is None:
        connection.execute("INSERT INTO books.format VALUES ($version)", {"version": newest})
    connection.commit()


def _kind_of(problem: Exception) -> type[StoreUnavailable]:
    """What a transaction failed of; a commit says only in words which of these it was."""
    words = str(problem).lower()
    if "conflict" in words:
        return Conflict
    if _says_full(problem):
        return StoreFull
    return OutOfMemory if _NO_MEMORY in words else StoreUnavailable


def _says_full(problem: Exception) -> bool:
    """Whether the engine gave the operating system's words for a disk, or a quota, that is used up."""
    return any(os.strerror(number) in str(problem) for number in (errno.ENOSPC, errno.EDQUOT))


def first_line(problem: Exception) -> str:
    """What the engine said, without its drawing of the statement."""
    return str(problem).split("\n", 1)[0]
