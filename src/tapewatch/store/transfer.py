"""Moving all rows from one store to another by what every store promises, scan and append, and the summaries of rows that are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from tapewatch.errors import StoreRejected, StoreUnavailable
from tapewatch.model.query import Function, Measure, Mode, Query
from tapewatch.model.rows import Coded, RowBatch
from tapewatch.model.table import Table
from tapewatch.store.base import Answer, Store, Stored, Summarised
from tapewatch.store.history import History

SLICE_ROWS = 20_000
"""Most rows that are held in memory at once, unless more of them have the same ``ts``."""

_EARLIEST_US, _END_US = -(2**62), 2**62

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Moved:
    """Rows of one table in both stores after the move, counted in each, and the summaries whose rows are gone, the same in both."""

    table: str
    rows: int
    arrived: int
    summaries: int = 0


def transfer(source: Store, target: Store, catalog: Mapping[str, Table], progress: Progress | None = None) -> list[Moved]:
    """Copy every row of every table of the catalogue, oldest first; both stores have the tables already.

    Args:
        source: Read only.
        target: Must be empty: an interrupted transfer is begun again on a new target.
        catalog: All tables.
        progress: Told the table and how many of its rows have arrived.

    Returns:
        The counts of each table that has rows, equal in both.

    Raises:
        StoreRejected: The target holds rows, or the source has rows of a table that the catalogue does not know, or summaries of rows that
            are gone and the target keeps none; the table is named.
        StoreUnavailable: A store is away, or the counts differ at the end.
    """
    unknown = {name: rows for name, rows in source.usage().rows_by_table.items() if rows and name not in catalog}
    if unknown:
        name, rows = next(iter(unknown.items()))
        raise StoreRejected(f"migrate: there are {rows} rows of table {name}, which the settings do not have; add it to them")
    histories = {name: _history(source, name) for name in catalog}
    for table in catalog.values():
        _refuse_loss(target, table, histories[table.name])
        held = _count(target, table, _EARLIEST_US, _END_US)
        if held:
            raise StoreRejected(f"migrate: the target is not empty: table {table.name} has {held} rows; choose an empty one")
    moved: list[Moved] = []
    for table in catalog.values():
        arrived = 0
        for batch in slices(source, table):
            target.append([Stored((batch,))])
            arrived += batch.count
            if progress is not None:
                progress(table.name, arrived)
        summaries = _move_history(source, target, table.name, histories[table.name])
        if arrived or summaries:
            rows, there = (_count(store, table, _EARLIEST_US, _END_US) for store in (source, target))
            moved.append(Moved(table.name, rows, there, summaries))
    for each in moved:
        if each.rows != each.arrived:
            raise StoreUnavailable(
                f"migrate: table {each.table} has {each.rows} rows in the source and {each.arrived} in the target;"
                " stop what writes to the source and begin again with an empty target"
            )
    return moved


def _history(store: Store, table: str) -> History:
    return store.history(table) if isinstance(store, Summarised) else History()


def _refuse_loss(target: Store, table: Table, history: History) -> None:
    if history.tiers and not isinstance(target, Summarised):
        raise StoreRejected(
            f"migrate: of old rows of table {table.name} only {sum(history.rows.values())} summaries are left, and the target"
            f" ({target.capabilities.name}) keeps none; choose one that does"
        )


def _move_history(source: Store, target: Store, table: str, history: History) -> int:
    """Copy the summaries whose rows are gone, behind the rows; how many.

    Raises:
        StoreUnavailable: The target does not hold what the source holds.
    """
    if not history.tiers or not isinstance(source, Summarised) or not isinstance(target, Summarised):
        return 0
    for coverage in history.tiers:
        for batch in source.summaries(table, coverage):
            target.take_summaries(table, coverage.tier, batch)
    target.take_history(table, history)
    if target.history(table) != history:
        raise StoreUnavailable(f"migrate: the summaries of table {table} differ in the target; begin again with an empty one")
    return sum(history.rows.values())


def slices(store: Store, table: Table, most_rows: int = SLICE_ROWS) -> Iterator[RowBatch]:
    """All rows of a table in the order in which they happened, at most ``most_rows`` at once unless they share their ``ts``."""
    extent = _bounds(store, table)
    spans = [extent] if extent else []
    while spans:
        start_us, end_us = spans.pop()
        held = _count(store, table, start_us, end_us)
        if held > most_rows and end_us - start_us > 1:
            middle_us = (start_us + end_us) // 2
            spans += [(middle_us, end_us), (start_us, middle_us)]
        elif held:
            yield _rows(store, table, start_us, end_us)


def _rows(store: Store, table: Table, start_us: int, end_us: int) -> RowBatch:
    answer = store.scan(Query(table.name, start_us, end_us, mode=Mode.ROWS, columns=tuple(table.column)))
    backwards = np.arange(answer.rows - 1, -1, -1)  # a scan gives the newest first; what came later must stay later
    return RowBatch(table.name, answer.rows, answer.columns).take(backwards)


def _count(store: Store, table: Table, start_us: int, end_us: int) -> int:
    rows = Measure(Function.COUNT, "ts", alias="n")  # which no summary knows
    answer = store.scan(Query(table.name, start_us, end_us, measures=(rows,)))
    return int(_first(answer, "n") or 0)


def _bounds(store: Store, table: Table) -> tuple[int, int] | None:
    """Half-open range of ``ts``; None for an empty table."""
    measures = (Measure(Function.MIN, "ts", alias="low"), Measure(Function.MAX, "ts", alias="high"))
    answer = store.scan(Query(table.name, _EARLIEST_US, _END_US, measures=measures))
    low, high = _first(answer, "low"), _first(answer, "high")
    return None if low is None or high is None or answer.newest_us is None else (int(low), int(high) + 1)


def _first(answer: Answer, name: str) -> float | None:
    values = answer.columns[name]
    return None if isinstance(values, Coded) or not answer.rows else values[0]
