"""The order of closed days: rows that moved in parts while their day went on are sorted once more, all together.

Each part lies in the order of its tags, so that a series lies in as many places as there are parts. Together its values take some 5 % less
of the disk, and a question about one series passes over fewer rows of others.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable

import duckdb

from tapewatch.errors import StoreUnavailable
from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb.database import Conflict, Database
from tapewatch.store.backends.duckdb.pieces import in_pieces
from tapewatch.store.dialect import DuckDBDialect
from tapewatch.store.retention import DAY_US

PIECE_ROWS = 500_000
"""Sorted at once."""

MOST_ROWS = 20_000_000
"""A day that has more stays as it is: every piece looks for its rows among all of them, and parts of such a day are long by themselves."""

SPARE_ROW_BYTES = 200
"""Room on the disk for each row: where they lay is free only when all of them lie anew. On a tight disk they stay as they are for now."""


class DayOrder:
    """Notes what moves before its day is over, and sorts it when the day has closed.

    Args:
        database: The file.
        dialect: Its statements.
        moving: Held while rows move: a commit that meets a moving row waits for it and tries again.
        write_back: Writes a long log back, between pieces.
    """

    def __init__(self, database: Database, dialect: DuckDBDialect, moving: threading.Lock, write_back: Callable[[], None]) -> None:
        self._database = database
        self._dialect = dialect
        self._moving = moving
        self._write_back = write_back

    def note(self, cursor: duckdb.DuckDBPyConnection, table: str, before_us: int) -> None:
        """Note, in the transaction that moves them, that rows before a time move; at the end of a day nothing is left to be noted."""
        if before_us % DAY_US:
            cursor.execute(self._dialect.keep_part(), {"name": table, "day": before_us // DAY_US * DAY_US})

    def run(self, tables: Iterable[Table], closed_us: int) -> int:
        """Sort the days that ended at or before a moment; gives the rows that lie anew.

        Raises:
            StoreUnavailable: Not all of them could be sorted; nothing is lost and the next run goes on.
        """
        known = {table.name: table for table in tables}
        with self._database.reading("the store"):
            due = self._database.cursor().execute(self._dialect.parts_of_days(), {"before": closed_us}).fetchall()
        lie_anew = 0
        for name, day_us in due:
            if name in known:
                lie_anew += self._sort(known[name], day_us)
        return lie_anew

    def _sort(self, table: Table, day_us: int) -> int:
        day = {"start": day_us, "end": day_us + DAY_US}
        with self._database.reading(table.name):
            _, rows = self._last(table, day)
            kinds = dict(self._database.cursor().execute(self._dialect.kinds(), {"name": table.name}).fetchall())
        if rows * SPARE_ROW_BYTES > shutil.disk_usage(self._database.path.parent).free:
            return 0
        lie_anew = 0
        if rows <= MOST_ROWS:
            try:
                sorting = in_pieces(
                    rows, PIECE_ROWS, kinds, lambda piece, pieces: self._sort_piece(table, day, piece, pieces), self._write_back
                )
                for sorted_rows in sorting:
                    lie_anew += sorted_rows
                    self._write_back()
            except Conflict:  # a row was replaced meanwhile: the next run begins anew
                return lie_anew
        with self._database.transaction(cursor := self._database.cursor(), f"noting the order of {table.name}"):
            cursor.execute(self._dialect.forget_parts(), {"name": table.name, "day": day_us})
        return lie_anew

    def _sort_piece(self, table: Table, day: dict[str, int], piece: int, pieces: int) -> int:
        copy, delete = self._dialect.sort_cold(table, piece, pieces)
        cursor = self._database.cursor()
        with self._moving, self._database.transaction(cursor, f"sorting rows of {table.name}"):
            last, _ = self._last(table, day)
            if last is None:
                return 0
            copied = cursor.execute(copy, {**day, "last": last}).fetchone()
            deleted = cursor.execute(delete, {**day, "last": last}).fetchone()
            if copied != deleted:
                raise StoreUnavailable(f"sorting rows of {table.name}: {copied} were copied and {deleted} deleted; nothing was changed")
        return int(copied[0]) if copied else 0

    def _last(self, table: Table, day: dict[str, int]) -> tuple[int | None, int]:
        found = self._database.cursor().execute(self._dialect.last_cold(table), day).fetchone()
        return found if found is not None else (None, 0)
