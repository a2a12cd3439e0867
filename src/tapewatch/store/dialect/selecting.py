"""Exact quantiles in memory that does not grow with the number of values: the rows are read several times, each time fewer count.

First all values are counted in logarithmic buckets. Of those only the ones that hold a wanted rank are read again: where they hold many
values they are cut into equal steps first, so that prices which lie within a percent, or a moment as a number, are told apart as well.
What is left is counted value by value, and the value at a rank is the first whose running count exceeds it. All of it is one statement, so
that every reading sees the same rows. Source: Munro, Paterson, "Selection and sorting with limited storage", TCS 12, 1980.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tapewatch.store.dialect.families import Ask, Part, grouped

PER_DOUBLING = 16
"""Logarithmic buckets between a value and its double: a few dozen hold what a group usually has."""

_BEYOND = 20_000
"""More than any double's logarithm times `PER_DOUBLING`: parts the indexes of negative values, zero and positive ones."""

STEPS = 256
"""Equal steps that a bucket with many values is cut into."""

FEW = 100_000
"""Values that are counted one by one without being cut into steps first, over all groups."""


def selected(ask: Ask, parts: Sequence[Part]) -> str:
    """Quantiles of one column with numbers: linear interpolation between the two closest ranks (R-7, Hyndman and Fan 1996).

    The logarithm may put neighbouring doubles at a border between buckets the wrong way round, which is the last digit of a quantile.
    """
    return _Selection(ask, parts).write()


