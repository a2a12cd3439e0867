"""The server about itself: what its parts measure, and how large its store is. Made by the server, not by settings."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from tapewatch.model.rows import RawBatch
from tapewatch.sources.base import Context
from tapewatch.sources.worker import Worker

ALL_TABLES = "*"
"""Stands for the whole store in table ``storage_stats``."""

OWN_DATABASE = "tapewatch"


@dataclass(frozen=True, slots=True)
class SelfCollector:
    """Numbers about the server: one row of table ``self`` for each component and metric that is a finite number."""

    kind: ClassVar[str] = "self"
    tables: ClassVar[tuple[str, ...]] = ("self",)
    busy: ClassVar[bool] = False

    measures: Callable[[], Mapping[str, Mapping[str, float]]] = field(metadata={"sentence": "Gives component to metric to value."})
    period_s: float = field(default=10.0, metadata={"sentence": "Seconds between two measurements."})

    async def collect(self, context: Context) -> AsyncIterator[RawBatch]:
        """See `Collector.collect`."""
        rows = [
            {"component": component, "metric": metric, "value": float(value)}
            for component, numbers in self.measures().items()
            for metric, value in numbers.items()
            if math.isfinite(value)
        ]
        yield RawBatch.of("self", rows)


class Sizes(Protocol):
    """What a store holds."""

    @property
    def bytes_on_disk(self) -> int:
        """Bytes of all its files."""
        ...

    @property
    def rows_by_table(self) -> Mapping[str, int]:
        """Rows of each table."""
        ...

    @property
    def rows_by_tier(self) -> Mapping[str, int]:
        """Rows of each summary, by the name of the table and the width."""
        ...


@dataclass(frozen=True, slots=True)
class StorageCollector:
    """The server's own store: one row of table ``storage_stats`` for each table, and one for all of them with the bytes."""

    kind: ClassVar[str] = "storage"
    tables: ClassVar[tuple[str, ...]] = ("storage_stats",)
    busy: ClassVar[bool] = False

    usage: Callable[[], Sizes] = field(metadata={"sentence": "Gives the sizes; may block."})
    period_s: float = field(default=60.0, metadata={"sentence": "Seconds between two measurements."})
    _worker: Worker[Sizes] = field(default_factory=Worker[Sizes], init=False, repr=False, compare=False)

    async def collect(self, context: Context) -> AsyncIterator[RawBatch]:
        """See `Collector.collect`."""
        sizes = await self._worker.run(self.usage)
        counts = {**sizes.rows_by_table, **sizes.rows_by_tier}
        rows: list[dict[str, str | int]] = [{"table_name": table, "rows": count} for table, count in counts.items()]
        rows.append({"table_name": ALL_TABLES, "rows": sum(counts.values()), "size_bytes": sizes.bytes_on_disk})
        yield RawBatch.of("storage_stats", [{"database": OWN_DATABASE, **row} for row in rows])
