"""Questions to the file, and its columns as an `Answer`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol, cast

import duckdb
import numpy as np
import numpy.typing as npt

from tapewatch.clock import Clock
from tapewatch.errors import QueryError
from tapewatch.model.query import Filter, Function, Measure, Mode, Query
from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb.database import Database
from tapewatch.store.backends.duckdb.prepared import Prepared
from tapewatch.store.backends.duckdb.rollups import Rollups
from tapewatch.store.backends.duckdb.sizes import Sizes
from tapewatch.store.backends.duckdb.staging import in_order, typed
from tapewatch.store.backends.duckdb.watch import Watch
from tapewatch.store.base import LOOK_BACK_US, Answer
from tapewatch.store.cursor import Position
from tapewatch.store.dialect import (
    DuckDBDialect,
    Rollup,
    Statement,
    aggregate,
    candidates,
    extent,
    has_quantiles,
    latest,
    moments,
    order_key,
    raw,
)
from tapewatch.store.dialect.duckdb import HOT
from tapewatch.store.rollup import Coverage, begin_of, end_of

_FIRST_SPAN_US = 600_000_000
_WIDER = 4
_GUESSES = 1_000
"""Questions for raw rows whose span is remembered."""
_FEW = 1_000
"""So many rows more than needed are read faster than left out."""

_Fetched = dict[str, Any]
_Write = Callable[[DuckDBDialect], Statement]


class _Fetch(Protocol):
    """Runs the aggregate of a question."""

    def __call__(self, part: Query, *, one_source: bool = False, by_keys: bool = True) -> tuple[_Fetched, Statement]: ...


class Scanner:
    """Asks the file from any number of threads.

    Args:
        database: The file.
        clock: For limits on time.
        cold_until_us: By table the moment from which on all rows are hot; see `Upkeep.cold_until_us`.
        rollups: The summaries that may answer in the place of rows.
    """

    def __init__(self, database: Database, clock: Clock, cold_until_us: Callable[[str], int], rollups: Rollups) -> None:
        self._database = database
        self._rollups = rollups
        self._everywhere, self._hot = DuckDBDialect(), DuckDBDialect(HOT)
        self._cold_until_us = cold_until_us
        self._prepared = Prepared(self._everywhere)
        self._watch = Watch(clock)
        self._spans_us: dict[tuple[str, tuple[Filter, ...]], int] = {}
        self._mixed: set[str] = set()
        self._dense: set[str] = set()
        self._sizes = Sizes()

    def answer(self, query: Query, table: Table, timeout_s: float | None) -> Answer:
        """Answer a question that fits its table; see `tapewatch.store.base.Store.scan`."""
        cursor = self._database.cursor()
        with self._database.reading(table.name), self._watch.limited(cursor, timeout_s, table.name):
            match query.mode:
                case Mode.AGGREGATE:
                    return self._aggregate(cursor, query, table)
                case Mode.LATEST:
                    return self._latest(cursor, query, table)
                case Mode.ROWS:
                    return self._page(cursor, query, table)

    def stop(self) -> None:
        """Let go of the thread that watches the time."""
        self._watch.stop()

    def _fetch(self, cursor: duckdb.DuckDBPyConnection, table: Table, oldest_us: int, write: _Write) -> tuple[_Fetched, Statement]:
        """Run a statement that reads no row before ``oldest_us``: from the hot table alone where that has them all."""
        if oldest_us >= self._cold_until_us(table.name):
            statement = write(self._hot)
            fetched = self._prepared.fetch(cursor, statement)
            if oldest_us >= self._cold_until_us(table.name):
                return fetched, statement
        statement = write(self._everywhere)
        return self._prepared.fetch(cursor, statement), statement

    def _aggregate(self, cursor: duckdb.DuckDBPyConnection, query: Query, table: Table) -> Answer:
        """From the tier that fits, unless it or rows of the table go while they are read; else from the rows."""
        gone_us, coverage = self._rollups.gone_us(table), self._rollups.pick(query, table)
        while coverage is not None:
            answer = self._from_tier(cursor, query, table, coverage, gone_us)
            before = (gone_us, coverage.tier, coverage.since_us)
            gone_us, coverage = self._rollups.gone_us(table), self._rollups.pick(query, table)
            if coverage is not None and before == (gone_us, coverage.tier, coverage.since_us):
                return answer
        return self._from_rows(cursor, query, table)

    def _from_rows(self, cursor: duckdb.DuckDBPyConnection, query: Query, table: Table) -> Answer:
        """From the rows themselves; where a question for quantiles reads many, by the statement that does not hold all their values."""
        oldest_us = query.start_us - query.shift_us - LOOK_BACK_US

        def total() -> tuple[_Fetched, Statement]:
            return self._fetch(cursor, table, query.start_us - query.shift_us, lambda dialect: extent(dialect, query, table))

        def ask(*, is_large: bool) -> Answer:
            def fetch(part: Query, *, one_source: bool = False, by_keys: bool = True) -> tuple[_Fetched, Statement]:
                def write(dialect: DuckDBDialect) -> Statement:
                    return aggregate(dialect, part, table, one_source=one_source, by_keys=by_keys, is_large=is_large)

                return self._fetch(cursor, table, oldest_us, write)

            return self._cheapest(query, table, fetch, total)

        if not has_quantiles(query, table):
            return ask(is_large=False)
        rows = self._sizes.of(query)
        if rows is None:
            counted, statement = total()
            rows = _first(counted, statement.behind) or 0
        is_large = self._sizes.is_large(query, rows)
        try:
            answer = ask(is_large=is_large)
        except duckdb.OutOfMemoryException:
            if is_large:
                raise
            self._sizes.was_too_large(query, rows)
            answer = ask(is_large=True)
        self._sizes.keep(query, answer.rows_behind or 0)
        return answer

    def _from_tier(self, cursor: duckdb.DuckDBPyConnection, query: Query, table: Table, coverage: Coverage, gone_us: int) -> Answer:
        """The tier's summaries, and those of newer rows, and of the buckets that are asked in part, made on the way."""
        tier, held = coverage.tier, self._rollups.table(table, coverage.tier)
        whole = replace(query, start_us=begin_of(query, tier, gone_us))
        edge_us = (whole.start_us - query.shift_us) // tier.width_us * tier.width_us
        rest_us = min(coverage.until_us, (query.end_us - query.shift_us) // tier.width_us * tier.width_us)

        def readers() -> tuple[DuckDBDialect, DuckDBDialect]:
            cold_until_us = self._cold_until_us(table.name)
            edge, rest = (self._hot if since_us >= cold_until_us else self._everywhere for since_us in (edge_us, rest_us))
            return edge, rest

        def fetch(part: Query, *, one_source: bool = False, by_keys: bool = True) -> tuple[_Fetched, Statement]:
            def write(dialect: DuckDBDialect) -> Statement:
                rollup = Rollup(tier, held, coverage.until_us, gone_us, *read)
                return aggregate(dialect, part, table, one_source=one_source, by_keys=by_keys, rollup=rollup)

            while True:
                read = readers()
                found = self._fetch(cursor, held, edge_us - LOOK_BACK_US, write)
                if read == readers():  # what was cold already has not moved
                    return found

        def total() -> tuple[_Fetched, Statement]:
            rows = (Measure(Function.COUNT),)
            return fetch(replace(whole, measures=rows, group_by=(), bucket_us=None, order_by="", limit=None))

        answer = self._cheapest(whole, table, fetch, total)
        ended_us = end_of(whole, tier, coverage.until_us, gone_us)
        return replace(answer, tier=tier.label, start_us=whole.start_us, end_us=ended_us)

    def _cheapest(self, query: Query, table: Table, fetch: _Fetch, total: Callable[[], tuple[_Fetched, Statement]]) -> Answer:
        """The cheapest statement first: it hopes for one source a group, and leaves the order to us, so that the answer must be whole."""
        one_source, by_keys = table.name not in self._mixed, False
        while True:
            fetched, statement = fetch(query, one_source=one_source, by_keys=by_keys)
            if statement.mixed and np.ma.getdata(fetched[statement.mixed]).any():
                self._mixed.add(table.name)
                one_source = False
            elif not by_keys and not query.order_by and query.limit is not None and _count(fetched) > query.limit:
                by_keys = True
            else:
                break
        is_cut = not statement.has_totals and query.limit is not None and _count(fetched) > query.limit
        counted, by = total() if is_cut else (fetched, statement)
        behind = (_first(counted, by.behind) or 0) if by.has_totals else int(counted[by.behind].sum() or 0)
        newest_us = None if _count(counted) == 0 else _largest(counted[by.newest])
        answer = _answer(fetched, statement, query, newest_us=newest_us, behind=behind)
        return answer if by_keys or query.order_by else replace(answer, columns=in_order(answer.columns, _keys(query)))

    def _latest(self, cursor: duckdb.DuckDBPyConnection, query: Query, table: Table) -> Answer:
        oldest_us = query.start_us - query.shift_us
        found, statement = self._fetch(cursor, table, oldest_us, lambda dialect: moments(dialect, query, table))
        held_us: list[int] = np.unique(found[statement.newest]).tolist()
        if not held_us:
            unasked = candidates(self._everywhere, query, table, [query.start_us])
            return _answer({output.label: np.empty(0, np.object_) for output in unasked.outputs}, unasked, query, newest_us=None, behind=0)
        behind = int(found[statement.behind].sum())
        fetched, statement = self._newest_rows(cursor, query, table, held_us, behind)
        return _answer(fetched, statement, query, newest_us=held_us[-1], behind=behind)

    def _newest_rows(
        self, cursor: duckdb.DuckDBPyConnection, query: Query, table: Table, held_us: list[int], behind: int
    ) -> tuple[_Fetched, Statement]:
        """The newest row of each series, all of which lie at ``held_us``: by the cheapest statement that finds them."""
        at = held_us[0] - query.shift_us
        likely = behind * (query.end_us - held_us[0]) / (query.end_us - query.start_us)
        most = min(_FEW + 2 * len(held_us), query.limit or _FEW)
        ways: list[tuple[_Write, int | None]] = [(lambda dialect: candidates(dialect, query, table, held_us), query.limit)]
        if likely < most and table.name not in self._dense:
            part = replace(query, limit=most)
            ways.insert(0, (lambda dialect: candidates(dialect, part, table, held_us, all_since=True), most))
        for write, limit in ways:
            fetched, statement = self._fetch(cursor, table, at, write)
            if limit is not None and _count(fetched) > limit:
                self._dense.add(table.name)
                continue
            places = _newest_of_each(fetched)
            if places is not None:
                return {label: values[places] for label, values in fetched.items()}, statement
        return self._fetch(cursor, table, at, lambda dialect: latest(dialect, query, table, held_us))

    def _page(self, cursor: duckdb.DuckDBPyConnection, query: Query, table: Table) -> Answer:
        """One page of raw rows: of growing spans before the end, because the newest rows are usually close to it."""
        end_us = query.end_us
        if query.cursor is not None:
            if query.order_by:
                raise QueryError("a cursor follows the order newest first; leave order_by out", position="cursor")
            end_us = min(end_us, Position.decode(query.cursor, 1 + len(order_key(table))).ts + 1)
        span_us = max(1, end_us - query.start_us)
        if query.limit is not None and not query.order_by:
            span_us = self._spans_us.get((table.name, query.filters), _FIRST_SPAN_US)
        while True:
            start_us = max(query.start_us, end_us - span_us)
            part = replace(query, start_us=start_us, end_us=max(end_us, start_us + 1))
            fetched, statement = self._fetch(cursor, table, start_us - query.shift_us, lambda dialect, part=part: raw(dialect, part, table))
            if start_us <= query.start_us or (query.limit is not None and _count(fetched) > query.limit):
                break
            span_us *= _WIDER
        page = _answer(fetched, statement, query, newest_us=self._newest(cursor, query, table, fetched), behind=None)
        if not page.truncated or query.order_by:
            return page
        last = Position(tuple(_plain(fetched[label][page.rows - 1]) for label in statement.position))
        self._remember(query, end_us - last.ts)
        return replace(page, cursor=last.encode())

    def _remember(self, query: Query, span_us: int) -> None:
        """Keep how far back a page reached: the next one starts with a little more, neither reading far too much nor asking again."""
        if len(self._spans_us) > _GUESSES:
            self._spans_us.clear()
        self._spans_us[query.table, query.filters] = max(1, span_us * 5 // 4)

    def _newest(self, cursor: duckdb.DuckDBPyConnection, query: Query, table: Table, fetched: _Fetched) -> int | None:
        if query.cursor is None and not query.order_by:
            return _first(fetched, "_k0")
        statement = extent(self._everywhere, query, table)
        return _first(self._prepared.fetch(cursor, statement), statement.newest)


def _keys(query: Query) -> list[str]:
    return [*(["bucket"] if query.bucket_us else []), *query.group_by]


def _newest_of_each(fetched: _Fetched) -> npt.NDArray[np.intp] | None:
    """Places, ascending, of the newest row of each series (see `candidates`); None when two rows of a series came at the same moment."""
    series, ts, received = (np.ma.getdata(fetched[label]) for label in ("_h", "_t", "_r"))
    order = np.lexsort((received, ts, series))
    is_older = series[order[1:]] == series[order[:-1]]
    if (is_older & (ts[order[1:]] == ts[order[:-1]]) & (received[order[1:]] == received[order[:-1]])).any():
        return None
    return np.sort(order[np.append(~is_older, [True] * min(1, len(order))).astype(np.bool_)])


def _answer(fetched: _Fetched, statement: Statement, query: Query, *, newest_us: int | None, behind: int | None) -> Answer:
    found = _count(fetched)
    kept = found if query.limit is None else min(found, query.limit)
    columns = {output.name: typed(fetched[output.label][:kept], output.form) for output in statement.outputs}
    return Answer(columns, kept, rows_behind=behind, newest_us=newest_us, truncated=found > kept)


def _count(fetched: _Fetched) -> int:
    return len(next(iter(fetched.values())))


def _first(fetched: _Fetched, label: str) -> int | None:
    values = fetched[label]
    return None if len(values) == 0 or values[0] is np.ma.masked else int(values[0])


def _largest(values: npt.NDArray[Any]) -> int | None:
    found = values.max()
    return None if found is np.ma.masked else int(found)


def _plain(value: object) -> str | int | None:
    """A fetched value of the position of a row."""
    if value is None or value is np.ma.masked:
        return None
    return value if isinstance(value, str) else int(cast("int", value))
