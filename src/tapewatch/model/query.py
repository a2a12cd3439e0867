"""The question as data: a closed algebra, enough for every panel, rule and report, the same for every store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tapewatch.errors import QueryError
from tapewatch.model.table import CODED, NUMERIC, Kind, Table, Thresholds


class Function(StrEnum):
    """What a measure computes from the rows of its group and bucket."""

    COUNT = "count"  # rows, or non-null values of a column
    SUM = "sum"  # interval columns; per series the source that saw most, then added over the series of the group
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    FIRST = "first"  # value of the oldest row with one
    LAST = "last"  # value of the newest row with one
    RATE = "rate"  # counter increase per second, reset-aware, per series, then added over the group; an interval's sum per second
    DELTA = "delta"  # counter increase, reset-aware, per series, then added over the group
    QUANTILE = "quantile"  # of a gauge's values, or of merged sketches; ``argument`` is the fraction
    RATIO = "ratio"  # this measure's ``over[0]`` divided by ``over[1]``
    TIME_IN_STATE = "time_in_state"  # seconds in the state or flag value named by ``argument``
    WORST = "worst"  # worst state of a state column; False-is-bad flags give the bad value
    BUCKETS = "buckets"  # distribution as a sketch, index to count: merged sketches, or a gauge's values from 0 on


RATE_SECONDS: dict[str | float | None, str] = {None: "per_s", 1: "per_s", 60: "per_min", 3600: "per_h"}
"""Argument of a rate to its unit."""


class Mode(StrEnum):
    """The shape of the answer."""

    AGGREGATE = "aggregate"  # measures per group and bucket
    LATEST = "latest"  # newest row per series (``group_by``, else all tags)
    ROWS = "rows"  # raw rows, newest first, with a cursor


class Comparison(StrEnum):
    """How a filter compares."""

    IN = "in"
    NOT_IN = "not_in"
    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IS_NULL = "is_null"
    NOT_NULL = "not_null"


@dataclass(frozen=True, slots=True)
class Filter:
    """Keep rows whose column compares so with the values; bound as parameters, never pasted into text."""

    column: str
    comparison: Comparison
    values: tuple[str | float | bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Measure:
    """One computed column of an answer.

    Attributes:
        function: What to compute.
        column: Of which column; empty for a count of rows and for a ratio.
        argument: The fraction of a quantile (0 to 1), the word of `Function.TIME_IN_STATE`, or the seconds of a rate (60: per minute).
        over: For a ratio: numerator and denominator.
        alias: Name in the answer; `name` gives the default.
        thresholds: Judge the answer by these instead of the column's own; stores ignore them.
    """

    function: Function
    column: str = ""
    argument: str | float | None = None
    over: tuple[Measure, ...] = ()
    alias: str = ""
    thresholds: Thresholds | None = None

    @property
    def name(self) -> str:
        """The alias, else a name made of function, column and argument."""
        if self.alias:
            return self.alias
        if self.function is Function.RATIO:
            return f"{self.over[0].name}_per_{self.over[1].name}"
        if self.function is Function.QUANTILE:
            return f"p{float(self.argument or 0) * 100:g}_{self.column}".replace(".", "_")
        if self.function is Function.TIME_IN_STATE:
            return f"{self.column}_{self.argument}_s".lower()
        return f"{self.function}_{self.column}" if self.column else str(self.function)


@dataclass(frozen=True, slots=True)
class Query:
    """One question to one table over a half-open range of time [start_us, end_us).

    Attributes:
        table: Name of the table.
        start_us: First microsecond, inclusive.
        end_us: Last microsecond, exclusive.
        mode: Shape of the answer.
        measures: For aggregates: at least one.
        columns: For latest and rows: which columns; empty for all.
        group_by: Tags (or ``source``); for latest: what makes a series (empty: all tags).
        bucket_us: Width of a time bucket; buckets are aligned to 1970 and labelled by their start. None for one bucket over all.
        filters: All must hold.
        order_by: Column of the answer, with ``-`` in front for largest first; empty for bucket and tags (rows: newest first).
        limit: Most rows of the answer (top-k together with order_by); None for the server's limit.
        cursor: For rows: the value `cursor` of the page before.
        shift_us: Ask for the same range this much earlier (previous period); times of the answer are shifted back.
    """

    table: str
    start_us: int
    end_us: int
    mode: Mode = Mode.AGGREGATE
    measures: tuple[Measure, ...] = ()
    columns: tuple[str, ...] = ()
    group_by: tuple[str, ...] = ()
    bucket_us: int | None = None
    filters: tuple[Filter, ...] = ()
    order_by: str = ""
    limit: int | None = None
    cursor: str | None = None
    shift_us: int = 0


def check(query: Query, table: Table) -> None:
    """Refuse a question that its table cannot answer.

    Raises:
        QueryError: Names the part of the question, its value and what is allowed.
    """
    if query.end_us <= query.start_us:
        raise QueryError(f"end {query.end_us} is not after start {query.start_us}; the range is half-open", position="end_us")
    if query.bucket_us is not None and query.bucket_us <= 0:
        raise QueryError(f"{query.bucket_us} is not a positive number of microseconds", position="bucket_us")
    if query.limit is not None and query.limit <= 0:
        raise QueryError(f"{query.limit} is not a positive number of rows", position="limit")
    if query.mode is Mode.AGGREGATE and not query.measures:
        raise QueryError("an aggregate needs at least one measure", position="measures")
    for i, name in enumerate(query.group_by):
        _known(table, name, f"group_by[{i}]")
        if name not in (*table.tags, "source"):
            raise QueryError(
                f"{name!r} is not a tag of {table.name}; tags are {', '.join(table.tags)} and source", position=f"group_by[{i}]"
            )
    for i, name in enumerate(query.columns):
        _known(table, name, f"columns[{i}]")
    for i, item in enumerate(query.filters):
        _check_filter(item, table, f"filters[{i}]")
    for i, measure in enumerate(query.measures):
        _check_measure(measure, table, f"measures[{i}]")


def _known(table: Table, name: str, position: str) -> None:
    if name not in table.column:
        raise QueryError(f"table {table.name} has no column {name!r}; it has {', '.join(table.column)}", position=position)


def _check_filter(item: Filter, table: Table, position: str) -> None:
    _known(table, item.column, f"{position}.column")
    wanted = {Comparison.IS_NULL: 0, Comparison.NOT_NULL: 0}.get(item.comparison)
    if item.comparison not in {Comparison.IN, Comparison.NOT_IN} and len(item.values) != (1 if wanted is None else wanted):
        raise QueryError(
            f"{item.comparison} takes {1 if wanted is None else wanted} value, not {len(item.values)}", position=f"{position}.values"
        )
    kind = table.column[item.column].kind
    for value in item.values:
        if kind in CODED and not isinstance(value, str):
            raise QueryError(f"{item.column} holds words; {value!r} is not one", position=f"{position}.values")
        if kind in NUMERIC and (isinstance(value, (str, bool))):
            raise QueryError(f"{item.column} holds numbers; {value!r} is not one", position=f"{position}.values")
        if kind is Kind.FLAG and not isinstance(value, bool):
            raise QueryError(f"{item.column} holds true or false; {value!r} is neither", position=f"{position}.values")


_ALLOWED: dict[Function, frozenset[Kind]] = {
    Function.SUM: NUMERIC,
    Function.AVG: NUMERIC | {Kind.FLAG},
    Function.MIN: NUMERIC | {Kind.TIME},
    Function.MAX: NUMERIC | {Kind.TIME},
    Function.RATE: frozenset({Kind.COUNTER, Kind.INTERVAL}),
    Function.DELTA: frozenset({Kind.COUNTER}),
    Function.QUANTILE: NUMERIC | {Kind.SKETCH},
    Function.TIME_IN_STATE: frozenset({Kind.STATE, Kind.FLAG}),
    Function.WORST: frozenset({Kind.STATE, Kind.FLAG}),
    Function.BUCKETS: frozenset({Kind.SKETCH, Kind.GAUGE}),
}


def functions_of(kind: Kind) -> tuple[Function, ...]:
    """The functions that can be computed of a column of this kind; a ratio is made of measures, not of a column."""
    return tuple(function for function in Function if function is not Function.RATIO and kind in _ALLOWED.get(function, frozenset(Kind)))


def _check_measure(measure: Measure, table: Table, position: str) -> None:
    function = measure.function
    if function is Function.RATIO:
        _check_ratio(measure, table, position)
        return
    if not measure.column:
        if function is not Function.COUNT:
            raise QueryError(f"{function} needs a column", position=f"{position}.column")
        return
    _known(table, measure.column, f"{position}.column")
    kind = table.column[measure.column].kind
    allowed = _ALLOWED.get(function)
    if allowed is not None and kind not in allowed:
        words = ", ".join(sorted(allowed))
        raise QueryError(f"{function} works on {words}; {measure.column} is a {kind}", position=position)
    _check_argument(measure, table, f"{position}.argument")


def _check_ratio(measure: Measure, table: Table, position: str) -> None:
    if len(measure.over) != 2:  # noqa: PLR2004 - a ratio has two parts
        raise QueryError("a ratio needs a numerator and a denominator in over", position=position)
    for i, part in enumerate(measure.over):
        if part.function in {Function.RATIO, Function.BUCKETS}:
            raise QueryError(f"{part.function} cannot be a part of a ratio", position=f"{position}.over[{i}]")
        _check_measure(part, table, f"{position}.over[{i}]")


def _check_argument(measure: Measure, table: Table, position: str) -> None:
    argument = measure.argument
    if measure.function is Function.QUANTILE and not (isinstance(argument, (int, float)) and 0 <= argument <= 1):
        raise QueryError(f"a quantile's argument is a fraction from 0 to 1, not {argument!r}", position=position)
    if measure.function is Function.RATE and argument not in RATE_SECONDS:
        raise QueryError(f"a rate is per 1, 60 or 3600 seconds, not {argument!r}", position=position)
    if measure.function is Function.TIME_IN_STATE:
        column = table.column[measure.column]
        words = [state.name for state in column.states] or ["true", "false"]
        if argument not in words:
            raise QueryError(f"{argument!r} is not a state of {column.name}; it has {', '.join(words)}", position=position)
