"""What was refused since the server started, by sender, table, column and reason; becomes rows of table ``refusal``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tapewatch.ingest.validate.book import WHOLE_ROW, Tally
from tapewatch.sources.shown import shown

MOST_KINDS = 500
"""Combinations counted apart; beyond, everything of one reason is counted together under ``*``."""

_Key = tuple[str, str, str, str]
_TAGS = ("sender", "table_name", "column_name", "reason")


class RefusalCounts:
    """Counts per sender, table, column and reason; bounded, because senders choose three of the four."""

    def __init__(self) -> None:
        self.by_reason: dict[str, int] = {}
        self._counts: dict[_Key, int] = {}
        self._examples: dict[_Key, str] = {}
        self._changed: dict[_Key, None] = {}

    def add(self, table: str, tallies: Iterable[Tally]) -> None:
        """Count what a validation found in rows for ``table``."""
        for tally in tallies:
            self.count(tally.source, table, tally.column, tally.reason, tally.count, tally.example)

    def count(self, sender: str, table: str, column: str | None, reason: str, count: int, example: str) -> None:
        """Count refusals; a column of None stands for whole rows."""
        key = (_name(sender), _name(table), _name(column or WHOLE_ROW), reason)
        if key not in self._counts and len(self._counts) >= MOST_KINDS:
            key = (WHOLE_ROW, WHOLE_ROW, WHOLE_ROW, reason)
        self.by_reason[reason] = self.by_reason.get(reason, 0) + count
        self._counts[key] = self._counts.get(key, 0) + count
        self._examples[key] = example or self._examples.get(key, "")
        self._changed[key] = None

    def drain(self) -> list[dict[str, Any]]:
        """The rows whose count has changed since the last call."""
        rows: list[dict[str, Any]] = []
        for key in self._changed:
            words = dict(zip(_TAGS, key, strict=True))
            rows.append({**words, "values": self._counts[key], "example": self._examples[key] or None})
        self._changed.clear()
        return rows

    def put_back(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """These rows could not be stored; the next `drain` gives them again, with the count of then."""
        for row in rows:
            sender, table, column, reason = (str(row[name]) for name in _TAGS)
            self._changed[sender, table, column, reason] = None


def _name(text: str) -> str:
    """A tag of what a sender called something: printable, short, never empty."""
    name = shown(text).strip()
    return name or '""'
