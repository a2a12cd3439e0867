"""Rows go by age and at the quota; a clock that jumped deletes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tapewatch.clock import SystemClock
from tapewatch.model.query import Function, Measure, Query
from tapewatch.model.table import Retention
from tapewatch.store import retention
from tapewatch.store.backends.duckdb import DuckDBStore, expiry
from tapewatch.store.base import Stored
from tapewatch.testing.stores.tables import DEAL, SAMPLE, T0, batch

DAY_US = retention.DAY_US
START = T0 // DAY_US * DAY_US
LEDGER = replace(DEAL, retention=Retention.LEDGER)


class Steady(SystemClock):
    """A steady clock that a test moves."""

    now_s = 0.0

    def monotonic_s(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Steady:
    return Steady()


@pytest.fixture
def store(tmp_path: Path, clock: Steady) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path, clock)
    for table in (SAMPLE, LEDGER):
        opened.create(table)
    yield opened
    opened.close()


def _fill(store: DuckDBStore, day: int, rows: int = 60) -> None:
    """Rows of one day, a minute apart."""
    at = START + day * DAY_US
    many: list[dict[str, Any]] = [{"ts": at + i * 60_000_000, "level": float(i), "note": f"{day} {i}" * 50} for i in range(rows)]
    store.append([Stored((batch(SAMPLE, many), batch(LEDGER, [{"ts": at, "deal_id": str(day)}])))])


def _count(store: DuckDBStore, table: str) -> int:
    answer = store.scan(Query(table, START - 1_000 * DAY_US, START + 1_000 * DAY_US, measures=(Measure(Function.COUNT),)))
    return answer.rows_behind or 0


def _run(store: DuckDBStore, clock: Steady, day: float) -> None:
    """A day of tidying, ten minutes apart for the last hour."""
    for step in range(2):
        clock.now_s = day * 86_400 + step * 3_600
        store.maintain(START + round(day * DAY_US) + step * 3_600_000_000)


def test_rows_go_when_they_are_older_than_their_table_keeps_them(store: DuckDBStore, clock: Steady) -> None:
    for day in range(0, 20, 2):
        _fill(store, day)
        _run(store, clock, day + 0.9)
    # the minutes of a row a minute would be as many as the rows: the rows stand in for them and stay for 30 days
    assert _count(store, "sample") == 600
    for day in range(20, 40, 2):
        _fill(store, day)
        _run(store, clock, day + 0.9)
    assert 600 < _count(store, "sample") < 1_200
    assert _count(store, "deal") == 20, "a ledger keeps its rows for a year"
    tiers = {coverage.tier.label: coverage for coverage in store._rollups.kept(SAMPLE)}
    assert set(tiers) == {"10min", "1h"}
    counted = store._database.cursor().execute("SELECT sum(summary_rows) FROM sample__1h").fetchone()
    assert counted == (1_200.0,), "the summaries outlive the rows"


def test_a_clock_that_jumps_deletes_nothing_for_a_day(store: DuckDBStore, clock: Steady) -> None:
    _fill(store, 0)
    _run(store, clock, 0.9)
    clock.now_s += 60
    store.maintain(START + 400 * DAY_US)
    assert _count(store, "sample") == 60
    clock.now_s += expiry.DOUBT_S + 1
    store.maintain(START + 401 * DAY_US)
    assert _count(store, "sample") == 0


def test_a_start_long_after_the_newest_row_deletes_nothing_at_once(tmp_path: Path, clock: Steady) -> None:
    for day in (0, 100):
        store = DuckDBStore(tmp_path, clock)
        store.create(SAMPLE)
        store.create(LEDGER)
        if day == 0:
            _fill(store, 0)
        store.maintain(START + day * DAY_US + 3_600_000_000)
        assert _count(store, "sample") == 60
        store.close()


def test_at_the_quota_the_oldest_rows_go_and_never_a_summary_or_a_ledger(tmp_path: Path, clock: Steady) -> None:
    store = DuckDBStore(tmp_path, clock, quota_bytes=3_000_000)
    for table in (SAMPLE, LEDGER):
        store.create(table)
    for day in range(6):
        _fill(store, day, 1_400)
        _run(store, clock, day + 0.99)
    assert store.measures()["used_bytes"] < 4_000_000
    assert _count(store, "deal") == 6
    assert 0 < _count(store, "sample") < 6 * 1_400
    assert store._database.cursor().execute("SELECT sum(summary_rows) FROM sample__1h").fetchone() == (6 * 1_400.0,)
    assert store.measures()["quota_ratio"] > 0
    store.close()
