"""Which summaries of a table exist, what they hold, and which questions they can answer. Pure.

A rollup keeps one row per series, source and bucket. It depends on the rows of its bucket alone: what happens between two buckets
(a counter that went on, a state that lasted) is worked out when it is asked, from the first and the last row of each. So a late row
changes one bucket, and a rollup of a rollup is the rollup of the rows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tapewatch.model.query import Comparison, Function, Measure, Mode, Query
from tapewatch.model.rows import NULL_TIME
from tapewatch.model.table import Column, Identity, Kind, Table

_S_US = 1_000_000
_DAY_US = 86_400 * _S_US

PAYS_RATIO = 0.2
"""A tier is kept where it has at most this part of the rows of the tier below."""

STOPS_RATIO = 0.25
"""A tier that is kept already goes when it has more than this part: a table at the border must not lose and rebuild it every day."""

BUCKETS_OF_RANGE = 60
"""A range is answered from a tier that cuts it into at least so many buckets: less than two of them, at its ends, are read as rows."""

REST_OF_RANGE = 0.25
"""At most this part of a range is summarised while it is asked: more costs more than reading the rows."""

WORTH_ROWS = 100_000
"""A range of fewer rows is answered by reading them: that costs less than joining summaries to the newest rows."""

FILTERED_ROWS, QUANTILE_ROWS = 16, 5
"""So many rows cost as much as one where a filter leaves most of them unread, and where a quantile would add up sketches instead."""


@dataclass(frozen=True, slots=True)
class Tier:
    """One width of summary.

    Attributes:
        label: As people say it.
        width_us: Microseconds of a bucket; each width divides the next one.
        days: Days that it is kept.
    """

    label: str
    width_us: int
    days: int


TIERS: tuple[Tier, ...] = (
    Tier("10s", 10 * _S_US, 14),
    Tier("1min", 60 * _S_US, 30),
    Tier("10min", 600 * _S_US, 365),
    Tier("1h", 3_600 * _S_US, 730),
)
"""Narrowest first, and how long each is kept; raw rows are kept as long as their table says."""

WIDEST_US = TIERS[-1].width_us
"""A late row makes the summaries of this much time due again."""


SETTLED_US = 30_000_000
"""A bucket is summarised this long after its end: rows on their way still arrive in time."""

LATE_US = 600_000_000
"""Late rows are noted by stretches of this length."""


class Part(StrEnum):
    """What a rollup keeps of a column."""

    COUNT = "n"  # values that are not null
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    FIRST = "first"  # value of the oldest row with one
    LAST = "last"  # value of the newest row with one
    FIRST_AT = "first_at"  # moment of that row
    LAST_AT = "last_at"
    GAIN = "gain"  # what a counter gained from row to row inside the bucket
    TRUE = "true"  # rows whose flag is true
    WORST = "worst"  # worst state
    SKETCH = "sketch"


ROWS = "summary_rows"
"""Column with the number of rows behind a row of a rollup; no `part` of a column is called so."""

NEWEST_AT = "summary_newest_at"
"""Column with the newest ``ts`` behind it."""

_NUMBER = (Part.COUNT, Part.SUM, Part.MIN, Part.MAX, Part.FIRST, Part.LAST)
_MOMENTS = (Part.FIRST_AT, Part.LAST_AT)
_PARTS: dict[Kind, tuple[Part, ...]] = {
    Kind.GAUGE: _NUMBER,
    Kind.INTERVAL: _NUMBER,
    Kind.COUNTER: (Part.COUNT, Part.MIN, Part.MAX, Part.FIRST, Part.LAST, Part.GAIN, *_MOMENTS),
    Kind.FLAG: (Part.COUNT, Part.TRUE, Part.FIRST, Part.LAST, *_MOMENTS),
    Kind.STATE: (Part.COUNT, Part.WORST, Part.FIRST, Part.LAST, *_MOMENTS),
    Kind.TIME: (Part.COUNT, Part.MIN, Part.MAX, Part.FIRST, Part.LAST),
    Kind.SKETCH: (Part.COUNT, Part.SKETCH),
    Kind.TEXT: (Part.COUNT,),
    Kind.ID: (Part.COUNT,),
}


def part(column: str, what: Part) -> str:
    """Name of the column of a rollup that keeps ``what`` of a column."""
    return f"{column}__{what}"


def seconds(column: str, word: str) -> str:
    """Name of the column that keeps the seconds in a state (or ``true``, ``false``) from row to row inside the bucket."""
    return f"{column}__in_{word}_s"


def words(column: Column) -> tuple[str, ...]:
    """The values whose seconds are kept."""
    return ("true", "false") if column.kind is Kind.FLAG else tuple(state.name for state in column.states)


def summarised(table: Table) -> tuple[Column, ...]:
    """The columns that a rollup keeps something of."""
    return tuple(column for column in table.columns if column.kind is not Kind.TAG)


def parts_of(column: Column, table: Table) -> tuple[Part, ...]:
    """What a rollup keeps of a column."""
    return (*_PARTS[column.kind], Part.SKETCH) if is_sketched(column, table) else _PARTS[column.kind]


def is_sketched(column: Column, table: Table) -> bool:
    """Whether quantiles of a gauge survive: durations in ms, unless the table measures its own sketch of them."""
    return column.kind is Kind.GAUGE and column.unit == "ms" and all(other.kind is not Kind.SKETCH for other in table.columns)


def has_tiers(table: Table) -> bool:
    """Whether a table can be summarised: measurements, of which there is one row per series and moment."""
    return table.identity is Identity.MEASUREMENT


def rolled(table: Table, tier: Tier) -> Table:
    """The table that holds one tier of another: ``ts`` is the start of the bucket, and so is ``received_at``, which nobody asks of it."""
    columns = [column for column in table.columns if column.kind is Kind.TAG]
    columns += [Column(ROWS, Kind.GAUGE, "Rows behind it."), Column(NEWEST_AT, Kind.TIME, "The newest of them.")]
    for column in summarised(table):
        columns += [_kept(column, what) for what in parts_of(column, table)]
        if column.kind in {Kind.STATE, Kind.FLAG}:
            columns += [Column(seconds(column.name, word), Kind.GAUGE, f"Seconds in {word}.") for word in words(column)]
    return Table(f"{table.name}__{tier.label}", f"{table.sentence[:-1]}, {tier.label} at once.", tuple(columns), retention=table.retention)


def _kept(column: Column, what: Part) -> Column:
    sentence = f"{what} of {column.name}."
    if what is Part.SKETCH:
        return Column(part(column.name, what), Kind.SKETCH, sentence)
    if what in _MOMENTS or (column.kind is Kind.TIME and what is not Part.COUNT):
        return Column(part(column.name, what), Kind.TIME, sentence)
    if what in {Part.FIRST, Part.LAST, Part.WORST} and column.kind in {Kind.FLAG, Kind.STATE}:
        return Column(part(column.name, what), Kind.FLAG if column.kind is Kind.FLAG else Kind.TEXT, sentence)
    return Column(part(column.name, what), Kind.GAUGE, sentence)


# --- which questions -------------------------------------------------------------------------------------------------

_ANSWERED: dict[Function, frozenset[Kind]] = {
    Function.SUM: frozenset({Kind.GAUGE, Kind.INTERVAL}),
    Function.AVG: frozenset({Kind.GAUGE, Kind.INTERVAL, Kind.FLAG}),
    Function.MIN: frozenset({Kind.GAUGE, Kind.INTERVAL, Kind.COUNTER, Kind.TIME}),
    Function.MAX: frozenset({Kind.GAUGE, Kind.INTERVAL, Kind.COUNTER, Kind.TIME}),
    Function.FIRST: frozenset({Kind.GAUGE, Kind.INTERVAL, Kind.COUNTER, Kind.FLAG, Kind.STATE, Kind.TIME}),
    Function.LAST: frozenset({Kind.GAUGE, Kind.INTERVAL, Kind.COUNTER, Kind.FLAG, Kind.STATE, Kind.TIME}),
    Function.RATE: frozenset({Kind.COUNTER}),
    Function.DELTA: frozenset({Kind.COUNTER}),
    Function.TIME_IN_STATE: frozenset({Kind.STATE, Kind.FLAG}),
    Function.WORST: frozenset({Kind.STATE, Kind.FLAG}),
}


def is_answered(query: Query, table: Table) -> bool:
    """Whether the rollups of a table know all that a question asks: aggregates by tags, filtered by tags."""
    if query.mode is not Mode.AGGREGATE or not has_tiers(table):
        return False
    names = {*table.tags, "source"}
    if any(item.column not in names for item in query.filters):
        return False
    return all(_is_kept(measure, query, table) for measure in query.measures)


def _is_kept(measure: Measure, query: Query, table: Table) -> bool:
    function = measure.function
    if function is Function.RATIO:
        return all(_is_kept(half, query, table) for half in measure.over)
    if not measure.column:
        return True
    column = table.column[measure.column]
    if function in {Function.QUANTILE, Function.BUCKETS}:
        return column.kind is Kind.SKETCH or is_sketched(column, table)
    if function in {Function.FIRST, Function.LAST} and not {*query.group_by} >= {*table.tags, "source"}:
        return False  # which of several series spoke last in a bucket is not kept
    return column in summarised(table) and (function is Function.COUNT or column.kind in _ANSWERED[function])


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a tier of a table holds.

    Attributes:
        tier: Which one.
        since_us: Start of its first bucket.
        until_us: End of its last one.
    """

    tier: Tier
    since_us: int
    until_us: int


