"""What a table and a column are: the definition from which DDL, validation, API, documents and formatting derive."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from tapewatch.errors import ContractError
from tapewatch.model.unit import UNIT_BY_NAME

NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")
"""What tables and columns may be called."""


class Kind(StrEnum):
    """What a column's values mean, and so how they may be combined."""

    TAG = "tag"
    GAUGE = "gauge"
    COUNTER = "counter"
    INTERVAL = "interval"
    STATE = "state"
    TIME = "time"
    FLAG = "flag"
    ID = "id"
    TEXT = "text"
    SKETCH = "sketch"


NUMERIC = frozenset({Kind.GAUGE, Kind.COUNTER, Kind.INTERVAL})
CODED = frozenset({Kind.TAG, Kind.STATE, Kind.TEXT, Kind.ID})


class Status(StrEnum):
    """The verdict words; worse ones have a higher rank."""

    UP = "up"
    UNKNOWN = "unknown"
    DEGRADED = "degraded"
    DOWN = "down"

    @property
    def rank(self) -> int:
        """0 for up, 1 unknown, 2 degraded, 3 down."""
        return _RANKS[self]


_RANKS = {Status.UP: 0, Status.UNKNOWN: 1, Status.DEGRADED: 2, Status.DOWN: 3}


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where a number stops being fine.

    Attributes:
        degraded: The value from which it is degraded; None for never.
        down: The value from which it is down; None for never.
        above: True when larger is worse.
        hold_s: Seconds that the value must have been past a line before it counts: a busy second is no news.
    """

    degraded: float | None = None
    down: float | None = None
    above: bool = True
    hold_s: float = 0.0


@dataclass(frozen=True, slots=True)
class FlagRule:
    """When a yes-or-no value is bad.

    Attributes:
        bad: The value that is bad.
        down_after_s: Seconds of being bad after which degraded becomes down; None for never.
    """

    bad: bool
    down_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class State:
    """One word a state column may hold, best first in its column, and the status it means."""

    name: str
    status: Status


class Identity(StrEnum):
    """What makes two rows the same row."""

    MEASUREMENT = "measurement"  # all tags + ts + source; the last one wins
    EVENT = "event"  # the entity's own id; happens once
    LIVING = "living"  # id + ts; each row is a state, the newest is the present
    NONE = "none"  # nothing is merged


class Retention(StrEnum):
    """How long raw rows are kept, in days by name."""

    MARKET = "market"
    STANDARD = "standard"
    LEDGER = "ledger"

    @property
    def raw_days(self) -> int:
        """Days of raw rows."""
        return {Retention.MARKET: 7, Retention.STANDARD: 14, Retention.LEDGER: 365}[self]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes:
        name: Lower case, with the unit in it where there is one (``latency_ms``).
        kind: What the values mean.
        sentence: One sentence for tooltips and documents.
        unit: A name from `tapewatch.model.unit`.
        nullable: Whether a value may be missing.
        minimum: Smallest value accepted, in the column's unit; None for no limit.
        maximum: Largest value accepted, in the column's unit; None for no limit.
        states: For kind ``state``: the allowed words, best first.
        thresholds: Where a number is judged degraded or down.
        flag_rule: When a flag is judged bad.
        by_clock: Whether its numbers compare a time of the host's wall clock with one from elsewhere, and carry the error of that clock.
    """

    name: str
    kind: Kind
    sentence: str
    unit: str = ""
    nullable: bool = True
    minimum: float | None = None
    maximum: float | None = None
    states: tuple[State, ...] = ()
    thresholds: Thresholds | None = None
    flag_rule: FlagRule | None = None
    by_clock: bool = False

    def __post_init__(self) -> None:
        if not self.unit:
            object.__setattr__(self, "unit", _DEFAULT_UNITS.get(self.kind, "none"))
        if not NAME.match(self.name):
            raise ContractError(f"column name {self.name!r} must match {NAME.pattern}")
        if self.unit not in UNIT_BY_NAME:
            raise ContractError(f"column {self.name}: unit {self.unit!r} is not one of {', '.join(UNIT_BY_NAME)}")
        if (self.kind is Kind.STATE) != bool(self.states):
            raise ContractError(f"column {self.name}: kind state and its list of states belong together")
        if not self.sentence.endswith("."):
            raise ContractError(f"column {self.name}: its sentence must end with a full stop")

    @property
    def is_judged(self) -> bool:
        """Whether the column's value alone can make a series degraded or down."""
        return bool(self.states) or self.thresholds is not None or self.flag_rule is not None


_DEFAULT_UNITS = {
    Kind.TAG: "text",
    Kind.STATE: "text",
    Kind.TEXT: "text",
    Kind.ID: "text",
    Kind.TIME: "us",
    Kind.FLAG: "flag",
    Kind.COUNTER: "count",
    Kind.INTERVAL: "count",
    Kind.SKETCH: "ms",
}

