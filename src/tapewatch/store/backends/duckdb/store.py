"""The embedded store: rows in one DuckDB file, each commit durable, questions answered while rows arrive."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import duckdb
import numpy as np

from tapewatch.clock import Clock
from tapewatch.errors import QueryError, StoreRejected, StoreUnavailable
from tapewatch.model.query import Mode, Query, check
from tapewatch.model.rows import Mark, RowBatch
from tapewatch.model.table import Identity, Table
from tapewatch.store.backends.duckdb import database
from tapewatch.store.backends.duckdb.readers import Readers, Watch, execute
from tapewatch.store.backends.duckdb.staging import stage, typed
from tapewatch.store.base import Answer, Capabilities, Stored, Usage
from tapewatch.store.cursor import Position
from tapewatch.store.dialect import ARRIVAL, DuckDBDialect, Form, Statement, aggregate, form_of, latest, newest, raw
from tapewatch.store.dialect.duckdb import AREAS
from tapewatch.store.gather import gather
from tapewatch.store.lock import DirectoryLock
from tapewatch.store.marks import Marks

MEMORY_LIMIT = "128MB"
THREADS = 2

_FIRST_SPAN_US = 600_000_000
_WIDER = 8
_STAGED = "staged_rows"


class DuckDBStore:
    """One file ``tapewatch.duckdb`` in a data directory; see `tapewatch.store.base.Store` for what each verb promises.

    New rows go to a hot table in arrival order, `maintain` moves closed hours to a cold one in the order of their tags.

    Args:
        directory: Where the file lives; made when it is missing.
        clock: For the limits on reading time.
        memory_limit: Most memory of the engine, such as ``128MB``.
        threads: Threads of the engine.

    Raises:
        ConfigError: The directory is in use, cannot be written, or holds a store of a newer format.
    """

    capabilities = Capabilities("duckdb", exclusive=True)

    def __init__(self, directory: Path, clock: Clock, *, memory_limit: str = MEMORY_LIMIT, threads: int = THREADS) -> None:
        self._directory = directory
        self._dialect = DuckDBDialect()
        self._lock = DirectoryLock(directory)
        try:
            self._connection = database.connect(directory, memory_limit=memory_limit, threads=threads)
        except BaseException:
            self._lock.release()
            raise
        self._readers = Readers(self._connection)
        self._watch = Watch(clock)
        self._writing = threading.RLock()
        self._is_open = True
        self._tables: dict[str, Table] = {}
        self._arrived: dict[str, int] = {}
        held = self._connection.execute("SELECT client, sequence FROM books.marks").fetchall()
        self._marks = Marks(Mark(client, sequence) for client, sequence in held)

    @classmethod
    def open(cls, directory: Path, clock: Clock) -> DuckDBStore:
        """The store of a directory, with the memory and threads that fit a small machine."""
        return cls(directory, clock)

    # --- create ------------------------------------------------------------------------------------------------------

    def create(self, table: Table) -> None:
        """See `tapewatch.store.base.Store.create`."""
        with self._writing, self._transaction(f"creating table {table.name}") as connection:
            held = dict(
                connection.execute("SELECT column_name, kind FROM books.kinds WHERE table_name = $name", {"name": table.name}).fetchall()
            )
            self._refuse_other_kinds(table, held)
            missing = [column for column in table.all_columns if column.name not in held]
            if missing:
                for sql in self._dialect.add(table, missing) if held else self._dialect.create(table):
                    connection.execute(sql)
                for column in missing:
                    row = {"name": table.name, "column": column.name, "kind": str(column.kind)}
                    connection.execute("INSERT INTO books.kinds VALUES ($name, $column, $kind)", row)
            if table.identity is Identity.NONE:
                found = connection.execute(f"SELECT max({ARRIVAL}) FROM {self._dialect.relation(table)}").fetchone()
                self._arrived[table.name] = int(found[0] or 0) if found else 0
        self._tables[table.name] = table

    def _refuse_other_kinds(self, table: Table, held: dict[str, str]) -> None:
        for column in table.all_columns:
            kind = held.get(column.name, column.kind)
            if kind != column.kind:
                raise StoreRejected(
                    f"table {table.name}: column {column.name} is stored as {kind} and now declared as {column.kind};"
                    " give the column a new name, or start with another data directory"
                )

    # --- append ------------------------------------------------------------------------------------------------------

    def append(self, deliveries: Sequence[Stored]) -> list[bool]:
        """See `tapewatch.store.base.Store.append`."""
        with self._writing:
            taken = self._unknown(deliveries)
            fresh = [delivery for delivery, is_new in zip(deliveries, taken, strict=True) if is_new]
            marks = [delivery.mark for delivery in fresh if delivery.mark is not None]
            by_table: dict[str, list[RowBatch]] = {}
            for delivery in fresh:
                for batch in delivery.batches:
                    if batch.count:
                        by_table.setdefault(batch.table, []).append(batch)
            if by_table or marks:
                self._write(by_table, marks)
            return taken

    def _unknown(self, deliveries: Sequence[Stored]) -> list[bool]:
        seen: set[Mark] = set()
        taken: list[bool] = []
        for delivery in deliveries:
            mark = delivery.mark
            taken.append(mark is None or (mark not in self._marks and mark not in seen))
            if mark is not None:
                seen.add(mark)
        return taken

    def _write(self, by_table: dict[str, list[RowBatch]], marks: Sequence[Mark]) -> None:
        arrived = dict(self._arrived)
        with self._transaction("storing rows") as connection:
            for name, batches in by_table.items():
                table = self._known(name, batches)
                self._insert(connection, table, gather(table, batches))
            if marks:
                columns = {"client": [mark.client for mark in marks], "sequence": [mark.sequence for mark in marks]}
                connection.execute("INSERT INTO books.marks SELECT unnest($client::VARCHAR[]), unnest($sequence::BIGINT[])", columns)
            self._arrived, arrived = arrived, self._arrived
        self._arrived = arrived
        self._marks.add(marks)

    def _known(self, name: str, batches: Sequence[RowBatch]) -> Table:
        table = self._tables.get(name)
        if table is None:
            raise StoreRejected(f"there is no table {name}; create it first")
        for batch in batches:
            for column in batch.columns:
                if column not in table.column:
                    raise StoreRejected(f"table {name} has no column {column}; it has {', '.join(table.column)}")
        return table

    def _insert(self, connection: duckdb.DuckDBPyConnection, table: Table, batch: RowBatch) -> None:
        columns, words = stage(batch)
        forms = {name: form_of(table.column[name]) for name in batch.columns}
        if table.identity is Identity.NONE:
            first = self._arrived[table.name] + 1
            columns[ARRIVAL] = np.arange(first, first + batch.count, dtype=np.int64)
            forms[ARRIVAL] = Form.TIME
            self._arrived[table.name] += batch.count
        connection.register(_STAGED, columns)
        try:
            connection.execute(self._dialect.insert(table, forms, _STAGED), words)
        finally:
            connection.unregister(_STAGED)

    @contextlib.contextmanager
    def _transaction(self, what: str) -> Generator[duckdb.DuckDBPyConnection]:
        """One transaction of the writing connection: all or nothing, on disk at its end."""
        self._require_open()
        with database.writing(what):
            self._connection.begin()
            try:
                yield self._connection
                self._connection.commit()
            except BaseException:
                with contextlib.suppress(duckdb.Error):
                    self._connection.rollback()
                raise

    def _require_open(self) -> None:
        if not self._is_open:
            raise StoreUnavailable("the store is closed")

    # --- scan --------------------------------------------------------------------------------------------------------

    def scan(self, query: Query, *, timeout_s: float | None = None) -> Answer:
        """See `tapewatch.store.base.Store.scan`."""
        self._require_open()
        table = self._tables.get(query.table)
        if table is None:
            raise QueryError(f"there is no table {query.table!r}; there are {', '.join(self._tables)}", position="table")
        check(query, table)
        cursor = self._readers.cursor()
        with database.reading(table.name), self._watch.limited(cursor, timeout_s, table.name):
            match query.mode:
                case Mode.AGGREGATE:
                    return self._answer(cursor, aggregate(self._dialect, query, table), query)
                case Mode.LATEST:
                    return self._answer(cursor, latest(self._dialect, query, table), query)
                case Mode.ROWS:
                    return self._page(cursor, query, table)

    def _answer(self, cursor: duckdb.DuckDBPyConnection, statement: Statement, query: Query) -> Answer:
        fetched = execute(cursor, statement.sql, statement.parameters)
        found = len(next(iter(fetched.values())))
        kept = found if query.limit is None else min(found, query.limit)
        columns = {output.name: typed(fetched[output.label][:kept], output.form) for output in statement.outputs}
        return Answer(
            columns,
            kept,
            rows_behind=_first(fetched, statement.behind) or 0,
            newest_us=_first(fetched, statement.newest),
            truncated=found > kept,
        )

    def _page(self, cursor: duckdb.DuckDBPyConnection, query: Query, table: Table) -> Answer:
        """One page of raw rows: of growing spans before the end, because the newest rows are usually close to it."""
        if query.order_by and query.cursor is not None:
            raise QueryError("a cursor follows the order newest first; leave order_by out", position="cursor")
        end_us = query.end_us
        if query.cursor is not None:
            end_us = min(end_us, Position.decode(query.cursor, len(raw(self._dialect, query, table).position)).ts + 1)
        span_us = _FIRST_SPAN_US if query.limit is not None and not query.order_by else query.end_us - query.start_us
        while True:
            start_us = max(query.start_us, end_us - span_us)
            statement = raw(self._dialect, replace(query, start_us=start_us, end_us=max(end_us, start_us + 1)), table)
            fetched = execute(cursor, statement.sql, statement.parameters)
            found = len(next(iter(fetched.values())))
            if start_us <= query.start_us or (query.limit is not None and found > query.limit):
                break
            span_us *= _WIDER
        kept = found if query.limit is None else min(found, query.limit)
        columns = {output.name: typed(fetched[output.label][:kept], output.form) for output in statement.outputs}
        follows = None
        if found > kept and not query.order_by:
            follows = Position(tuple(_plain(fetched[label][kept - 1]) for label in statement.position)).encode()
        return Answer(columns, kept, newest_us=self._newest(cursor, query, table, fetched), truncated=found > kept, cursor=follows)

    def _newest(self, cursor: duckdb.DuckDBPyConnection, query: Query, table: Table, fetched: dict[str, Any]) -> int | None:
        if query.cursor is None and not query.order_by:
            return _first(fetched, "_k0")
        statement = newest(self._dialect, query, table)
        return _first(execute(cursor, statement.sql, statement.parameters), statement.newest)

    # --- the rest ----------------------------------------------------------------------------------------------------

    def drop_before(self, table: str, time_us: int) -> int:
        """See `tapewatch.store.base.Store.drop_before`."""
        held = self._known(table, ())
        dropped = 0
        with self._writing, self._transaction(f"deleting old rows of {table}") as connection:
            for area in AREAS:
                counted = connection.execute(self._dialect.delete_before(held, area), {"before": time_us}).fetchone()
                dropped += int(counted[0]) if counted else 0
        return dropped

    def usage(self) -> Usage:
        """See `tapewatch.store.base.Store.usage`."""
        self._require_open()
        sizes = sum(path.stat().st_size for path in self._directory.glob(f"{database.FILE}*") if path.is_file())
        cursor = self._readers.cursor()
        with database.reading("the store"):
            counted = cursor.execute(
                "SELECT table_name, sum(estimated_size) FROM duckdb_tables() WHERE schema_name IN ('hot', 'cold') GROUP BY 1"
            )
            return Usage(sizes, {name: int(rows) for name, rows in counted.fetchall()})

    def close(self) -> None:
        """See `tapewatch.store.base.Store.close`."""
        with self._writing:
            if not self._is_open:
                return
            self._is_open = False
            self._watch.stop()
            self._readers.close()
            self._connection.close()
            self._lock.release()


def _first(fetched: dict[str, Any], label: str) -> int | None:
    values = fetched.get(label)
    if values is None or len(values) == 0 or values[0] is np.ma.masked:
        return None
    return int(values[0])


def _plain(value: object) -> str | int | None:
    """A fetched value of the position of a row."""
    if value is None or value is np.ma.masked:
        return None
    return value if isinstance(value, str) else int(cast("int", value))