def begin_of(query: Query, tier: Tier, gone_us: int) -> int:
    """Where the answer of a tier begins, microseconds: as asked, or with the bucket that holds that moment.

    So it is where the rows are gone, and for a question in buckets: half a bucket at the left edge would read as a fall.
    """
    if query.bucket_us is None and query.start_us - query.shift_us >= gone_us:
        return query.start_us
    return query.start_us // tier.width_us * tier.width_us


def end_of(query: Query, tier: Tier, until_us: int, gone_us: int) -> int:
    """Where the answer of a tier that holds all before ``until_us`` ends, microseconds: as asked, unless the rows of the end are gone.

    Then it is where the bucket ends that holds that moment, for it cannot be cut; and nothing is known beyond ``until_us``.
    """
    start_us, end_us = query.start_us - query.shift_us, query.end_us - query.shift_us
    whole_us = -(-end_us // tier.width_us) * tier.width_us
    rest_us = max(start_us, min(until_us, end_us // tier.width_us * tier.width_us))
    if end_us <= gone_us or (rest_us < gone_us and whole_us <= until_us):
        return min(until_us, whole_us) + query.shift_us
    return query.end_us


def pick(
    query: Query,
    table: Table,
    held: Iterable[Coverage],
    *,
    rows_per_s: float = math.inf,
    raw_since_us: int = NULL_TIME,
    look_back_us: int = 0,
) -> Coverage | None:
    """The tier that answers a question with the fewest rows; None for the rows themselves.

    Args:
        query: The question.
        table: Its table.
        held: What is summarised.
        rows_per_s: Rows that the table takes.
        raw_since_us: Rows before this moment are gone.
        look_back_us: How far before the range is read, where rows are not gone.
    """
    is_gone = query.start_us - query.shift_us < raw_since_us
    is_small = (query.end_us - query.start_us) / _S_US * rows_per_s < WORTH_ROWS * _rows_for_one(query)
    if (is_small and not is_gone) or not is_answered(query, table):
        return None
    fitting = [coverage for coverage in held if _fits(query, coverage, raw_since_us, look_back_us)]
    # of rows that are gone, what reaches back furthest speaks: a narrow tier is kept for less time than a wide one
    reach_us = max(query.start_us - query.shift_us, min((coverage.since_us for coverage in fitting), default=0))
    widths = sorted((item for item in fitting if item.since_us <= reach_us), key=lambda coverage: coverage.tier.width_us)
    narrow = [coverage for coverage in widths if query.bucket_us is None or query.bucket_us % coverage.tier.width_us == 0]
    return narrow[-1] if narrow else next(iter(widths), None)


def _rows_for_one(query: Query) -> int:
    """How many rows of a range cost as much to read as one that an average without filters reads."""
    is_filtered = any(item.comparison in {Comparison.EQ, Comparison.IN} for item in query.filters)
    is_quantile = any(single.function is Function.QUANTILE for measure in query.measures for single in (measure.over or (measure,)))
    return FILTERED_ROWS if is_filtered else QUANTILE_ROWS if is_quantile else 1


def _fits(query: Query, coverage: Coverage, raw_since_us: int, look_back_us: int) -> bool:
    width_us = coverage.tier.width_us
    start_us, end_us = query.start_us - query.shift_us, query.end_us - query.shift_us
    is_gone = start_us < raw_since_us
    # where the rows are gone, a wider tier than the bucket is better than nothing: its buckets begin where narrow ones do
    is_narrow = query.bucket_us is None or query.bucket_us % width_us == 0 or (is_gone and width_us % query.bucket_us == 0)
    is_fine = is_gone or width_us * BUCKETS_OF_RANGE <= end_us - start_us
    holds_start = coverage.since_us <= max(start_us - look_back_us, raw_since_us)
    rest_us = end_us - min(coverage.until_us, end_us)
    # where rows are gone, reading those that are left would answer without the past, however long the rest takes
    is_worth_it = is_gone or rest_us <= (end_us - start_us) * REST_OF_RANGE
    return is_narrow and is_fine and holds_start and query.shift_us % width_us == 0 and is_worth_it


def kept_tiers(rows: int, groups: Sequence[int], kept: Iterable[Tier] = ()) -> tuple[Tier, ...]:
    """The tiers that pay: each against the one below that pays.

    Args:
        rows: Rows of a stretch of time.
        groups: Rows that each of `TIERS` has, or would have, of the same stretch.
        kept: The tiers that are kept already.
    """
    held = set(kept)
    found: list[Tier] = []
    below = rows
    for tier, count in zip(TIERS, groups, strict=True):
        if below and count <= below * (STOPS_RATIO if tier in held else PAYS_RATIO):
            found.append(tier)
            below = count
    return tuple(found)