TS = Column("ts", Kind.TIME, "When it happened, UTC.", nullable=False)
RECEIVED_AT = Column("received_at", Kind.TIME, "When tapewatch took the row, UTC.", nullable=False)
SOURCE = Column("source", Kind.TAG, "The client, collector or agent that sent the row, by its configured name.", nullable=False)
ENV = Column("env", Kind.TAG, "Environment, such as live or paper.", nullable=False)
FLAGS = Column("flags", Kind.TEXT, "Why values of this row are null or marked: column to reason, as JSON.")


@dataclass(frozen=True, slots=True)
class Table:
    """One table: every store, receiver, page and document derives from this.

    Attributes:
        name: Lower case.
        sentence: One sentence of what a row is.
        columns: Its own columns; ``ts received_at source env flags`` are added by `all_columns`.
        identity: What makes two rows the same row.
        id_column: For identities event and living: the column with the entity's id.
        retention: How long raw rows are kept.
        stream_verdict: The state column that measures freshness itself (a feed); the verdict then trusts it.
        all_columns: With the built-in ones, in order.
        column: All of them by name.
        tags: Names of the tags that identify a series, ``env`` first, without ``source``.
        identity_columns: Columns by which a later row replaces an earlier one; empty when nothing is merged.
    """

    name: str
    sentence: str
    columns: tuple[Column, ...]
    identity: Identity = Identity.MEASUREMENT
    id_column: str = ""
    retention: Retention = Retention.STANDARD
    stream_verdict: str = ""
    all_columns: tuple[Column, ...] = field(init=False, repr=False)
    column: dict[str, Column] = field(init=False, repr=False, compare=False, hash=False)
    tags: tuple[str, ...] = field(init=False, repr=False)
    identity_columns: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not NAME.match(self.name):
            raise ContractError(f"table name {self.name!r} must match {NAME.pattern}")
        if not self.sentence.endswith("."):
            raise ContractError(f"table {self.name}: its sentence must end with a full stop")
        columns = (TS, RECEIVED_AT, SOURCE, ENV, *self.columns, FLAGS)
        names = [column.name for column in columns]
        doubles = {name for name in names if names.count(name) > 1}
        if doubles:
            raise ContractError(f"table {self.name}: column {', '.join(sorted(doubles))} is declared twice or is a built-in one")
        needs_id = self.identity in {Identity.EVENT, Identity.LIVING}
        if needs_id != (self.id_column in names and bool(self.id_column)):
            raise ContractError(f"table {self.name}: identity {self.identity} and id_column {self.id_column!r} do not fit together")
        object.__setattr__(self, "all_columns", columns)
        object.__setattr__(self, "column", {column.name: column for column in columns})
        object.__setattr__(self, "tags", ("env", *(column.name for column in self.columns if column.kind is Kind.TAG)))
        object.__setattr__(self, "identity_columns", self._identity_columns())

    def _identity_columns(self) -> tuple[str, ...]:
        match self.identity:
            case Identity.MEASUREMENT:
                return ("ts", *self.tags, "source")
            case Identity.EVENT:
                return ("env", self.id_column)
            case Identity.LIVING:
                return ("env", self.id_column, "ts")
            case Identity.NONE:
                return ()


def tag(name: str, sentence: str) -> Column:
    """A column that identifies a series."""
    return Column(name, Kind.TAG, sentence, nullable=False)


def gauge(
    name: str,
    unit: str,
    sentence: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    thresholds: Thresholds | None = None,
    by_clock: bool = False,
) -> Column:
    """A number that says what is true now."""
    return Column(name, Kind.GAUGE, sentence, unit=unit, minimum=minimum, maximum=maximum, thresholds=thresholds, by_clock=by_clock)


def counter(name: str, sentence: str, *, unit: str = "count") -> Column:
    """A cumulative number that only falls when its owner restarts."""
    return Column(name, Kind.COUNTER, sentence, unit=unit, minimum=0)


def interval(name: str, unit: str, sentence: str, *, thresholds: Thresholds | None = None) -> Column:
    """An amount of the row's interval: longer spans add it up."""
    return Column(name, Kind.INTERVAL, sentence, unit=unit, minimum=0, thresholds=thresholds)


def text(name: str, sentence: str) -> Column:
    """Free text, stored once per row and never indexed."""
    return Column(name, Kind.TEXT, sentence)


def time(name: str, sentence: str) -> Column:
    """A moment, UTC microseconds."""
    return Column(name, Kind.TIME, sentence)


def flag(name: str, sentence: str, *, rule: FlagRule | None = None) -> Column:
    """Yes or no."""
    return Column(name, Kind.FLAG, sentence, flag_rule=rule)


def state(name: str, sentence: str, states: tuple[State, ...]) -> Column:
    """One of a few words, best first."""
    return Column(name, Kind.STATE, sentence, states=states)
