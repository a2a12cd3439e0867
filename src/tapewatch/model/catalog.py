"""All tables by name: the built-in ones and those of the settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tapewatch.errors import ConfigError
from tapewatch.model.table import Table
from tapewatch.model.tables import TABLES


class Catalog(Mapping[str, Table]):
    """Tables by name; immutable.

    Raises:
        ConfigError: Two tables have the same name.
    """

    def __init__(self, tables: Iterable[Table] = TABLES) -> None:
        self._tables: dict[str, Table] = {}
        for table in tables:
            if table.name in self._tables:
                raise ConfigError(f"tables.{table.name}: a table of this name exists already; choose another name")
            self._tables[table.name] = table

    def __getitem__(self, name: str) -> Table:
        return self._tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def with_tables(self, extra: Iterable[Table]) -> Catalog:
        """A catalogue with more tables; built-in ones cannot be replaced."""
        return Catalog((*self._tables.values(), *extra))
