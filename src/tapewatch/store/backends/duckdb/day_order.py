"""The order of closed days: rows that moved in parts while their day went on are sorted once more, all together.

Each part lies in the order of its tags, so that a series lies in as many places as there are parts. Together its values take some 5 % less
of the disk, and a question about one series passes over fewer rows of others. Nothing depends on it: where it would be dear, or fails, rows
stay where they lie.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping

import duckdb

from tapewatch.errors import QueryTooLarge, StoreUnavailable
from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb.database import Conflict, Database, OutOfMemory
from tapewatch.store.backends.duckdb.pieces import columns_of, in_pieces, pieces_for
from tapewatch.store.backends.duckdb.room import Room
from tapewatch.store.dialect import DuckDBDialect
from tapewatch.store.retention import DAY_US

log = logging.getLogger("tapewatch.store")

PIECE_ROWS = 500_000
"""Sorted at once."""

MOST_PIECES = 40
"""A day of more stays as it is: every piece looks for its rows among all of them, and leaves gaps that are closed when the log is written
back. So many are 20 million rows of a narrow table, or a million of one as wide as ``feed``."""

MOST_OF_A_SERIES = 1_000_000
"""A day with a larger series stays, too: a piece has whole series, and commits that replace one of its rows wait until it is sorted."""

VALUE_BYTES = 2
"""Room that a value may need for a while, beside the one that it has: about twice what it takes."""

AGAIN_US, MOST_TRIES = 3_600_000_000, 3
"""A day that could not be sorted, because its rows are replaced or there is no room, is tried again after an hour; so often in all."""

PAUSE_S = 0.01
"""Between two pieces, for those who wait."""

ROW_NUMBER = "rowid"
"""A table that has a column of this name hides the engine's number of a row."""


class DayOrder:
    """Notes what moves before its day is over, and sorts it when the day has closed.

    Args:
        database: The file.
        dialect: Its statements.
        moving: Held while rows move: a commit that meets a moving row waits for it and tries again.
        room: Of the disk and the quota.
        write_back: Writes a long log back, between pieces.
        may_begin: Whether this is a moment for it: what a copy that is being written still reads is not free when it is deleted.
    """

    def __init__(
        self,
        database: Database,
        dialect: DuckDBDialect,
        moving: threading.Lock,
        room: Room,
        write_back: Callable[[], None],
        may_begin: Callable[[], bool],
    ) -> None:
        self._database = database
        self._dialect = dialect
        self._moving = moving
        self._room = room
        self._write_back = write_back
        self._may_begin = may_begin
        self._tried: dict[tuple[str, int], tuple[int, int]] = {}
        """How often the day of a table was tried, and when last."""

    def note(self, cursor: duckdb.DuckDBPyConnection, table: str, before_us: int) -> None:
        """Note, in the transaction that moves them, that rows before a time move; at the end of a day nothing is left to be noted."""
        if before_us % DAY_US:
            cursor.execute(self._dialect.keep_part(), {"name": table, "day": before_us // DAY_US * DAY_US})

    def run(self, tables: Iterable[Table], now_us: int, closed_us: int) -> bool:
        """Sort a day of one table that ended at or before a moment; gives whether there was one.

        Args:
            tables: Those of which all rows before that moment have moved.
            now_us: Now.
            closed_us: The moment.

        Raises:
            StoreUnavailable: The store is away; nothing is lost.
        """
        known = {table.name: table for table in tables}
        if not known or not self._may_begin():
            return False
        with self._database.reading("the store"):
            due = self._database.cursor().execute(self._dialect.parts_of_days(), {"before": closed_us}).fetchall()
        for name, day_us in due:
            tries, tried_us = self._tried.get((name, day_us), (0, now_us - AGAIN_US))
            if name in known and abs(now_us - tried_us) >= AGAIN_US:
                self._tried[name, day_us] = tries + 1, now_us
                self._try(known[name], day_us, is_last=tries + 1 >= MOST_TRIES)
                return True
        return False

    def _try(self, table: Table, day_us: int, *, is_last: bool) -> None:
        try:
            self._sort(table, {"start": day_us, "end": day_us + DAY_US})
        except (Conflict, _NotNow, OutOfMemory, QueryTooLarge) as why:
            if isinstance(why, Conflict | _NotNow) and not is_last:
                return
            log.info("Rows of %s stay where they lie, which takes some more room: %s", table.name, why)
        cursor = self._database.cursor()
        with self._database.transaction(cursor, f"noting the order of {table.name}"):
            cursor.execute(self._dialect.forget_parts(), {"name": table.name, "day": day_us})
        del self._tried[table.name, day_us]

    def _sort(self, table: Table, day: Mapping[str, int]) -> None:
        kinds, rows = self._rows(table, day)
        if rows == 0:
            return
        if not self._room.has(rows * columns_of(kinds) * VALUE_BYTES):
            raise _NotNow("there is no room for them on the disk or within the quota")

        def sort(piece: int, pieces: int) -> int:
            return self._sort_piece(table, day, piece, pieces)

        for _ in in_pieces(rows, PIECE_ROWS, kinds, sort, self._write_back):
            self._write_back()
            if not self._room.has(0):
                raise _NotNow("the disk is nearly full")
            time.sleep(PAUSE_S)

    def _rows(self, table: Table, day: Mapping[str, int]) -> tuple[dict[str, str], int]:
        """Kinds of the columns, and the rows that are to be sorted: none where it would be too dear."""
        with self._database.reading(table.name):
            cursor = self._database.cursor()
            kinds = dict(cursor.execute(self._dialect.kinds(), {"name": table.name}).fetchall())
            rows, largest = cursor.execute(self._dialect.cold_series(table), day).fetchone() or (None, None)
        is_dear = (largest or 0) > MOST_OF_A_SERIES or pieces_for(rows or 0, PIECE_ROWS, kinds) > MOST_PIECES
        return kinds, 0 if is_dear or ROW_NUMBER in kinds else rows or 0

    def _sort_piece(self, table: Table, day: Mapping[str, int], piece: int, pieces: int) -> int:
        copy, delete = self._dialect.sort_cold(table, piece, pieces)
        cursor = self._database.cursor()
        with self._moving, self._database.transaction(cursor, f"sorting rows of {table.name}"):
            (last,) = cursor.execute(self._dialect.last_cold(table), day).fetchone() or (None,)
            if last is None:
                return 0
            copied = cursor.execute(copy, {**day, "last": last}).fetchone()
            deleted = cursor.execute(delete, {**day, "last": last}).fetchone()
            if copied != deleted:
                raise StoreUnavailable(f"sorting rows of {table.name}: {copied} were copied and {deleted} deleted; nothing was changed")
        return int(copied[0]) if copied else 0


class _NotNow(Exception):
    """Why a day is not sorted for now."""
