"""The in-memory store: the same promises as every other one, kept in the simplest way; its rows end with the process."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import ClassVar

from tapewatch.clock import Clock
from tapewatch.errors import QueryError, StoreRejected, StoreUnavailable
from tapewatch.model.query import Query, check
from tapewatch.model.rows import BodyMark, Mark
from tapewatch.model.table import Table
from tapewatch.store.backends.memory.answer import answer
from tapewatch.store.backends.memory.rows import Row, rows_of
from tapewatch.store.base import Answer, Capabilities, Resources, Stored, Usage
from tapewatch.store.dialect.base import ARRIVAL
from tapewatch.store.marks import Marks


class MemoryStore:
    """Rows in lists; see `tapewatch.store.base.Store` for what each verb promises."""

    capabilities: ClassVar[Capabilities] = Capabilities("memory", durable=False)

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tables: dict[str, Table] = {}
        self._rows: dict[str, dict[Hashable, Row]] = {}
        self._marks = Marks()
        self._arrived = 0
        self._is_open = True

    @classmethod
    def open(cls, _directory: Path, _clock: Clock, _resources: Resources) -> MemoryStore:
        """A new, empty store; it writes no files."""
        return cls()

    def create(self, table: Table) -> None:
        """See `tapewatch.store.base.Store.create`."""
        with self._lock:
            before = self._tables.get(table.name)
            for column in table.all_columns:
                held = before.column.get(column.name, column) if before else column
                if held.kind is not column.kind:
                    raise StoreRejected(f"table {table.name}: column {column.name} is stored as {held.kind}, declared as {column.kind}")
            self._tables[table.name] = table
            rows = [dict.fromkeys(table.column) | row for row in self._rows.get(table.name, {}).values()]
            self._rows[table.name] = {_identity(table, row): row for row in rows}

    def append(self, deliveries: Sequence[Stored]) -> list[bool]:
        """See `tapewatch.store.base.Store.append`."""
        with self._lock:
            self._require_open()
            for delivery in deliveries:
                self._refuse_unknown(delivery)
            taken: list[bool] = []
            for delivery in deliveries:
                taken.append(delivery.mark is None or delivery.mark not in self._marks)
                if taken[-1]:
                    self._take(delivery)
            return taken

    def knows(self, mark: Mark | BodyMark) -> bool:
        """See `tapewatch.store.base.Recognising.knows`."""
        return mark in self._marks

    def _refuse_unknown(self, delivery: Stored) -> None:
        for batch in delivery.batches:
            table = self._tables.get(batch.table)
            if table is None:
                raise StoreRejected(f"there is no table {batch.table}; create it first")
            for name in batch.columns:
                if name not in table.column:
                    raise StoreRejected(f"table {table.name} has no column {name}; it has {', '.join(table.column)}")

    def _take(self, delivery: Stored) -> None:
        if delivery.mark is not None:
            self._marks.add([delivery.mark])
        for batch in delivery.batches:
            table = self._tables[batch.table]
            for row in rows_of(table, batch):
                self._arrived += 1
                row[ARRIVAL] = self._arrived
                self._place(table, row)

    def _place(self, table: Table, row: Row) -> None:
        """Add a row, or let it take the place of the one with its identity unless that was received later."""
        held = self._rows[table.name]
        identity = _identity(table, row)
        if identity not in held or held[identity]["received_at"] <= row["received_at"]:
            held[identity] = row

    def scan(self, query: Query, *, timeout_s: float | None = None) -> Answer:
        """See `tapewatch.store.base.Store.scan`."""
        with self._lock:
            self._require_open()
            table = self._tables.get(query.table)
            if table is None:
                raise QueryError(f"there is no table {query.table!r}; there are {', '.join(self._tables)}", position="table")
            check(query, table)
            rows = list(self._rows[table.name].values())
        return answer(query, table, rows)

    def drop_before(self, table: str, time_us: int) -> int:
        """See `tapewatch.store.base.Store.drop_before`."""
        with self._lock:
            held = self._rows[table]
            kept = {identity: row for identity, row in held.items() if row["ts"] >= time_us}
            self._rows[table] = kept
            return len(held) - len(kept)

    def usage(self) -> Usage:
        """See `tapewatch.store.base.Store.usage`."""
        with self._lock:
            return Usage(0, {name: len(rows) for name, rows in self._rows.items()})

    def close(self) -> None:
        """See `tapewatch.store.base.Store.close`."""
        with self._lock:
            self._is_open = False

    def _require_open(self) -> None:
        if not self._is_open:
            raise StoreUnavailable("the store is closed")


def _identity(table: Table, row: Row) -> Hashable:
    """What makes the row itself; its number where nothing is merged: no declared identity, or a row without its id."""
    if not table.identity_columns or (table.id_column and row[table.id_column] is None):
        return row[ARRIVAL]
    return tuple(row[name] for name in table.identity_columns)
