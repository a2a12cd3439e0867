"""Tidying while rows arrive: closed days move from the hot table to the cold one, and the log is written back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping

import duckdb

from tapewatch.clock import US_PER_S
from tapewatch.errors import StoreUnavailable, TapewatchError
from tapewatch.model.rows import NULL_TIME
from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb.database import Conflict, Database
from tapewatch.store.backends.duckdb.day_order import DayOrder
from tapewatch.store.backends.duckdb.pieces import in_pieces
from tapewatch.store.backends.duckdb.room import Room
from tapewatch.store.dialect import DuckDBDialect
from tapewatch.store.retention import DAY_US

PERIOD_US = DAY_US
"""A closed day moves: the longer the period, the fewer rows a question about one series has to pass over."""

GRACE_US = 60_000_000
"""A day closes this much after its end: rows on their way still arrive in order."""

HOT_ROWS = 500_000
"""A hot table that has grown to this size moves before its day is over; sorting it takes the memory that the engine has. When the day has
closed its rows are sorted once more."""

FLOOD_ROWS_PER_S, MOST_HOT_ROWS = 20_000, 4_000_000
"""One that has grown so fast since the last run waits up to so many rows: to move them takes as long as to take them in, and while they
come that fast, the processors are theirs."""

MOVED_ROWS = 1_000_000
"""More of them, as after hours without upkeep, move by stretches of time: sorting all at once takes more memory than the engine has."""

SETTLED_US = 10_000_000
"""What moves early is at least this old, so that rows in flight and their replacements meet in the hot table."""

LOG_BYTES = 32 * 1024 * 1024
"""The write-ahead log is written back when it has grown to this size; opening after a crash replays it in less than a second."""

MOVING_LOG_BYTES = 8 * 1024 * 1024
"""Between two pieces that move already at this size: what is only in the log takes several times as much of the engine's memory."""

_SPARE_BYTES = 16 * 1024 * 1024


