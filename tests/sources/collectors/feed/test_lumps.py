"""A venue that batches has a rhythm; a backlog, a burst of the market and steady messages have none."""

import numpy as np
import pytest

from tapewatch.sources.collectors.feed.backlog import Backlog
from tapewatch.sources.collectors.feed.lumps import Rhythm, find_rhythm
from tapewatch.sources.collectors.feed.offset import Lags

SECOND = 1_000_000


def times(*numbers: float) -> Lags:
    return np.array([round(number * SECOND) for number in numbers], np.int64)


def batched(rhythm_s: float, seconds: float = 5.0, *, rate: int = 200, jitter_s: float = 0.001, seed: int = 1) -> tuple[Lags, Lags]:
    """Events at random moments, sent at the next beat: receive times and latencies."""
    random = np.random.default_rng(seed)
    made = np.sort(random.uniform(0, seconds, round(rate * seconds)))
    received = (np.floor(made / rhythm_s) + 1) * rhythm_s
    received = np.sort(received + np.repeat(random.uniform(0, jitter_s, 1), len(made)))
    return (received * SECOND).astype(np.int64), ((received - made) * SECOND).astype(np.int64)


@pytest.mark.parametrize("rhythm_s", [0.05, 0.1, 0.25, 0.5])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_rhythm_of_a_venue_that_batches_is_found(rhythm_s: float, seed: int) -> None:
    rhythm_us = find_rhythm(*batched(rhythm_s, seed=seed))
    assert rhythm_us == pytest.approx(rhythm_s * SECOND, rel=0.05)


def test_empty_beats_do_not_hide_it() -> None:
    assert find_rhythm(*batched(0.1, rate=30)) == pytest.approx(100_000, rel=0.05)


@pytest.mark.parametrize("seed", range(20))
def test_messages_that_come_as_they_happen_have_none(seed: int) -> None:
    random = np.random.default_rng(seed)
    made = np.sort(random.uniform(0, 5, 400))
    latency = random.exponential(0.004, 400)
    received = np.sort(made + latency)
    assert find_rhythm((received * SECOND).astype(np.int64), (latency * SECOND).astype(np.int64)) is None


def test_a_queue_that_drains_once_has_none() -> None:
    made = np.arange(0, 5, 0.01)
    received = np.where((made > 1) & (made < 3), 3 + (made - 1) / 100, made)
    assert find_rhythm((received * SECOND).astype(np.int64), ((received - made) * SECOND).astype(np.int64)) is None


def test_a_market_that_moves_by_the_clock_is_no_batching() -> None:
    # bursts every half second whose messages are fresh
    received = np.concatenate([beat + np.arange(5) * 0.001 for beat in np.arange(0, 5, 0.5)])
    assert find_rhythm((received * SECOND).astype(np.int64), np.full(len(received), 1_000)) is None


def test_few_messages_have_none() -> None:
    assert find_rhythm(times(), times()) is None
    assert find_rhythm(times(1, 2, 3), times(0, 0, 0)) is None


def test_messages_are_as_late_as_the_freshest_of_their_lump_once_the_rhythm_is_known() -> None:
    received, latency = batched(0.25)
    rhythm = Rhythm()
    assert (rhythm.without_waiting(received, latency) == latency).all()
    rhythm.learn(received, latency)
    assert rhythm.us == pytest.approx(250_000, rel=0.05)
    left = rhythm.without_waiting(received, latency)
    assert left.shape == latency.shape
    assert (left <= latency).all()
    assert np.median(left) < 0.1 * 250_000 < np.median(latency)
    assert len(rhythm.without_waiting(times(), times())) == 0


def test_a_stall_that_ends_in_one_burst_is_a_backlog_also_where_the_venue_batches() -> None:
    received, latency = batched(0.1)
    rhythm, backlog = Rhythm(), Backlog()
    for _ in range(3):
        backlog.learn(rhythm.without_waiting(received, latency))
        rhythm.learn(received, latency)
    assert backlog.measure(received, rhythm.without_waiting(received, latency)) == 0
    stalled = (received > SECOND) & (received < 4 * SECOND)
    burst = np.where(stalled, 4 * SECOND + 200 * np.cumsum(stalled), np.where(received < SECOND, received, np.maximum(received, 4_200_000)))
    late = latency + burst - received
    left = rhythm.without_waiting(burst, late)
    assert late.max() - left.max() <= 1.05 * 100_000
    assert backlog.measure(burst, left) > 2_500_000


def test_a_slow_rhythm_is_learned_over_two_intervals_and_forgotten_when_it_ends() -> None:
    received, latency = batched(1.2)
    rhythm = Rhythm()
    rhythm.learn(received, latency)
    assert rhythm.us is None
    rhythm.learn(received + 5 * SECOND, latency)
    assert rhythm.us == pytest.approx(1_200_000, rel=0.05)
    steady = np.arange(10, 15, 0.01) * SECOND
    for _ in range(2):
        rhythm.learn(steady.astype(np.int64), np.zeros(len(steady), np.int64))
    assert rhythm.us is None
