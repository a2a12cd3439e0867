"""What every part of the suite needs: a store with the suite's tables, and short ways to write and ask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, TypedDict, Unpack

import pytest

from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode, Query
from tapewatch.model.rows import BodyMark, Mark
from tapewatch.model.table import Table
from tapewatch.store.base import Answer, Store, Stored
from tapewatch.testing.stores.tables import T0, TABLES, batch, plain

DAY_US = 86_400_000_000


class Parts(TypedDict, total=False):
    """Parts of a `Query` besides its table and measures."""

    start_us: int
    end_us: int
    mode: Mode
    columns: tuple[str, ...]
    group_by: tuple[str, ...]
    bucket_us: int | None
    filters: tuple[Filter, ...]
    order_by: str
    limit: int | None
    cursor: str | None
    shift_us: int


class SuiteBase(ABC):
    """Fixtures of the suite."""

    @abstractmethod
    def open_store(self, directory: Path) -> Store:
        """Open the store that keeps its files in a directory; called again after `close` it must find what was stored if it is durable."""

    def tidy(self, store: Store) -> None:  # noqa: B027 - most stores do nothing in their own time
        """Do whatever the store does to rows in its own time; answers must not change. Called between writing and asking."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Generator[Store]:
        """An open store with the suite's tables."""
        opened = self.open_store(tmp_path / "store")
        for table in TABLES:
            opened.create(table)
        yield opened
        opened.close()

    def put(self, store: Store, table: Table, *rows: Mapping[str, Any], mark: Mark | BodyMark | None = None) -> bool:
        """Store rows as one delivery; whether it was taken."""
        return store.append([Stored((batch(table, rows),), mark)])[0]

    def ask(self, store: Store, table: Table, *measures: Measure, **parts: Unpack[Parts]) -> list[dict[str, Any]]:
        """Rows of an answer about the day around `T0`; filters, group_by and so on as in `Query`."""
        return plain(self.scan(store, table, *measures, **parts))

    def scan(self, store: Store, table: Table, *measures: Measure, **parts: Unpack[Parts]) -> Answer:
        """The answer itself."""
        parts.setdefault("start_us", T0 - DAY_US)
        parts.setdefault("end_us", T0 + DAY_US)
        parts.setdefault("mode", Mode.AGGREGATE if measures else Mode.ROWS)
        return store.scan(Query(table.name, measures=measures, **parts), timeout_s=30)


def of(function: Function, column: str = "", argument: str | float | None = None) -> Measure:
    """A measure called ``v``."""
    return Measure(function, column, argument, alias="v")


def where(column: str, comparison: Comparison, *values: str | float | bool) -> tuple[Filter, ...]:
    """One filter."""
    return (Filter(column, comparison, values),)
