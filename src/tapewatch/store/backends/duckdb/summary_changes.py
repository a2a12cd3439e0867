"""Transactions that change summaries while rows arrive."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator

import duckdb

from tapewatch.model.rows import NULL_TIME
from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb.database import Database
from tapewatch.store.backends.duckdb.summary_book import Books
from tapewatch.store.dialect import DuckDBDialect


class Changes:
    """Makes them.

    Args:
        database: The file.
        dialect: Writes the statements.
        books: What is known of the summaries.
        writing: Held while rows are written.
        moving: Held while rows move.
    """

    def __init__(self, database: Database, dialect: DuckDBDialect, books: Books, writing: threading.RLock, moving: threading.Lock) -> None:
        self._database = database
        self._dialect = dialect
        self._books = books
        self.writing = writing
        self.moving = moving

    @contextlib.contextmanager
    def of(self, table: Table, what: str, closing_us: int = NULL_TIME) -> Generator[duckdb.DuckDBPyConnection]:
        """A transaction that sees all rows written before it; what is written after it and before ``closing_us`` is noted as late."""
        book = self._books.of(table)
        cursor = self._database.cursor()
        with self.moving, contextlib.ExitStack() as stack:
            with self.writing:
                book.closed_us = max(book.closed_us, closing_us)
                stack.enter_context(self._database.transaction(cursor, what))
                cursor.execute(self._dialect.pin(table)).fetchall()
            yield cursor
