"""Families of measures: each turns the rows of a question into one SELECT of keys and values.

``plain`` aggregates over all rows of a group. ``added`` sums per series and source, takes the source that saw most, and adds the series.
Where one source alone reports, which is usual, the sum over the group is the same and costs half: it is tried first (`Ask.one_source`).
``gained`` does the same with what counters gained, ``lasted`` with the seconds that a state lasted. ``merged`` adds up sketches.
The keys are ``_b`` (the bucket, where there is one) and ``_g0 …`` (the groups); the values are called as their `Part` says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tapewatch.model import sketch
from tapewatch.model.query import Function, Measure, Query
from tapewatch.model.table import NUMERIC, Column, Kind, Table
from tapewatch.store.base import LOOK_BACK_US, STATE_LASTS_US
from tapewatch.store.dialect.base import Dialect, has_arrival, order_key
from tapewatch.store.dialect.statement import Binder, Form, form_of
from tapewatch.store.rollup import Tier

US_PER_S = 1e6
"""Microseconds of a second, as statements write it."""


@dataclass(frozen=True, slots=True)
class Part:
    """One value that a family computes.

    Attributes:
        label: Its name in the statement.
        measure: What it is; never a ratio.
        column: Of which column; None for a count of rows.
    """

    label: str
    measure: Measure
    column: Column | None

    @property
    def form(self) -> Form:
        """How its values are held."""
        function = self.measure.function
        if function is Function.BUCKETS:
            return Form.SKETCH
        if function in {Function.FIRST, Function.LAST, Function.WORST, Function.MIN, Function.MAX} and self.column is not None:
            return form_of(self.column)
        return Form.NUMBER


@dataclass(frozen=True, slots=True)
class Rollup:
    """A tier that answers a question.

    Attributes:
        tier: Which one.
        table: Where its rows are.
        until_us: End of its last bucket; what is newer is summarised while it is asked.
        gone_us: Rows before this moment are gone: a bucket whose rows are needed and gone is taken whole.
        edge: Reads the rows of the bucket that holds the start of the range.
        rest: Reads the rows that are newer than the tier, and those of the bucket that holds the end of the range.
    """

    tier: Tier
    table: Table
    until_us: int
    gone_us: int
    edge: Dialect
    rest: Dialect


@dataclass(frozen=True, slots=True)
class Ask:
    """A question on its way to a statement.

    Attributes:
        dialect: Of the engine.
        query: The question.
        table: Its table.
        binder: Of the statement.
        one_source: Whether every group is taken to have a single source; ``_mixed`` of a row then says that its group has not.
        by_number: Whether buckets are numbered from that of the start on, and get their time at the end: small numbers group faster.
        rollup: What answers in the place of the rows; see `tapewatch.store.dialect.tiers`.
    """

    dialect: Dialect
    query: Query
    table: Table
    binder: Binder
    one_source: bool = False
    by_number: bool = False
    rollup: Rollup | None = None

    @property
    def keys(self) -> list[str]:
        """Labels of the keys."""
        return [*(["_b"] if self.query.bucket_us else []), *(f"_g{i}" for i in range(len(self.query.group_by)))]

    def groups(self) -> list[str]:
        """The group-by columns under their labels."""
        return [f"{self.dialect.quote(name)} AS _g{i}" for i, name in enumerate(self.query.group_by)]

    def bucket(self, x: str) -> list[str]:
        """The bucket of a time under its label; nothing without buckets."""
        if not self.query.bucket_us:
            return []
        if self.by_number:
            return [f"{self.dialect.quotient(f'({x} - {self._first_bucket()})', self.width())} AS _b"]
        return [f"{self.dialect.bucket_of(x, self.width())} AS _b"]

    def answered_keys(self) -> list[str]:
        """The keys as they are answered: buckets as the time of their start."""
        return [f"{self._first_bucket()} + _b * {self.width()} AS _b" if key == "_b" and self.by_number else key for key in self.keys]

    def _first_bucket(self) -> str:
        """The bound start of the bucket that holds the start of the range."""
        width_us = self.query.bucket_us or 1
        return self.dialect.value(self.binder, self.query.start_us // width_us * width_us)

    def width(self) -> str:
        """The bound width of a bucket."""
        return self.dialect.value(self.binder, self.query.bucket_us or 0)

    def series(self) -> list[str]:
        """What makes a series of one source, and what makes it whoever reports it."""
        tags = [self.dialect.quote(tag) for tag in self.table.tags]
        of_source = [*tags, self.dialect.quote("source")]
        subject = of_source if "source" in self.query.group_by else tags
        keys = dict(zip(self.series_labels, (of_source, subject), strict=False))
        return [f"{self.dialect.key_of(columns)} AS {label}" for label, columns in keys.items()]

    @property
    def series_labels(self) -> tuple[str, ...]:
        """Labels of what `series` gives; where one source alone is hoped for, a series is the same whoever reports it."""
        return ("_series",) if self.one_source else ("_series", "_subject")

    def source(self, columns: Sequence[str], *, before_us: int = 0) -> str:
        """The rows with these columns and those of the groups."""
        return self.dialect.source_rows(self.query, self.table, self.binder, (*columns, *self.query.group_by), before_us=before_us)

    def series_source(self, columns: Sequence[str], *, before_us: int) -> str:
        """The rows with their groups, series and these columns."""
        others = [self.dialect.quote(name) for name in dict.fromkeys((*columns, "source")) if name != "ts"]
        picked = ", ".join(["ts", *self.groups(), *self.series(), *others])
        rows = self.source((*columns, *self.table.tags, "source"), before_us=before_us)
        return f"SELECT {picked} FROM ({rows}) AS source"


def plain(ask: Ask, parts: Sequence[Part]) -> str:
    """Aggregates over all rows of a group, whoever sent them; and how many rows, and the newest."""
    ordered = any(part.measure.function in {Function.FIRST, Function.LAST} for part in parts)
    columns = [part.column.name for part in parts if part.column is not None]
    rows = ask.source((*columns, "received_at", *order_key(ask.table)) if ordered else columns)
    values = [f"{_plain_value(ask, part)} AS {part.label}" for part in parts]
    picked = ", ".join([*ask.bucket("ts"), *ask.groups(), *values, "count(*) AS _rows", "max(ts) AS _newest"])
    return f"SELECT {picked} FROM ({rows}) AS source{grouped(ask.keys)}"


def _plain_value(ask: Ask, part: Part) -> str:  # noqa: PLR0911 - one line per function
    dialect, measure, column = ask.dialect, part.measure, part.column
    if column is None:
        return "count(*)"
    x = dialect.quote(column.name)
    match measure.function:
        case Function.FIRST | Function.LAST:
            order = ["ts", "received_at", *(dialect.never_null(ask.table, name) for name in order_key(ask.table))]
            return dialect.value_at_end(x, order, newest=measure.function is Function.LAST)
        case Function.QUANTILE:
            return dialect.quantile(x, float(measure.argument or 0))
        case Function.BUCKETS:
            return dialect.sketch_of(sketch_index(x))
        case Function.WORST:
            return worst(dialect, column, x)
        case Function.AVG:
            return f"avg({x})" if column.kind in NUMERIC else f"avg(CASE {x} WHEN TRUE THEN 1.0 WHEN FALSE THEN 0.0 END)"
        case _:
            return f"{measure.function}({x})"


def sketch_index(x: str) -> str:
    """The bucket of a number in a sketch, see `tapewatch.model.sketch.index_of`; null for what is negative."""
    index = f"CAST(ceil(ln({x}) / ln({sketch.GAMMA!r})) AS INTEGER)"
    return f"CASE WHEN {x} < 0 THEN NULL WHEN {x} <= {sketch.SMALLEST_MS!r} THEN {sketch.ZERO_INDEX} ELSE {index} END"


def worst(dialect: Dialect, column: Column, x: str) -> str:
    """Aggregate: the worst of the values of a state or a flag."""
    if column.kind is Kind.FLAG:
        return dialect.any_true(x) if column.flag_rule is not None and column.flag_rule.bad else dialect.all_true(x)
    ranks = " ".join(f"WHEN {dialect.text(state.name)} THEN {rank}" for rank, state in enumerate(column.states))
    words = " ".join(f"WHEN {rank} THEN {dialect.text(state.name)}" for rank, state in enumerate(column.states))
    return f"CASE max(CASE {x} {ranks} END) {words} END"


def added(ask: Ask, parts: Sequence[Part]) -> str:
    """Sums per series and source; of the sources the one that saw most; added over the series of a group."""
    columns = [part.column.name for part in parts if part.column is not None]
    if ask.one_source:
        names = dict.fromkeys((*columns, "source"))
        picked = ", ".join([*ask.bucket("ts"), "ts", *ask.groups(), *map(ask.dialect.quote, names)])
        rows = f"SELECT {picked} FROM ({ask.source(tuple(names))}) AS source"
    else:
        picked = ", ".join([*ask.bucket("ts"), "source.*"])
        rows = f"SELECT {picked} FROM ({ask.series_source(columns, before_us=0)}) AS source"
    return over_series(ask, rows, parts, lambda part: f"sum({ask.dialect.quote(part.measure.column)})")


def gained(ask: Ask, parts: Sequence[Part]) -> str:
    """What counters gained: a value below the one before is a restart and counts whole.

    The first row in the range is compared with the newest one in the `LOOK_BACK_US` before it; a series' first row gains nothing.
    A rate divides by the time between the rows compared, so that it does not depend on where buckets begin and end.
    """
    dialect = ask.dialect
    columns = list(dict.fromkeys(part.measure.column for part in parts))
    with_rate = {part.measure.column for part in parts if part.measure.function is Function.RATE}
    in_series = _order_in_series(ask.table)
    order = ", ".join(dialect.quote(name) for name in in_series)
    lagged: list[str] = []
    gains: list[str] = []
    for i, name in enumerate(columns):
        x = dialect.quote(name)
        lagged.append(f"{dialect.before(x, '_series', order)} AS _p{i}")
        gains.append(f"CASE WHEN {x} < _p{i} THEN {x} ELSE {x} - _p{i} END AS _gain{i}")
        if name in with_rate:
            lagged.append(f"{dialect.before(f'CASE WHEN {x} IS NOT NULL THEN ts END', '_series', order)} AS _t{i}")
            gains.append(f"CASE WHEN {x} IS NOT NULL THEN ts - _t{i} END AS _span{i}")
    source = ask.series_source((*columns, *in_series), before_us=LOOK_BACK_US)
    picked = ", ".join([*ask.bucket("ts"), "ts", *group_labels(ask), *ask.series_labels, "source", *gains])
    start = dialect.value(ask.binder, ask.query.start_us)
    rows = f"SELECT {picked} FROM (SELECT source.*, {', '.join(lagged)} FROM ({source}) AS source) AS lagged WHERE ts >= {start}"

    def value(part: Part) -> str:
        i = columns.index(part.measure.column)
        gain = f"sum(_gain{i})"
        return gain if part.measure.function is Function.DELTA else f"{gain} / NULLIF(sum(_span{i}), 0) * {US_PER_S}"

    return over_series(ask, rows, parts, value)


def lasted(ask: Ask, parts: Sequence[Part]) -> str:
    """Seconds that states of one column lasted: until the next row of the series and source, at most `STATE_LASTS_US`."""
    dialect = ask.dialect
    x = dialect.quote(parts[0].measure.column)
    start, end = dialect.value(ask.binder, ask.query.start_us), dialect.value(ask.binder, ask.query.end_us)
    longest = dialect.value(ask.binder, STATE_LASTS_US)
    in_series = _order_in_series(ask.table)
    source = ask.series_source((parts[0].measure.column, *in_series), before_us=STATE_LASTS_US)
    groups = group_labels(ask)
    until = f"lead(ts) OVER (PARTITION BY _series ORDER BY {', '.join(dialect.quote(name) for name in in_series)})"
    spans = (
        f"SELECT {', '.join([*groups, *ask.series_labels, 'source', x])}, ts AS _ts, greatest(ts, {start}) AS _from,"
        f" least(coalesce({until}, {end}), ts + {longest}, {end}) AS _to FROM ({source}) AS source WHERE {x} IS NOT NULL"
    )
    rows = f"SELECT *, _from AS _in, _to AS _out FROM ({spans}) AS spans WHERE _to > _from"
    if ask.query.bucket_us:
        width = ask.width()
        unfolded = f"SELECT *, {dialect.buckets_between('_from', '_to', width)} AS _b FROM ({spans}) AS spans WHERE _to > _from"
        rows = f"SELECT *, greatest(_from, _b) AS _in, least(_to, _b + {width}) AS _out FROM ({unfolded}) AS unfolded"

    def value(part: Part) -> str:
        return f"sum(CASE WHEN {is_state(ask, part, x)} THEN _out - _in ELSE 0 END) / {US_PER_S}"

    return over_series(ask, rows, parts, value, ts="_ts")


def _order_in_series(table: Table) -> tuple[str, ...]:
    """Columns that order the rows of a series and source; for measurements ``ts`` alone, there is one row per moment."""
    return ("ts", "received_at", *order_key(table)) if has_arrival(table) else ("ts",)


def is_state(ask: Ask, part: Part, x: str) -> str:
    """Condition: a value is the state that a measure asks for."""
    if part.column is not None and part.column.kind is Kind.FLAG:
        return f"{x} = {str(part.measure.argument).upper()}" if part.measure.argument in {"true", "false"} else "FALSE"
    return f"{x} = {ask.dialect.value(ask.binder, str(part.measure.argument))}"


def merged(ask: Ask, parts: Sequence[Part]) -> str:
    """Sketches of one column added up, and quantiles of what came out."""
    name = parts[0].measure.column
    return added_sketches(ask, parts, ask.source((name,)), name)


def added_sketches(ask: Ask, parts: Sequence[Part], rows: str, name: str) -> str:
    """The sketches in column ``name`` of some rows added up."""
    dialect = ask.dialect
    entries, index, count = dialect.sketch_entries(dialect.quote(name))
    picked = ", ".join([*ask.bucket("ts"), *ask.groups(), f"{entries} AS _e"])
    unfolded = f"SELECT {picked} FROM ({rows}) AS source"
    keys = ask.keys
    entry = ", ".join([*keys, f"{index} AS _i", f"sum({count}) AS _n"])
    totals = f"SELECT {entry} FROM ({unfolded}) AS unfolded WHERE {count} > 0 GROUP BY {', '.join([*keys, '_i'])}"
    over = f"PARTITION BY {', '.join(keys)}" if keys else ""
    ranked = f"SELECT *, sum(_n) OVER ({over} ORDER BY _i) AS _seen, sum(_n) OVER ({over}) AS _all FROM ({totals}) AS totals"
    values = [f"{_merged_value(dialect, part)} AS {part.label}" for part in parts]
    return f"SELECT {', '.join([*keys, *values])} FROM ({ranked}) AS ranked{grouped(keys)}"


def _merged_value(dialect: Dialect, part: Part) -> str:
    if part.measure.function is Function.BUCKETS:
        return dialect.sketch_from("_i", "_n")
    index = f"min(CASE WHEN _seen > {float(part.measure.argument or 0)!r} * (_all - 1) THEN _i END)"
    return f"CASE WHEN {index} <= {sketch.ZERO_INDEX} THEN 0.0 ELSE 2 * power({sketch.GAMMA!r}, {index}) / {sketch.GAMMA + 1!r} END"


def over_series(
    ask: Ask, rows: str, parts: Sequence[Part], value: Callable[[Part], str], *, ts: str = "ts", count: str = "count(*)"
) -> str:
    """Compute values per series and source, keep the largest of the sources, add over the series of a group."""
    dialect, keys = ask.dialect, ask.keys
    if ask.one_source:
        values = [f"{value(part)} AS {part.label}" for part in parts]
        picked = ", ".join([*keys, *values, f"{count} AS _rows", f"max({ts}) AS _newest", "min(source) <> max(source) AS _mixed"])
        return f"SELECT {picked} FROM ({rows}) AS rows{grouped(keys)}"
    bucket = [key for key in keys if key == "_b"]
    groups = [f"{dialect.any_of(label)} AS {label}" for label in group_labels(ask)]

    def level(of: Callable[[Part], str]) -> list[str]:
        return [f"{of(part)} AS {part.label}" for part in parts]

    first = ", ".join([*bucket, "_subject", *groups, *level(value), f"{count} AS _rows", f"max({ts}) AS _newest"])
    per_source = f"SELECT {first} FROM ({rows}) AS rows GROUP BY {', '.join([*bucket, '_series', '_subject'])}"
    counted = ["sum(_rows) AS _rows", "max(_newest) AS _newest"]
    second = ", ".join([*bucket, *groups, *level(lambda part: f"max({part.label})"), *counted])
    per_subject = f"SELECT {second} FROM ({per_source}) AS per_source GROUP BY {', '.join([*bucket, '_subject'])}"
    third = ", ".join([*keys, *level(lambda part: f"sum({part.label})"), *counted])
    return f"SELECT {third} FROM ({per_subject}) AS per_subject{grouped(keys)}"


def group_labels(ask: Ask) -> list[str]:
    """Labels of the groups."""
    return [f"_g{i}" for i in range(len(ask.query.group_by))]


def grouped(keys: Sequence[str]) -> str:
    """GROUP BY; without keys one group that exists only when there are rows."""
    return f" GROUP BY {', '.join(keys)}" if keys else " HAVING count(*) > 0"
