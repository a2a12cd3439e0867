"""A queue that drains or grows is a backlog; a clock, a late message and a slow network are not."""

import numpy as np
import pytest

from tapewatch.sources.collectors.feed.backlog import NOTICED_US, Backlog
from tapewatch.sources.collectors.feed.offset import Lags

MS = 1000
SPACING_US = 20 * MS


def arrivals(venue_us: Lags, way_us: Lags, blocked: tuple[int, int] = (0, 0), pace_us: int = 50) -> tuple[Lags, Lags]:
    """Receive times and latencies of messages that were made at ``venue_us``; a reader blocked for a while takes them at ``pace_us``."""
    received: list[int] = []
    for made_us, way in zip(venue_us, way_us, strict=True):
        earliest = int(made_us + way)
        if blocked[0] <= earliest < blocked[1]:
            earliest = blocked[1]
        received.append(max(earliest, received[-1] + pace_us) if received else earliest)
    times = np.array(received, np.int64)
    return times, times - venue_us


def backlog_us(received_us: Lags, latency_us: Lags) -> int:
    """Measure an interval on a link that was healthy before."""
    backlog = Backlog()
    for seed in range(100, 110):
        backlog.learn(arrivals(*healthy(seed=seed))[1])
    return backlog.measure(received_us, latency_us)


def healthy(count: int = 250, seed: int = 1) -> tuple[Lags, Lags]:
    """Times of messages every 20 ms, and ways of 0 to some ms."""
    return np.arange(count, dtype=np.int64) * SPACING_US, np.random.default_rng(seed).exponential(2 * MS, count).astype(np.int64)


def test_a_healthy_link_has_no_backlog() -> None:
    for seed in range(50):
        assert backlog_us(*arrivals(*healthy(seed=seed))) == 0


@pytest.mark.parametrize("blocked_ms", [100, 500, 2000, 4000])
def test_a_blocked_reader_shows_as_a_backlog_of_its_length(blocked_ms: int) -> None:
    start = 500 * MS
    measured = backlog_us(*arrivals(*healthy(), blocked=(start, start + blocked_ms * MS)))
    assert measured == pytest.approx(blocked_ms * MS, abs=45 * MS)


def test_a_queue_that_drains_slowly_is_seen_too() -> None:
    measured = backlog_us(*arrivals(*healthy(), blocked=(500 * MS, 1000 * MS), pace_us=8 * MS))
    assert measured == pytest.approx(500 * MS, abs=45 * MS)


@pytest.mark.parametrize("step_ms", [-500, -100, 100, 500])
def test_a_clock_that_was_set_is_no_backlog(step_ms: int) -> None:
    venue_us, way_us = healthy()
    received_us, latency_us = arrivals(venue_us, way_us)
    latency_us[100:] += step_ms * MS
    assert backlog_us(received_us, latency_us - latency_us.min()) == 0


def test_a_latency_that_stays_is_no_backlog() -> None:
    received_us, latency_us = arrivals(*healthy())
    assert backlog_us(received_us, latency_us + 300 * MS) == 0


def test_one_late_message_is_no_backlog() -> None:
    received_us, latency_us = arrivals(*healthy())
    latency_us[100] += 400 * MS
    assert backlog_us(received_us, latency_us) == 0


def test_a_latency_that_wanders_less_than_its_jitter_is_no_backlog() -> None:
    venue_us, way_us = healthy()
    received_us, latency_us = arrivals(venue_us, way_us + np.linspace(15 * MS, 0, len(way_us)).astype(np.int64))
    assert backlog_us(received_us, latency_us) == 0


@pytest.mark.parametrize("median_ms", [20, 60])
def test_the_jitter_of_a_long_way_is_a_backlog_in_less_than_one_interval_of_a_hundred(median_ms: int) -> None:
    backlog = Backlog()
    random = np.random.default_rng(5)
    seen = 0
    for _ in range(400):
        way_us = (random.lognormal(0, 0.35, 100) * median_ms * MS).astype(np.int64)
        received_us, latency_us = arrivals(np.arange(100, dtype=np.int64) * 50 * MS, way_us)
        latency_us = latency_us - median_ms * MS // 3
        seen += backlog.measure(received_us, np.maximum(latency_us, 0)) > 0
        backlog.learn(np.maximum(latency_us, 0))
    assert seen < 4


def test_a_backlog_that_decays_over_many_intervals_is_seen_in_each() -> None:
    backlog = Backlog()
    for seed in range(10):
        backlog.learn(arrivals(*healthy(seed=seed))[1])
    measured: list[int] = []
    for interval in range(4):
        venue_us, way_us = healthy(seed=interval)
        start_ms = 4000 - 1250 * interval
        decay_us = np.linspace(start_ms * MS, max(0, start_ms - 1250) * MS, len(way_us)).astype(np.int64)
        measured.append(backlog.measure(*arrivals(venue_us, way_us + decay_us)))
    assert measured == pytest.approx([4000 * MS, 2750 * MS, 1500 * MS, 250 * MS], rel=0.2)


def test_a_reader_that_falls_behind_shows_as_a_growing_backlog() -> None:
    venue_us, way_us = healthy()
    received_us, latency_us = arrivals(venue_us, way_us, pace_us=SPACING_US + 4 * MS)
    assert backlog_us(received_us, latency_us) == pytest.approx(latency_us[-1], abs=40 * MS)


def test_few_messages_say_nothing() -> None:
    assert backlog_us(np.array([0, 1], np.int64), np.array([NOTICED_US * 10, 0], np.int64)) == 0
    assert backlog_us(np.empty(0, np.int64), np.empty(0, np.int64)) == 0
