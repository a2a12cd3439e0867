"""Rows of one identity: the one received last stays, the others go in the transaction that brings it.

Most rows go on in time and cannot be there yet; only the others are looked up. Questions never meet a double, and pay nothing for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from tapewatch.model.rows import NULL_CODE, NULL_TIME, Coded, RowBatch, TypedColumn
from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb.staging import STAGED, run_staged, stage
from tapewatch.store.dialect import DuckDBDialect, Form, form_of
from tapewatch.store.dialect.duckdb import AREAS
from tapewatch.store.newest import Keys, Newest, further_keys, keys_of

_ALWAYS = (NULL_TIME, 2**63 - 1)

_Places = npt.NDArray[np.intp]
_Mask = npt.NDArray[np.bool_]
_Write = Callable[[Table, Mapping[str, Form], Collection[str], str], str]


class Identities:
    """Keeps one table free of doubles.

    Args:
        dialect: Writes the statements.
        table: Has an identity.
        floor_us: Newest ``ts`` that the table holds; `NULL_TIME` when it is empty.
    """

    def __init__(self, dialect: DuckDBDialect, table: Table, floor_us: int) -> None:
        self._dialect = dialect
        self._table = table
        self._newest = Newest(floor_us)
        self._is_empty = floor_us == NULL_TIME
        self._lives_in_time = "ts" in table.identity_columns
        self._forms = {name: form_of(table.column[name]) for name in table.identity_columns}
        self._series = [name for name in table.identity_columns if name != "ts"]

    def settle(self, connection: duckdb.DuckDBPyConnection, batch: RowBatch) -> RowBatch:
        """Delete the stored rows that the batch replaces; give back the rows of the batch that are to be added."""
        batch, series = self._last_of_each(batch, keys_of(batch, self._series))
        doubtful = self._has_id(batch)
        if self._lives_in_time:
            doubtful &= ~self._newest.see(series, batch.array("ts"))
        elif self._is_empty:
            doubtful[:] = False
        self._is_empty = False
        return self._replace(connection, batch, np.flatnonzero(doubtful)) if doubtful.any() else batch

    def _has_id(self, batch: RowBatch) -> _Mask:
        """Rows without their id are never the same as another."""
        if not self._table.id_column:
            return np.ones(batch.count, np.bool_)
        if self._table.id_column not in batch.columns:
            return np.zeros(batch.count, np.bool_)
        return batch.coded(self._table.id_column).codes != NULL_CODE

    def _last_of_each(self, batch: RowBatch, series: Keys) -> tuple[RowBatch, Keys]:
        """Of the rows of the batch that are the same, the one received last, of those the last one; with the keys of their series."""
        keys = further_keys(series, batch, ("ts",)) if self._lives_in_time else series
        in_order = np.sort(keys)
        if (in_order[1:] != in_order[:-1]).all():
            return batch, series
        _, group = np.unique(keys, return_inverse=True)
        order = np.lexsort((np.arange(batch.count), batch.array("received_at"), group))
        is_last = np.ones(batch.count, np.bool_)
        is_last[order[:-1]] = group[order[1:]] != group[order[:-1]]
        kept = is_last | ~self._has_id(batch)
        return batch.take(kept), series[kept]

    def _replace(self, connection: duckdb.DuckDBPyConnection, batch: RowBatch, places: _Places) -> RowBatch:
        found = self._run(connection, batch, places, self._dialect.same_rows)
        same = np.array([place for place, _ in found], np.intp)
        if not len(same):
            return batch
        is_stale = np.array([received for _, received in found], np.int64) > batch.array("received_at")[same]
        replacing = same[~is_stale]
        if len(replacing):
            for area in AREAS:
                self._run(connection, batch, replacing, partial(self._dialect.delete_same, area))
        return batch.take(np.setdiff1d(np.arange(batch.count), same[is_stale]))

    def _run(self, connection: duckdb.DuckDBPyConnection, batch: RowBatch, places: _Places, write: _Write) -> list[Any]:
        """Run a statement over the identities of some rows, staged with their places in the batch."""
        identities = {name: batch.columns.get(name) for name in self._forms}
        columns: dict[str, TypedColumn] = {
            name: Coded.constant(None, batch.count) if values is None else values for name, values in identities.items()
        }
        ready = stage(RowBatch(batch.table, batch.count, columns).take(places))
        ready.columns["_place"] = places.astype(np.int64)
        ts: npt.NDArray[np.int64] = batch.array("ts")[places]
        low, high = (int(ts.min()), int(ts.max())) if self._lives_in_time else _ALWAYS
        sql = write(self._table, self._forms, ready.constants, STAGED)
        return run_staged(connection, sql, ready.columns, {**ready.constants, "_low": low, "_high": high}).fetchall()
