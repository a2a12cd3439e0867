"""What a validation finds: refused rows and values, marks on kept rows, all counted by source, column and reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import orjson

from tapewatch.model.rows import Coded, RowBatch
from tapewatch.sources.base import Refusal
from tapewatch.sources.shown import shown

KEPT_REFUSALS = 100
"""Refusals told one by one; the rest is only counted."""

WHOLE_ROW = "*"
"""Stands for the column where a whole row was refused."""

Positions = npt.NDArray[np.intp]
Say = Callable[[object], str]
ValueAt = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What rows that do not say it themselves get.

    Attributes:
        source: Name of the sender.
        env: Its environment.
        host: Its host; None when it does not know, rows then get ``unknown``.
        bound_to: The only source that rows may name; None when any may be named.
        barred: Sources that rows may not name.
    """

    source: str
    env: str = "live"
    host: str | None = None
    bound_to: str | None = None
    barred: frozenset[str] = frozenset()

    def may_name(self, source: str) -> bool:
        """Whether rows of this sender may have a source."""
        return source not in self.barred and self.bound_to in {None, source}

    def why_not(self, source: object) -> str:
        """Why rows of this sender may not have a source."""
        if self.bound_to is not None:
            return f"The token that was sent is that of source {shown(self.bound_to)!r}, its rows cannot be of {shown(source)!r}."
        return f"Source {shown(source)!r} has a token of its own: send it as Authorization: Bearer TOKEN."


@dataclass(slots=True)
class Tally:
    """How often one reason struck one column of one source; column ``*`` for whole rows, ``example`` names one value."""

    source: str
    column: str
    reason: str
    count: int = 0
    example: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """The outcome for one batch.

    Attributes:
        batch: The accepted rows; None when there are none.
        refusals: The first hundred that are lost, then the first hundred that are held.
        refused_total: All of them: values not kept in kept rows, and rows not kept.
        noted: Reason to the number of values that were changed or marked though nothing was refused, such as ``nan``.
        tallies: Refusals and notes by source, column and reason.
        held_total: How many of the refusals went to quarantine instead of being lost.
    """

    batch: RowBatch | None
    refusals: list[Refusal] = field(default_factory=list[Refusal])
    refused_total: int = 0
    noted: dict[str, int] = field(default_factory=dict[str, int])
    tallies: list[Tally] = field(default_factory=list[Tally])
    held_total: int = 0


@dataclass(slots=True)
class _Marked:
    """Rows (positions in the raw batch) whose value in one column has one reason."""

    counted: bool
    example: str
    parts: list[Positions] = field(default_factory=list[Positions])


