"""Rows that are sorted take memory, which the engine has little of: they are taken by pieces of whole series."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from tapewatch.model.table import Kind
from tapewatch.store.backends.duckdb.database import OutOfMemory

WIDE_COLUMNS = 40
MOVED_CELLS = 1_500_000
"""A table wider than this, which summaries are, is taken by so many values at once: each column takes memory of its own meanwhile."""

SKETCH_COLUMNS = 30
"""A sketch takes as much as so many other columns."""

FEWEST_ROWS = 1_000
"""Rows that have not even to share the memory of the engine with so many others are not cut into smaller pieces."""


def columns_of(kinds: Mapping[str, str]) -> int:
    """How many columns of one number take as much memory as these."""
    return len(kinds) + SKETCH_COLUMNS * sum(kind == Kind.SKETCH for kind in kinds.values())


def most_rows(narrow: int, kinds: Mapping[str, str]) -> int:
    """Rows of a piece of a table with these columns; of one that is not wide, ``narrow``."""
    columns = columns_of(kinds)
    return max(1, MOVED_CELLS // columns) if columns > WIDE_COLUMNS else narrow


def pieces_for(rows: int, narrow: int, kinds: Mapping[str, str]) -> int:
    """How many pieces rows make; see `most_rows`."""
    return max(1, -(-rows // most_rows(narrow, kinds)))


def in_pieces(
    rows: int, narrow: int, kinds: Mapping[str, str], do: Callable[[int, int], int], relieve: Callable[[], object]
) -> Iterator[int]:
    """Do something with rows, in as many pieces as the memory needs; gives what was done of each.

    Args:
        rows: About how many there are.
        narrow: Of a table that is not wide, so many are one piece.
        kinds: Columns of the table, and their kinds.
        do: Does the piece of a number, of so many pieces; what is done already it finds done.
        relieve: Frees memory; called before what was too much is tried again in more pieces.

    Raises:
        OutOfMemory: A thousand rows are too many.
    """
    pieces = pieces_for(rows, narrow, kinds)
    while True:
        try:
            for piece in range(pieces):
                yield do(piece, pieces)
        except OutOfMemory:
            if rows < pieces * FEWEST_ROWS:
                raise
            relieve()
            pieces *= 2
        else:
            return
