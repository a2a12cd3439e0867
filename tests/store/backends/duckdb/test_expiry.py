"""Rows go by age and at the quota; a clock that jumped deletes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tapewatch.clock import SystemClock
from tapewatch.model.table import Retention
from tapewatch.store import retention
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.store.backends.duckdb.expiry import EVERY_S
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
    """Rows that are stored, summaries aside."""
    counted = store._database.cursor().execute(f"SELECT count(*) FROM {table}").fetchone()
    return counted[0] if counted else 0


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


@pytest.mark.parametrize("jump_days", [1 / 24, 1.0, 15.0, 400.0])
def test_a_clock_that_jumps_ahead_deletes_nothing_however_long_it_stays_wrong(store: DuckDBStore, clock: Steady, jump_days: float) -> None:
    _fill(store, 0)
    _run(store, clock, 0.9)
    for day in range(1, 10):
        clock.now_s = day * 86_400
        at = START + round((day + jump_days) * DAY_US)
        store.append([Stored((batch(SAMPLE, [{"ts": at, "level": 1.0, "note": "of the wrong clock"}]),))])
        store.maintain(at)
        assert _count(store, "sample") == 60 + day, day


def test_rows_go_by_the_time_that_has_passed_when_the_clock_is_ahead(store: DuckDBStore, clock: Steady) -> None:
    _fill(store, 0)
    _run(store, clock, 0.9)
    clock.now_s = 40 * 86_400
    store.maintain(START + 440 * DAY_US)
    assert _count(store, "sample") == 0


def test_a_start_long_after_the_newest_row_deletes_nothing_and_a_later_one_goes_by_more_than_a_day_of_rows_since(
    tmp_path: Path, clock: Steady, caplog: pytest.LogCaptureFixture
) -> None:
    for day, kept in ((0, 60), (50, 120), (52, 180), (53, 180 - 60)):
        store = DuckDBStore(tmp_path, clock)
        store.create(SAMPLE)
        store.create(LEDGER)
        store.maintain(START + day * DAY_US + 2 * 3_600_000_000)
        if day < 53:
            _fill(store, day)
            clock.now_s += 601
            store.maintain(START + day * DAY_US + 2 * 3_600_000_000)
        assert _count(store, "sample") == kept, day
        store.close()
    assert "start tapewatch again" in caplog.text


def test_at_the_quota_the_oldest_rows_go_and_never_a_summary_or_a_ledger(tmp_path: Path, clock: Steady) -> None:
    store = DuckDBStore(tmp_path, clock, quota_bytes=3_000_000)
    for table in (SAMPLE, LEDGER):
        store.create(table)
    for day in range(6):
        _fill(store, day, 1_400)
        _run(store, clock, day + 0.99)
    _run(store, clock, 6.0)  # blocks that were freed are found free by the next run
    assert store.measures()["used_bytes"] < 4_000_000
    assert _count(store, "deal") == 6
    assert 0 < _count(store, "sample") < 6 * 1_400
    assert store._database.cursor().execute("SELECT sum(summary_rows) FROM sample__1h").fetchone() == (6 * 1_400.0,)
    assert store.measures()["quota_ratio"] > 0
    store.close()


def test_at_the_quota_no_row_of_the_last_day_goes(tmp_path: Path, clock: Steady) -> None:
    store = DuckDBStore(tmp_path, clock, quota_bytes=1)
    for table in (SAMPLE, LEDGER):
        store.create(table)
    for day in (0, 1):
        _fill(store, day, 1_400)
    now_us = START + round(1.99 * DAY_US)
    for step in range(6):
        clock.now_s += 601
        store.maintain(now_us + step * 601_000_000)
    held = store._database.cursor().execute("SELECT min(ts), count(*) FROM sample").fetchone()
    assert held is not None
    assert held[0] <= now_us - DAY_US + 3_600_000_000, "what is shown as the newest row of a series may be a day old"
    assert 1_400 <= held[1] < 2_800
    store.close()


@pytest.mark.parametrize("jump_days", [-400.0, -1.0, -1 / 24, 1 / 24, 1.0, 400.0])
def test_a_clock_that_is_set_and_set_right_again_deletes_nothing(store: DuckDBStore, clock: Steady, jump_days: float) -> None:
    _fill(store, 0)
    _run(store, clock, 0.9)
    for step, wrong in enumerate((True, True, False, False)):
        clock.now_s += 601
        store.maintain(START + round(0.95 * DAY_US) + step * 601_000_000 + (round(jump_days * DAY_US) if wrong else 0))
        assert _count(store, "sample") == 60, step


def test_growth_is_measured_in_time_that_has_passed(store: DuckDBStore, clock: Steady) -> None:
    for hour in range(3):
        _fill(store, hour, 1_000)
        clock.now_s = hour * 3_600.0
        store.maintain(START + hour * 3_600_000_000 + (400 * DAY_US if hour else 0))
    per_day, sizes = store.measures()["bytes_per_day"], store._expiry._sizes
    assert per_day == pytest.approx((sizes[-1][1] - sizes[0][1]) * 12)
    assert per_day > 0


def test_late_rows_that_are_not_in_the_summaries_yet_stay(store: DuckDBStore, clock: Steady, monkeypatch: pytest.MonkeyPatch) -> None:
    _fill(store, 100)
    _run(store, clock, 100.9)
    monkeypatch.setattr(store._rollups._summarising, "correct", lambda *_: None)  # as when there are more of them than a run has time for
    _fill(store, 40)
    clock.now_s += EVERY_S
    _run(store, clock, 100.95)
    assert _count(store, "sample") == 120


def test_a_row_that_a_wrong_clock_has_stamped_deletes_nothing_after_a_restart(tmp_path: Path, clock: Steady) -> None:
    for is_again in (False, True):
        opened = DuckDBStore(tmp_path, clock)
        for table in (SAMPLE, LEDGER):
            opened.create(table)
        if not is_again:
            for day in range(6):
                _fill(opened, day)
            opened.append([Stored((batch(SAMPLE, [{"ts": START + 800 * DAY_US}]),))])
        else:
            _run(opened, clock, 800.5)
            assert (_count(opened, "sample"), _count(opened, "deal")) == (361, 6)
        opened.close()


def test_hours_of_rows_that_a_wrong_clock_has_stamped_delete_nothing_however_often_the_server_starts_under_it(
    tmp_path: Path, clock: Steady
) -> None:
    for start, day in enumerate((5.0, 45.0, 45.1, 5.5)):
        opened = DuckDBStore(tmp_path, clock)
        for table in (SAMPLE, LEDGER):
            opened.create(table)
        clock.now_s += 601
        opened.maintain(START + round(day * DAY_US))
        for filled in range(6) if start == 0 else (day,):
            at = START + round(filled * DAY_US)
            opened.append([Stored((batch(SAMPLE, [{"ts": at + i * 60_000_000} for i in range(60)]),))])
        clock.now_s += 601
        opened.maintain(START + round(day * DAY_US) + 3_600_000_000)
        assert _count(opened, "sample") == (6 + start) * 60, day
        opened.close()
