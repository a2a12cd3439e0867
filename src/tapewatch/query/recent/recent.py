"""All tables: takes rows as an observer, adds them up when somebody asks, and answers what it can answer exactly."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from threading import Lock

import numpy as np

from tapewatch.clock import US_PER_S, Clock
from tapewatch.model.query import Mode, Query
from tapewatch.model.rows import Coded, RowBatch
from tapewatch.model.table import Identity, Table
from tapewatch.query.recent.buckets import OpenBuckets
from tapewatch.query.recent.newest import Newest
from tapewatch.query.recent.parts import Part, parts_of
from tapewatch.query.recent.rows import Arrived
from tapewatch.query.recent.series import SeriesIndex
from tapewatch.store.base import LOOK_BACK_US, Answer

MOST_SERIES = 5_000
"""Per table; one with more is left to the store."""
MOST_WAITING = 20_000
"""Rows that may wait to be added up; more of them are added up at once."""
MOST_BATCHES = 500
"""Batches that may wait."""
MOST_WIDTHS = 8
"""Widths of buckets per table that are kept filled. Another one takes the place of one that nobody asks for any more."""
IDLE_S = 60.0
"""Seconds after which a width that was not asked for may go."""
MOST_PAST_US = 24 * 3600 * US_PER_S
"""Newest rows are given for ranges that reach back so far: older ones may have been deleted from the store."""


class Recent:
    """Safe to call from several threads; rows come from one.

    Args:
        catalog: Tables by name.
        clock: For what is old.
        is_whole: Whether the store holds exactly what was shown here; while it is away, or in doubt, nothing is answered, so that
            nobody takes what is here for what is stored.
    """

    def __init__(self, catalog: Mapping[str, Table], clock: Clock, is_whole: Callable[[], bool] = lambda: True) -> None:
        self._catalog = catalog
        self._clock = clock
        self._is_whole = is_whole
        self._tables: dict[str, _RecentTable] = {}
        self._making = Lock()

    def __call__(self, batch: RowBatch) -> None:
        """Take note of accepted rows."""
        held = self._held(batch.table)
        if held is not None and batch.count:
            held.put(batch)

    def seed(self, batch: RowBatch) -> None:
        """Take the newest stored row of every series of a table, as after a restart."""
        held = self._held(batch.table)
        if held is not None and batch.count:
            held.seed(batch)

    def answers_from(self, time_us: int, name: str = "") -> None:
        """All series with a row since this time were given to `seed`: answers may begin, about one table or, without a name, about all.

        A table that is declared or extended is left to the store until it is named here: what it held before is not known.
        """
        for known in (name,) if name else tuple(self._catalog):
            held = self._held(known)
            if held is not None:
                held.known_from_us = time_us

    def leave_to_store(self, name: str, first_us: int, last_us: int) -> None:
        """Rows between these moments are stored that were given to nobody here, as after a restart under a clock that was ahead before.

        Questions that reach into the span are the store's, and those from behind it that look back on a counter's last value in it.
        """
        held = self._held(name)
        if held is not None:
            held.left_us = (first_us, last_us + LOOK_BACK_US)

    def answer(self, query: Query) -> Answer | None:
        """What a store would answer; None when it has to be asked. Never waits for the store."""
        held = self._held(query.table)
        if held is None or held.known_from_us is None or query.shift_us or query.cursor is not None or not self._is_whole():
            return None
        if held.is_left(query):
            return None
        if query.mode is Mode.LATEST:
            known_from_us = max(held.known_from_us, self._clock.now_us() - MOST_PAST_US)
            return held.latest(query) if query.start_us >= known_from_us and query.bucket_us is None else None
        if query.mode is Mode.AGGREGATE and query.bucket_us is not None and not query.order_by:
            return held.buckets(query)
        return None

    def open_part(self, query: Query, width_us: int, one_source_since_us: int | None = None) -> Answer | None:
        """The same without buckets, from the beginning of a bucket of this width on, which lies at most some widths back.

        Args:
            query: Its start is the beginning of a bucket.
            width_us: Of the buckets that are added up.
            one_source_since_us: Answer only if since then no subject was measured by two sources.
        """
        held = self._held(query.table)
        if held is None or held.known_from_us is None or held.is_left(query) or not self._is_whole():
            return None
        known_from_us = max(held.known_from_us, self._clock.now_us() - MOST_PAST_US)
        if one_source_since_us is not None and one_source_since_us < known_from_us:
            return None
        return held.open_part(query, width_us, is_of_one_source=one_source_since_us is not None)

    def _held(self, name: str) -> _RecentTable | None:
        table = self._catalog.get(name)
        if table is None or table.identity not in {Identity.MEASUREMENT, Identity.NONE}:
            return None  # of an entity, a row may take the place of one that is newer
        held = self._tables.get(name)
        if held is not None and held.table is table:
            return held
        with self._making:
            held = self._tables.get(name)
            if held is None or held.table is not table:
                held = self._tables[name] = _RecentTable(table, self._clock)
            return held


class _RecentTable:
    """One table."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self.table = table
        self.known_from_us: int | None = None
        self.left_us: tuple[int, int] | None = None
        self._clock = clock
        self._lock = Lock()
        self._waiting: deque[RowBatch] = deque()
        self._waiting_rows = 0
        self._index = SeriesIndex(table)
        self._newest = Newest(table)
        self._widths: dict[int, OpenBuckets] = {}
        self._is_left = False

    def is_left(self, query: Query) -> bool:
        """Whether a range reaches into what is left to the store."""
        return self.left_us is not None and query.end_us > self.left_us[0] and query.start_us <= self.left_us[1]

    def put(self, batch: RowBatch) -> None:
        self._waiting.append(batch)
        self._waiting_rows += batch.count
        is_much = self._waiting_rows > MOST_WAITING or len(self._waiting) > MOST_BATCHES
        if is_much and self._lock.acquire(blocking=False):  # who holds it adds up itself, or lets go in a moment
            try:
                self._add_up()
            finally:
                self._lock.release()

    def seed(self, batch: RowBatch) -> None:
        with self._lock:
            self._add_up()
            rows = self._arrived(batch)
            if not self._is_left:
                self._newest.seed(rows)

    def latest(self, query: Query) -> Answer | None:
        with self._lock:
            self._add_up()
            group_by = query.group_by or self.table.tags
            selection = None if self._is_left else self._index.selection(query.filters, group_by)
            return None if selection is None else self._newest.answer(query, selection)

    def buckets(self, query: Query) -> Answer | None:
        parts = [parts_of(measure, self.table) for measure in query.measures]
        if None in parts or query.bucket_us is None or query.start_us % query.bucket_us or query.end_us % query.bucket_us:
            return None
        with self._lock:
            self._add_up()
            selection = None if self._is_left else self._index.selection(query.filters, query.group_by)
            if selection is None:
                return None
            held = self._of_width(query.bucket_us, [part for measured in parts if measured for part in measured])
            answer = None if held is None else held.answer(query, selection)
            return None if answer is None or (query.limit is not None and answer.rows > query.limit) else answer

    def open_part(self, query: Query, width_us: int, *, is_of_one_source: bool) -> Answer | None:
        parts = [parts_of(measure, self.table) for measure in query.measures]
        if None in parts:
            return None
        with self._lock:
            self._add_up()
            selection = None if self._is_left else self._index.selection(query.filters, query.group_by)
            if selection is None or (is_of_one_source and len(selection.subject_groups) < len(selection.series)):
                return None
            held = self._of_width(width_us, [part for measured in parts if measured for part in measured])
            return None if held is None else held.whole(query, selection)

    def _of_width(self, width_us: int, parts: Sequence[Part]) -> OpenBuckets | None:
        """The buckets of a width, with these parts from now on; None while there are too many others that somebody asks for."""
        now_s = self._clock.monotonic_s()
        if width_us not in self._widths:
            if len(self._widths) >= MOST_WIDTHS:
                first = min(self._widths, key=lambda width: self._widths[width].asked_s)
                if now_s - self._widths[first].asked_s < IDLE_S:
                    return None
                del self._widths[first]
            self._widths[width_us] = OpenBuckets(self.table, width_us)
        held = self._widths[width_us]
        held.asked_s = now_s
        held.want(parts, max(self._clock.now_us(), int(self._newest.ts.max(initial=0))))
        return held

    def _add_up(self) -> None:
        if not self._waiting:
            return
        batches: list[RowBatch] = []
        while self._waiting:
            batches.append(self._waiting.popleft())
        self._waiting_rows = 0
        if self._is_left:
            return
        rows = self._arrived(RowBatch.joined(batches))
        if self._is_left:
            return
        late = self._newest.out_of_order(rows)
        gains, spoiled_us = self._newest.gains(rows)
        rows.gains.update(gains)
        if late.any():
            late_us = int(rows.ts[late].min())
            spoiled_us = late_us if spoiled_us is None else min(late_us, spoiled_us)
            self._newest.forget_counts(rows.places[late])
        self._newest.take(rows)
        for held in self._widths.values():
            held.take(rows, len(self._index.keys), spoiled_us, self._clock.now_us())

    def _arrived(self, batch: RowBatch) -> Arrived:
        places = self._index.places(batch)
        if len(self._index.keys) > MOST_SERIES:
            self._is_left, self._index, self._newest = True, SeriesIndex(self.table), Newest(self.table)
            self._widths.clear()
        self._newest.grow(len(self._index.keys))
        order = np.lexsort((batch.array("received_at"), batch.array("ts"), places))
        columns = {name: values.take(order) if isinstance(values, Coded) else values[order] for name, values in batch.columns.items()}
        return Arrived(self.table, places[order], batch.array("ts")[order], columns, {})
