"""The families of `tapewatch.store.dialect.families`, answered from a tier instead of from rows.

Rows newer than the tier, and those of a bucket that the range begins or ends in, are summarised in the same statement.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tapewatch.model.query import Function
from tapewatch.model.table import Column, Kind
from tapewatch.store.base import LOOK_BACK_US, STATE_LASTS_US
from tapewatch.store.dialect.base import Dialect
from tapewatch.store.dialect.families import (
    US_PER_S,
    Ask,
    Part,
    Rollup,
    added_sketches,
    group_labels,
    grouped,
    is_state,
    over_series,
    worst,
)
from tapewatch.store.dialect.rolling import Span, between, roll_rows, total_gain
from tapewatch.store.rollup import NEWEST_AT, ROWS, end_of, part, seconds
from tapewatch.store.rollup import Part as Kept

_COUNT = f"sum({ROWS})"


def _rollup(ask: Ask) -> Rollup:
    assert ask.rollup is not None  # noqa: S101 - only asked with one
    return ask.rollup


@dataclass(frozen=True, slots=True)
class _Pieces:
    """What a range is put together from, in the time of the stored rows.

    Attributes:
        first_us: The buckets of the tier from here on,
        until_us: and up to here,
        without_us: but for this one, which holds the start of the range.
        rows: What is summarised on the way, and by which reader; a bucket that the range begins in is cut there.
    """

    first_us: int
    until_us: int
    without_us: int | None
    rows: tuple[tuple[Dialect, Span], ...]


def _pieces(ask: Ask, before_us: int) -> _Pieces:
    """Cut a range, and ``before_us`` microseconds before it, into whole buckets of the tier and the rows of what is none."""
    query, rollup = ask.query, _rollup(ask)
    width_us = rollup.tier.width_us
    start_us = query.start_us - query.shift_us
    end_us = end_of(query, rollup.tier, rollup.until_us, rollup.gone_us) - query.shift_us
    holds_start_us = start_us // width_us * width_us
    is_cut = holds_start_us < start_us
    first_us = (start_us - before_us) // width_us * width_us
    if is_cut and holds_start_us < rollup.gone_us:  # the newest row before the range may be gone, and an older one must not pass for it
        first_us = holds_start_us
    until_us = min(rollup.until_us, end_us // width_us * width_us)
    found: list[tuple[Dialect, int, int]] = []
    if is_cut and holds_start_us < until_us:
        found.append((rollup.edge, holds_start_us, holds_start_us + width_us))
    found.append((rollup.rest, max(first_us, until_us), end_us))
    rows: list[tuple[Dialect, Span]] = []
    for reader, since_us, to_us in found:
        read_us = since_us if before_us else max(since_us, start_us)
        if read_us < to_us:
            rows.append((reader, Span(read_us, to_us, query.filters, start_us if is_cut and since_us < start_us else None)))
    if is_cut and first_us == holds_start_us:
        return _Pieces(first_us + width_us, until_us, None, tuple(rows))
    return _Pieces(first_us, until_us, holds_start_us if is_cut else None, tuple(rows))


def _summaries(ask: Ask, columns: Iterable[str], *, before_us: int = 0) -> str:
    """SELECT of the summaries in the range, and ``before_us`` microseconds before it, with these columns, tags among them.

    Where not all tags are asked, rows that are summarised on the way are one series for each of those that are.
    ``ts`` is the start of the bucket, or that of the range in the bucket that holds it: what lies before the range has a smaller one.
    """
    dialect, query, rollup, binder = ask.dialect, ask.query, _rollup(ask), ask.binder
    pieces = _pieces(ask, before_us)
    names = list(dict.fromkeys((ROWS, *columns)))
    times = [NEWEST_AT, *(name for name in names if name.endswith((f"__{Kept.FIRST_AT}", f"__{Kept.LAST_AT}")))]
    shift = f" + {dialect.value(binder, query.shift_us)}" if query.shift_us else ""
    moved = [f"{dialect.quote(name)}{shift} AS {dialect.quote(name)}" for name in times]
    picked = ", ".join([*moved, *(dialect.quote(name) for name in names if name not in times)])
    where = [f"ts >= {dialect.value(binder, pieces.first_us)}", f"ts < {dialect.value(binder, pieces.until_us)}"]
    if pieces.without_us is not None:
        where.append(f"ts <> {dialect.value(binder, pieces.without_us)}")
    where += [dialect.condition(item, ask.table, binder) for item in query.filters]
    needed = (*times, *names, *(item.column for item in query.filters))
    selects = [dialect.select(f"rows.ts{shift} AS ts, {picked}", rollup.table, needed, " AND ".join(where))]
    for i, (reader, span) in enumerate(pieces.rows):
        rolled = roll_rows(reader, ask.table, rollup.tier, span, binder, frozenset(names))
        selects.append(f"SELECT ts{shift} AS ts, {picked} FROM ({rolled}) AS piece{i}")
    return " UNION ALL ".join(selects)


def _series_of(ask: Ask, columns: Iterable[str], *, before_us: int = 0) -> str:
    """The summaries with their groups and series."""
    columns = list(dict.fromkeys(columns))
    others = [ask.dialect.quote(name) for name in ("source", ROWS, NEWEST_AT, *columns)]
    picked = ", ".join(["ts", *ask.groups(), *ask.series(), *others])
    rows = _summaries(ask, ("source", *ask.table.tags, *columns), before_us=before_us)
    return f"SELECT {picked} FROM ({rows}) AS source"


def plain(ask: Ask, parts: Sequence[Part]) -> str:
    """Aggregates over all rows of a group, whoever sent them; and how many rows, and the newest."""
    columns = [name for item in parts if item.column is not None for name in _behind(item.measure.function, item.column)]
    values = [f"{_plain_value(ask, item)} AS {item.label}" for item in parts]
    picked = ", ".join([*ask.bucket("ts"), *ask.groups(), *values, f"{_COUNT} AS _rows", f"max({NEWEST_AT}) AS _newest"])
    return f"SELECT {picked} FROM ({_summaries(ask, (*ask.query.group_by, *columns))}) AS source{grouped(ask.keys)}"


def _behind(function: Function, column: Column) -> list[str]:
    """The kept columns that a plain measure needs."""
    is_flag = column.kind is Kind.FLAG
    kept: tuple[Kept, ...]
    match function:
        case Function.COUNT:
            kept = (Kept.COUNT,)
        case Function.AVG:
            kept = (Kept.COUNT, Kept.TRUE if is_flag else Kept.SUM)
        case Function.WORST:
            kept = (Kept.COUNT, Kept.TRUE) if is_flag else (Kept.WORST,)
        case _:
            kept = (Kept(function),)
    return [part(column.name, what) for what in kept]


def _plain_value(ask: Ask, item: Part) -> str:
    dialect, column = ask.dialect, item.column
    if column is None:
        return _COUNT
    function = item.measure.function
    names = [dialect.quote(name) for name in _behind(function, column)]
    if function is Function.WORST:
        return worst(dialect, column, _worst_flag(column, *names) if column.kind is Kind.FLAG else names[0])
    if function in {Function.FIRST, Function.LAST}:
        return dialect.value_at_end(names[0], ["ts"], newest=function is Function.LAST)
    if function is Function.AVG:
        return f"sum({names[1]}) / NULLIF(sum({names[0]}), 0)"
    return f"sum({names[0]})" if function is Function.COUNT else f"{function}({names[0]})"


def _worst_flag(column: Column, count: str, true: str) -> str:
    """The worst value that a flag had in a bucket of the tier."""
    is_true_bad = column.flag_rule is not None and column.flag_rule.bad
    return f"CASE WHEN {count} > 0 THEN {f'{true} > 0' if is_true_bad else f'{true} = {count}'} END"


def added(ask: Ask, parts: Sequence[Part]) -> str:
    """Sums per series and source; of the sources the one that saw most; added over the series of a group."""
    columns = [part(item.measure.column, Kept.SUM) for item in parts]
    rows = f"SELECT {', '.join([*ask.bucket('ts'), 'source.*'])} FROM ({_series_of(ask, columns)}) AS source"

    def value(item: Part) -> str:
        return f"sum({ask.dialect.quote(part(item.measure.column, Kept.SUM))})"

    return over_series(ask, rows, parts, value, ts=NEWEST_AT, count=_COUNT)


def gained(ask: Ask, parts: Sequence[Part]) -> str:
    """What counters gained inside each bucket of the tier, and from one to the next."""
    dialect = ask.dialect
    columns = list({item.column.name: item.column for item in parts if item.column is not None}.values())
    kept = (Kept.FIRST, Kept.LAST, Kept.GAIN, Kept.FIRST_AT, Kept.LAST_AT)
    names = [part(column.name, what) for column in columns for what in kept]
    since = dialect.value(ask.binder, ask.query.start_us - LOOK_BACK_US)
    steps: list[str] = []
    gains: list[str] = []
    for i, column in enumerate(columns):
        steps += between(dialect, column, f"{i}", "_series", since=since)
        first_at, last_at = (dialect.quote(part(column.name, what)) for what in (Kept.FIRST_AT, Kept.LAST_AT))
        gains += [f"{total_gain(dialect, column, f'{i}')} AS _gain{i}", f"{last_at} - coalesce(_t{i}, {first_at}) AS _span{i}"]
    source = _series_of(ask, names, before_us=LOOK_BACK_US)
    lagged = f"SELECT source.*, {', '.join(steps)} FROM ({source}) AS source"
    picked = ", ".join([*ask.bucket("ts"), *group_labels(ask), *ask.series_labels, "source", ROWS, NEWEST_AT, *gains])
    rows = f"SELECT {picked} FROM ({lagged}) AS lagged WHERE ts >= {dialect.value(ask.binder, ask.query.start_us)}"
    places = {column.name: i for i, column in enumerate(columns)}

    def value(item: Part) -> str:
        i = places[item.measure.column]
        gain = f"sum(_gain{i})"
        return gain if item.measure.function is Function.DELTA else f"{gain} / NULLIF(sum(_span{i}), 0) * {US_PER_S}"

    return over_series(ask, rows, parts, value, ts=NEWEST_AT, count=_COUNT)


def lasted(ask: Ask, parts: Sequence[Part]) -> str:
    """Seconds in states of one column: those inside each bucket of the tier, and what the last row of each lasted beyond it."""
    dialect, query = ask.dialect, ask.query
    name = parts[0].measure.column
    last, last_at = (dialect.quote(part(name, what)) for what in (Kept.LAST, Kept.LAST_AT))
    start, end = dialect.value(ask.binder, query.start_us), dialect.value(ask.binder, query.end_us)
    inside = {item.label: dialect.quote(seconds(name, str(item.measure.argument))) for item in parts}
    names = [part(name, what) for what in (Kept.LAST, Kept.FIRST_AT, Kept.LAST_AT)]
    names += [seconds(name, str(item.measure.argument)) for item in parts]
    source = _series_of(ask, names, before_us=STATE_LASTS_US)
    steps = ", ".join(step for item in parts[:1] if item.column is not None for step in between(dialect, item.column, "", "_series"))
    joined = f"SELECT source.*, {steps} FROM ({source}) AS source"
    common = [*group_labels(ask), *ask.series_labels, "source", NEWEST_AT]
    within = ", ".join([*ask.bucket("ts"), *common, *(f"{x} AS _s{label}" for label, x in inside.items())])
    spans = (
        f"SELECT {', '.join(common)}, {last}, greatest({last_at}, {start}) AS _from,"
        f" least(coalesce(_n, {end}), {last_at} + {dialect.value(ask.binder, STATE_LASTS_US)}, {end}) AS _to"
        f" FROM ({joined}) AS joined WHERE {last_at} IS NOT NULL"
    )
    pieces = f"SELECT *, _from AS _in, _to AS _out FROM ({spans}) AS spans WHERE _to > _from"
    if query.bucket_us:
        width = ask.width()
        unfolded = f"SELECT *, {dialect.buckets_between('_from', '_to', width)} AS _b FROM ({spans}) AS spans WHERE _to > _from"
        pieces = f"SELECT *, greatest(_from, _b) AS _in, least(_to, _b + {width}) AS _out FROM ({unfolded}) AS unfolded"
    tails = [f"CASE WHEN {is_state(ask, item, last)} THEN _out - _in ELSE 0 END / {US_PER_S} AS _s{item.label}" for item in parts]
    beyond = ", ".join([*(["_b"] if query.bucket_us else []), *common, *tails])
    rows = (
        f"SELECT {within} FROM ({joined}) AS joined WHERE ts >= {start} AND {last_at} IS NOT NULL"
        f" UNION ALL SELECT {beyond} FROM ({pieces}) AS pieces"
    )
    return over_series(ask, rows, parts, lambda item: f"sum(_s{item.label})", ts=NEWEST_AT)


def merged(ask: Ask, parts: Sequence[Part]) -> str:
    """Sketches of one column added up, and quantiles of what came out."""
    name = part(parts[0].measure.column, Kept.SKETCH)
    return added_sketches(ask, parts, _summaries(ask, (*ask.query.group_by, name)), name)
