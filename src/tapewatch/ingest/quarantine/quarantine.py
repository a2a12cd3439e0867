"""The quarantine: takes strays while a delivery is judged, knows what is there, and gives it back."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

from tapewatch.clock import Clock
from tapewatch.ingest.quarantine.entry import OVERHEAD_BYTES, Entry, batch_of, content_of, entries_of, series_of
from tapewatch.ingest.quarantine.ledger import Ledger
from tapewatch.ingest.validate import Room, Stray
from tapewatch.ingest.validate.strays import UNKNOWN_COLUMN, UNKNOWN_TABLE
from tapewatch.model.query import Comparison, Filter, Mode, Query
from tapewatch.model.rows import RowBatch
from tapewatch.model.tables.self import QUARANTINE
from tapewatch.settings import QuarantineSettings
from tapewatch.store.base import Store

PAGE_ROWS = 50_000
MOST_ROW_BYTES = 65_536
"""A single row beyond this is refused: it is no measurement."""

_END_US = 2**62


class Hold:
    """The strays of one delivery: counted as kept, to be written with its rows, or let go. See `tapewatch.ingest.validate.Keeper`."""

    def __init__(self, quarantine: Quarantine, received_us: int) -> None:
        self._quarantine = quarantine
        self._received_us = received_us
        self.entries: list[Entry] = []

    def room(self, table: str, names: Sequence[str]) -> Room:
        """See `Keeper.room`."""
        return self._quarantine.room(table, names)

    def keep(self, stray: Stray) -> str:
        """See `Keeper.keep`."""
        content = content_of(stray.content)
        entry = Entry(
            self._quarantine.next_number(),
            self._received_us,
            stray.table,
            UNKNOWN_COLUMN if stray.is_declared else UNKNOWN_TABLE,
            stray.source,
            stray.env,
            stray.names,
            series_of(stray),
            content,
            len(content) + OVERHEAD_BYTES,
        )
        if entry.size_bytes > MOST_ROW_BYTES:
            return f"The row takes {entry.size_bytes} bytes, and one in quarantine may take {MOST_ROW_BYTES}."
        why = self._quarantine.reserve(entry)
        if not why:
            self.entries.append(entry)
        return why

    def batches(self) -> tuple[RowBatch, ...]:
        """Rows of table ``quarantine``; none when there was nothing to keep."""
        return (batch_of(self.entries),) if self.entries else ()

    def let_go(self) -> None:
        """Nothing of it was written, or it had been written before: its room is free again."""
        self._quarantine.release(self.entries)
        self.entries = []


class KeptBefore:
    """Judges a delivery that was kept before: its strays are where they were put. See `tapewatch.ingest.validate.Keeper`."""

    def room(self, table: str, names: Sequence[str]) -> Room:
        """See `Keeper.room`."""
        return Room()

    def keep(self, stray: Stray) -> str:
        """See `Keeper.keep`."""
        return ""


class Quarantine:
    """Everything that waits for a declaration; may be used from several threads.

    Args:
        store: Where the entries are; has table ``quarantine``.
        clock: The time.
        bounds: How much there may be.
    """

    def __init__(self, store: Store, clock: Clock, bounds: QuarantineSettings | None = None) -> None:
        self._store = store
        self._ledger = Ledger(bounds or QuarantineSettings())
        self._lock = threading.Lock()
        self._began = f"{clock.now_us():x}"
        self._count = 0
        for entry in self.waiting(with_content=False):
            self._ledger.add(entry)

    def hold(self, received_us: int) -> Hold:
        """Begin to judge a delivery."""
        return Hold(self, received_us)

    def next_number(self) -> str:
        """A number that no other entry has: the start of this process and a running one."""
        with self._lock:
            self._count += 1
            return f"{self._began}-{self._count:x}"

    def room(self, table: str, names: Sequence[str]) -> Room:
        """See `Ledger.room`."""
        with self._lock:
            return self._ledger.room(table, names)

    def reserve(self, entry: Entry) -> str:
        """Count an entry that is about to be written; gives the reason when there is no room for it."""
        with self._lock:
            why = self._ledger.why_not(entry)
            if not why:
                self._ledger.add(entry)
            return why

    def release(self, entries: Iterable[Entry]) -> None:
        """Entries are not there, or not any more."""
        with self._lock:
            self._ledger.remove(entries)

    def correct(self, batch: RowBatch, *, is_counted: bool, is_there: bool) -> None:
        """Entries that the store was offered late: they count when they are there, and only then.

        Args:
            batch: Rows of table ``quarantine``.
            is_counted: Whether they were counted when they came.
            is_there: Whether the store has taken them; False when it had all of their delivery before.
        """
        if is_counted != is_there:
            entries = entries_of(batch.columns)
            self.replace(entries if is_counted else [], [] if is_counted else entries)

    def replace(self, old: Sequence[Entry], new: Sequence[Entry]) -> None:
        """Entries were written again with another content."""
        with self._lock:
            self._ledger.remove(old)
            for entry in new:
                self._ledger.add(entry)

    def measures(self) -> dict[str, float]:
        """See `Ledger.measures`."""
        with self._lock:
            return self._ledger.measures()

    def waiting(self, table: str = "", *, with_content: bool = True) -> list[Entry]:
        """What waits for one table, or for all of them, the oldest first; reads the store and blocks.

        Raises:
            StoreUnavailable: The store is away.
        """
        filters = (Filter("adopted_as", Comparison.IS_NULL), *([Filter("table_name", Comparison.EQ, (table,))] if table else []))
        names = tuple(name for name in QUARANTINE.column if with_content or name != "content")
        found: list[Entry] = []
        cursor: str | None = None
        while True:
            query = Query(QUARANTINE.name, 0, _END_US, Mode.ROWS, columns=names, filters=filters, limit=PAGE_ROWS, cursor=cursor)
            answer = self._store.scan(query)
            found += entries_of(answer.columns)
            cursor = answer.cursor
            if cursor is None or not answer.rows:
                return sorted(found, key=lambda entry: (entry.received_us, len(entry.number), entry.number))
