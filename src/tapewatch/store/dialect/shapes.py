"""Statements that give rows: the newest per series, and raw rows page by page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tapewatch.model.query import Query
from tapewatch.model.table import Table
from tapewatch.store.cursor import Position
from tapewatch.store.dialect.base import Dialect, order_key
from tapewatch.store.dialect.statement import Binder, Output, Statement, form_of


def moments(dialect: Dialect, query: Query, table: Table) -> Statement:
    """The newest ``_ts`` of each series, and how many ``_rows`` it has in the range.

    With `candidates` these are two narrow questions instead of a wide one: all columns are read of the few rows that can be the newest.
    """
    binder = Binder()
    key = query.group_by or table.tags
    series = dialect.key_of([dialect.quote(name) for name in key])
    rows = dialect.source_rows(query, table, binder, key)
    sql = f"SELECT max(ts) AS _ts, count(*) AS _rows FROM ({rows}) AS source GROUP BY {series}"
    return Statement(sql, binder.values, newest="_ts", behind="_rows")


def candidates(dialect: Dialect, query: Query, table: Table, found_us: Sequence[int], *, all_since: bool = False) -> Statement:
    """Rows that hold the newest of each series, in the order of `latest`; older ones may be among them.

    ``_h`` tells series apart, ``_t`` and ``_r`` are ``ts`` and ``received_at``: whoever asks keeps the last row of each series.
    A statement that finds these rows costs half of one that also ranks them.

    Args:
        dialect: Of the engine.
        query: The question.
        table: Its table.
        found_us: What `moments` found.
        all_since: Take all rows since the earliest of these moments, which is cheap where they are few; else only those at one of them.
    """
    binder = Binder()
    asked = query.columns or tuple(table.column)
    key = query.group_by or table.tags
    outputs = _outputs(asked, table)
    rows = dialect.source_rows(replace(query, start_us=min(found_us)), table, binder, (*asked, *key, "received_at"))
    series = dialect.key_of([dialect.quote(name) for name in key])
    where = "" if all_since else f" WHERE {dialect.one_of('ts', found_us, binder)}"
    sql = (
        f"SELECT {_picked(dialect, outputs)}, {series} AS _h, ts AS _t, received_at AS _r"
        f" FROM ({rows}) AS source{where}"
        f" ORDER BY {_order_of_latest(dialect, query, outputs, key)}{dialect.limit(query)}"
    )
    return Statement(sql, binder.values, outputs)


def latest(dialect: Dialect, query: Query, table: Table, found_us: Sequence[int]) -> Statement:
    """Newest row per series: by ``ts`` (one of `moments`), then ``received_at``, then `order_key`; ordered by the series' key."""
    binder = Binder()
    asked = query.columns or tuple(table.column)
    key = query.group_by or table.tags
    newest_first = [name for name in ("ts", "received_at", *order_key(table)) if name not in key]
    outputs = _outputs(asked, table)
    rows = dialect.source_rows(replace(query, start_us=min(found_us)), table, binder, (*asked, *key, *newest_first))
    series = dialect.key_of([dialect.quote(name) for name in key])
    order = ", ".join(f"{dialect.quote(name)} DESC NULLS LAST" for name in newest_first)
    sql = (
        f"SELECT {_picked(dialect, outputs)} FROM (SELECT *, row_number() OVER (PARTITION BY {series} ORDER BY {order}) AS _place"
        f" FROM ({rows}) AS source WHERE {dialect.one_of('ts', found_us, binder)}) AS placed WHERE _place = 1"
        f" ORDER BY {_order_of_latest(dialect, query, outputs, key)}{dialect.limit(query)}"
    )
    return Statement(sql, binder.values, outputs)


def _order_of_latest(dialect: Dialect, query: Query, outputs: Sequence[Output], key: Sequence[str]) -> str:
    return dialect.order(query.order_by, outputs, [f"{dialect.quote(name)} NULLS LAST" for name in key])


def raw(dialect: Dialect, query: Query, table: Table) -> Statement:
    """Raw rows, newest first or as ``order_by`` says, behind the cursor's row; ``position`` of the statement gives the next cursor."""
    binder = Binder()
    key = ("ts", *order_key(table))
    asked = query.columns or tuple(table.column)
    outputs = _outputs(asked, table)
    where = ""
    if query.cursor is not None:
        after = Position.decode(query.cursor, len(key))
        query = replace(query, end_us=min(query.end_us, after.ts + 1))
        where = f" WHERE {_behind(dialect, after, key, binder)}"
    rows = dialect.source_rows(query, table, binder, (*asked, *key))
    position = tuple(f"_k{i}" for i in range(len(key)))
    keys = ", ".join(f"{dialect.quote(name)} AS {label}" for name, label in zip(key, position, strict=True))
    newest_first = [f"{dialect.quote(name)} DESC NULLS LAST" for name in key]
    sql = (
        f"SELECT {_picked(dialect, outputs)}, {keys} FROM ({rows}) AS source{where}"
        f" ORDER BY {dialect.order(query.order_by, outputs, newest_first)}{dialect.limit(query)}"
    )
    return Statement(sql, binder.values, outputs, position=position)


def extent(dialect: Dialect, query: Query, table: Table) -> Statement:
    """One row: the newest ``ts`` that matches, and how many rows do."""
    binder = Binder()
    rows = dialect.source_rows(query, table, binder, ())
    sql = f"SELECT max(ts) AS _newest, count(*) AS _behind FROM ({rows}) AS source"
    return Statement(sql, binder.values, newest="_newest", behind="_behind", has_totals=True)


def _outputs(asked: Sequence[str], table: Table) -> tuple[Output, ...]:
    return tuple(Output(name, f"_c{i}", form_of(table.column[name])) for i, name in enumerate(dict.fromkeys(asked)))


def _picked(dialect: Dialect, outputs: Sequence[Output]) -> str:
    return ", ".join(f"{dialect.quote(output.name)} AS {output.label}" for output in outputs)


def _behind(dialect: Dialect, position: Position, key: Sequence[str], binder: Binder) -> str:
    """Rows that come after a position: the lexicographic order written out, so that nulls, which are last, take part."""
    alternatives: list[str] = []
    same: list[str] = []
    for name, value in zip(key, position.values, strict=True):
        column = dialect.quote(name)
        if value is None:
            same.append(f"{column} IS NULL")
            continue
        bound = dialect.value(binder, value)
        alternatives.append(" AND ".join((*same, f"({column} < {bound} OR {column} IS NULL)")))
        same.append(f"{column} = {bound}")
    return " OR ".join(f"({item})" for item in alternatives)
