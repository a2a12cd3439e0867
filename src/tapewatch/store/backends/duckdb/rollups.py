"""Summaries beside the rows: which tiers of a table are kept, built while rows arrive and built again where a late row came.

A question never sees a summary that a stored row contradicts: a late row marks its stretch of time before it is acknowledged, and
what is marked is answered from the rows until it has been summarised again.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
from collections.abc import Generator, Iterable
from dataclasses import dataclass, field

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
from tapewatch.store.base import LOOK_BACK_US
from tapewatch.store.dialect import Binder, DuckDBDialect, Span, pays, roll_rows, roll_tier
from tapewatch.store.dialect.duckdb import AREAS
from tapewatch.store.rollup import TIERS, WIDEST_US, Coverage, Tier, has_tiers, kept_tiers, pick, rolled

log = logging.getLogger("tapewatch.store")

SETTLED_US = 30_000_000
"""A bucket is summarised this long after its end: rows on their way still arrive in time."""

EVERY_US = 60_000_000
"""A table is summarised at most so often: the few newest rows cost less to read than many small transactions."""

LATE_US = 600_000_000
"""Late rows are noted by stretches of this length."""

JUDGED_US = 3 * WIDEST_US
"""Whether tiers pay is measured over at most this much of the newest past, and again after each `WIDEST_US`."""

CHUNK_ROWS = 200_000
"""The past is summarised in pieces of about so many rows, so that each fits the engine's memory and is soon over."""

CORRECTED = 12
"""Most stretches that are summarised again in one transaction."""

RUN_S = 3.0
"""Most seconds of a run, beyond the piece that is being summarised."""

_NEVER_US = 2**62
_DAY_US = 86_400_000_000

Times = npt.NDArray[np.int64]


