"""What is known of one series of one source: newest row, spacing, judged values, and whether it was retired."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median

from tapewatch.clock import US_PER_S
from tapewatch.model.table import Column

ROWS_TO_LEARN = 5
"""Rows after which the median spacing of a series counts as its period."""

Value = float | bool | str | None


@dataclass(slots=True)
class Judged:
    """The newest value of one judged column and since when it means the same: this word or flag, or being past a line."""

    value: Value
    since_us: int
    since_s: float
    """The same moment on the steady clock."""
    is_past: bool = False


@dataclass(frozen=True, slots=True)
class Retirement:
    """That a series has stopped for good.

    Attributes:
        at_us: When that was decided.
        at_s: The same moment on the steady clock.
        why: By whom, or by what rule, as a sentence without a full stop.
    """

    at_us: int
    at_s: float
    why: str


@dataclass(slots=True)
class Series:
    """One series of one source."""

    key: tuple[str, ...]
    source: str
    newest_us: int
    newest_s: float
    """The same moment on the steady clock: ages go on as time does, whatever happens to the host's clock."""
    received_us: int
    rows: int = 0
    declared_us: int | None = None
    spacings: deque[int] = field(default_factory=lambda: deque(maxlen=9))
    judged: dict[str, Judged] = field(default_factory=dict[str, Judged])
    suspects: tuple[Column, ...] = ()
    """Columns whose newest value may be a bad one, depending on how long it has been so."""
    evidence: str = ""
    expected_us: int | None = None
    """The declared period, else the median spacing after five rows, else None."""
    retired: Retirement | None = None
    """Left out of verdicts and totals while it is set."""
    back_s: float = -math.inf
    """Steady second at which it was brought back by hand: its silence counts from then on."""
    is_noted: bool = False
    """Whether its silence is written down, for the next start."""

    def space(self, period_s: float | None) -> None:
        """Take note of the period that came with a row, or learn it."""
        if period_s is not None:
            self.declared_us = int(period_s * US_PER_S)
        if self.declared_us is not None:
            self.expected_us = self.declared_us
        elif len(self.spacings) >= ROWS_TO_LEARN - 1:
            self.expected_us = int(median(self.spacings))
