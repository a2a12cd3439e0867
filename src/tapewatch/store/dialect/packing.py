"""How values lie in the cold table of DuckDB: smaller than in the hot one, and unpacked by the view that everybody reads.

- A time lies as the microseconds since ``ts``. In a summary the last moment of a column is most often that of its newest row, and lies as
  the difference to that. A row with a time so far away that 64 bits do not hold the difference is not packed: it stays hot.
- A sketch whose buckets lie close together lies as its lowest index and the counts from there on, empty buckets too: no index is written
  for each. Buckets that lie apart, such as that of zero, lie beside it as entries.
- What a counter was least and most in a summary is left out where it is the first and the last value, which it is unless its owner
  restarted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tapewatch.model.sketch import ZERO_INDEX
from tapewatch.model.table import Kind
from tapewatch.store.rollup import NEWEST_AT, ROWS, Part, part

ENTRIES = "STRUCT(key BIGINT, value BIGINT)[]"
"""A sketch as statements see it: index and count, each index once; a count may be 0."""

PACKED = f"STRUCT(lowest BIGINT, counts BIGINT[], apart {ENTRIES})"
"""A sketch in the cold table."""

BUCKETS_OF_COUNT = 3
"""Counts are written without their indexes while there are at most so many buckets for each that is not empty."""

Quote = Callable[[str], str]


def packed(kinds: Mapping[str, str], quote: Quote, rows: str) -> str:
    """SELECT of hot rows as the cold table holds them.

    Args:
        kinds: All columns of the table, and the kinds that they were made with.
        quote: Writes the name of one.
        rows: What they are selected from.
    """
    found: dict[str, str] = {}
    sketches: list[str] = []
    for name, kind in kinds.items():
        x = quote(name)
        if kind == Kind.TIME and name != "ts":
            found[name] = _since(name, kinds, quote)
        elif kind == Kind.SKETCH:
            found[name] = _packed_sketch(x, len(sketches))
            sketches.append(x)
        elif (same := _same(name, kinds)) is not None:
            found[name] = f"nullif({x}, {quote(same)})"
    staged, helpers = _staged(rows, sketches)
    return f"SELECT {all_but(found, quote, helpers)} FROM {staged}"


def can_be_packed(kinds: Mapping[str, str], quote: Quote) -> str:
    """Condition on hot rows that `packed` takes; the others would end the statement, and nothing would ever move again.

    Times of rows that come in lie within five thousand years; a store is also filled by those who write to it directly.
    """
    times = [name for name, kind in kinds.items() if kind == Kind.TIME and name != "ts"]
    return " AND ".join(f"({quote(name)} IS NULL OR TRY({_since(name, kinds, quote)}) IS NOT NULL)" for name in times) or "TRUE"


def unpacked(kinds: Mapping[str, str], quote: Quote, rows: str) -> str:
    """SELECT of cold rows as they were; the reverse of `packed`."""
    found = {name: x for name in kinds if (x := unpacked_value(name, kinds, quote)) is not None}
    return f"SELECT {all_but(found, quote)} FROM {rows}"


def unpacked_value(name: str, kinds: Mapping[str, str], quote: Quote) -> str | None:
    """One column of cold rows as it was; None where it lies as it was.

    Args:
        name: Which.
        kinds: All columns of the table, and their kinds.
        quote: Writes the name of one.
    """
    x, kind = quote(name), kinds.get(name)
    if kind == Kind.TIME and name != "ts":
        return f"{f'coalesce(ts + {quote(NEWEST_AT)}, ts)' if _is_last(name, kinds) else 'ts'} + {x}"
    if kind == Kind.SKETCH:
        return _unpacked_sketch(x)
    same = _same(name, kinds)
    return None if same is None else f"coalesce({x}, {quote(same)})"


def all_but(expressions: Mapping[str, str], quote: Quote, left_out: Sequence[str] = ()) -> str:
    """All columns of a SELECT but some, and some of them, by name, as other expressions."""
    excluded = f" EXCLUDE ({', '.join(left_out)})" if left_out else ""
    replaced = ", ".join(f"{x} AS {quote(name)}" for name, x in expressions.items())
    return f"*{excluded} REPLACE ({replaced})" if replaced else f"*{excluded}"


# --- times -----------------------------------------------------------------------------------------------------------


def _since(name: str, kinds: Mapping[str, str], quote: Quote) -> str:
    """A time as the cold table holds it."""
    return f"{quote(name)} - {f'coalesce({quote(NEWEST_AT)}, ts)' if _is_last(name, kinds) else 'ts'}"


def _is_last(name: str, kinds: Mapping[str, str]) -> bool:
    """Whether a time is the last moment of a column in a summary, and so most often that of its newest row."""
    return name.endswith(part("", Part.LAST_AT)) and _is_summary(kinds)


def _is_summary(kinds: Mapping[str, str]) -> bool:
    """Whether these are the columns of a tier: those of a table that somebody declares mean what they are, whatever they are called."""
    return kinds.get(NEWEST_AT) == Kind.TIME and ROWS in kinds


# --- counters --------------------------------------------------------------------------------------------------------

_ENDS = ((part("", Part.MIN), part("", Part.FIRST)), (part("", Part.MAX), part("", Part.LAST)))


def _same(name: str, kinds: Mapping[str, str]) -> str | None:
    """The column that holds the same as this one, of a counter that only grows; None for all other columns."""
    if not _is_summary(kinds):
        return None
    for end, other in _ENDS:
        counter = name.removesuffix(end)
        if counter != name and {counter + other, part(counter, Part.GAIN)} <= kinds.keys():
            return counter + other
    return None


# --- sketches --------------------------------------------------------------------------------------------------------


def _staged(rows: str, sketches: Sequence[str]) -> tuple[str, list[str]]:
    """Rows with their sketches in order and without the bucket of zero, each worked out once; and what these columns are called."""
    if not sketches:
        return rows, []
    ordered = ", ".join(f"list_sort({x}) AS _ordered{i}" for i, x in enumerate(sketches))
    others = ", ".join(
        f"CASE WHEN _ordered{i}[1].key = {ZERO_INDEX} THEN _ordered{i}[2:] ELSE _ordered{i} END AS _others{i}" for i in range(len(sketches))
    )
    staged = f"(SELECT *, {others} FROM (SELECT *, {ordered} FROM {rows}) AS ordered) AS staged"
    return staged, [f"{name}{i}" for name in ("_ordered", "_others") for i in range(len(sketches))]


def _packed_sketch(x: str, i: int) -> str:
    ordered, others = f"_ordered{i}", f"_others{i}"
    following = f"list_append(list_transform({others}[2:], lambda entry: entry.key), {others}[-1].key + 1)"
    # each count, and a 0 for each empty bucket that follows it
    counts = (
        f"flatten(list_transform(list_zip({others}, {following}), lambda pair: list_resize([pair[1].value], pair[2] - pair[1].key, 0)))"
    )
    is_close = f"{others}[-1].key - {others}[1].key < {BUCKETS_OF_COUNT} * len({others})"
    zeros = f"CASE WHEN {ordered}[1].key = {ZERO_INDEX} THEN {ordered}[1:1] END"
    return (
        f"CASE WHEN {x} IS NULL THEN NULL"
        f" WHEN {is_close} THEN struct_pack(lowest := {others}[1].key, counts := {counts}, apart := {zeros})"
        f" ELSE struct_pack(lowest := NULL, counts := NULL, apart := {x}) END"
    )


def _unpacked_sketch(x: str) -> str:
    indexes = f"range({x}.lowest, {x}.lowest + len({x}.counts))"
    close = f"CAST(list_zip({indexes}, {x}.counts) AS {ENTRIES})"
    return f"CASE WHEN {x}.lowest IS NULL THEN {x}.apart WHEN {x}.apart IS NULL THEN {close} ELSE list_concat({close}, {x}.apart) END"