@dataclass(slots=True)
class _Book:
    """What is known of the summaries of one table.

    Attributes:
        coverage: Tier to what it holds, narrowest first.
        paused: Tiers that do not pay now: they are read as far as they reach, and go on when they pay again.
        is_judged: Whether it is known which tiers pay.
        closed_us: Rows before this moment may have been summarised.
        late: Start of a stretch with late rows to how many times one came.
        dropped_us: Rows before this moment are gone; `NULL_TIME` when none ever went.
        rows_per_s: When last measured.
        judged_us: When it was last measured which tiers pay.
        done_us: When it was last summarised.
    """

    coverage: dict[Tier, Coverage] = field(default_factory=dict[Tier, Coverage])
    paused: set[Tier] = field(default_factory=set[Tier])
    is_judged: bool = False
    closed_us: int = NULL_TIME
    late: dict[int, int] = field(default_factory=dict[int, int])
    dropped_us: int = NULL_TIME
    rows_per_s: float = 0.0
    judged_us: int = NULL_TIME
    done_us: int = NULL_TIME


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
        self._writing = writing
        self._moving = moving
        self._age = database.age
        self._books: dict[str, _Book] = {}
        self._tables: dict[tuple[str, Tier], Table] = {}

    # --- what there is -----------------------------------------------------------------------------------------------

    def open(self, connection: duckdb.DuckDBPyConnection, table: Table) -> list[Table]:
        """Read what is kept of a table; gives the tables of its tiers, which may lack columns that were added since."""
        book = self._books.setdefault(table.name, _Book())  # a run may hold it at this moment
        if not has_tiers(table):
            return []
        for tier in TIERS:
            self._tables.pop((table.name, tier), None)  # of the columns that it had
        by_label = {tier.label: tier for tier in TIERS}
        held = [row for row in connection.execute(self._dialect.tiers()).fetchall() if row[0] == table.name and row[1] in by_label]
        found = [Coverage(by_label[label], since_us, until_us) for _, label, since_us, until_us in held]
        book.coverage = {item.tier: item for item in sorted(found, key=lambda item: item.tier.width_us)}
        book.closed_us = max((item.until_us for item in found), default=book.closed_us)
        book.late = {start: 1 for name, start in connection.execute(self._dialect.late()).fetchall() if name == table.name}
        book.dropped_us = dict(connection.execute(self._dialect.dropped()).fetchall()).get(table.name, NULL_TIME)
        return [self.table(table, tier) for tier in book.coverage]

    def table(self, table: Table, tier: Tier) -> Table:
        """The table that holds a tier."""
        key = (table.name, tier)
        if key not in self._tables:
            self._tables[key] = rolled(table, tier)
        return self._tables[key]

    def tables(self) -> list[Table]:
        """The tables of all tiers that are kept."""
        return [held for (name, tier), held in list(self._tables.items()) if name in self._books and tier in self._books[name].coverage]

    def kept(self, table: Table) -> tuple[Coverage, ...]:
        """The tiers of a table that are kept up, narrowest first."""
        book = self._books[table.name]
        return tuple(coverage for tier, coverage in book.coverage.items() if tier not in book.paused)

    def paused(self, table: Table) -> tuple[Tier, ...]:
        """The tiers that are only read as far as they reach."""
        return tuple(self._books[table.name].paused)

    def is_judged(self, table: Table) -> bool:
        """Whether it is known which tiers of a table pay; a table without rows, or without tiers, has nothing to be known."""
        return not has_tiers(table) or self._books[table.name].is_judged

    def gone_us(self, table: Table) -> int:
        """The moment before which the rows of a table are gone; `NULL_TIME` when none ever went."""
        return self._books[table.name].dropped_us

    def pick(self, query: Query, table: Table) -> Coverage | None:
        """The tier that answers a question, up to the first moment at which a late row contradicts it; None for the rows."""
        book = self._books[table.name]
        held = list(book.coverage.values())
        if not held:
            return None
        start_us, end_us = query.start_us - query.shift_us, query.end_us - query.shift_us
        read_us = start_us - WIDEST_US - LOOK_BACK_US - LATE_US  # the range begins with a bucket, and counters look further back
        read_us = max(read_us, book.dropped_us - 1)  # what is gone cannot be summarised again, whatever comes late
        late_us = min((late for late in list(book.late) if read_us < late < end_us), default=_NEVER_US)
        sound = [
            Coverage(item.tier, item.since_us, min(item.until_us, late_us // item.tier.width_us * item.tier.width_us)) for item in held
        ]
        return pick(query, table, sound, rows_per_s=book.rows_per_s or math.inf, raw_since_us=book.dropped_us)

    def note_rows(self, connection: duckdb.DuckDBPyConnection, table: Table, ts: Times) -> None:
        """Note rows that are being written: those of a stretch that has been summarised make it due again."""
        book = self._books[table.name]
        if not len(ts) or int(ts.min()) >= book.closed_us:
            return
        stretches = ts[ts < book.closed_us] // LATE_US * LATE_US
        starts: list[int] = np.unique(stretches[stretches >= book.dropped_us]).tolist()
        if not starts:
            return
        for start in starts:
            book.late[start] = book.late.get(start, 0) + 1
        # each time, though it may be noted already: what is noted may be forgotten at this moment by a correction that does not see the row
        connection.execute(self._dialect.keep_late(), {"name": table.name, "starts": starts})

    def note_dropped(self, connection: duckdb.DuckDBPyConnection, table: Table, before_us: int) -> None:
        """Note that the rows before a moment are gone: what was summarised of them is all that is left."""
        book = self._books[table.name]
        book.dropped_us = max(book.dropped_us, before_us)
        connection.execute(self._dialect.forget_dropped(), {"name": table.name})
        connection.execute(self._dialect.keep_dropped(), {"name": table.name, "before": book.dropped_us})
        self._forget_late(connection, table, [start for start in book.late if start < before_us])

    # --- keeping it up -----------------------------------------------------------------------------------------------

    def run(self, tables: Iterable[Table], now_us: int) -> None:
        """Summarise what is due of each table, for some seconds; a long past takes several runs.

        Raises:
            StoreUnavailable: The disk is full or the store is away; the next run goes on.
        """
        held = [table for table in tables if has_tiers(table)]
        self._database.cursor()  # opens the file again after a failure
        if self._age != self._database.age:  # what was committed then is only known to the file
            with self._moving, self._writing, self._database.reading("the store"):
                for table in held:
                    self.open(self._database.cursor(), table)
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

    def _run(self, table: Table, now_us: int, until_s: float) -> None:
        book = self._books[table.name]
        if not 0 <= now_us - book.judged_us < WIDEST_US:
            self._judge(table, now_us)
        if not book.coverage or 0 <= now_us - book.done_us < EVERY_US:
            return
        self._correct(table)
        while not (is_done := self._extend(table, now_us)) and self._clock.monotonic_s() < until_s:
            pass
        if is_done:
            book.done_us = now_us

    def _judge(self, table: Table, now_us: int) -> None:
        """Measure which tiers pay; begin those that do, drop those that no longer do."""
        book = self._books[table.name]
        cursor = self._database.cursor()
        with self._database.reading(table.name):
            reach: tuple[int | None, int | None] = cursor.execute(self._dialect.reach(table)).fetchone() or (None, None)
            oldest_us, newest_us = reach
            if oldest_us is None or newest_us is None:
                return
            end_us = min((now_us - SETTLED_US) // WIDEST_US, newest_us // WIDEST_US + 1) * WIDEST_US
            if oldest_us >= end_us:
                return
            start_us = max(end_us - JUDGED_US, oldest_us // WIDEST_US * WIDEST_US)
            binder = Binder()
            sql = pays(self._dialect, table, [tier.width_us for tier in TIERS], Span(start_us, end_us), binder)
            rows, *groups = cursor.execute(sql, binder.values).fetchone() or (0, *(0 for _ in TIERS))
        book.judged_us = now_us
        if not rows:
            return
        book.rows_per_s = rows / ((end_us - max(start_us, oldest_us)) / 1e6)
        chosen = kept_tiers(rows, groups, book.coverage.keys() - book.paused)
        below = rows
        for tier, count in zip(TIERS, groups, strict=True):
            was_kept = tier in book.coverage and tier not in book.paused
            if (tier in chosen) != was_kept:
                words = "are no longer kept up" if was_kept else "are kept up"
                log.info("%s: %s summaries %s, %d of them for %d.", table.name, tier.label, words, count, below)
            if tier in chosen and tier not in book.coverage:
                self._begin(table, tier, oldest_us)
            below = count if tier in chosen else below
        book.paused = {tier for tier in book.coverage if tier not in chosen}  # a quiet day must not delete what cannot be made again
        book.is_judged = True

    def _begin(self, table: Table, tier: Tier, oldest_us: int) -> None:
        """Keep a tier from the oldest row on; where no row ever went, it speaks for all of the past."""
        book = self._books[table.name]
        first_us = oldest_us // WIDEST_US * WIDEST_US
        gone_us = -(-book.dropped_us // WIDEST_US) * WIDEST_US if book.dropped_us != NULL_TIME else NULL_TIME
        coverage = Coverage(tier, gone_us, max(first_us, gone_us))
        held = self.table(table, tier)
        with self._changing(table, f"beginning {held.name}") as cursor:
            define(cursor, self._dialect, held)
            self._note(cursor, table, coverage)
        book.coverage = dict(sorted({**book.coverage, tier: coverage}.items(), key=lambda item: item[0].width_us))

    def drop_tier(self, table: Table, tier: Tier, before_us: int) -> None:
        """Delete the summaries of a tier before a moment, which is a full hour."""
        book = self._books[table.name]
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
        with self._changing(table, f"deleting old summaries of {table.name}") as cursor:
            self._note(cursor, table, shorter)
            for area in AREAS:
                cursor.execute(self._dialect.delete_before(held, area), {"before": before_us})

    def _extend(self, table: Table, now_us: int) -> bool:
        """Summarise the next piece of each tier; True when nothing is left to do."""
        book = self._books[table.name]
        with self._database.reading(table.name):
            newest_us: int | None = (self._database.cursor().execute(self._dialect.largest(table, "ts")).fetchone() or (None,))[0]
        if newest_us is None:
            return True
        is_done = True
        below: Tier | None = None
        limit_us = min(now_us - SETTLED_US, newest_us + WIDEST_US)  # a clock that is ahead closes no time that is still to come
        for tier, coverage in list(book.coverage.items()):
            if tier in book.paused:
                continue
            begin_us = coverage.until_us if below else self._next(table, coverage)
            chunk_us = min(_DAY_US, int(CHUNK_ROWS / max(book.rows_per_s, 1e-3) * 1e6)) if below is None else 7 * _DAY_US
            end_us = limit_us // tier.width_us * tier.width_us
            until_us = min(end_us, begin_us + max(tier.width_us, chunk_us // tier.width_us * tier.width_us))
            if until_us > coverage.until_us:
                longer = Coverage(tier, coverage.since_us, until_us)
                with self._changing(table, f"summarising {table.name}", closing_us=until_us) as cursor:
                    self._replace(cursor, table, tier, below, Span(coverage.until_us, until_us))
                    self._note(cursor, table, longer)
                book.coverage[tier] = longer
            is_done &= until_us >= end_us
            below, limit_us = tier, max(until_us, coverage.until_us)
        return is_done

    def _next(self, table: Table, coverage: Coverage) -> int:
        """The first bucket of a tier, behind what it holds, that has rows: empty time is passed over at once."""
        with self._database.reading(table.name):
            sql = self._dialect.next_at(table)
            found = self._database.cursor().execute(sql, {"from": coverage.until_us}).fetchone()
        return coverage.until_us if found is None or found[0] is None else found[0] // coverage.tier.width_us * coverage.tier.width_us

    def _correct(self, table: Table) -> None:
        """Summarise again where late rows came."""
        book = self._books[table.name]
        if not book.late:
            return
        with self._writing:  # what is noted now was written before the transaction begins, which sees it
            seen = dict(sorted(book.late.items())[:CORRECTED])
        with self._changing(table, f"summarising {table.name} again") as cursor:
            narrower: list[Coverage] = []
            for tier, coverage in book.coverage.items():
                for start_us, end_us in _stretches(seen, max(LATE_US, tier.width_us)):
                    span = Span(max(start_us, coverage.since_us), min(end_us, coverage.until_us))
                    if start_us >= book.dropped_us and span.end_us > span.start_us:
                        self._replace(cursor, table, tier, _whole(narrower, span), span)
                narrower.append(coverage)
            self._forget_late(cursor, table, seen)
        with self._writing:  # a row that came meanwhile is not in what was summarised
            for start, times in seen.items():
                if book.late.get(start) == times:
                    del book.late[start]

    def _replace(self, cursor: duckdb.DuckDBPyConnection, table: Table, tier: Tier, below: Tier | None, span: Span) -> None:
        """Summarise a span in the place of what the tier may hold of it."""
        for area in AREAS:
            sql = self._dialect.delete_between(self.table(table, tier), area)
            cursor.execute(sql, {"start": span.start_us, "end": span.end_us})
        self._insert(cursor, table, tier, below, span)

    def _insert(self, cursor: duckdb.DuckDBPyConnection, table: Table, tier: Tier, below: Tier | None, span: Span) -> None:
        binder = Binder()
        if below is None:
            rows = roll_rows(self._dialect, table, tier, span, binder)
        else:
            rows = roll_tier(self._dialect, table, below, tier, span, binder)
        cursor.execute(self._dialect.insert_from(self.table(table, tier), rows), binder.values)

    def _note(self, cursor: duckdb.DuckDBPyConnection, table: Table, coverage: Coverage) -> None:
        key = {"name": table.name, "label": coverage.tier.label}
        cursor.execute(self._dialect.forget_tier(), key)
        cursor.execute(self._dialect.keep_tier(), {**key, "since": coverage.since_us, "until": coverage.until_us})

    def _forget_late(self, cursor: duckdb.DuckDBPyConnection, table: Table, starts: Iterable[int]) -> None:
        cursor.execute(self._dialect.forget_late(), {"name": table.name, "starts": list(starts)})

    @contextlib.contextmanager
    def _changing(self, table: Table, what: str, closing_us: int = NULL_TIME) -> Generator[duckdb.DuckDBPyConnection]:
        """A transaction that sees all rows written before it; what is written after it and before ``closing_us`` is noted as late."""
        book = self._books[table.name]
        cursor = self._database.cursor()
        with self._moving, contextlib.ExitStack() as stack:
            with self._writing:
                book.closed_us = max(book.closed_us, closing_us)
                stack.enter_context(self._database.transaction(cursor, what))
                cursor.execute(self._dialect.pin(table)).fetchall()
            yield cursor


def _whole(narrower: Iterable[Coverage], span: Span) -> Tier | None:
    """The widest of some tiers that holds all of a span; None for the rows."""
    return next((item.tier for item in reversed([*narrower]) if item.since_us <= span.start_us and span.end_us <= item.until_us), None)


def _stretches(starts: Iterable[int], width_us: int) -> Iterable[tuple[int, int]]:
    """The aligned stretches of a width that hold some moments."""
    return [(start, start + width_us) for start in sorted({moment // width_us * width_us for moment in starts})]
