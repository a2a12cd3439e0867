"""Tables and tags of the user's own may be called as they like: nothing of ours goes by such a name."""

from pathlib import Path

import numpy as np

from tapewatch.clock import SystemClock
from tapewatch.model.query import Mode, Query
from tapewatch.model.rows import Coded, RowBatch
from tapewatch.model.table import Table, gauge, tag
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.store.base import Stored

AT_US = 1_800_000_000_000_000
NAMES = ("staged_rows", "hot", "cold", "marks", "low", "high", "source")


def test_a_table_or_a_tag_called_like_something_inside_holds_its_own_rows(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path, SystemClock())
    tables = [Table(name, "A row.", (tag("low", "A."), tag("high", "B."), gauge("place", "ms", "C."))) for name in NAMES]
    for table in tables:
        store.create(table)
    for _ in range(2):  # the second time each replaces its own
        for table in tables:
            words = {name: Coded.of(["x", "y"]) for name in ("source", "env", "low", "high")}
            times = np.array([AT_US, AT_US + 1], np.int64)
            batch = RowBatch(table.name, 2, {"ts": times, "received_at": times, **words, "place": np.array([1.0, 2.0])})
            assert store.append([Stored((batch,))]) == [True]
    for table in tables:
        assert store.scan(Query(table.name, AT_US, AT_US + 10, mode=Mode.ROWS)).rows == 2, table.name
    store.close()
