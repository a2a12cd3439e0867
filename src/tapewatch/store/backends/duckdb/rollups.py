"""Summaries beside the rows: which tiers of a table are kept, built while rows arrive and built again where a late row came.

A question never sees a summary that a stored row contradicts: a late row marks its stretch of time before it is acknowledged, and
what is marked is answered from the rows until it has been summarised again.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterable

import duckdb
import numpy as np
import numpy.typing as npt

from tapewatch.clock import Clock
from tapewatch.errors import StoreError
from tapewatch.model.query import Query
from tapewatch.model.rows import NULL_TIME
from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb.database import Database
from tapewatch.store.backends.duckdb.defining import define
from tapewatch.store.backends.duckdb.paying import Paying
from tapewatch.store.backends.duckdb.summarising import Summarising
from tapewatch.store.backends.duckdb.summary_book import Book, Books, Notes
from tapewatch.store.backends.duckdb.summary_changes import Changes
from tapewatch.store.base import LOOK_BACK_US
from tapewatch.store.dialect import DuckDBDialect
from tapewatch.store.dialect.duckdb import AREAS
from tapewatch.store.history import History
from tapewatch.store.rollup import LATE_US, WIDEST_US, Coverage, Tier, has_tiers, pick

EVERY_US = 60_000_000
"""A table is summarised at most so often: the few newest rows cost less to read than many small transactions."""

RUN_S = 3.0
"""Most seconds of a run, beyond the piece that is being summarised."""

_NEVER_US = 2**62

Times = npt.NDArray[np.int64]


class Rollups:
    """Keeps the tiers of all tables of one file.

    Args:
        database: The file.
        dialect: Writes the statements.
        clock: For how long a run may take.
        writing: Held while rows are written.
        moving: Held while rows move.
    """

    def __init__(self, database: Database, dialect: DuckDBDialect, clock: Clock, writing: threading.RLock, moving: threading.Lock) -> None:
        self._database = database
        self._clock = clock
        self._dialect = dialect
        self._age = database.age
        self._notes: Notes | None = None
        self._books = Books(dialect)
        self._changes = Changes(database, dialect, self._books, writing, moving)
        self._paying = Paying(database, dialect, self._books, self._changes)
        self._summarising = Summarising(database, dialect, self._books, self._changes)
        self._ran_us = 0

    # --- what there is -----------------------------------------------------------------------------------------------

    def open(self, connection: duckdb.DuckDBPyConnection, table: Table, notes: Notes | None = None) -> list[Table]:
        """Read what is kept of a table; gives the tables of its tiers, which may lack columns that were added since."""
        is_known = table.name in self._books.by_table
        self._books.by_table.setdefault(table.name, Book())  # a run may hold it at this moment
        if not has_tiers(table):
            return []
        if notes is None and (is_known or self._notes is None):
            self._notes = self._books.read(connection)
        notes = notes or self._notes or self._books.read(connection)  # of a table that was not open nothing has been written since
        return self._books.fill(table, notes)

    def table(self, table: Table, tier: Tier) -> Table:
        """The table that holds a tier."""
        return self._books.table(table, tier)

    def tables(self) -> list[Table]:
        """The tables of all tiers that are kept."""
        return self._books.tables()

    def kept(self, table: Table) -> tuple[Coverage, ...]:
        """The tiers of a table that are kept up, narrowest first."""
        return self._books.of(table).kept()

    def first_late_us(self, table: Table) -> int | None:
        """Where the first stretch begins whose late rows are not in the summaries yet; None when all are."""
        return min(self._books.of(table).late, default=None)

    def held(self, table: Table) -> tuple[Coverage, ...]:
        """All tiers of a table, kept up or not, narrowest first."""
        return tuple(self._books.of(table).coverage.values())

    @contextlib.contextmanager
    def defined(self, table: Table, tier: Tier) -> Generator[duckdb.DuckDBPyConnection]:
        """A transaction in which the table of a tier exists."""
        held = self.table(table, tier)
        with self._changes.of(table, f"taking summaries of {table.name}") as cursor:
            define(cursor, self._dialect, held)
            yield cursor

    def take_over(self, table: Table, history: History) -> None:
        """Note what summaries that came from elsewhere cover, and that their rows are gone."""
        book = self._books.of(table)
        with self._changes.of(
            table, f"taking summaries of {table.name}", closing_us=max(item.until_us for item in history.tiers)
        ) as cursor:
            self.note_dropped(cursor, table, history.gone_us)
            for coverage in history.tiers:
                self._books.note(cursor, table, coverage)
        book.coverage = {item.tier: item for item in sorted(history.tiers, key=lambda item: item.tier.width_us)}

    def paused(self, table: Table) -> tuple[Tier, ...]:
        """The tiers that are only read as far as they reach."""
        return tuple(self._books.of(table).paused)

    def is_judged(self, table: Table) -> bool:
        """Whether it is known which tiers of a table pay; a table without rows, or without tiers, has nothing to be known."""
        return not has_tiers(table) or self._books.of(table).is_judged

    def gone_us(self, table: Table) -> int:
        """The moment before which the rows of a table are gone; `NULL_TIME` when none ever went."""
        return self._books.of(table).dropped_us

    def pick(self, query: Query, table: Table) -> Coverage | None:
        """The tier that answers a question, up to the first moment at which a late row contradicts it; None for the rows."""
        book = self._books.of(table)
        held = list(book.coverage.values())
        if not held:
            return None
        start_us, end_us = query.start_us - query.shift_us, query.end_us - query.shift_us
        read_us = start_us - WIDEST_US - LOOK_BACK_US - LATE_US  # the range may begin with a bucket, and counters look further back
        read_us = max(read_us, book.dropped_us - 1)  # what is gone cannot be summarised again, whatever comes late
        late_us = min((late for late in list(book.late) if read_us < late < end_us), default=_NEVER_US)
        sound = [
            Coverage(item.tier, item.since_us, min(item.until_us, late_us // item.tier.width_us * item.tier.width_us)) for item in held
        ]
        if not book.rows_per_s:
            self._paying.estimate(table)
        return pick(query, table, sound, rows_per_s=book.rows_per_s, raw_since_us=book.dropped_us, look_back_us=LOOK_BACK_US)

    def note_rows(self, connection: duckdb.DuckDBPyConnection, table: Table, ts: Times) -> None:
        """Note rows that are being written: those of a stretch that has been summarised make it due again."""
        book = self._books.of(table)
        if not len(ts) or int(ts.min()) >= book.closed_us:
            return
        stretches = ts[ts < book.closed_us] // LATE_US * LATE_US
        starts: list[int] = np.unique(stretches[stretches >= book.dropped_us]).tolist()
        if not starts:
            return
        self._books.note_late(connection, table, starts)

    def note_dropped(self, connection: duckdb.DuckDBPyConnection, table: Table, before_us: int) -> None:
        """Note that the rows before a moment are gone: what was summarised of them is all that is left."""
        self._books.note_dropped(connection, table, before_us)

    # --- keeping it up -----------------------------------------------------------------------------------------------

    def run(self, tables: Iterable[Table], now_us: int) -> None:
        """Summarise what is due of each table, for some seconds; a long past takes several runs.

        Raises:
            StoreUnavailable: The disk is full or the store is away; the next run goes on.
        """
        held = [table for table in tables if has_tiers(table)]
        self._ran_us = now_us
        self._database.cursor()  # opens the file again after a failure
        if self._age != self._database.age:  # what was committed then is only known to the file
            with self._changes.moving, self._changes.writing, self._database.reading("the store"):
                notes = self._books.read(self._database.cursor())
                for table in held:
                    self.open(self._database.cursor(), table, notes)
            self._age = self._database.age
        until_s = self._clock.monotonic_s() + RUN_S
        troubles: list[StoreError] = []
        for table in held:
            try:
                self._run(table, now_us, until_s)
            except StoreError as error:  # one table must not keep the others waiting
                troubles.append(error)
        if troubles:
            raise troubles[0]

    def measures(self) -> dict[str, float]:
        """As of the last run: seconds since the table that is furthest behind was last summarised to the end, and stretches to correct."""
        books = [book for book in self._books.by_table.values() if book.coverage]
        behind_us = max((self._ran_us - book.done_us for book in books if book.done_us != NULL_TIME), default=0)
        return {"summaries_behind_s": max(0, behind_us) / 1e6, "late_stretches": float(sum(len(book.late) for book in books))}

    def _run(self, table: Table, now_us: int, until_s: float) -> None:
        book = self._books.of(table)
        if not 0 <= now_us - book.judged_us < WIDEST_US:
            self._paying.judge(table, now_us)
        if not book.coverage or 0 <= now_us - book.done_us < EVERY_US:
            return
        waiting = self._summarising.pieces(table, sorted(book.late))
        while waiting:  # those of now: where late rows never end, the newest rows have their turn all the same
            self._summarising.correct(table, waiting.pop(0))
            if self._clock.monotonic_s() >= until_s:
                break
        while not (is_done := self._summarising.extend(table, now_us)) and self._clock.monotonic_s() < until_s:
            pass
        if is_done and not waiting:
            book.done_us = now_us

    def drop_tier(self, table: Table, tier: Tier, before_us: int) -> None:
        """Delete the summaries of a tier before a moment, which is a full hour."""
        book = self._books.of(table)
        coverage = book.coverage.get(tier)
        if coverage is None or coverage.since_us >= before_us:
            return
        held = self.table(table, tier)
        with self._database.reading(held.name):
            oldest_us = (self._database.cursor().execute(self._dialect.reach(held)).fetchone() or (None,))[0]
        if oldest_us is None or oldest_us >= before_us:
            return
        shorter = Coverage(tier, before_us, max(coverage.until_us, before_us))
        book.coverage[tier] = shorter
        with self._changes.of(table, f"deleting old summaries of {table.name}") as cursor:
            self._books.note(cursor, table, shorter)
            for area in AREAS:
                cursor.execute(self._dialect.delete_before(held, area), {"before": before_us})
