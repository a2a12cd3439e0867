"""What this client has lost or refused itself, as rows for the server, which cannot know: so the System page shows it."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from tapewatch_client.row_queue import Row

REPORT_S = 10.0
#: Combinations of table, column and reason that are counted apart; a program that makes up names must not fill memory.
MOST_KINDS = 500
_ALL = "*"


class Losses:
    """Counts by table, column and reason since the client began; told again only when they have changed.

    Args:
        source: Whose rows they were.
        now_s: Seconds of a clock that never goes back.
    """

    def __init__(self, source: str, now_s: Callable[[], float] = monotonic) -> None:
        self._source = source
        self._now_s = now_s
        self._counts: dict[tuple[str, str, str], int] = {}
        self._examples: dict[tuple[str, str, str], str] = {}
        self._changed: dict[tuple[str, str, str], None] = {}
        self._due_s: float | None = None

    def count(self, table: str, column: str | None, reason: str, total_or_more: int, example: str, *, is_total: bool = False) -> None:
        """Count losses, or say how many there are by now (``is_total``)."""
        if not total_or_more:
            return
        key = (table or _ALL, column or _ALL, reason)
        if key not in self._counts and len(self._counts) >= MOST_KINDS:
            key = (_ALL, _ALL, reason)
        before = self._counts.get(key, 0)
        self._counts[key] = total_or_more if is_total else before + total_or_more
        if self._counts[key] == before:
            return
        self._examples[key] = example
        self._changed[key] = None
        if self._due_s is None:
            self._due_s = self._now_s() + REPORT_S

    def due(self, ts_us: int) -> list[Row]:
        """Rows of table ``refusal`` with what has changed, at most every `REPORT_S` seconds."""
        if self._due_s is None or self._now_s() < self._due_s:
            return []
        self._due_s = None
        changed, self._changed = self._changed, {}
        return [("refusal", ts_us + place, self._columns(key), None) for place, key in enumerate(list(changed))]

    def _columns(self, key: tuple[str, str, str]) -> dict[str, object]:
        table, column, reason = key
        return {
            "sender": self._source,
            "table_name": table,
            "column_name": column,
            "reason": f"client_{reason}",
            "values": self._counts[key],
            "example": self._examples[key],
        }
