"""A queue that drains or grows is a backlog; a clock, a late message and a slow network are not."""

import numpy as np
import pytest

from tapewatch.sources.collectors.feed.backlog import NOTICED_US, backlog_us
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


def test_a_network_that_becomes_better_within_seconds_is_no_backlog() -> None:
    venue_us, way_us = healthy()
    received_us, latency_us = arrivals(venue_us, way_us + np.linspace(150 * MS, 0, len(way_us)).astype(np.int64))
    assert backlog_us(received_us, latency_us) == 0


def test_a_reader_that_falls_behind_shows_as_a_growing_backlog() -> None:
    venue_us, way_us = healthy()
    received_us, latency_us = arrivals(venue_us, way_us, pace_us=SPACING_US + 4 * MS)
    assert backlog_us(received_us, latency_us) == pytest.approx(latency_us[-60:].min(), abs=20 * MS)


def test_few_messages_say_nothing() -> None:
    assert backlog_us(np.array([0, 1], np.int64), np.array([NOTICED_US * 10, 0], np.int64)) == 0
    assert backlog_us(np.empty(0, np.int64), np.empty(0, np.int64)) == 0
