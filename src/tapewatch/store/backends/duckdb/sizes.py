"""How many rows a question reads, as far as it was asked before, and from how many on its quantiles do without holding all values."""

from __future__ import annotations

from tapewatch.model.query import Filter, Query

MANY = 500_000
"""Rows whose values take a tenth of the engine's memory, at 26 bytes each: several such questions still fit beside a commit."""

LEAST = 10_000
"""So few are always held: where they do not fit, something else has the memory."""

_KEPT = 1_000
"""Shapes of questions that are remembered."""

_Shape = tuple[str, tuple[Filter, ...], int]


class Sizes:
    """Remembers by table, filters and length of the range; asked from any number of threads."""

    def __init__(self) -> None:
        self._rows: dict[_Shape, int] = {}
        self._many: dict[str, int] = {}

    def of(self, query: Query) -> int | None:
        """The rows behind the last answer of this shape: the next, a moment later, has about as many. None when there was none."""
        return self._rows.get(_shape(query))

    def keep(self, query: Query, rows: int) -> None:
        """Note the rows behind an answer."""
        if len(self._rows) >= _KEPT:
            self._rows.clear()
        self._rows[_shape(query)] = rows

    def is_large(self, query: Query, rows: int) -> bool:
        """Whether the values of so many rows are not to be held at once."""
        return rows >= self._many.get(query.table, MANY)

    def was_too_large(self, query: Query, rows: int) -> None:
        """Note that so many did not fit: of their table no half as many are tried again."""
        self._many[query.table] = max(LEAST, min(rows // 2, self._many.get(query.table, MANY)))


def _shape(query: Query) -> _Shape:
    return (query.table, query.filters, query.end_us - query.start_us)
