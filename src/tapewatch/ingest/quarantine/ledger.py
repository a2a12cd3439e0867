"""What the quarantine holds, counted, and its bounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tapewatch.ingest.quarantine.entry import Entry
from tapewatch.ingest.validate import Room
from tapewatch.settings import QuarantineSettings

_Key = TypeVar("_Key")


@dataclass(slots=True)
class Held:
    """What is there for one table."""

    rows: int = 0
    size_bytes: int = 0
    columns: Counter[str] = field(default_factory=Counter[str])


class Ledger:
    """Counts entries; not thread-safe.

    Args:
        bounds: How much there may be.
    """

    def __init__(self, bounds: QuarantineSettings) -> None:
        self._bounds = bounds
        self._tables: dict[str, Held] = {}
        self._series: Counter[tuple[str, str, str]] = Counter()
        self._bytes = 0

    def room(self, table: str, names: Sequence[str]) -> Room:
        """Whether rows of this table and these columns can be kept at all."""
        bounds = self._bounds
        held = self._tables.get(table)
        if self._bytes >= bounds.bytes:
            return Room(_full(f"{self._bytes} bytes", "bytes", bounds.bytes))
        if held is None and len(self._tables) >= bounds.tables:
            return Room(_full(f"{len(self._tables)} tables", "tables", bounds.tables))
        known = held.columns if held else Counter[str]()
        fresh = [name for name in names if name not in known]
        over = fresh[max(0, bounds.columns - len(known)) :]
        return Room(refused=dict.fromkeys(over, _full(f"{bounds.columns} columns of {table[:60]}", "columns", bounds.columns)))

    def why_not(self, entry: Entry) -> str:
        """Why an entry cannot be added; empty when it can."""
        bounds = self._bounds
        if self._bytes + entry.size_bytes > bounds.bytes:
            return _full(f"{self._bytes} bytes", "bytes", bounds.bytes)
        if (entry.source, entry.table, entry.series) not in self._series and len(self._series) >= bounds.series:
            return _full(f"{len(self._series)} series", "series", bounds.series)
        if entry.table not in self._tables and len(self._tables) >= bounds.tables:
            return _full(f"{len(self._tables)} tables", "tables", bounds.tables)
        return ""

    def add(self, entry: Entry) -> None:
        """Count an entry that waits; one that was adopted counts for nothing."""
        if entry.adopted_as:
            return
        held = self._tables.setdefault(entry.table, Held())
        held.rows += 1
        held.size_bytes += entry.size_bytes
        held.columns.update(entry.names)
        self._series[entry.source, entry.table, entry.series] += 1
        self._bytes += entry.size_bytes

    def remove(self, entries: Iterable[Entry]) -> None:
        """Entries are not there any more."""
        for entry in entries:
            held = self._tables.get(entry.table)
            if held is None or entry.adopted_as:
                continue
            held.rows -= 1
            held.size_bytes -= entry.size_bytes
            self._bytes -= entry.size_bytes
            _less(held.columns, entry.names)
            _less(self._series, [(entry.source, entry.table, entry.series)])
            if not held.rows:
                del self._tables[entry.table]

    def measures(self) -> dict[str, float]:
        """Numbers for table ``self`` and for ``/metrics``: what is there, and how much there may be."""
        return {
            "rows": sum(held.rows for held in self._tables.values()),
            "tables": len(self._tables),
            "columns": sum(len(held.columns) for held in self._tables.values()),
            "series": len(self._series),
            "size_bytes": self._bytes,
            "limit_bytes": self._bounds.bytes,
        }


def _less(counts: Counter[_Key], keys: Iterable[_Key]) -> None:
    for key in keys:
        counts[key] -= 1
        if counts[key] <= 0:
            del counts[key]


def _full(held: str, setting: str, most: int) -> str:
    return f"The quarantine is full: it holds {held}, and quarantine.{setting} allows {most}; adopt what is there, or raise the setting."
