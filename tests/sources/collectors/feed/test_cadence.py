"""Learned silences: their shape, their hours, what a restart and an outage do to them."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapewatch.sources.collectors.feed.cadence import BELIEVED, BURST_S, LEARNED, LEAST_S, Cadence
from tapewatch.sources.collectors.feed.season import HOURS

BUSY_HOUR, QUIET_HOUR = 14.5, 28.5


def teach(cadence: Cadence, silences_s: list[float], *, now_s: float = 0.0, hour: float = 14.5) -> float:
    """Let messages come after these silences, with a tick every second; gives the time of the last."""
    cadence.interrupt()
    cadence.settle(hour)
    cadence.arrive(now_s)
    ticked_s = now_s
    for silence_s in silences_s:
        now_s += silence_s
        cadence.arrive(now_s)
        if now_s - ticked_s >= 1:
            ticked_s = now_s
            cadence.settle(hour)
    cadence.settle(hour)
    return now_s


def limit_s(cadence: Cadence) -> float:
    assert cadence.limit_s is not None
    return cadence.limit_s


def drawn(mean_s: float, count: int, seed: int = 7) -> list[float]:
    return [float(silence) for silence in np.random.default_rng(seed).exponential(mean_s, count).clip(BURST_S)]


def test_nothing_is_said_until_enough_silences_are_learned() -> None:
    cadence = Cadence()
    teach(cadence, [1.0] * (LEARNED - 1))
    assert (cadence.limit_s, cadence.usual_s()) == (None, None)
    teach(cadence, [1.0], now_s=100)
    assert limit_s(cadence) > 1


def test_bursts_teach_nothing_about_silence() -> None:
    cadence = Cadence()
    cadence.settle(0)
    for burst in range(1000):
        for message in range(50):
            cadence.arrive(burst * 1.0 + message * 0.0005)
        cadence.settle(0)
    assert 1.0 < limit_s(cadence) < 5
    assert cadence.learned == 999


def test_a_fast_stream_that_stops_is_found_within_seconds() -> None:
    cadence = Cadence()
    teach(cadence, [0.1] * 2000)
    assert limit_s(cadence) == LEAST_S


@pytest.mark.parametrize("mean_s", [1.0, 10.0, 60.0])
def test_the_limit_of_silences_without_memory_is_the_one_that_theory_gives(mean_s: float) -> None:
    cadence = Cadence()
    teach(cadence, drawn(mean_s, 4000))
    once_in_a_thousand_hours_s = mean_s * math.log(3.6e6 / mean_s)
    assert limit_s(cadence) == pytest.approx(once_in_a_thousand_hours_s, rel=0.35)
    usual_s = cadence.usual_s()
    assert usual_s is not None
    assert usual_s == pytest.approx(mean_s * math.log(1000), rel=0.25)


def test_a_bursty_stream_is_not_taken_for_one_without_memory() -> None:
    random = np.random.default_rng(3)
    # 19 of 20 silences are short, the rest a hundred times longer
    silences = [float(random.exponential(0.1 if random.random() < 0.95 else 10.0)) + BURST_S for _ in range(4000)]
    cadence = Cadence()
    teach(cadence, silences)
    assert limit_s(cadence) > max(silences) * 0.9
    assert limit_s(cadence) > 3 * np.mean(silences) * math.log(3.6e6) / 2


def test_each_hour_of_the_week_has_its_own_limit_and_the_shape_is_common() -> None:
    cadence = Cadence()
    now_s = 0.0
    for week in range(3):
        now_s = teach(cadence, drawn(1.0, 1500, seed=week), now_s=now_s + 1e5, hour=BUSY_HOUR)
        now_s = teach(cadence, drawn(8.0, 300, seed=week + 9), now_s=now_s + 1e5, hour=QUIET_HOUR)
    cadence.settle(QUIET_HOUR)
    quiet_s = limit_s(cadence)
    now_s = teach(cadence, drawn(1.0, 600), now_s=now_s + 1e5, hour=BUSY_HOUR)
    assert quiet_s > 3 * limit_s(cadence)


def test_an_hour_that_is_not_known_is_judged_by_all_hours_with_caution() -> None:
    cadence = Cadence()
    teach(cadence, drawn(1.0, 1500), hour=BUSY_HOUR)
    known_s = limit_s(cadence)
    cadence.settle(100.5)
    assert known_s < limit_s(cadence) < 2.5 * known_s


def test_a_market_that_is_slower_than_its_hour_used_to_be_is_no_alarm_for_long() -> None:
    cadence = Cadence()
    now_s = teach(cadence, drawn(1.0, 3000))
    silences = drawn(3.0, 600, seed=5)
    now_s = teach(cadence, silences[:300], now_s=now_s + 60)
    before_s = limit_s(cadence)
    assert max(silences[300:]) < before_s


def test_one_outage_does_not_make_the_next_one_usual() -> None:
    cadence = Cadence()
    now_s = teach(cadence, drawn(0.3, 3000))
    before_s = limit_s(cadence)
    for _ in range(2):
        now_s = teach(cadence, [600.0, *drawn(0.3, 500)], now_s=now_s + 1)
    assert limit_s(cadence) <= 1.5 * BELIEVED * before_s


def test_a_silence_that_nobody_listened_to_is_not_learned() -> None:
    cadence = Cadence()
    teach(cadence, [0.5] * 100)
    before = (limit_s(cadence), cadence.learned)
    cadence.interrupt()
    cadence.arrive(10_000.0)
    cadence.settle(BUSY_HOUR)
    assert (limit_s(cadence), cadence.learned) == (pytest.approx(before[0], rel=0.05), before[1])


def test_what_was_learned_before_a_restart_holds_after_it() -> None:
    cadence, anew = Cadence(), Cadence()
    teach(cadence, drawn(2.0, 500))
    anew.season, anew.shape = cadence.season, cadence.shape
    anew.restore(cadence.learned, cadence.messages)
    anew.settle(BUSY_HOUR)
    assert limit_s(anew) == pytest.approx(limit_s(cadence), rel=0.3)
    # the first silence after the restart is a long one: it must not stand for the mean
    anew.arrive(0.0)
    anew.arrive(12.0)
    anew.settle(BUSY_HOUR)
    assert limit_s(anew) < 2 * limit_s(cadence)


def test_a_wall_clock_that_jumps_over_hours_and_back_calls_nobody() -> None:
    cadence = Cadence()
    random = np.random.default_rng(11)
    now_s, alarms = 0.0, 0
    for number in range(20_000):
        silence_s = float(random.exponential(1.0)) + BURST_S
        alarms += cadence.limit_s is not None and silence_s > cadence.limit_s
        now_s += silence_s
        cadence.arrive(now_s)
        # summer time, a clock set by a day, and one that came from 1970
        hour = (now_s / 3600 + (number > 5000) + 24 * (number > 10_000) + 83.7 * (number > 15_000)) % HOURS
        cadence.settle(hour)
    assert alarms == 0


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0, 1e7, allow_nan=False), max_size=80),
    st.lists(st.floats(0, 167.999), min_size=1, max_size=5),
    st.integers(0, 40),
)
def test_any_arrivals_at_any_hours_give_a_sound_limit(silences_s: list[float], hours: list[float], restart: int) -> None:
    cadence = Cadence()
    now_s = 0.0
    for number, silence_s in enumerate(silences_s):
        now_s += silence_s
        cadence.arrive(now_s)
        cadence.settle(hours[number % len(hours)])
        if number == restart:
            anew = Cadence()
            anew.season, anew.shape = cadence.season, cadence.shape
            anew.restore(cadence.learned, cadence.messages)
            cadence = anew
            cadence.settle(hours[0])
        if cadence.learned < LEARNED:
            assert cadence.limit_s is None
        else:
            usual_s = cadence.usual_s()
            assert cadence.limit_s is not None
            assert math.isfinite(cadence.limit_s)
            assert cadence.limit_s >= LEAST_S
            assert usual_s is not None
            assert usual_s > 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 20), st.integers(1, 40), st.floats(0.5, 2))
def test_bursty_arrivals_of_any_kind_are_no_alarms_once_they_are_known(seed: int, pause_s: float, burst: int, spread: float) -> None:
    """Bursts of up to 40 messages with log-normal pauses between them: learned for 1,500 pauses, then watched for 500."""
    random = np.random.default_rng(seed)
    cadence = Cadence()
    now_s, alarms = 0.0, 0
    cadence.settle(BUSY_HOUR)
    for number in range(2000):
        silence_s = pause_s * float(np.exp(random.normal(0, spread / 2)))
        if number > 1500 and cadence.limit_s is not None:
            alarms += silence_s > cadence.limit_s
        now_s += silence_s
        for message in range(int(random.integers(1, burst + 1))):
            cadence.arrive(now_s + message * 0.001)
        cadence.settle(BUSY_HOUR)
    # the longest of 500 log-normal pauses may be one that nobody could expect
    assert alarms <= 1
