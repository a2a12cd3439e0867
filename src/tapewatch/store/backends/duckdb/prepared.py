"""Questions whose text was seen before run without being read again: a tenth of the time of a short one.

The engine binds and plans them anew each time all the same, because it keeps no plan that reads a table: what makes a question cheap is a
statement that names few columns. It takes no bound values for a prepared statement, so they are written as literals here, the only place
that does so.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from typing import Any, cast

import duckdb

from tapewatch.store.dialect import DuckDBDialect, Statement

MOST = 128
"""Statements that a cursor keeps prepared; the one that was not used for longest goes first."""

_STALE = (duckdb.CatalogException, duckdb.BinderException, duckdb.InvalidInputException)
"""What the engine says when tables have changed under a prepared statement."""


class Prepared:
    """Runs statements; keeps what the cursor of each thread has prepared."""

    def __init__(self, dialect: DuckDBDialect) -> None:
        self._dialect = dialect
        self._local = threading.local()
        self._made = 0

    def fetch(self, cursor: duckdb.DuckDBPyConnection, statement: Statement) -> dict[str, Any]:
        """The columns of an answer, by label; masked where null."""
        values = self._literals(statement)
        if values is None:
            return _columns(cursor.execute(statement.sql, statement.parameters))
        held = self._held(cursor)
        try:
            return _columns(cursor.execute(f"EXECUTE {self._name(cursor, held, statement.sql)}{values}"))
        except _STALE:
            name = held.pop(statement.sql, None)
            if name is not None:
                cursor.execute(f"DEALLOCATE {name}")
            return _columns(cursor.execute(statement.sql, statement.parameters))

    def _held(self, cursor: duckdb.DuckDBPyConnection) -> OrderedDict[str, str]:
        """Text to name of what is prepared; a new cursor begins with nothing."""
        if getattr(self._local, "cursor", None) is not cursor:
            self._local.cursor, self._local.held = cursor, OrderedDict[str, str]()
        return self._local.held

    def _name(self, cursor: duckdb.DuckDBPyConnection, held: OrderedDict[str, str], sql: str) -> str:
        name = held.get(sql)
        if name is None:
            self._made += 1
            name = f"question_{threading.get_ident()}_{self._made}"
            cursor.execute(f"PREPARE {name} AS {sql}")
            held[sql] = name
            if len(held) > MOST:
                cursor.execute(f"DEALLOCATE {held.popitem(last=False)[1]}")
        held.move_to_end(sql)
        return name

    def _literals(self, statement: Statement) -> str | None:
        """The values as the engine reads them; None when one of them has no literal."""
        written: list[str] = []
        for name, value in statement.parameters.items():
            literal = self._literal(value)
            if literal is None:
                return None
            written.append(f"{name} := {literal}")
        return f"({', '.join(written)})" if written else ""

    def _literal(self, value: object) -> str | None:
        match value:
            case bool():
                return str(value).upper()
            case int():
                return str(value)
            case float():
                return f"CAST({value!r} AS DOUBLE)" if math.isfinite(value) else None
            case str():
                return None if "\0" in value else self._dialect.text(value)
            case list():
                return f"[{', '.join(map(str, cast('list[int]', value)))}]"
            case _:
                return None


def _columns(executed: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    return cast("dict[str, Any]", executed.fetchnumpy())
