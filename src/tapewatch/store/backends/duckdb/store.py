"""The embedded store: rows in one DuckDB file, each commit durable, questions answered while rows arrive."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import duckdb
import numpy as np

from tapewatch.clock import Clock
from tapewatch.errors import QueryError, StoreRejected, TapewatchError
from tapewatch.model.query import Query, check
from tapewatch.model.rows import NULL_TIME, BodyMark, Mark, RowBatch
from tapewatch.model.table import Identity, Table
from tapewatch.store.backends.duckdb.copying import Copier, place_copy, read_copy
from tapewatch.store.backends.duckdb.database import Conflict, Database
from tapewatch.store.backends.duckdb.defining import define
from tapewatch.store.backends.duckdb.expiry import Expiry
from tapewatch.store.backends.duckdb.history import Histories
from tapewatch.store.backends.duckdb.identity import Identities
from tapewatch.store.backends.duckdb.rollups import Rollups
from tapewatch.store.backends.duckdb.room import Room
from tapewatch.store.backends.duckdb.scanning import Scanner
from tapewatch.store.backends.duckdb.staging import STAGED, run_staged, stage
from tapewatch.store.backends.duckdb.upkeep import Upkeep
from tapewatch.store.base import BODY_MARK_US, Answer, Capabilities, Contents, Resources, Stored, Usage
from tapewatch.store.dialect import ARRIVAL, DuckDBDialect, Form, form_of, has_arrival
from tapewatch.store.dialect.duckdb import AREAS
from tapewatch.store.gather import gather
from tapewatch.store.history import History
from tapewatch.store.lock import DirectoryLock
from tapewatch.store.marks import Marks
from tapewatch.store.rollup import Coverage, Tier

MEMORY_LIMIT = "128MB"
THREADS = 1


class DuckDBStore:
    """One file ``tapewatch.duckdb`` in a data directory; see `tapewatch.store.base.Store` for what each verb promises.

    New rows go to a hot table in arrival order; `maintain` moves closed days to a cold one in the order of their tags.

    Args:
        directory: Where the file lives; made when it is missing.
        clock: For the limits on reading time.
        memory_limit: Most memory of the engine, such as ``128MB``.
        threads: Threads for one statement.
        quota_bytes: Most bytes of live data, beyond which the oldest raw rows go; 0 for no limit.

    Raises:
        ConfigError: The directory is in use, cannot be written, or holds a store of a newer format.
    """

    capabilities: ClassVar[Capabilities] = Capabilities("duckdb", exclusive=True)

    def __init__(
        self, directory: Path, clock: Clock, *, memory_limit: str = MEMORY_LIMIT, threads: int = THREADS, quota_bytes: int = 0
    ) -> None:
        self._dialect = DuckDBDialect()
        self._clock = clock
        self._lock = DirectoryLock(directory)
        try:
            self._database = Database(directory, memory_limit=memory_limit, threads=threads)
            self._marks = self._read_marks(self._database.writer())
        except BaseException:
            self._lock.release()
            raise
        self._marks_age = self._database.age
        self._copier = Copier(self._database, self._dialect)
        self._writing = threading.RLock()
        room = Room(self._database, self._dialect, quota_bytes)
        self._upkeep = Upkeep(self._database, self._dialect, room, lambda: not self._copier.is_busy)
        self._rollups = Rollups(self._database, self._dialect, clock, self._writing, self._upkeep.moving)
        self._histories = Histories(self._database, self._dialect, self._rollups)
        self._scanner = Scanner(self._database, clock, self._upkeep.cold_until_us, self._rollups)
        self._expiry = Expiry(self._database, self._dialect, self._rollups, clock, self.drop_before, room)
        self._tables: dict[str, Table] = {}
        self._arrived: dict[str, int] = {}
        self._identities: dict[str, Identities] = {}

    @classmethod
    def open(cls, directory: Path, clock: Clock, resources: Resources) -> DuckDBStore:
        """The store of a directory."""
        memory_limit = f"{resources.memory_limit_mb}MB"
        return cls(directory, clock, memory_limit=memory_limit, threads=resources.threads, quota_bytes=resources.quota_bytes)

    # --- tables ------------------------------------------------------------------------------------------------------

    def create(self, table: Table) -> None:
        """See `tapewatch.store.base.Store.create`."""
        with self._upkeep.moving, self._change(f"creating table {table.name}") as connection:
            define(connection, self._dialect, table)
            if has_arrival(table):
                self._arrived[table.name] = _single(connection, self._dialect.largest(table, ARRIVAL)) or 0
            if table.identity is not Identity.NONE:
                newest_us = _single(connection, self._dialect.largest(table, "ts"))
                self._identities[table.name] = Identities(self._dialect, table, NULL_TIME if newest_us is None else newest_us)
            for tier in self._rollups.open(connection, table):
                define(connection, self._dialect, tier)
                self._upkeep.note_cold(tier.name, _single(connection, self._dialect.newest_cold(tier)))
            self._upkeep.note_cold(table.name, _single(connection, self._dialect.newest_cold(table)))
            self._tables[table.name] = table

    def drop_before(self, table: str, time_us: int) -> int:
        """See `tapewatch.store.base.Store.drop_before`."""
        held = self._known(table)
        dropped = 0
        with self._upkeep.moving, self._change(f"deleting old rows of {table}") as connection:
            for area in AREAS:
                counted = connection.execute(self._dialect.delete_before(held, area), {"before": time_us}).fetchone()
                dropped += int(counted[0]) if counted else 0
            if dropped:
                self._rollups.note_dropped(connection, held, time_us)
        return dropped

    # --- rows --------------------------------------------------------------------------------------------------------

    def append(self, deliveries: Sequence[Stored]) -> list[bool]:
        """See `tapewatch.store.base.Store.append`."""
        try:
            with self._writing:
                return self._append(deliveries)
        except Conflict:  # a row that one of these replaces is on its way to the cold table: when it has arrived, once more
            with self._upkeep.moving, self._writing:
                return self._append(deliveries)

    def knows(self, mark: Mark | BodyMark) -> bool:
        """See `tapewatch.store.base.Recognising.knows`."""
        return self._marks_age == self._database.age and mark in self._marks

    def _append(self, deliveries: Sequence[Stored]) -> list[bool]:
        taken, fresh, marks = self._unknown(deliveries)
        by_table: dict[str, list[RowBatch]] = {}
        for delivery in fresh:
            for batch in delivery.batches:
                self._refuse_other_columns(batch)
                if batch.count:
                    by_table.setdefault(batch.table, []).append(batch)
        if by_table or marks:
            with self._change("storing rows") as connection:
                for name, batches in by_table.items():
                    self._insert(connection, self._tables[name], gather(self._tables[name], batches))
                self._keep(connection, marks)
            self._marks.add(marks)
        return taken

    def _keep(self, connection: duckdb.DuckDBPyConnection, marks: Sequence[Mark | BodyMark]) -> None:
        """Note marks beside the rows that they came with."""
        numbered = [mark for mark in marks if isinstance(mark, Mark)]
        if numbered:
            columns = {"client": [mark.client for mark in numbered], "sequence": [mark.sequence for mark in numbered]}
            connection.execute(self._dialect.keep_marks(), columns)
        bodies = [mark for mark in marks if isinstance(mark, BodyMark)]
        if bodies:
            columns = {"digest": [mark.digest for mark in bodies], "received_us": [mark.received_us for mark in bodies]}
            connection.execute(self._dialect.keep_bodies(), columns)

    def _unknown(self, deliveries: Sequence[Stored]) -> tuple[list[bool], list[Stored], list[Mark | BodyMark]]:
        """Which deliveries are new, those, and their marks."""
        connection = self._database.writer()
        if self._marks_age != self._database.age:  # opened again after a failure: what was committed then is only known to the file
            self._marks, self._marks_age = self._read_marks(connection), self._database.age
        seen: dict[Mark | str, Mark | BodyMark] = {}
        taken: list[bool] = []
        for delivery in deliveries:
            mark = delivery.mark
            if mark is None:
                taken.append(True)
                continue
            name = mark.digest if isinstance(mark, BodyMark) else mark
            taken.append(mark not in self._marks and name not in seen)
            if taken[-1]:
                seen[name] = mark
        return taken, [delivery for delivery, is_new in zip(deliveries, taken, strict=True) if is_new], list(seen.values())

    def _refuse_other_columns(self, batch: RowBatch) -> None:
        table = self._known(batch.table)
        for column in batch.columns:
            if column not in table.column:
                raise StoreRejected(f"table {table.name} has no column {column}; it has {', '.join(table.column)}")

    def _known(self, name: str) -> Table:
        table = self._tables.get(name)
        if table is None:
            raise StoreRejected(f"there is no table {name}; create it first")
        return table

    def _insert(self, connection: duckdb.DuckDBPyConnection, table: Table, batch: RowBatch) -> None:
        if table.identity is not Identity.NONE:
            batch = self._identities[table.name].settle(connection, batch)
        self._rollups.note_rows(connection, table, batch.array("ts"))
        ready = stage(batch)
        forms = {name: form_of(table.column[name]) for name in batch.columns}
        if has_arrival(table):
            first = self._arrived[table.name] + 1
            ready.columns[ARRIVAL] = np.arange(first, first + batch.count, dtype=np.int64)
            forms[ARRIVAL] = Form.TIME
            self._arrived[table.name] += batch.count
        sql = self._dialect.insert(table, forms, ready.constants, STAGED, ready.whole | {ARRIVAL})
        run_staged(connection, sql, ready.columns, ready.constants)

    @contextlib.contextmanager
    def _change(self, what: str) -> Generator[duckdb.DuckDBPyConnection]:
        """One transaction of the writing connection."""
        with self._writing:
            connection = self._database.writer()
            with self._database.transaction(connection, what):
                yield connection

    def _read_marks(self, connection: duckdb.DuckDBPyConnection) -> Marks:
        with self._database.reading("the store"):
            numbered = connection.execute(self._dialect.marks()).fetchall()
            bodies = connection.execute(self._dialect.bodies()).fetchall()
        marks = Marks(Mark(client, sequence) for client, sequence in numbered)
        now_us = self._clock.steady_us()  # a clock that was set back since: what came in its future came now
        marks.add(BodyMark(digest, min(received_us, now_us)) for digest, received_us in bodies)
        return marks

    # --- questions ---------------------------------------------------------------------------------------------------

    def scan(self, query: Query, *, timeout_s: float | None = None) -> Answer:
        """See `tapewatch.store.base.Store.scan`."""
        table = self._tables.get(query.table)
        if table is None:
            raise QueryError(f"there is no table {query.table!r}; there are {', '.join(self._tables)}", position="table")
        check(query, table)
        return self._scanner.answer(query, table, timeout_s)

    def usage(self) -> Usage:
        """See `tapewatch.store.base.Store.usage`."""
        path = self._database.path
        sizes = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*") if file.is_file())
        with self._database.reading("the store"):
            counted = self._database.cursor().execute(self._dialect.sizes()).fetchall()
        rows = {str(name): int(count) for name, count in counted}
        tiers = {table.name: rows.pop(table.name) for table in self._rollups.tables() if table.name in rows}
        return Usage(sizes, rows, tiers)

    def measures(self) -> dict[str, float]:
        """See `tapewatch.store.base.Maintained.measures`."""
        return self._expiry.measures() | self._rollups.measures()

    # --- upkeep ------------------------------------------------------------------------------------------------------

    def maintain(self, now_us: int) -> None:
        """See `tapewatch.store.base.Maintained.maintain`."""
        tables = tuple(self._tables.values())
        troubles: list[TapewatchError] = []
        for step in (
            lambda: self._rollups.run(tables, now_us),
            lambda: self._expiry.run(tables, now_us),
            lambda: self._upkeep.run((*tables, *self._rollups.tables()), now_us),
            self._forget_marks,
        ):
            try:
                step()
            except TapewatchError as error:  # what one step cannot do now must not keep the log from being written back
                troubles.append(error)
        if troubles:
            raise troubles[0]

    def sorts_next(self, now_us: int) -> bool:
        """Whether the next run of upkeep has a closed day to sort, or to go on with."""
        return self._upkeep.sorts_next(now_us)

    def _forget_marks(self) -> None:
        if self._marks.outgrown():
            with self._change("forgetting old marks") as connection:
                windows = self._marks.windows()
                connection.execute(self._dialect.forget_marks(), {"client": list(windows), "sequence": list(windows.values())})
                self._marks.forgot()
        until_us = self._clock.steady_us() - BODY_MARK_US  # how long it was, whatever was set meanwhile
        with self._writing:
            if self._marks.forget_bodies(until_us):
                with self._change("forgetting old bodies") as connection:
                    connection.execute(self._dialect.forget_bodies(), {"until_us": until_us})

    # --- history -----------------------------------------------------------------------------------------------------

    def history(self, table: str, /) -> History:
        """See `tapewatch.store.base.Summarised.history`."""
        return self._histories.of(self._known(table))

    def summaries(self, table: str, coverage: Coverage, /) -> Iterator[RowBatch]:
        """See `tapewatch.store.base.Summarised.summaries`."""
        return self._histories.pages(self._known(table), coverage)

    def take_summaries(self, table: str, tier: Tier, batch: RowBatch, /) -> None:
        """See `tapewatch.store.base.Summarised.take_summaries`."""
        self._histories.take(self._known(table), tier, batch)

    def take_history(self, table: str, history: History, /) -> None:
        """See `tapewatch.store.base.Summarised.take_history`."""
        self._rollups.take_over(self._known(table), history)

    # --- copies ------------------------------------------------------------------------------------------------------

    def write_copy(self, directory: Path, /) -> Contents:
        """See `tapewatch.store.base.Copied.write_copy`."""
        return self._copier.write(directory)

    @classmethod
    def read_copy(cls, directory: Path, /) -> Contents:
        """See `tapewatch.store.base.Copied.read_copy`."""
        return read_copy(directory)

    @classmethod
    def place_copy(cls, copy: Path, directory: Path, /) -> Path | None:
        """See `tapewatch.store.base.Copied.place_copy`."""
        return place_copy(copy, directory)

    def close(self) -> None:
        """See `tapewatch.store.base.Store.close`."""
        self._copier.stop()
        self._database.interrupt()
        with self._upkeep.moving, self._writing:
            self._scanner.stop()
            self._database.close()
            self._lock.release()


def _single(connection: duckdb.DuckDBPyConnection, sql: str) -> int | None:
    found = connection.execute(sql).fetchone()
    return found[0] if found else None
