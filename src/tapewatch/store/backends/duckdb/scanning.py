"""Questions to the file, and its columns as an `Answer`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import duckdb
import numpy as np

from tapewatch.clock import Clock
from tapewatch.errors import QueryError
from tapewatch.model.query import Filter, Mode, Query
from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb.database import Database
from tapewatch.store.backends.duckdb.staging import typed
from tapewatch.store.backends.duckdb.watch import Watch
from tapewatch.store.base import Answer
from tapewatch.store.cursor import Position
from tapewatch.store.dialect import DuckDBDialect, Statement, aggregate, latest, moments, newest, order_key, raw

_FIRST_SPAN_US = 600_000_000
_WIDER = 8
_GUESSES = 1_000
"""Questions for raw rows whose span is remembered."""

_Fetched = dict[str, Any]


class Scanner:
    """Asks the file from any number of threads."""

    def __init__(self, database: Database, dialect: DuckDBDialect, clock: Clock) -> None:
        self._database = database
        self._dialect = dialect
        self._watch = Watch(clock)
        self._spans_us: dict[tuple[str, tuple[Filter, ...]], int] = {}

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

    def _aggregate(self, cursor: duckdb.DuckDBPyConnection, query: Query, table: Table) -> Answer:
        statement = aggregate(self._dialect, query, table)
        fetched = _fetch(cursor, statement)
        return _answer(
            fetched, statement, query, newest_us=_first(fetched, statement.newest), behind=_first(fetched, statement.behind) or 0
        )

    def _latest(self, cursor: duckdb.DuckDBPyConnection, query: Query, table: Table) -> Answer:
        statement = moments(self._dialect, query, table)
        found = _fetch(cursor, statement)
        held_us: list[int] = np.unique(found[statement.newest]).tolist()
        fetched_by = latest(self._dialect, query, table, held_us or [query.start_us])
        return _answer(
            _fetch(cursor, fetched_by), fetched_by, query, newest_us=max(held_us, default=None), behind=int(found[statement.behind].sum())
        )

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
            statement = raw(self._dialect, replace(query, start_us=start_us, end_us=max(end_us, start_us + 1)), table)
            fetched = _fetch(cursor, statement)
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
        """Keep how far back a page reached: the next one starts with twice that, neither reading far too much nor asking again."""
        if len(self._spans_us) > _GUESSES:
            self._spans_us.clear()
        self._spans_us[query.table, query.filters] = 2 * max(1, span_us)

    def _newest(self, cursor: duckdb.DuckDBPyConnection, query: Query, table: Table, fetched: _Fetched) -> int | None:
        if query.cursor is None and not query.order_by:
            return _first(fetched, "_k0")
        statement = newest(self._dialect, query, table)
        return _first(_fetch(cursor, statement), statement.newest)


def _fetch(cursor: duckdb.DuckDBPyConnection, statement: Statement) -> _Fetched:
    executed = cursor.execute(statement.sql, statement.parameters)
    return cast("_Fetched", executed.fetchnumpy())  # pyright: ignore[reportUnknownMemberType] - the stubs name pandas


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


def _plain(value: object) -> str | int | None:
    """A fetched value of the position of a row."""
    if value is None or value is np.ma.masked:
        return None
    return value if isinstance(value, str) else int(cast("int", value))
