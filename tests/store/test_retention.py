"""How long levels are kept, and what goes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tapewatch.model.table import Retention
from tapewatch.model.tables import TABLES
from tapewatch.store.retention import DAY_US, ages, before, believed_us, borne_out_us, days_left, first_to_go
from tapewatch.store.rollup import TIERS, has_tiers
from tapewatch.testing.stores.tables import DEAL, SAMPLE

TEN_S, MINUTE, TEN_MINUTES, HOUR = TIERS


def test_each_level_has_its_own_time() -> None:
    kept = ages(SAMPLE, TIERS)
    assert kept.raw_days == 14
    assert kept.tier_days == {TEN_S: 14, MINUTE: 30, TEN_MINUTES: 365, HOUR: 730}


def test_a_level_stands_in_for_the_tier_above_it_that_is_not_kept() -> None:
    assert ages(SAMPLE, (MINUTE, HOUR)).tier_days == {MINUTE: 365, HOUR: 730}
    assert ages(SAMPLE, (HOUR,)).raw_days == 365
    assert ages(SAMPLE, (MINUTE,)).tier_days == {MINUTE: 730}
    assert ages(SAMPLE, ()).raw_days == 730, "a row an hour"


def test_tables_without_summaries_keep_rows_as_long_as_they_say() -> None:
    for table in TABLES:
        if not has_tiers(table):
            assert ages(table, ()).raw_days == table.retention.raw_days


def test_rows_go_by_full_hours() -> None:
    assert before(100 * DAY_US + 5, 14) == 86 * DAY_US


def test_the_oldest_rows_go_first_but_never_a_ledger() -> None:

    ledger = replace(DEAL, retention=Retention.LEDGER)
    assert first_to_go([ledger, SAMPLE], {"deal": 1, "sample": 2}) is SAMPLE
    assert first_to_go([ledger], {"deal": 1}) is None


def test_days_left() -> None:
    assert days_left(50, 100, 10) == 5
    assert days_left(150, 100, 10) == 0
    assert days_left(50, 100, 0) is None
    assert days_left(50, 100, None) is None


@pytest.mark.parametrize("jump_s", [-86_400, -3_600, -1, 0])
def test_a_clock_that_is_set_back_is_believed(jump_s: int) -> None:
    now_us = 100 * DAY_US + jump_s * 1_000_000
    assert believed_us(now_us, 100 * DAY_US, 0) == now_us


def test_a_clock_that_is_ahead_is_believed_as_far_as_rows_and_time_bear_it_out() -> None:
    day = DAY_US
    assert believed_us(500 * day, 100 * day, 0) == 101 * day
    assert believed_us(500 * day, 100 * day, 3 * day) == 104 * day
    assert believed_us(500 * day, None, 0) == 500 * day, "nothing was stored that could be lost"


@pytest.mark.parametrize(
    ("days", "believed"),
    [
        ((), None),
        ((0.0,), 0.0),
        ((0.0, 0.5), 0.5),
        ((0.0, 1.0, 2.0), 2.0),
        ((0.0, 7.0, 14.0, 21.0), 21.0),
        ((0.0, 1.0, 400.0), 1.0),
        ((0.0, 1.0, 400.0, 400.9), 1.0),
        ((0.0, 1.0, 400.0, 401.1), 401.1),
        ((0.0, 1.0, 30.0, 400.0), 1.0),
        ((0.0, 1.0, 30.0, 32.0, 400.0), 32.0),
    ],
)
def test_rows_behind_a_long_gap_are_believed_when_they_reach_over_more_than_a_day(days: tuple[float, ...], believed: float | None) -> None:
    moments_us = [round(day * DAY_US) for day in days]
    found = borne_out_us(lambda before_us: max((moment for moment in moments_us if moment < before_us), default=None))
    assert found == (None if believed is None else round(believed * DAY_US))
