"""When a run of a collector becomes a row of table ``collector_run``, and what the row says. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class RunReport:
    """Gathers the runs of one collector between two rows.

    A change (it begins to fail, fails for another reason, works again) is told at once, everything else every ``every`` runs.

    Attributes:
        every: Runs that share a row while nothing changes.
    """

    every: int
    _runs: int = 0
    _rows: int = 0
    _longest_s: float | None = None
    _error: str | None = None
    _told: str | None = None
    _has_told: bool = False

    def note(self, *, rows: int = 0, took_s: float | None = None, error: str | None = None) -> None:
        """Add a run: its rows, its duration in seconds, and its error in words when it failed."""
        self._runs += 1
        self._rows += rows
        self._error = error
        if took_s is not None:
            self._longest_s = took_s if self._longest_s is None else max(self._longest_s, took_s)

    def add_rows(self, count: int) -> None:
        """Count rows of an endless run."""
        self._rows += count

    @property
    def is_failing(self) -> bool:
        """Whether the newest run failed."""
        return self._error is not None

    def take(self, *, is_due: bool = False) -> dict[str, Any] | None:
        """The row that is due now, else None.

        Its ``ok`` and ``error`` are of the newest run, ``rows`` is the sum and ``duration_ms`` the longest since the row before.

        Args:
            is_due: Give a row even though nothing changed and not enough runs were made.
        """
        is_changed = not self._has_told or self._error != self._told
        if not (is_due or is_changed or self._runs >= self.every):
            return None
        row: dict[str, Any] = {
            "ok": self._error is None,
            "duration_ms": None if self._longest_s is None else self._longest_s * 1000,
            "rows": self._rows,
            "error": self._error,
        }
        self._told, self._has_told = self._error, True
        self._runs = self._rows = 0
        self._longest_s = None
        return row

    def forget_told(self) -> None:
        """The row given last did not arrive: the next one is due at once."""
        self._has_told = False
