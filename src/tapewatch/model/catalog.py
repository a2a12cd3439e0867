"""All tables by name: the built-in ones and those of the settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from tapewatch.errors import ConfigError
from tapewatch.model.table import NUMERIC, Table, Thresholds
from tapewatch.model.tables import TABLES

BUILT_IN = frozenset(table.name for table in TABLES)
"""Names of the tables that tapewatch brings along."""


class Catalog(Mapping[str, Table]):
    """Tables by name; only `declare` changes it, for tables that are adopted while the server runs.

    Raises:
        ConfigError: Two tables have the same name.
    """

    def __init__(self, tables: Iterable[Table] = TABLES) -> None:
        self._tables: dict[str, Table] = {}
        for table in tables:
            if table.name in self._tables:
                message = f"tables.{table.name}: a table of this name exists already; choose another name"
                raise ConfigError(message, path=("tables", table.name))
            self._tables[table.name] = table

    def __getitem__(self, name: str) -> Table:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def declare(self, table: Table) -> None:
        """Add a table of the settings, or put it in the place of the one that it extends.

        Raises:
            ConfigError: As for `check`.
        """
        self.check(table)
        self._tables = {**self._tables, table.name: table}

    def check(self, table: Table) -> None:
        """Refuse a table that cannot be declared beside those that are there.

        Raises:
            ConfigError: It is a built-in one, or would lose or change a column.
        """
        path = ("tables", table.name)
        if table.name in BUILT_IN:
            raise ConfigError(f"tables.{table.name}: this is a built-in table; choose another name", path=path)
        held = self._tables.get(table.name)
        for column in held.all_columns if held is not None else ():
            now = table.column.get(column.name)
            if now is None or now.kind is not column.kind:
                what = "is missing" if now is None else f"would be a {now.kind}"
                raise ConfigError(f"tables.{table.name}: column {column.name} is declared as a {column.kind} and {what}", path=path)
        if held is not None and (held.identity_columns, held.id_column) != (table.identity_columns, table.id_column):
            raise ConfigError(f"tables.{table.name}: tags and identity of a table cannot change; choose another name", path=path)

    def with_tables(self, extra: Iterable[Table]) -> Catalog:
        """A catalogue with more tables; built-in ones cannot be replaced."""
        return Catalog((*self._tables.values(), *extra))

    def with_thresholds(self, lines: Mapping[str, Thresholds]) -> Catalog:
        """A catalogue whose columns are judged by these lines instead of their own.

        Args:
            lines: ``table.column`` to its line.

        Raises:
            ConfigError: There is no such table or column, or it holds no numbers.
        """
        tables = dict(self._tables)
        for key, line in lines.items():
            table, name = self._number(key, tables)
            columns = tuple(replace(column, thresholds=line) if column.name == name else column for column in table.columns)
            tables[table.name] = replace(table, columns=columns)
        return Catalog(tables.values())

    @staticmethod
    def _number(key: str, tables: Mapping[str, Table]) -> tuple[Table, str]:
        """The table and the column of numbers that a key names."""
        table_name, _, name = key.partition(".")
        table = tables.get(table_name)
        if table is None:
            message = f"thresholds.{key}: there is no table {table_name!r}; write table.column, such as exchange.latency_ms"
            raise ConfigError(message, path=("thresholds", key))
        numbers = [column.name for column in table.columns if column.kind in NUMERIC]
        if name not in numbers:
            message = f"thresholds.{key}: table {table_name} has no column of numbers {name!r}; it has {', '.join(numbers) or 'none'}"
            raise ConfigError(message, path=("thresholds", key))
        return table, name
