"""The offset of two clocks from one-way times: delays pass, clocks stay."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.sources.collectors.feed.offset import ISOLATED_US, STAYED_WINDOWS, WINDOW_S, WINDOWS, ClockOffset, Lags

MS = 1000


def lags(*values: int) -> Lags:
    return np.array(values, np.int64)


def noisy(seed: int, base_us: int, count: int = 20) -> Lags:
    """One-way times of a healthy link: a sharp shortest way and a tail."""
    random = np.random.default_rng(seed)
    return (base_us + random.exponential(3 * MS, count)).astype(np.int64)


@given(st.lists(st.lists(st.integers(-(10**12), 10**12), max_size=30), max_size=40), st.integers(-(10**9), 10**9))
def test_a_latency_is_never_negative(batches: list[list[int]], step: int) -> None:
    offset = ClockOffset()
    for second, batch in enumerate(batches):
        offset.observe(lags(*batch), float(second))
        above = offset.above(lags(*batch))
        assert (above >= 0).all()
        assert len(above) <= len(batch)
        if second % 7 == 0:
            offset.shift(step)


def test_before_the_first_message_nothing_is_known() -> None:
    offset = ClockOffset()
    assert offset.baseline_us is None
    assert offset.spread_us is None
    assert len(offset.above(lags(5, 6))) == 0


@pytest.mark.parametrize("base_ms", [-300_000, -18, 0, 42, 3_600_000])
def test_the_offset_is_the_shortest_way_seen_whatever_the_clocks_say(base_ms: int) -> None:
    offset = ClockOffset()
    for second in range(60):
        offset.observe(noisy(second, base_ms * MS), float(second))
    assert offset.baseline_us == pytest.approx(base_ms * MS, abs=200)
    assert offset.spread_us is not None
    assert offset.spread_us < 200


def test_a_delay_of_many_seconds_leaves_the_offset_where_it_was() -> None:
    offset = ClockOffset()
    for second in range(120):
        delay = 800 * MS + 100 * MS * (second % 5) if 40 <= second < 100 else 0
        offset.observe(noisy(second, 40 * MS + delay), float(second))
    assert offset.baseline_us == pytest.approx(40 * MS, abs=200)
    assert offset.above(noisy(1, 840 * MS)).min() >= 790 * MS


def test_a_venue_clock_that_was_set_back_moves_the_offset_once_it_has_stayed() -> None:
    offset = ClockOffset()
    for second in range(200):
        offset.observe(noisy(second, (40 if second < 60 else 240) * MS), float(second))
        if 60 <= second < 60 + (STAYED_WINDOWS - 1) * WINDOW_S:
            assert offset.baseline_us == pytest.approx(40 * MS, abs=200)
    assert offset.baseline_us == pytest.approx(240 * MS, abs=200)


def jittery(second: int, base_us: int) -> Lags:
    """One-way times of a link whose shortest way of ten seconds wanders by 13 ms."""
    return noisy(second, base_us + int(second // WINDOW_S) * 5 % 14 * MS)


def test_a_clock_that_was_set_is_followed_on_a_link_whose_shortest_ways_wander() -> None:
    offset = ClockOffset()
    for second in range(120):
        offset.observe(jittery(second, (40 if second < 60 else 240) * MS), float(second))
    assert offset.baseline_us is not None
    assert 240 * MS <= offset.baseline_us < 255 * MS


def test_wandering_alone_moves_no_offset() -> None:
    offset = ClockOffset()
    ways_ms = [0, 10, 2, 12, 6, 12, 11, 13, 4, 12, 13, 11, 8]
    for window, way_ms in enumerate(ways_ms):
        for second in range(10):
            offset.observe(noisy(window * 10 + second, (40 + way_ms) * MS), window * 10.0 + second)
    assert offset.baseline_us == pytest.approx(40 * MS, abs=200)


def test_a_queue_that_drains_for_half_a_minute_is_no_clock() -> None:
    offset = ClockOffset()
    for second in range(110):
        delay_ms = max(0, 2000 - 40 * (second - 60)) if second >= 60 else 0
        offset.observe(jittery(second, (40 + delay_ms) * MS), float(second))
        assert offset.baseline_us is not None
        assert offset.baseline_us < 60 * MS


def test_a_venue_clock_that_was_set_forward_moves_the_offset_at_once() -> None:
    offset = ClockOffset()
    for second in range(30):
        offset.observe(noisy(second, 40 * MS), float(second))
    offset.observe(noisy(99, -160 * MS), 30.0)
    assert offset.baseline_us == pytest.approx(-160 * MS, abs=1000)


def test_one_wrong_time_stamp_is_neither_an_offset_nor_a_latency() -> None:
    offset = ClockOffset()
    for second in range(30):
        offset.observe(noisy(second, 40 * MS), float(second))
    wrong = lags(-5_000_000, 41 * MS, 45 * MS)
    offset.observe(wrong, 30.0)
    assert offset.baseline_us == pytest.approx(40 * MS, abs=200)
    assert len(offset.above(wrong)) == 2
    for second in range(31, 40):
        offset.observe(noisy(second, 40 * MS), float(second))
    assert offset.baseline_us == pytest.approx(40 * MS, abs=200)


def test_a_first_wrong_time_stamp_among_others_is_not_trusted() -> None:
    offset = ClockOffset()
    offset.observe(lags(-5_000_000, 40 * MS, 41 * MS), 0.0)
    assert offset.baseline_us == 40 * MS


def test_a_stream_with_one_message_a_second_is_enough() -> None:
    offset = ClockOffset()
    for second in range(30):
        offset.observe(noisy(second, 40 * MS, 1), float(second))
    offset.observe(lags(-160 * MS), 30.0)
    assert offset.baseline_us == pytest.approx(40 * MS, abs=1000)
    offset.observe(lags(-159 * MS), 31.0)
    assert offset.baseline_us == -160 * MS


def test_the_minimum_is_forgotten_after_all_its_windows() -> None:
    offset = ClockOffset()
    offset.observe(noisy(0, 30 * MS), 0.0)
    for window in range(1, WINDOWS + 1):
        offset.observe(noisy(window, 36 * MS), window * WINDOW_S)
    assert offset.baseline_us == pytest.approx(36 * MS, abs=200)


def test_a_step_of_the_own_clock_moves_the_offset_by_as_much() -> None:
    offset = ClockOffset()
    offset.observe(lags(40 * MS, 41 * MS), 0.0)
    offset.shift(2_000_000)
    assert offset.baseline_us == 2_040_000
    assert list(offset.above(lags(2_040_000, 2_050_000, 2_040_000 - ISOLATED_US - 1))) == [0, 10_000]
