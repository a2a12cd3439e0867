"""One raw column on its way to a typed one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np

from tapewatch.ingest.validate.book import Book, Positions, Say
from tapewatch.model.rows import Coded, RawColumn
from tapewatch.model.table import Column
from tapewatch.sources.shown import shown


def plain(value: Any) -> Any:  # noqa: ANN401 - raw values have no type yet
    """The Python object of a numpy scalar; anything else as it is."""
    if not isinstance(value, np.generic):
        return value
    item: Any = cast("Any", value).item()
    return item


def objects(values: RawColumn) -> list[Any]:
    """The values of a raw column as Python objects."""
    if isinstance(values, Coded):
        return values.words().tolist()
    items: list[Any] = values.tolist() if isinstance(values, np.ndarray) else values
    return items


class Cells:
    """The raw values of one column, and where to say what is wrong with them.

    Args:
        column: The column they are for.
        values: One per judged row.
        book: Takes the findings.
        rows: Position in the raw batch of each judged row; None when all rows of the batch are judged.
    """

    __slots__ = ("_book", "_rows", "column", "values")

    def __init__(self, column: Column, values: RawColumn, book: Book, rows: Positions | None) -> None:
        self.column = column
        self.values = values
        self._book = book
        self._rows = rows

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_required(self) -> bool:
        """Whether a row cannot stand without this value, so that refusing the value refuses the row."""
        return self._rows is None

    def refuse(self, at: Sequence[int] | Positions, reason: str, say: Say) -> None:
        """Do not keep the values at these positions; the caller puts null in their place."""
        places = np.asarray(at, np.intp)
        if not len(places):
            return
        values, name = self.values, self.column.name
        if self._rows is None:
            self._book.refuse_rows(places, name, lambda i: plain(values[places[i]]), reason, say)
            return
        rows = self._rows[places]
        self._book.refuse_values(rows, name, lambda i: plain(values[places[i]]), reason, say)
        self._book.mark(rows, self.column.name, reason, counted=False)

    def note(self, at: Sequence[int] | Positions, reason: str, example: object = None) -> None:
        """Mark and count values that were changed or are only doubtful; ``example`` is one of them, else the first is."""
        places = np.asarray(at, np.intp)
        if not len(places):
            return
        if example is None and len(self.values):
            example = plain(self.values[places[0]])
        rows = places if self._rows is None else self._rows[places]
        self._book.mark(rows, self.column.name, reason, counted=True, example="" if example is None else shown(example))

    def items(self) -> list[Any]:
        """The values as Python objects."""
        return objects(self.values)

    def each(self) -> Iterator[tuple[int, Any]]:
        """Position and value of those that are not missing; numpy's scalars as Python objects."""
        for i, value in enumerate(self.items()):
            if value is not None:
                yield i, plain(value)

    def missing(self, at: Positions, say: Say) -> None:
        """Refuse the rows whose required value is not there."""
        self._book.refuse_rows(at, self.column.name, None, "missing_tag" if self.column.kind == "tag" else "missing_value", say)
