"""Tables of the file: made, or given the columns that they lack."""

from __future__ import annotations

import duckdb

from tapewatch.errors import StoreRejected
from tapewatch.model.table import Table
from tapewatch.store.dialect import DuckDBDialect


def define(connection: duckdb.DuckDBPyConnection, dialect: DuckDBDialect, table: Table) -> None:
    """Make a table, or add the columns that it lacks, in the transaction of the connection.

    Raises:
        StoreRejected: A column exists with another kind.
    """
    held = dict(connection.execute(dialect.kinds(), {"name": table.name}).fetchall())
    _refuse_other_kinds(table, held)
    missing = [column for column in table.all_columns if column.name not in held]
    if not missing:
        return
    for sql in dialect.add(table, missing, held) if held else dialect.create(table):
        connection.execute(sql)
    for column in missing:
        connection.execute(dialect.keep_kind(), {"name": table.name, "column": column.name, "kind": str(column.kind)})


def _refuse_other_kinds(table: Table, held: dict[str, str]) -> None:
    for column in table.all_columns:
        kind = held.get(column.name, column.kind)
        if kind != column.kind:
            raise StoreRejected(
                f"table {table.name}: column {column.name} is stored as {kind} and now declared as {column.kind};"
                " give the column a new name, or start with another data directory"
            )
