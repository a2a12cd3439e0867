"""Asking: time limit, row limit, cancellation, and the last good answer while the store is away."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Lock

from tapewatch.clock import US_PER_S, Clock
from tapewatch.errors import QueryError, StoreUnavailable
from tapewatch.model.query import Function, Measure, Mode, Query, check
from tapewatch.model.rows import Coded, RowBatch
from tapewatch.model.table import Table
from tapewatch.query.assemble import Assembly
from tapewatch.query.frame import Frame
from tapewatch.query.plan import Limits, bounded
from tapewatch.query.rates import scaled, with_sums
from tapewatch.query.recent import Recent, Standing
from tapewatch.query.series import MOST_SERIES, SeriesBook
from tapewatch.store.base import Answer, Store

THREADS = 3
MOST_LAST_GOOD = 256
_END_US = 2**62
MOST_AHEAD_US = 300 * US_PER_S
"""Rows of a host whose clock runs ahead are stored up to this far in the future; who asks for newest rows looks that far."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The newest buckets of an answer.

    Attributes:
        answer: From ``start_us`` on, which is the beginning of a bucket.
        start_us: Of its first bucket.
        as_of_us: When it was made.
        query_ms: How long that took.
    """

    answer: Answer
    start_us: int
    as_of_us: int
    query_ms: float

    @classmethod
    def of(cls, frame: Frame) -> Tail:
        """A frame as a tail."""
        columns = {column.name: column.values for column in frame.columns}
        answer = Answer(columns, frame.rows, frame.rows_behind, frame.newest_us, tier=frame.tier)
        return cls(answer, frame.start_us, frame.as_of_us, frame.query_ms)


class QueryEngine:
    """Answers questions from one store; safe to call from several threads.

    Args:
        store: Where the rows are.
        catalog: Tables by name.
        book: Verdicts and expectations of the series.
        clock: For ages.
        limits: How much one question may ask.
        recent: What arrived lately, kept in memory; None to ask the store always.
        standing: Answers over whole ranges that are asked again and again; None to ask the store always.
    """

    def __init__(
        self,
        store: Store,
        catalog: Mapping[str, Table],
        book: SeriesBook,
        clock: Clock,
        limits: Limits | None = None,
        recent: Recent | None = None,
        standing: Standing | None = None,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._book = book
        self._clock = clock
        self._limits = limits or Limits()
        self._recent = recent
        self._standing = standing
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="query")
        self._last_good: OrderedDict[Query, Frame] = OrderedDict()
        self._lock = Lock()
        self._took_ms: deque[float] = deque(maxlen=2_000)

    async def answer(self, query: Query) -> bytes:
        """Answer as JSON without blocking the event loop, whatever the size of the answer; see `frame`."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: self.frame(query).encode())

    def frame(self, query: Query, *, spark: Query | None = None, is_standing: bool = False) -> Frame:
        """Answer one question; ``is_standing`` when it is asked again and again, while its range moves.

        While the store is away the last good answer to the same question (at another time) is given, marked ``last_good``.

        Raises:
            QueryError: The question does not fit; position, value and what is allowed are named.
            QueryTooLarge: It asks for or takes too much.
            StoreUnavailable: The store is away and nothing good is known.
        """
        table = self._table(query)
        key = replace(query, start_us=0, end_us=query.end_us - query.start_us)
        if is_standing and self._standing is not None:
            query = self._standing.in_whole_steps(query)
        try:
            answer, took_ms = self._scan(query, table, is_standing=is_standing)
        except StoreUnavailable as error:
            known = self._last_good.get(key)
            if known is None:
                raise
            return replace(known, state="last_good", error=str(error))
        frame = Assembly(query, table, answer, self._book, self._clock.now_us(), took_ms).frame()
        if spark is not None:
            frame = replace(frame, spark=self.frame(spark))
        with self._lock:
            self._last_good[key] = frame
            self._last_good.move_to_end(key)
            while len(self._last_good) > MOST_LAST_GOOD:
                self._last_good.popitem(last=False)
        return frame

    def _table(self, query: Query) -> Table:
        table = self._catalog.get(query.table)
        if table is None:
            raise QueryError(f"there is no table {query.table!r}; tables are {', '.join(self._catalog)}", position="table")
        check(query, table)
        return table

    def _scan(self, query: Query, table: Table, *, is_standing: bool) -> tuple[Answer, float]:
        asked = with_sums(bounded(query, self._limits), table)
        if query.mode is not Mode.AGGREGATE and query.columns:
            # fetched along, not shown: flags hold the reasons for nulls, tags say which series a row belongs to
            extra = (name for name in (*query.group_by, "flags") if name not in query.columns)
            asked = replace(asked, columns=(*query.columns, *extra))
        begun = self._clock.monotonic_s()
        answer = self._from_memory(asked, is_standing=is_standing)
        if answer is not None:
            return scaled(answer, query, table), (self._clock.monotonic_s() - begun) * 1_000
        answer = self._store.scan(asked, timeout_s=self._limits.timeout_s)
        took_ms = (self._clock.monotonic_s() - begun) * 1_000
        self._took_ms.append(took_ms)
        return scaled(answer, query, table), took_ms

    def _from_memory(self, asked: Query, *, is_standing: bool) -> Answer | None:
        if asked.mode is Mode.LATEST:
            return None if self._recent is None else self._recent.answer(asked)
        return self._standing.answer(asked) if is_standing and self._standing is not None else None

    def at_hand(self, query: Query) -> Tail | None:
        """The newest buckets of an answer from memory, when they are known exactly; None when the store has to be asked.

        Raises:
            QueryError: The question does not fit.
        """
        if self._recent is None:
            return None
        table, begun_s = self._table(query), self._clock.monotonic_s()
        answer = self._recent.answer(with_sums(bounded(query, self._limits), table))
        if answer is None:
            return None
        took_ms = (self._clock.monotonic_s() - begun_s) * 1_000
        return Tail(scaled(answer, query, table), query.start_us, self._clock.now_us(), took_ms)

    def values(self, table_name: str, column: str) -> list[str]:
        """The values of a tag that are alive or were seen in the last day, sorted.

        Raises:
            QueryError: There is no such table, or no such tag.
        """
        table = self._catalog.get(table_name)
        if table is None:
            raise QueryError(f"there is no table {table_name!r}; tables are {', '.join(self._catalog)}", position="table")
        names = (*table.tags, "source")
        if column not in names:
            raise QueryError(f"{column!r} is not a tag of {table_name}; tags are {', '.join(names)}", position="column")
        at = names.index(column)
        return sorted({(*series.key, series.source)[at] for series in self._book.series(table_name)})

    async def warm(self, since_s: float, *others: Callable[[RowBatch], None]) -> None:
        """Tell the book, and others, the newest row of every series of the last ``since_s`` seconds, as after a restart."""
        loop = asyncio.get_running_loop()
        for table in self._catalog.values():
            newest = await loop.run_in_executor(self._pool, self.newest_of, table.name, since_s)
            for told in (self._book, *others):
                told(newest)

    def newest_of(self, table_name: str, since_s: float) -> RowBatch:
        """The newest stored row of every series of a table, each source apart, of the last ``since_s`` seconds."""
        table, now_us = self._catalog[table_name], self._clock.now_us()
        start_us, end_us = now_us - round(since_s * US_PER_S), now_us + MOST_AHEAD_US
        query = Query(table.name, start_us, end_us, mode=Mode.LATEST, limit=MOST_SERIES, group_by=(*table.tags, "source"))
        answer = self._store.scan(query)
        return RowBatch(table.name, answer.rows, answer.columns)

    def span_from(self, table_name: str, since_us: int) -> tuple[int, int] | None:
        """First and last ``ts`` of the rows of a table from a moment on; None without any.

        From `MOST_AHEAD_US` on these are rows that a clock has stamped which was ahead at the time: their senders could not be.
        """
        measures = (Measure(Function.MIN, "ts"), Measure(Function.MAX, "ts"))
        answer = self._store.scan(Query(table_name, since_us, _END_US, measures=measures))
        ends = [column.tolist() for column in answer.columns.values() if not isinstance(column, Coded)]
        return (int(ends[0][0]), int(ends[1][0])) if answer.newest_us is not None else None

    def newest_us(self, table: str) -> int | None:
        """Newest ``ts`` of a table in the last 30 days; None when there is none."""
        end_us = self._clock.now_us() + 1
        query = Query(table, end_us - 30 * 24 * 3600 * US_PER_S, end_us, mode=Mode.ROWS, columns=("ts",), limit=1)
        found = self._store.scan(query).columns.get("ts")
        return None if found is None or isinstance(found, Coded) or not len(found) else int(found[0])

    def stats(self) -> dict[str, float]:
        """Milliseconds in the store over the last questions: ``p50_ms``, ``p99_ms`` and their ``count``."""
        took = sorted(self._took_ms)
        if not took:
            return {}
        return {"count": len(took), "p50_ms": took[len(took) // 2], "p99_ms": took[min(len(took) - 1, int(len(took) * 0.99))]}

    def close(self) -> None:
        """Stop answering."""
        self._pool.shutdown(wait=False, cancel_futures=True)