class Book:
    """Notes what is found while one raw batch of ``count`` rows is judged.

    Args:
        table: Name of the table as it came.
        count: Rows of the raw batch.
        positions: Where each row stood in the body it came in; None for 0, 1, 2 …
    """

    def __init__(self, table: str, count: int, positions: Sequence[int] | None) -> None:
        self.table = table
        self.keep = np.ones(count, np.bool_)
        self.refusals: list[Refusal] = []
        self._held: list[Refusal] = []
        self.refused_total = 0
        self.held_total = 0
        self._positions = positions
        self._sources: Coded | None = None
        self._default_source = ""
        self._tallies: dict[tuple[str, str, str], Tally] = {}
        self._marks: dict[tuple[str, str], _Marked] = {}

    def know_sources(self, sources: Coded | None, default: str) -> None:
        """From now on, count by these sources; rows whose source is null count for ``default``."""
        self._sources, self._default_source = sources, default

    def refuse_rows(self, rows: Positions, column: str, value_at: ValueAt | None, reason: str, say: Say, *, is_held: bool = False) -> None:
        """Refuse rows because of a column; those refused before stay refused for their first reason.

        ``value_at`` gives the value that belongs to the i-th of the rows; None when there is none to show.
        """
        fresh = np.flatnonzero(self.keep[rows])
        rows = rows[fresh]
        self.keep[rows] = False
        at = fresh.tolist()
        self._tell(rows, None, column, None if value_at is None else lambda i: value_at(at[i]), reason, say, is_held=is_held)

    def refuse_values(self, rows: Positions, column: str, value_at: ValueAt, reason: str, say: Say) -> None:
        """Refuse the values of a column in rows that are kept."""
        self._tell(rows, column, column, value_at, reason, say)

    def hold_rows(self, rows: Positions, column: str, value_at: ValueAt, reason: str, say: Say) -> None:
        """As `refuse_rows`, of rows that are kept in quarantine."""
        self.held_total += int(np.count_nonzero(self.keep[rows]))
        self.refuse_rows(rows, column, value_at, reason, say, is_held=True)

    def hold_values(self, rows: Positions, column: str, value_at: ValueAt, reason: str, say: Say) -> None:
        """As `refuse_values`, of values that are kept in quarantine."""
        self.held_total += len(rows)
        self._tell(rows, column, column, value_at, reason, say, is_held=True)

    def mark(self, rows: Positions, column: str, reason: str, *, counted: bool, example: str = "") -> None:
        """Let the rows' ``flags`` say ``reason`` for a column; ``counted`` when this is a note, with one value as example."""
        if len(rows):
            self._marks.setdefault((column, reason), _Marked(counted, example)).parts.append(rows)

    def _tell(
        self, rows: Positions, column: str | None, named: str, value_at: ValueAt | None, reason: str, say: Say, *, is_held: bool = False
    ) -> None:
        if not len(rows):
            return
        self.refused_total += len(rows)
        first = "" if value_at is None else shown(value_at(0))
        self._count(rows, WHOLE_ROW if column is None else column, reason, f"{shown(named)}: {first}" if column is None else first)
        name = None if column is None else shown(column)
        told = self._held if is_held else self.refusals  # apart: many that are held must not hide the one that is lost
        for i in range(min(len(rows), KEPT_REFUSALS - len(told))):
            row = int(rows[i])
            place = row if self._positions is None else self._positions[row]
            value = None if value_at is None else value_at(i)
            text = "" if value_at is None else shown(value)
            told.append(Refusal(shown(self.table), place, name, text, reason, say(value), is_held))

    def _count(self, rows: Positions, column: str, reason: str, example: str) -> None:
        column = shown(column)
        found = [(self._default_source, len(rows))]
        if self._sources is not None:
            names = (*self._sources.values, self._default_source)
            counts = np.bincount(self._sources.codes[rows] % len(names), minlength=len(names))
            found = [(names[i], int(counts[i])) for i in np.flatnonzero(counts).tolist()]
        for source, count in found:
            tally = self._tallies.setdefault((source, column, reason), Tally(source, column, reason))
            tally.count += count
            tally.example = example or tally.example

    def finish(self, batch: RowBatch | None) -> Judged:
        """Close the book: the notes of kept rows are counted now, those of refused rows never."""
        noted: dict[str, int] = {}
        for (column, reason), marked in self._marks.items():
            if not marked.counted:
                continue
            rows = np.concatenate(marked.parts)
            rows = rows[self.keep[rows]]
            if len(rows):
                noted[reason] = noted.get(reason, 0) + len(rows)
                self._count(rows, column, reason, marked.example)
        return Judged(batch, [*self.refusals, *self._held], self.refused_total, noted, list(self._tallies.values()), self.held_total)

    def flag_words(self) -> Coded | None:
        """The column ``flags`` of the kept rows, JSON of column to reason; None when no row has one."""
        if not self._marks:
            return None
        groups = list(self._marks)
        matrix = np.zeros((len(self.keep), len(groups)), np.bool_)
        for i, marked in enumerate(self._marks.values()):
            for part in marked.parts:
                matrix[part, i] = True
        matrix = matrix[self.keep]
        flagged = np.flatnonzero(matrix.any(axis=1))
        if not len(flagged):
            return None
        packed = np.packbits(matrix[flagged], axis=1)
        codes = np.full(len(matrix), -1, np.int32)
        seen: dict[bytes, int] = {}
        words: list[str] = []
        for row, key in zip(flagged.tolist(), (line.tobytes() for line in packed), strict=True):
            if key not in seen:
                seen[key] = len(words)
                words.append(orjson.dumps({groups[i][0]: groups[i][1] for i in np.flatnonzero(matrix[row]).tolist()}).decode())
            codes[row] = seen[key]
        return Coded(codes, tuple(words))
