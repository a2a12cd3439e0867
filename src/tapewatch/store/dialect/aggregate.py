"""The statement of an aggregate: its measures go to their families, and the families come together by bucket and group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tapewatch.errors import QueryError
from tapewatch.model.query import Function, Measure, Query
from tapewatch.model.table import Kind, Table
from tapewatch.store.dialect import families, selecting, tiers
from tapewatch.store.dialect.base import Dialect
from tapewatch.store.dialect.families import Ask, Part, Rollup
from tapewatch.store.dialect.statement import Binder, Form, Output, Statement

_Write = Callable[[Ask, Sequence[Part]], str]
_FROM_ROWS: dict[str, _Write] = {
    "plain": families.plain,
    "added": families.added,
    "gained": families.gained,
    "lasted": families.lasted,
    "merged": families.merged,
    "selected": selecting.selected,
}
_FROM_TIERS: dict[str, _Write] = {
    "plain": tiers.plain,
    "added": tiers.added,
    "gained": tiers.gained,
    "lasted": tiers.lasted,
    "merged": tiers.merged,
}
_BY_SERIES = frozenset({"added", "gained", "lasted"})
_COUNTING = frozenset({"plain", "added", "gained"})
_OF_ONE_COLUMN = frozenset({"lasted", "merged", "selected"})


@dataclass(frozen=True, slots=True)
class _Family:
    name: str
    parts: list[Part]


def aggregate(
    dialect: Dialect,
    query: Query,
    table: Table,
    *,
    one_source: bool = False,
    by_keys: bool = True,
    is_large: bool = False,
    rollup: Rollup | None = None,
) -> Statement:
    """Measures per bucket and group, ordered by them unless the question says otherwise.

    Args:
        dialect: Of the engine.
        query: The question.
        table: Its table.
        by_keys: Order the answer by its keys, unless it has an order of its own; without, the asker orders what is not cut.
        is_large: Find quantiles without holding all values, see `tapewatch.store.dialect.selecting`; slower where these are few.
        one_source: Hope that every group has a single source: a shorter statement, whose column ``mixed`` tells when that is wrong.
        rollup: Answers in the place of the rows; a range whose first rows are gone must begin with a bucket, see `begin_of`.

    Raises:
        QueryError: Two columns of the answer have the same name, or ``order_by`` names none of them.
    """
    parts = _parts(query, table)
    hopes = one_source and _gains_by_one_source(list(parts.values()))
    chosen = _families(list(parts.values()), is_rolled=rollup is not None, is_large=is_large)
    by_number = all(family.name != "lasted" for family in chosen)  # a state lasts across buckets
    ask = Ask(dialect, query, table, Binder(), one_source=hopes, by_number=by_number, rollup=rollup)
    write = _FROM_ROWS if rollup is None else _FROM_TIERS
    written = [(family, write[family.name](ask, family.parts)) for family in chosen]
    source = written[0][1] if len(written) == 1 else _together(ask, written)
    outputs = _outputs(query, parts)
    picked = [f"{label} AS {output.label}" for label, output in zip(_expressions(query, parts), outputs[len(ask.keys) :], strict=True)]
    # totals cost a sort of their own; the asker adds the rows up, unless the answer is probably cut: one ordered by a column
    is_ranked = bool(query.order_by)
    counted = ["sum(_rows) OVER () AS _behind", "max(_newest) OVER () AS _newest"] if is_ranked else ["_rows AS _behind", "_newest"]
    if ask.one_source:  # of an answer that is cut, the rows cut away decide with: a wrong sum may have put them there
        counted.append(f"{dialect.any_true('_mixed')} OVER () AS _mixed" if is_ranked else "_mixed")
    order = ""
    if by_keys or is_ranked:
        order = f" ORDER BY {dialect.order(query.order_by, outputs, [f'{key} NULLS LAST' for key in ask.keys])}"
    sql = f"SELECT {', '.join([*ask.answered_keys(), *picked, *counted])} FROM ({source}) AS answer{order}{dialect.limit(query)}"
    mixed = "_mixed" if ask.one_source else ""
    return Statement(sql, ask.binder.values, outputs, newest="_newest", behind="_behind", has_totals=is_ranked, mixed=mixed)


def _gains_by_one_source(parts: Sequence[Part]) -> bool:
    """Whether some part is computed per series and source, and all those may be added row by row: a rate is a quotient per series."""
    by_series = [part for part in parts if _family_of(part) in _BY_SERIES]
    return bool(by_series) and not any(part.measure.function is Function.RATE for part in by_series)


_Key = tuple[Function, str, str | float | None]


def _key(measure: Measure) -> _Key:
    return (measure.function, measure.column, measure.argument)


def _parts(query: Query, table: Table) -> dict[_Key, Part]:
    """What must be computed: each different measure once, the halves of ratios included."""
    parts: dict[_Key, Part] = {}
    for measure in query.measures:
        for single in measure.over if measure.function is Function.RATIO else (measure,):
            if _key(single) not in parts:
                parts[_key(single)] = Part(f"_m{len(parts)}", single, table.column.get(single.column))
    return parts


def _families(parts: Sequence[Part], *, is_rolled: bool, is_large: bool) -> list[_Family]:
    """The families in use; one of them counts the rows, and comes first."""
    found: dict[tuple[str, str], _Family] = {}
    for part in parts:
        name = _family_of(part, is_rolled=is_rolled, is_large=is_large)
        column = part.measure.column if name in _OF_ONE_COLUMN else ""
        found.setdefault((name, column), _Family(name, [])).parts.append(part)
    chosen = sorted(found.values(), key=lambda family: family.name not in _COUNTING)
    return chosen if chosen[0].name in _COUNTING else [_Family("plain", []), *chosen]


def _family_of(part: Part, *, is_rolled: bool = False, is_large: bool = False) -> str:
    function, column = part.measure.function, part.column
    if function is Function.SUM:
        return "added"
    if function in {Function.RATE, Function.DELTA}:
        return "gained"
    if function is Function.TIME_IN_STATE:
        return "lasted"
    is_sketch = is_rolled or (column is not None and column.kind is Kind.SKETCH)
    if is_sketch and function in {Function.QUANTILE, Function.BUCKETS}:
        return "merged"
    return "selected" if is_large and function is Function.QUANTILE else "plain"


def has_quantiles(query: Query, table: Table) -> bool:
    """Whether a question asks for a quantile of single values, all of which its statement holds unless told that they are many."""
    singles = [single for measure in query.measures for single in (measure.over or (measure,))]
    return any(single.function is Function.QUANTILE and table.column[single.column].kind is not Kind.SKETCH for single in singles)


def _together(ask: Ask, written: Sequence[tuple[_Family, str]]) -> str:
    """All families below each other, nulls where a family has no value, then one row per bucket and group."""
    selects: list[str] = []
    for i, (family, sql) in enumerate(written):
        columns = list(ask.keys)
        for other, _ in written:
            columns += [part.label if other is family else f"{ask.dialect.absent(part.form)} AS {part.label}" for part in other.parts]
        counted = ["_rows", "_newest"] if i == 0 else ["NULL AS _rows", "NULL AS _newest"]
        if ask.one_source:
            counted.append("_mixed" if family.name in _BY_SERIES else "FALSE AS _mixed")
        selects.append(f"SELECT {', '.join([*columns, *counted])} FROM ({sql}) AS family{i}")
    values = [f"{ask.dialect.any_of(part.label)} AS {part.label}" for family, _ in written for part in family.parts]
    counted = [
        "sum(_rows) AS _rows",
        "max(_newest) AS _newest",
        *([f"{ask.dialect.any_true('_mixed')} AS _mixed"] if ask.one_source else []),
    ]
    keys = f" GROUP BY {', '.join(ask.keys)}" if ask.keys else " HAVING count(*) > 0"
    return f"SELECT {', '.join([*ask.keys, *values, *counted])} FROM ({' UNION ALL '.join(selects)}) AS families{keys}"


def _expressions(query: Query, parts: dict[_Key, Part]) -> list[str]:
    return [_expression(measure, parts) for measure in query.measures]


def _expression(measure: Measure, parts: dict[_Key, Part]) -> str:
    if measure.function is Function.RATIO:
        above, below = (_expression(part, parts) for part in measure.over)
        return f"{above} / NULLIF({below}, 0)"
    label = parts[_key(measure)].label
    return f"CAST(coalesce({label}, 0) AS DOUBLE PRECISION)" if measure.function is Function.COUNT else label


def _outputs(query: Query, parts: dict[_Key, Part]) -> tuple[Output, ...]:
    outputs = [Output("bucket", "_b", Form.TIME)] if query.bucket_us else []
    outputs += [Output(name, f"_g{i}", Form.WORD) for i, name in enumerate(query.group_by)]
    taken = {output.name for output in outputs}
    for i, measure in enumerate(query.measures):
        if measure.name in taken:
            raise QueryError(f"two columns of the answer are called {measure.name!r}; give one an alias", position=f"measures[{i}].alias")
        taken.add(measure.name)
        form = Form.NUMBER if measure.function is Function.RATIO else parts[_key(measure)].form
        outputs.append(Output(measure.name, f"_o{i}", form))
    return tuple(outputs)
