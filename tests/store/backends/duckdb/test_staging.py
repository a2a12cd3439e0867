"""Columns on their way into the engine: what has no null is taken as it is, and means the same."""

import duckdb
import numpy as np

from tapewatch.model.rows import NULL_FLAG, NULL_TIME, Coded, RowBatch
from tapewatch.store.backends.duckdb.staging import STAGED, run_staged, stage


def batch(*, flag: int, time_us: int) -> RowBatch:
    return RowBatch(
        "exchange",
        2,
        {
            "ts": np.array([10**15, 10**15 + 1], np.int64),
            "venue": Coded.of(["okx", None]),
            "connected": np.array([1, flag], np.int8),
            "latency_ms": np.array([1.5, np.nan]),
            "last_message_at": np.array([10**15, time_us], np.int64),
        },
    )


def test_times_and_flags_are_whole_only_without_a_null() -> None:
    assert stage(batch(flag=0, time_us=10**15)).whole == {"ts", "connected", "last_message_at"}
    assert stage(batch(flag=NULL_FLAG, time_us=NULL_TIME)).whole == {"ts"}


def test_a_statement_reads_staged_columns_and_leaves_nothing_behind() -> None:
    connection = duckdb.connect(config={"pandas_analyze_sample": 0})
    ready = stage(batch(flag=0, time_us=10**15))
    sql = f"SELECT ts, venue, connected, latency_ms, $word FROM {STAGED}"
    found = run_staged(connection, sql, ready.columns, {"word": "live"}).fetchall()

    assert found == [(10**15, "okx", True, 1.5, "live"), (10**15 + 1, None, False, None, "live")]
    assert connection.execute("SELECT count(*) FROM duckdb_views() WHERE view_name = $name", {"name": STAGED}).fetchone() == (0,)
