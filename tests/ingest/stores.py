"""A store at the protocol that keeps rows in a list and can be told to misbehave."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from tapewatch.errors import StoreRejected, StoreUnavailable
from tapewatch.model.catalog import Catalog
from tapewatch.model.query import Query
from tapewatch.model.rows import BodyMark, Coded, Mark, RowBatch
from tapewatch.model.table import Table
from tapewatch.model.venue import Names
from tapewatch.store.base import Answer, Capabilities, Stored, Usage


class ListStore:
    """Keeps batches and marks; `away`, `rejected`, `broken` and `delay_s` are its faults."""

    capabilities: ClassVar[Capabilities] = Capabilities("list", durable=False)

    def __init__(self) -> None:
        self.batches: list[RowBatch] = []
        self.marks: set[Mark | BodyMark] = set()
        self.groups: list[int] = []
        self.away = ""
        self.delay_s = 0.0
        self.rejected: Callable[[Stored], bool] = lambda _: False
        self.broken: Callable[[Stored], bool] = lambda _: False
        self.tries = 0
        self.threads: set[str] = set()

    def append(self, deliveries: Sequence[Stored]) -> list[bool]:
        self.tries += 1
        self.threads.add(threading.current_thread().name)
        if self.away:
            raise StoreUnavailable(self.away)
        if any(map(self.rejected, deliveries)):
            raise StoreRejected("a value does not fit")
        if any(map(self.broken, deliveries)):
            raise ZeroDivisionError("a bug in the store")
        time.sleep(self.delay_s)
        self.groups.append(len(deliveries))
        fresh: list[bool] = []
        for stored in deliveries:
            is_new = stored.mark is None or stored.mark not in self.marks
            if stored.mark is not None:
                self.marks.add(stored.mark)
            if is_new:
                self.batches += stored.batches
            fresh.append(is_new)
        return fresh

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, words decoded."""
        found: list[dict[str, Any]] = []
        for batch in self.batches:
            if batch.table == table:
                columns = {name: values.words() if isinstance(values, Coded) else values for name, values in batch.columns.items()}
                found += [{name: values[i] for name, values in columns.items()} for i in range(batch.count)]
        return found

    def create(self, table: Table) -> None: ...

    def scan(self, query: Query, *, timeout_s: float | None = None) -> Answer:
        raise NotImplementedError

    def drop_before(self, table: str, time_us: int) -> int:
        return 0

    def usage(self) -> Usage:
        return Usage(0)

    def close(self) -> None: ...


CATALOG = Catalog()
NAMES = Names()