@dataclass(frozen=True, slots=True)
class _Selection:
    """Writes the steps; each but the last ends with the ranges that hold a wanted rank.

    A range is ``_i`` (its logarithmic bucket), ``_lo`` and ``_hi`` (its smallest and largest value), ``_n`` (its values), ``_seen`` (the
    values of the group up to its end) and ``_all`` (those of the whole group).
    """

    ask: Ask
    parts: Sequence[Part]

    def write(self) -> str:
        keys = self._keys()
        is_dense = f"_n * _ranges > {FEW} AND _lo < _hi"
        values = ", ".join(f"{self._quantile(part)} AS {part.label}" for part in self.parts)
        return (
            f"WITH counted AS ({self._counted()}), held AS MATERIALIZED ({self._holding('counted')}),"
            f" dense AS (SELECT * FROM held WHERE {is_dense}), stepped AS ({self._stepped()}),"
            f" narrow AS (SELECT {keys}{_RANGE} FROM held WHERE NOT ({is_dense}) UNION ALL SELECT {keys}{_RANGE}"
            f" FROM ({self._holding('stepped')}) AS holding),"
            f" placed AS ({self._placed()}) SELECT {keys}{values} FROM placed{grouped(self.ask.keys)}"
        )

    def _rows(self) -> str:
        """Keys, value ``_x`` and logarithmic bucket ``_i`` of all rows that have a value."""
        name = self.parts[0].measure.column
        picked = ", ".join([*self.ask.bucket("ts"), *self.ask.groups(), f"{self.ask.dialect.quote(name)} AS _x"])
        found = f"SELECT {picked} FROM ({self.ask.source((name,))}) AS source"
        return f"SELECT *, {_LOGARITHMIC} AS _i FROM ({found}) AS found WHERE _x IS NOT NULL"

    def _counted(self) -> str:
        keys = self._keys()
        over = f"PARTITION BY {', '.join(self.ask.keys)}" if self.ask.keys else ""
        counts = f"SELECT {keys}_i, {_COUNTS} FROM ({self._rows()}) AS rows GROUP BY {keys}_i"
        seen, all_ = f"sum(_n) OVER ({over} ORDER BY _i)", f"sum(_n) OVER ({over})"
        return f"SELECT *, CAST({seen} AS BIGINT) AS _seen, CAST({all_} AS BIGINT) AS _all FROM ({counts}) AS counts"

    def _holding(self, ranges: str) -> str:
        """The ranges in which a wanted rank, or the one above it, lies; ``_ranges`` says how many they are."""
        ranks = [rank for part in self.parts for rank in (f"floor({_place(part)})", f"ceil({_place(part)})")]
        wanted = " OR ".join(f"({rank} >= _seen - _n AND {rank} < _seen)" for rank in dict.fromkeys(ranks))
        return f"SELECT *, count(*) OVER () AS _ranges FROM {ranges} WHERE {wanted}"

    def _stepped(self) -> str:
        """The dense ranges cut into steps; where none is dense the engine reads no row for it."""
        keys = self._keys()
        step = f"CAST(floor((rows._x - dense._lo) / (dense._hi - dense._lo) * {STEPS}) AS INTEGER)"
        before = "dense._seen - dense._n AS _before, dense._all AS _all"
        cut = f"SELECT {self._keys('rows.')}rows._i AS _i, rows._x AS _x, {step} AS _j, {before} FROM {self._joined('dense')}"
        counts = f"SELECT {keys}_i, _j, {_OF_RANGE}, {_COUNTS} FROM ({cut}) AS cut GROUP BY {keys}_i, _j"
        seen = f"_before + CAST(sum(_n) OVER (PARTITION BY {keys}_i ORDER BY _j) AS BIGINT) AS _seen"
        return f"SELECT {keys}_i, _lo, _hi, _n, {seen}, _all FROM ({counts}) AS counts"

    def _placed(self) -> str:
        """The different values of the narrow ranges, each with how many values of its group are not above it."""
        keys = self._keys()
        before = "narrow._seen - narrow._n AS _before, narrow._all AS _all"
        found = f"SELECT {self._keys('rows.')}rows._x AS _x, {before} FROM {self._joined('narrow')}"
        counts = f"SELECT {keys}_before, _x, min(_all) AS _all, count(*) AS _n FROM ({found}) AS found GROUP BY {keys}_before, _x"
        return f"SELECT *, _before + sum(_n) OVER (PARTITION BY {keys}_before ORDER BY _x) AS _seen FROM ({counts}) AS counts"

    def _joined(self, ranges: str) -> str:
        """The rows whose values lie in one of some ranges."""
        same = [f"rows.{key} IS NOT DISTINCT FROM {ranges}.{key}" for key in self.ask.keys]
        within = " AND ".join([*same, f"rows._i = {ranges}._i", f"rows._x >= {ranges}._lo", f"rows._x <= {ranges}._hi"])
        return f"({self._rows()}) AS rows JOIN {ranges} ON {within}"

    def _keys(self, of: str = "") -> str:
        """The keys as the beginning of a list; empty without keys."""
        return "".join(f"{of}{key}, " for key in self.ask.keys)

    def _quantile(self, part: Part) -> str:
        place = _place(part, "min(_all)")
        low, high = (f"min(CASE WHEN _seen > {rank}({_place(part)}) THEN _x END)" for rank in ("floor", "ceil"))
        return f"{low} + ({high} - {low}) * ({place} - floor({place}))"


_RANGE = "_i, _lo, _hi, _n, _seen, _all"
_OF_RANGE = "min(_before) AS _before, min(_all) AS _all"
_COUNTS = "count(*) AS _n, min(_x) AS _lo, max(_x) AS _hi"
_LOGARITHMIC = (
    f"CAST(CASE WHEN _x > 0 THEN {_BEYOND} + floor(log2(_x) * {PER_DOUBLING})"
    f" WHEN _x < 0 THEN -{_BEYOND} - floor(log2(-_x) * {PER_DOUBLING}) ELSE 0 END AS INTEGER)"
)


def _place(part: Part, count: str = "_all") -> str:
    """Rank of a quantile among ``count`` values, from 0, with its fraction."""
    return f"CAST({float(part.measure.argument or 0)!r} AS DOUBLE PRECISION) * ({count} - 1)"
