"""The open database file: its settings, its format and what its errors mean."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from pathlib import Path

import duckdb

from tapewatch.errors import ConfigError, QueryError, QueryTooLarge, StoreError, StoreRejected, StoreUnavailable
from tapewatch.store.dialect.duckdb import BOOKS

FILE = "tapewatch.duckdb"
FORMAT = 1
"""Version of the layout of schemas and books; a store with a higher one is not opened."""

_CHECKPOINT_THRESHOLD = "1GB"  # never reached: `maintain` writes the log back at quiet moments, a commit should not have to

_AWAY = (duckdb.IOException, duckdb.FatalException, duckdb.InternalException, duckdb.ConnectionException, duckdb.TransactionException)


def connect(directory: Path, *, memory_limit: str, threads: int) -> duckdb.DuckDBPyConnection:
    """Open or make the file.

    Raises:
        ConfigError: The file cannot be opened or is of a newer format.
    """
    path = directory / FILE
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "threads": threads,
        "checkpoint_threshold": _CHECKPOINT_THRESHOLD,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        connection = duckdb.connect(path, config=config)
    except duckdb.InvalidInputException as problem:
        raise ConfigError(f"store: {_first_line(problem)}") from problem
    except duckdb.Error as problem:
        raise ConfigError(f"data: cannot open {path}: {_first_line(problem)}") from problem
    try:
        _settle(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _settle(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Write the books into a new file; check the format of an old one."""
    try:
        connection.begin()
        for sql in BOOKS:
            connection.execute(sql)
        found = connection.execute("SELECT max(version) FROM books.format").fetchone()
        if found is None or found[0] is None:
            connection.execute("INSERT INTO books.format VALUES ($version)", {"version": FORMAT})
        connection.commit()
    except duckdb.Error as problem:
        raise ConfigError(f"data: cannot write {path}: {_first_line(problem)}") from problem
    if found is not None and found[0] is not None and found[0] > FORMAT:
        raise ConfigError(
            f"data: {path} has store format {found[0]}, this tapewatch reads up to {FORMAT}; use the newer version or another data directory"
        )


@contextlib.contextmanager
def writing(what: str) -> Generator[None]:
    """Say in tapewatch's words why a change did not happen."""
    try:
        yield
    except (*_AWAY, duckdb.OutOfMemoryException) as problem:
        raise StoreUnavailable(f"{what}: {_first_line(problem)}") from problem
    except duckdb.Error as problem:
        raise StoreRejected(f"{what}: {_first_line(problem)}") from problem


@contextlib.contextmanager
def reading(table: str) -> Generator[None]:
    """Say in tapewatch's words why a question was not answered."""
    try:
        yield
    except duckdb.OutOfMemoryException as problem:
        raise QueryTooLarge(
            f"the answer from {table} needs more memory than the store may use; ask for a shorter range or fewer groups"
        ) from problem
    except _AWAY as problem:
        raise StoreUnavailable(f"reading {table}: {_first_line(problem)}") from problem
    except duckdb.Error as problem:
        raise QueryError(f"{table} cannot answer this: {_first_line(problem)}") from problem


def _first_line(problem: Exception) -> str:
    return str(problem).split("\n", 1)[0]


__all__ = ["FILE", "FORMAT", "StoreError", "connect", "reading", "writing"]
