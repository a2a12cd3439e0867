"""The open database file: a connection that writes, a cursor per reading thread, its format, and what its errors mean."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import threading
import time
from collections.abc import Generator, Sequence
from pathlib import Path

import duckdb

from tapewatch.errors import ConfigError, QueryError, QueryTooLarge, StoreFull, StoreRejected, StoreUnavailable
from tapewatch.store.backends.duckdb.migration import MIGRATIONS, Migration, bring_up_to_date, format_of, newest_format, refuse_newer
from tapewatch.store.dialect.books import BOOKS

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
_NO_MEMORY = ("could not allocate", "failed to allocate", "failed to pin block", "out of memory")

_LET_GO_TRIES, _LET_GO_PAUSE_S = 1_000, 0.005
"""How often those who use the file are asked to let go of it, when it has to be opened again."""


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
        self._committing = threading.Lock()
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
            return self._whole()

    def _whole(self) -> duckdb.DuckDBPyConnection:
        if self._is_broken:
            self._reopen()
        if self._connection is None:
            raise StoreUnavailable("the store is closed")
        return self._connection

    def _reopen(self) -> None:
        if not self._let_go():
            raise StoreUnavailable("the file has to be opened again, and somebody still reads it", retry_after_s=1.0)
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
        with self._lock:
            cursor = self._whole().cursor()
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
        with self._committing:
            try:
                self._refuse_when_broken()
                connection.commit()
            except duckdb.Error as problem:
                # one that fails, of memory above all, leaves rows behind in memory: the next one would write them into the log, shifted
                self._is_broken |= _kind_of(problem) not in {Conflict, StoreFull}
                with contextlib.suppress(duckdb.Error):
                    connection.rollback()
                raise

    def _refuse_when_broken(self) -> None:
        if self._is_broken:  # what would be written was read through memory that is not to be trusted
            raise duckdb.ConnectionException("the file has to be opened again first")

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
        try:
            return self.path.with_name(f"{FILE}.wal").stat().st_size
        except OSError:
            return 0

    def interrupt(self) -> None:
        """End what the cursors are doing; nothing of it is kept."""
        with self._lock:
            for cursor in self._cursors:
                with contextlib.suppress(duckdb.Error):
                    cursor.interrupt()

    def close(self) -> None:
        """Close the file; what the log holds is written back."""
        with self._lock:
            if self._connection is not None and not self._is_broken:
                with contextlib.suppress(duckdb.Error):  # the log keeps what could not be written back
                    self._connection.execute("CHECKPOINT")
            self._let_go()
            self._is_broken = False

    def _let_go(self) -> bool:
        """End what all cursors do, and close them; False while one of them does not end: the engine would go on with the same memory."""
        held = [*self._cursors, *([self._connection] if self._connection is not None else [])]
        for _ in range(_LET_GO_TRIES):
            held = [connection for connection in held if not _closed(connection)]
            if not held:
                break
            time.sleep(_LET_GO_PAUSE_S)
        self._connection = None
        self._cursors = held
        return not held


def _closed(connection: duckdb.DuckDBPyConnection) -> bool:
    """End what a connection does, and close it; False while it is still at it."""
    try:
        connection.interrupt()
        connection.close()
    except duckdb.ConnectionException:  # it was closed before
        return True
    except duckdb.Error:
        return False
    return True


def _settle(connection: duckdb.DuckDBPyConnection, newest: int) -> None:
    """Write the books into a new file."""
    connection.execute("PRAGMA disable_checkpoint_on_shutdown")  # of an engine in trouble; who closes in health writes back first
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
    return OutOfMemory if any(said in words for said in _NO_MEMORY) else StoreUnavailable


def _says_full(problem: Exception) -> bool:
    """Whether the engine gave the operating system's words for a disk, or a quota, that is used up."""
    return any(os.strerror(number) in str(problem) for number in (errno.ENOSPC, errno.EDQUOT))


def first_line(problem: Exception) -> str:
    """What the engine said, without its drawing of the statement."""
    return str(problem).split("\n", 1)[0]