class Upkeep:
    """Moves and writes back; readers and commits go on meanwhile.

    ``moving`` is held while rows move: a commit that meets a moving row waits for it and tries again.

    Args:
        database: The file.
        dialect: Its statements.
        room: Of the disk and the quota.
        may_sort: Whether this is a moment to sort closed days.
    """

    def __init__(self, database: Database, dialect: DuckDBDialect, room: Room, may_sort: Callable[[], bool]) -> None:
        self._database = database
        self._dialect = dialect
        self._room = room
        self._moved_before: dict[str, int] = {}
        self._empty_at: dict[str, int] = {}
        """The last day whose end found the hot table empty."""
        self._is_flooded = False
        self._left: dict[str, int] = {}
        """Rows that were hot after the last run; what was there before the first is no flood."""
        self._ran_us = 0
        self._cold_until_us: dict[str, int] = {}
        self.moving = threading.Lock()
        self._order = DayOrder(database, dialect, self.moving, room, may_sort)

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
        tables = tuple(tables)
        closed_us = self._closed_us(now_us)
        sizes = self._hot_rows()
        flood_rows = FLOOD_ROWS_PER_S * (now_us - self._ran_us) / US_PER_S
        self._ran_us = now_us
        troubles: list[TapewatchError] = []
        moved, self._is_flooded = 0, False
        for table in tables:
            try:
                moved += self._move_due(table, sizes.get(table.name, 0), flood_rows, now_us, closed_us)
            except TapewatchError as error:  # one table must not keep the others in the log
                troubles.append(error)
        try:
            if not self._is_flooded:
                moved += self._order.run([table for table in tables if self._has_moved(table, closed_us)], now_us, closed_us)
        except TapewatchError as error:
            troubles.append(error)
        if moved or self._database.log_bytes >= LOG_BYTES:
            self.write_back()
        if troubles:
            raise troubles[0]

    def sorts_next(self, now_us: int) -> bool:
        """Whether a closed day is to be sorted by the next run."""
        return self._order.next_of(now_us, self._closed_us(now_us)) is not None

    def _closed_us(self, now_us: int) -> int:
        """The end of the last day that has closed."""
        return (now_us - GRACE_US) // PERIOD_US * PERIOD_US

    def _move_due(self, table: Table, held: int, flood_rows: float, now_us: int, closed_us: int) -> int:
        """Move what is due of a table that holds so many hot rows."""
        grown, self._left[table.name] = held - self._left.get(table.name, held), held
        if held == 0:
            self._empty_at[table.name] = closed_us
            return 0
        is_flooded = grown >= flood_rows > 0 and held < MOST_HOT_ROWS
        self._is_flooded |= is_flooded
        is_due = held >= HOT_ROWS and not is_flooded and self._has_moved(table, closed_us)  # a closed day moves apart from today's rows
        before_us = max(closed_us, now_us - SETTLED_US) if is_due else closed_us
        if self._moved_before.get(table.name) == before_us:  # when it is earlier, the clock was set back
            return 0
        moved = self._move(table, before_us, held)
        self._left[table.name] = held - moved
        return moved

    def _has_moved(self, table: Table, before_us: int) -> bool:
        """Whether the rows before a time have."""
        return max(self._moved_before.get(table.name, NULL_TIME), self._empty_at.get(table.name, NULL_TIME)) >= before_us

    def write_back(self) -> None:
        """Write the log into the file, if the disk has room for it: the engine gives up on the file when it does not."""
        log_bytes = self._database.log_bytes
        free_bytes = self._room.free_bytes()
        if free_bytes < 2 * log_bytes + _SPARE_BYTES:
            raise StoreUnavailable(
                f"{free_bytes >> 20} MB free beside {self._database.path}: too little to write back its log of {log_bytes >> 20} MB;"
                " free some space"
            )
        with self.moving:
            self._database.checkpoint()

    def _write_back_when_long(self) -> None:
        if self._database.log_bytes >= MOVING_LOG_BYTES:
            self.write_back()

    def _hot_rows(self) -> dict[str, int]:
        with self._database.reading("the store"):
            return {str(name): int(rows) for name, rows in self._database.cursor().execute(self._dialect.hot_sizes()).fetchall()}

    def _move(self, table: Table, before_us: int, held: int) -> int:
        """Move the rows before a time; a replacement that came between makes the rest wait for the next run.

        Args:
            table: Whose rows.
            before_us: The time.
            held: About how many there are.
        """
        with self._database.reading(table.name):
            kinds = self._kinds(self._database.cursor(), table)
        moved = 0
        try:
            for until_us in self._stretches(table, before_us, held):
                for rows in self._move_stretch(table, kinds, until_us, min(held, MOVED_ROWS)):
                    moved += rows
                    self._write_back_when_long()
        except Conflict:
            return moved
        self._moved_before[table.name] = before_us
        return moved

    def _move_stretch(self, table: Table, kinds: Mapping[str, str], until_us: int, held: int) -> Iterator[int]:
        """Move the rows before a time, in as many pieces as the memory needs; gives the rows of each."""

        def move(piece: int, pieces: int) -> int:
            return self._move_piece(table, until_us, piece, pieces)

        return in_pieces(held, MOVED_ROWS, kinds, move, self.write_back)  # rows that are only in the log lie in memory

    def _stretches(self, table: Table, before_us: int, held: int) -> list[int]:
        """The ends of the stretches of time by which rows move."""
        parts = -(-held // MOVED_ROWS)
        if parts <= 1:
            return [before_us]
        with self._database.reading(table.name):
            found = self._database.cursor().execute(self._dialect.moments_between(table, parts), {"before": before_us}).fetchone()
        return [*sorted(set((found and found[0]) or ())), before_us]

    def _kinds(self, cursor: duckdb.DuckDBPyConnection, table: Table) -> dict[str, str]:
        return dict(cursor.execute(self._dialect.kinds(), {"name": table.name}).fetchall())

    def _move_piece(self, table: Table, before_us: int, piece: int = 0, pieces: int = 1) -> int:
        cursor = self._database.cursor()
        with self.moving:
            self._cold_until_us[table.name] = max(self.cold_until_us(table.name), before_us)
            with self._database.transaction(cursor, f"moving rows of {table.name}"):
                # columns may have been added since the move began, and each has its way to be packed
                copy, delete = self._dialect.move(table, self._kinds(cursor, table), piece, pieces)
                counted = cursor.execute(copy, {"before": before_us}).fetchone()
                moved = int(counted[0]) if counted else 0
                if moved:
                    cursor.execute(delete, {"before": before_us})
                    self._order.note(cursor, table.name, before_us)
        return moved
