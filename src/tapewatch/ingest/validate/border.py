"""What a judgement asks of others: whether a source may begin new series, and who keeps what nothing is declared for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tapewatch.ingest.validate.book import Positions
from tapewatch.model.rows import Coded
from tapewatch.model.table import Table


@dataclass(frozen=True, slots=True)
class Excess:
    """Rows of series that a source may not begin now.

    Attributes:
        rows: Their positions among the rows that were asked about.
        tag: The tag with most different values among them.
        message: Names source, table, tag, one of its values, the limit and its setting.
    """

    rows: Positions
    tag: str
    message: str


class SeriesGate(Protocol):
    """Bounds the series of each source; rows of series that are known always pass."""

    def excess(self, table: Table, source: Coded, tags: Mapping[str, Coded]) -> Sequence[Excess]:
        """The rows that may not pass; the others count as known from now on. Words are of n rows each; may be called from any thread."""
        ...


@dataclass(frozen=True, slots=True)
class Stray:
    """One row for which no table, or not every column, is declared.

    Attributes:
        table: Table that it is for.
        source: Its source.
        env: Its environment.
        names: Its columns that are not declared.
        series: Words that tell its series from others of the same source and table.
        content: The whole row, as it came, with the time that it got.
        is_declared: Whether there is such a table.
    """

    table: str
    source: str
    env: str
    names: tuple[str, ...]
    series: tuple[str, ...]
    content: Mapping[str, Any]
    is_declared: bool


@dataclass(frozen=True, slots=True)
class Room:
    """Whether strays of one table can be kept.

    Attributes:
        closed: Why none of its rows can; empty when they can.
        refused: Columns that cannot be kept, with the reason.
    """

    closed: str = ""
    refused: Mapping[str, str] = field(default_factory=dict[str, str])


class Keeper(Protocol):
    """Takes strays into quarantine, within bounds. Called for one delivery at a time, from one thread."""

    def room(self, table: str, names: Sequence[str]) -> Room:
        """Whether rows of this table and these columns can be kept at all."""
        ...

    def keep(self, stray: Stray) -> str:
        """Keep a row together with the accepted ones of its delivery; gives the reason when it cannot, else nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Border:
    """Both; None for either lets every series pass and keeps no strays."""

    gate: SeriesGate | None = None
    keeper: Keeper | None = None


OPEN = Border()
