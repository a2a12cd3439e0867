"""Tidying while rows arrive: closed days move from the hot table to the cold one, and the log is written back."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable

from tapewatch.errors import StoreUnavailable
from tapewatch.model.rows import NULL_TIME
from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb.database import Conflict, Database
from tapewatch.store.dialect import DuckDBDialect

PERIOD_US = 86_400_000_000
"""A closed day moves: the longer the period, the fewer rows a question about one series has to pass over."""

GRACE_US = 60_000_000
"""A day closes this much after its end: rows on their way still arrive in order."""

HOT_ROWS = 500_000
"""A hot table that has grown to this size moves before its day is over; sorting it takes the memory that the engine has."""

SETTLED_US = 10_000_000
"""What moves early is at least this old, so that rows in flight and their replacements meet in the hot table."""

LOG_BYTES = 32 * 1024 * 1024
"""The write-ahead log is written back when it has grown to this size; opening after a crash replays it in less than a second."""

_SPARE_BYTES = 16 * 1024 * 1024


class Upkeep:
    """Moves and writes back; readers and commits go on meanwhile.

    ``moving`` is held while rows move: a commit that meets a moving row waits for it and tries again.
    """

    def __init__(self, database: Database, dialect: DuckDBDialect) -> None:
        self._database = database
        self._dialect = dialect
        self._moved_before: dict[str, int] = {}
        self._cold_until_us: dict[str, int] = {}
        self.moving = threading.Lock()

    def note_cold(self, table: str, newest_us: int | None) -> None:
        """Note the newest row of a cold table, when the table is opened; None when it is empty."""
        self._cold_until_us[table] = NULL_TIME if newest_us is None else newest_us + 1

    def cold_until_us(self, table: str) -> int:
        """All rows of a table from this moment on are hot.

        It grows before rows move: who has read the hot table alone asks again afterwards, and if the answer is the same nothing was missed.
        """
        return self._cold_until_us.get(table, NULL_TIME)

    def run(self, tables: Iterable[Table], now_us: int) -> None:
        """Move what is due, then write the log back if that is due.

        Raises:
            StoreUnavailable: The disk is full or the store is away; nothing is lost and the next run goes on.
        """
        closed_us = (now_us - GRACE_US) // PERIOD_US * PERIOD_US
        sizes = self._hot_rows()
        moved = 0
        for table in tables:
            held = sizes.get(table.name, 0)
            if held == 0:
                continue
            before_us = max(closed_us, now_us - SETTLED_US) if held >= HOT_ROWS else closed_us
            if self._moved_before.get(table.name, -1) < before_us:
                moved += self._move(table, before_us)
        if moved or self._database.log_bytes >= LOG_BYTES:
            self.write_back()

    def write_back(self) -> None:
        """Write the log into the file, if the disk has room for it: the engine gives up on the file when it does not."""
        log_bytes = self._database.log_bytes
        free_bytes = shutil.disk_usage(self._database.path.parent).free
        if free_bytes < 2 * log_bytes + _SPARE_BYTES:
            raise StoreUnavailable(
                f"{free_bytes >> 20} MB free beside {self._database.path}: too little to write back its log of {log_bytes >> 20} MB;"
                " free some space"
            )
        with self.moving:
            self._database.checkpoint()

    def _hot_rows(self) -> dict[str, int]:
        with self._database.reading("the store"):
            return {str(name): int(rows) for name, rows in self._database.cursor().execute(self._dialect.hot_sizes()).fetchall()}

    def _move(self, table: Table, before_us: int) -> int:
        """Move the rows before a time; a replacement that came between makes it wait for the next run."""
        cursor = self._database.cursor()
        copy, delete = self._dialect.move(table)
        try:
            with self.moving:
                self._cold_until_us[table.name] = max(self.cold_until_us(table.name), before_us)
                with self._database.transaction(cursor, f"moving rows of {table.name}"):
                    counted = cursor.execute(copy, {"before": before_us}).fetchone()
                    moved = int(counted[0]) if counted else 0
                    if moved:
                        cursor.execute(delete, {"before": before_us})
        except Conflict:
            return 0
        self._moved_before[table.name] = before_us
        return moved
