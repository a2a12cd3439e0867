"""The order of closed days: rows that moved in parts while their day went on are sorted once more, all together.

Each part lies in the order of its tags, so that a series lies in as many places as there are parts. Together its values take some 5 % less
of the disk, and a question about one series passes over fewer rows of others. Nothing depends on it: where it would be dear, or fails, rows
stay where they lie.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import duckdb

from tapewatch.errors import QueryTooLarge, StoreUnavailable, TapewatchError
from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb.database import Conflict, Database, OutOfMemory
from tapewatch.store.backends.duckdb.pieces import columns_of, most_rows, pieces_for
from tapewatch.store.backends.duckdb.room import NoRoom, Room
from tapewatch.store.dialect import DuckDBDialect
from tapewatch.store.dialect.duckdb import COLD
from tapewatch.store.retention import DAY_US

log = logging.getLogger("tapewatch.store")

PIECE_ROWS = 500_000
"""Sorted at once, in a run of upkeep, so that the other work goes on; of a wide table fewer, see `pieces_for`."""

MOST_PIECES = 40
"""A day of more stays as it is: every piece looks for its rows among all of them, and leaves gaps that are closed when the log is written
back. So many are 20 million rows of a narrow table, or a million of one as wide as ``feed``."""

MOST_OF_A_SERIES = 2
"""A day with a series of more than so many pieces' rows stays, too: it cannot be cut, and commits that replace one of its rows wait."""

VALUE_BYTES = 8
"""Room that a value may need for a while, beside the one that it has, until the gap that it leaves is closed."""

AGAIN_US, MOST_TRIES = 3_600_000_000, 3
"""A piece that could not be sorted, because its rows are replaced or there is no room, is tried again after an hour; so often in all."""

ROW_NUMBER = "rowid"
"""A table that has a column of this name hides the engine's number of a row."""


class DayOrder:
    """Notes what moves before its day is over, and sorts it when the day has closed.

    Args:
        database: The file.
        dialect: Its statements.
        moving: Held while rows move: a commit that meets a moving row waits for it and tries again.
        room: Of the disk and the quota.
        may_begin: Whether this is a moment for it: what a copy that is being written still reads is not free when it is deleted.
    """

    def __init__(
        self,
        database: Database,
        dialect: DuckDBDialect,
        moving: threading.Lock,
        room: Room,
        may_begin: Callable[[], bool],
    ) -> None:
        self._database = database
        self._dialect = dialect
        self._cold = DuckDBDialect(COLD)
        self._moving = moving
        self._room = room
        self._may_begin = may_begin
        self._going: dict[tuple[str, int], _Going] = {}

    def note(self, cursor: duckdb.DuckDBPyConnection, table: str, before_us: int) -> None:
        """Note, in the transaction that moves them, that rows before a time move; at the end of a day nothing is left to be noted."""
        if before_us % DAY_US:
            cursor.execute(self._dialect.keep_part(), {"name": table, "day": before_us // DAY_US * DAY_US})

    def run(self, tables: Iterable[Table], now_us: int, closed_us: int) -> bool:
        """Sort a piece of a day of one table that ended at or before a moment; gives whether there was one.

        Args:
            tables: Those of which all rows before that moment have moved.
            now_us: Now.
            closed_us: The moment.

        Raises:
            StoreUnavailable: The store is away; nothing is lost.
        """
        known = {table.name: table for table in tables}
        found = self.next_of(now_us, closed_us, known) if self._may_begin() else None
        if found is None:
            return False
        name, day_us = found
        self._go_on(known[name], day_us, self._going.setdefault(found, _Going()), now_us)
        return True

    def next_of(self, now_us: int, closed_us: int, known: Collection[str] | None = None) -> tuple[str, int] | None:
        """Table and day that come next; of the tables that are known, where those are given."""
        with self._database.reading("the store"):
            due = self._database.cursor().execute(self._dialect.parts_of_days(), {"before": closed_us}).fetchall()
        for name, day_us in due:
            going = self._going.get((name, day_us))
            if (known is None or name in known) and (going is None or going.failed_us is None or abs(now_us - going.failed_us) >= AGAIN_US):
                return name, day_us
        return None

    def _go_on(self, table: Table, day_us: int, going: _Going, now_us: int) -> None:
        try:
            if going.failures < MOST_TRIES:
                self._sort(table, {"start": day_us, "end": day_us + DAY_US}, going)
        except (OutOfMemory, QueryTooLarge) as error:
            going.failures, going.why = MOST_TRIES, str(error)
        except TapewatchError as error:
            going.why = str(error)
            going.failures, going.failed_us = going.failures + 1, now_us
            if not isinstance(error, Conflict | NoRoom):
                raise
        if going.failures >= MOST_TRIES:
            log.info("Rows of %s stay where they lie, which takes some more room on the disk: %s", table.name, going.why)
        if going.failures >= MOST_TRIES or going.piece == going.pieces:
            cursor = self._database.cursor()
            with self._database.transaction(cursor, f"noting the order of {table.name}"):
                cursor.execute(self._dialect.forget_parts(), {"name": table.name, "day": day_us})
            del self._going[table.name, day_us]

    def _sort(self, table: Table, day: Mapping[str, int], going: _Going) -> None:
        if going.piece == 0:
            going.pieces, going.piece_bytes = self._pieces(table, day)
        if going.piece == going.pieces:
            return
        self._room.require(going.piece_bytes * (going.pieces - going.piece))
        self._sort_piece(table, day, going.piece, going.pieces)
        going.piece += 1

    def _pieces(self, table: Table, day: Mapping[str, int]) -> tuple[int, int]:
        """How many pieces there are to be sorted, none where it would be too dear, and the bytes that each may need."""
        with self._database.reading(table.name):
            cursor = self._database.cursor()
            kinds = dict(cursor.execute(self._dialect.kinds(), {"name": table.name}).fetchall())
            (rows,) = cursor.execute(self._cold.count_between(table), day).fetchone() or (0,)
            pieces = pieces_for(rows, PIECE_ROWS, kinds)
            if rows == 0 or pieces > MOST_PIECES or ROW_NUMBER in kinds:
                return 0, 0
            (largest,) = cursor.execute(self._cold.largest_series(table), day).fetchone() or (rows,)
        if largest > MOST_OF_A_SERIES * most_rows(PIECE_ROWS, kinds):
            return 0, 0
        return pieces, rows * columns_of(kinds) * VALUE_BYTES // pieces

    def _sort_piece(self, table: Table, day: Mapping[str, int], piece: int, pieces: int) -> None:
        cursor = self._database.cursor()
        with self._moving, self._database.transaction(cursor, f"sorting rows of {table.name}"):
            (last,) = cursor.execute(self._dialect.last_cold(table), day).fetchone() or (None,)
            if last is None:
                return
            copy, delete = self._dialect.sort_cold(table, piece, pieces)
            copied = cursor.execute(copy, {**day, "last": last}).fetchone()
            deleted = cursor.execute(delete, {**day, "last": last}).fetchone()
            if copied != deleted:
                raise StoreUnavailable(f"sorting rows of {table.name}: {copied} were copied and {deleted} deleted; nothing was changed")


@dataclass
class _Going:
    """How far a day of a table is.

    Attributes:
        piece: The next.
        pieces: How many there are; they are counted before the first.
        piece_bytes: Bytes that each may need.
        failures: How often one could not be sorted.
        failed_us: When last.
        why: And why.
    """

    piece: int = 0
    pieces: int = 0
    piece_bytes: int = 0
    failures: int = 0
    failed_us: int | None = None
    why: str = ""
