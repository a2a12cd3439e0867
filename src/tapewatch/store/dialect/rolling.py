"""Statements that summarise: rows into a tier, a tier into a wider one (see `tapewatch.store.rollup` for what is kept)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from tapewatch.model.query import Filter
from tapewatch.model.table import Column, Kind, Table
from tapewatch.store.base import STATE_LASTS_US
from tapewatch.store.dialect.base import Dialect
from tapewatch.store.dialect.families import US_PER_S, sketch_index, worst
from tapewatch.store.dialect.statement import Binder
from tapewatch.store.rollup import NEWEST_AT, ROWS, Part, Tier, part, parts_of, rolled, seconds, summarised, words

NOISE = 4e-15
"""Relative error up to which a sum of some hundred doubles is taken for a decimal: 18 units in the last place."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of rows to summarise: ``ts`` in [start_us, end_us), and all filters, which are of tags.

    ``cut_us`` parts the bucket that holds it into two, of which the second begins there.
    """

    start_us: int
    end_us: int
    filters: tuple[Filter, ...] = ()
    cut_us: int | None = None


@dataclass(frozen=True, slots=True)
class _Roll:
    """How one level becomes a wider one: the expressions differ between rows and summaries, the shape is the same."""

    dialect: Dialect
    table: Table
    tags: Sequence[str]
    only: Collection[str] | None
    steps: Callable[[Column], list[str]]
    value: Callable[[Column, Part], str]
    inside: Callable[[Column, str], str]
    counted: tuple[str, str]

    def wants(self, name: str) -> bool:
        return self.only is None or name in self.only

    def columns(self) -> list[tuple[str, str]]:
        """Name and expression of every column that is kept, but for sketches of sketches, which need a grouping of their own."""
        found = [(ROWS, self.counted[0]), (NEWEST_AT, self.counted[1])]
        for column in summarised(self.table):
            for what in parts_of(column, self.table):
                name = part(column.name, what)
                if self.wants(name) and (expression := self.value(column, what)):
                    found.append((name, expression))
            if column.kind in {Kind.STATE, Kind.FLAG}:
                names = [(seconds(column.name, word), word) for word in words(column)]
                found += [(name, self.inside(column, word)) for name, word in names if self.wants(name)]
        return found

    def statement(self, source: str, width_us: int, merged: Iterable[tuple[str, str]], binder: Binder, *, cut_us: int | None = None) -> str:
        """SELECT of the wider rows; ``merged`` are sketch columns to be added up: their name and where they come from."""
        dialect = self.dialect
        tags = self.tags
        width = dialect.value(binder, width_us)
        series = dialect.key_of([dialect.quote(tag) for tag in tags]) if tags else "0"
        steps = [step for column in summarised(self.table) for step in self.steps(column)]
        bucket = dialect.bucket_of("ts", width)
        if cut_us is not None:
            cut = dialect.value(binder, cut_us)
            bucket = f"CASE WHEN ts < {cut} THEN {bucket} ELSE greatest({bucket}, {cut}) END"
        keyed = f"SELECT *, {bucket} AS _b, {series} AS _series FROM ({source}) AS source"
        inner = f"SELECT {', '.join(['*', *steps])} FROM ({keyed}) AS keyed" if steps else keyed
        same = [f"{dialect.any_of(dialect.quote(tag))} AS {dialect.quote(tag)}" for tag in tags]
        picked = [*same, "_b AS received_at", *(f"{x} AS {dialect.quote(name)}" for name, x in self.columns())]
        grouped = f"SELECT _b, _series, {', '.join(picked)} FROM ({inner}) AS steps GROUP BY _b, _series"
        joined = f"({grouped}) AS summed"
        names: list[str] = []
        for i, (name, x) in enumerate(merged):
            entries, index, count = dialect.sketch_entries(dialect.quote(x))
            unfolded = f"SELECT _b, _series, {entries} AS _e FROM ({keyed}) AS keyed"
            held = f"({unfolded}) AS unfolded WHERE {count} > 0"
            totals = f"SELECT _b, _series, {index} AS _i, sum({count}) AS _n FROM {held} GROUP BY _b, _series, _i"
            folded = f"SELECT _b, _series, {dialect.sketch_from('_i', '_n')} AS _k{i} FROM ({totals}) AS totals GROUP BY _b, _series"
            joined += f" LEFT JOIN ({folded}) AS sketch{i} USING (_b, _series)"
            names.append(f"_k{i} AS {dialect.quote(name)}")
        outer = ["_b AS ts", *map(dialect.quote, tags), "received_at", *(dialect.quote(name) for name, _ in self.columns()), *names]
        return f"SELECT {', '.join(outer)} FROM {joined}"


def _conditions(dialect: Dialect, table: Table, span: Span, binder: Binder) -> str:
    where = [f"ts >= {dialect.value(binder, span.start_us)}", f"ts < {dialect.value(binder, span.end_us)}"]
    return " AND ".join([*where, *(dialect.condition(item, table, binder) for item in span.filters)])


def _in_bucket(function: str, x: str) -> str:
    return f"{function}({x} IGNORE NULLS) OVER (PARTITION BY _series, _b ORDER BY ts)"


def roll_rows(dialect: Dialect, table: Table, tier: Tier, span: Span, binder: Binder, only: Collection[str] | None = None) -> str:
    """SELECT of the summaries of rows; ``only`` names the tags that make a series, and the columns that are needed beside the counts."""

    def wants(name: str) -> bool:
        return only is None or name in only

    asked = [column for column in summarised(table) if any(wants(name) for name in _names(column, table))]
    tags = [tag for tag in ("source", *table.tags) if wants(tag)]
    names = ("ts", *tags, *(column.name for column in asked))
    read = (*names, *(item.column for item in span.filters))
    source = dialect.select(", ".join(map(dialect.quote, names)), table, read, _conditions(dialect, table, span, binder))
    places = {column.name: i for i, column in enumerate(summarised(table))}

    def steps(column: Column) -> list[str]:
        x, i = dialect.quote(column.name), places[column.name]
        if column.kind is Kind.COUNTER and wants(part(column.name, Part.GAIN)):
            return [f"{_in_bucket('lag', x)} AS _p{i}"]
        if column.kind in {Kind.STATE, Kind.FLAG} and any(wants(seconds(column.name, word)) for word in words(column)):
            return [f"{_in_bucket('lead', f'CASE WHEN {x} IS NOT NULL THEN ts END')} AS _n{i}"]
        return []

    def value(column: Column, what: Part) -> str:
        x, i = dialect.quote(column.name), places[column.name]
        if what is Part.SKETCH:
            return "" if column.kind is Kind.SKETCH else dialect.sketch_of(sketch_index(x))
        return _of_rows(dialect, column, what, x, i)

    def inside(column: Column, word: str) -> str:
        i = places[column.name]
        is_in = f"{_is(dialect, column, dialect.quote(column.name), word)} AND _n{i} IS NOT NULL"
        return f"sum(CASE WHEN {is_in} THEN least(_n{i} - ts, {STATE_LASTS_US}) ELSE 0 END) / {US_PER_S}"

    sketches = [(part(column.name, Part.SKETCH), column.name) for column in asked if column.kind is Kind.SKETCH]
    sketches = [(name, x) for name, x in sketches if wants(name)]
    roll = _Roll(dialect, table, tags, only, steps, value, inside, ("count(*)", "max(ts)"))
    return roll.statement(source, tier.width_us, sketches, binder, cut_us=span.cut_us)


def _names(column: Column, table: Table) -> list[str]:
    names = [part(column.name, what) for what in parts_of(column, table)]
    return names + [seconds(column.name, word) for word in words(column)]


def _of_rows(dialect: Dialect, column: Column, what: Part, x: str, i: int) -> str:
    if what in {Part.FIRST, Part.LAST}:
        return dialect.value_at_end(x, ["ts"], newest=what is Part.LAST)
    if what is Part.WORST:
        return worst(dialect, column, x)
    return {
        Part.COUNT: f"count({x})",
        Part.SUM: tidied(f"sum({x})"),
        Part.FIRST_AT: f"min(CASE WHEN {x} IS NOT NULL THEN ts END)",
        Part.LAST_AT: f"max(CASE WHEN {x} IS NOT NULL THEN ts END)",
        Part.GAIN: f"sum(CASE WHEN {x} < _p{i} THEN {x} ELSE {x} - _p{i} END)",
        Part.TRUE: f"sum(CASE WHEN {x} THEN 1 ELSE 0 END)",
    }.get(what, f"{what}({x})")


def tidied(total: str) -> str:
    """A sum, with the decimal that it stands for in the place of what adding binary fractions left: that takes half the space."""
    decimal = f"round({total} * 1e6) / 1e6"
    return f"CASE WHEN abs({decimal} - {total}) <= abs({total}) * {NOISE!r} THEN {decimal} ELSE {total} END"


def _is(dialect: Dialect, column: Column, x: str, word: str) -> str:
    return f"{x} = {word.upper()}" if column.kind is Kind.FLAG else f"{x} = {dialect.text(word)}"


def roll_tier(dialect: Dialect, table: Table, narrow: Tier, wide: Tier, span: Span, binder: Binder) -> str:
    """SELECT of the summaries of summaries."""
    held = rolled(table, narrow)
    source = f"SELECT * FROM {dialect.relation(held)} AS rows WHERE {_conditions(dialect, held, span, binder)}"
    places = {column.name: i for i, column in enumerate(summarised(table))}

    def steps(column: Column) -> list[str]:
        return between(dialect, column, f"{places[column.name]}", "_series, _b")

    def value(column: Column, what: Part) -> str:
        x, i = dialect.quote(part(column.name, what)), places[column.name]
        match what:
            case Part.FIRST | Part.LAST:
                return dialect.value_at_end(x, ["ts"], newest=what is Part.LAST)
            case Part.MIN | Part.MAX | Part.FIRST_AT | Part.LAST_AT:
                return f"{'min' if what in {Part.MIN, Part.FIRST_AT} else 'max'}({x})"
            case Part.GAIN:
                return f"sum({total_gain(dialect, column, f'{i}')})"
            case Part.WORST:
                return worst(dialect, column, x)
            case Part.SKETCH:
                return ""
            case _:
                return tidied(f"sum({x})") if what is Part.SUM else f"sum({x})"

    def inside(column: Column, word: str) -> str:
        i = places[column.name]
        last, last_at = (dialect.quote(part(column.name, what)) for what in (Part.LAST, Part.LAST_AT))
        is_in = f"{_is(dialect, column, last, word)} AND _n{i} IS NOT NULL"
        tail = f"sum(CASE WHEN {is_in} THEN least(_n{i} - {last_at}, {STATE_LASTS_US}) ELSE 0 END) / {US_PER_S}"
        return f"sum({dialect.quote(seconds(column.name, word))}) + {tail}"

    merged = [part(column.name, Part.SKETCH) for column in summarised(table) if Part.SKETCH in parts_of(column, table)]
    roll = _Roll(dialect, table, ("source", *table.tags), None, steps, value, inside, (f"sum({ROWS})", f"max({NEWEST_AT})"))
    return roll.statement(source, wide.width_us, [(name, name) for name in merged], binder)


def between(dialect: Dialect, column: Column, label: str, partition: str, *, since: str = "") -> list[str]:
    """Window columns that join a summary to its neighbours of the same series: ``_p`` the counter before, ``_n`` the next moment.

    A counter before ``since``, a bound time, is none.
    """
    order = f"OVER (PARTITION BY {partition} ORDER BY ts)"
    if column.kind is Kind.COUNTER:
        last, last_at = (dialect.quote(part(column.name, what)) for what in (Part.LAST, Part.LAST_AT))
        if since:
            last, last_at = (f"CASE WHEN {last_at} >= {since} THEN {x} END" for x in (last, last_at))
        return [f"lag({last} IGNORE NULLS) {order} AS _p{label}", f"lag({last_at} IGNORE NULLS) {order} AS _t{label}"]
    if column.kind in {Kind.STATE, Kind.FLAG}:
        return [f"lead({dialect.quote(part(column.name, Part.FIRST_AT))} IGNORE NULLS) {order} AS _n{label}"]
    return []


def total_gain(dialect: Dialect, column: Column, label: str) -> str:
    """What a counter gained up to the end of a summary since the one before; null where there is nothing to compare."""
    first, gain = (dialect.quote(part(column.name, what)) for what in (Part.FIRST, Part.GAIN))
    across = f"CASE WHEN {first} < _p{label} THEN {first} ELSE {first} - _p{label} END"
    return f"coalesce({gain} + ({across}), {gain}, {across})"


def pays(dialect: Dialect, table: Table, widths_us: Sequence[int], span: Span, binder: Binder) -> str:
    """One row: how many rows a stretch has, and how many summaries of each width."""
    series = dialect.key_of([dialect.quote(tag) for tag in ("source", *table.tags)])
    counts = [f"count(DISTINCT {dialect.key_of([series, dialect.bucket_of('ts', str(width_us))])})" for width_us in widths_us]
    where = _conditions(dialect, table, span, binder)
    return f"SELECT count(*), {', '.join(counts)} FROM {dialect.relation(table)} AS rows WHERE {where}"
