"""Round trips: the true offset always lies within what is published, whatever the ways, the drift and the venue's rounding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.sources.collectors.feed.round_trips import DRIFT, KEPT, Moment, RoundTrips

T_US = 1_700_000_000_000_000

ways = st.lists(st.tuples(st.integers(0, 400_000), st.integers(0, 400_000)), min_size=1, max_size=2 * KEPT)


def answer(trips: RoundTrips, at_s: float, offset_us: int, there_us: int, back_us: int, resolution_us: int = 1000) -> None:
    """One call: ``offset_us`` is host minus venue, the ways are those of the question and of the answer."""
    answered_us = T_US + round(at_s * 1e6)
    asked_us = answered_us - there_us - back_us
    venue_us = (asked_us + there_us - offset_us) // resolution_us * resolution_us
    trips.observe(Moment(asked_us, at_s - (there_us + back_us) / 1e6), Moment(answered_us, at_s), venue_us, resolution_us)


def at(now_s: float, *, set_us: int = 0) -> Moment:
    """The host's clocks, the wall clock set by so much."""
    return Moment(T_US + round(now_s * 1e6) + set_us, now_s)


def test_before_an_answer_nothing_is_known() -> None:
    trips = RoundTrips()
    assert trips.bounds(at(0.0)) is None
    assert trips.errors is None
    trips.failed()
    assert trips.errors == 1
    assert trips.bounds(at(0.0)) is None


def test_one_round_trip_leaves_half_of_it_open() -> None:
    trips = RoundTrips()
    answer(trips, 0.0, 5_000, 20_000, 30_000, resolution_us=1)
    bounds = trips.bounds(at(0.0))
    assert bounds is not None
    assert bounds.error_us == pytest.approx(25_000, abs=2)
    assert bounds.low_us <= 5_000 <= bounds.high_us
    assert trips.errors == 0


@given(st.integers(-10_000_000, 10_000_000), ways, st.sampled_from([1, 1000, 1_000_000]), st.floats(-1, 1))
def test_the_true_offset_is_always_within_the_bounds(
    offset_us: int, calls: list[tuple[int, int]], resolution_us: int, drift: float
) -> None:
    trips = RoundTrips()
    for number, (there_us, back_us) in enumerate(calls):
        at_s = 600.0 * number
        now_us = offset_us + round(drift * DRIFT * at_s * 1e6)
        answer(trips, at_s, now_us, there_us, back_us, resolution_us)
        bounds = trips.bounds(at(at_s))
        assert bounds is not None
        assert bounds.low_us - 2 <= now_us <= bounds.high_us + 2
        assert bounds.error_us <= (there_us + back_us + resolution_us) / 2 + 1


@given(ways)
def test_more_answers_never_say_less_than_the_shortest_round_trip_of_a_moment(calls: list[tuple[int, int]]) -> None:
    trips = RoundTrips()
    for there_us, back_us in calls[:KEPT]:
        answer(trips, 0.0, 0, there_us, back_us)
    bounds = trips.bounds(at(0.0))
    assert bounds is not None
    assert bounds.error_us <= (min(sum(call) for call in calls[:KEPT]) + 1000) / 2


def test_whole_seconds_become_fine_by_many_answers() -> None:
    trips = RoundTrips()
    for number in range(24):
        answer(trips, 7.37 * number, 123_456, 5_000, 5_000, resolution_us=1_000_000)
    bounds = trips.bounds(at(7.37 * 23))
    assert bounds is not None
    assert bounds.low_us <= 123_456 <= bounds.high_us
    assert bounds.error_us < 100_000


@pytest.mark.parametrize("step_us", [-3_000_000, 3_000_000])
def test_a_venue_clock_that_was_set_is_followed_at_the_next_answer(step_us: int) -> None:
    trips = RoundTrips()
    for number in range(5):
        answer(trips, float(number), 0, 10_000, 10_000)
    answer(trips, 5.0, step_us, 15_000, 15_000)
    for _ in range(2):
        bounds = trips.bounds(at(5.0))
        assert bounds is not None
        assert bounds.low_us <= step_us <= bounds.high_us
        assert bounds.error_us < 16_000


def test_setting_the_own_clock_moves_what_is_known_at_once() -> None:
    trips = RoundTrips()
    answer(trips, 0.0, 1_000, 10_000, 10_000)
    bounds = trips.bounds(at(0.0, set_us=-2_000_000))
    assert bounds is not None
    assert bounds.low_us <= -1_999_000 <= bounds.high_us


def test_an_old_answer_says_less_and_less() -> None:
    trips = RoundTrips()
    answer(trips, 0.0, 0, 1_000, 1_000)
    now, later = trips.bounds(at(0.0)), trips.bounds(at(3600.0))
    assert now is not None
    assert later is not None
    assert later.error_us - now.error_us == pytest.approx(DRIFT * 3600 * 1e6)


def test_an_answer_after_the_own_clock_was_set_is_of_the_new_clock() -> None:
    trips = RoundTrips()
    answer(trips, 0.0, 0, 20_000, 20_000)
    set_us = -2_000_000
    for at_s in (10.0, 10.1):
        asked, answered = at(at_s, set_us=set_us), at(at_s + 0.04, set_us=set_us)
        trips.observe(asked, answered, asked.us + 20_000 - set_us, 1000)
    bounds = trips.bounds(at(11.0, set_us=set_us))
    assert bounds is not None
    assert bounds.low_us <= set_us <= bounds.high_us
    assert bounds.error_us < 25_000


@pytest.mark.parametrize("set_us", [-500_000, 500_000, -39_000])
def test_an_answer_during_which_the_own_clock_was_set_says_nothing(set_us: int) -> None:
    trips = RoundTrips()
    trips.observe(at(0.0), at(0.04, set_us=set_us), T_US + 20_000, 1)
    assert trips.bounds(at(1.0)) is None
    assert trips.errors == 0


def test_a_clock_that_ntp_turns_stays_within_the_bounds() -> None:
    trips = RoundTrips()
    answer(trips, 0.0, 0, 40_000, 40_000)
    for second in range(0, 200, 10):
        bounds = trips.bounds(at(float(second)))
        assert bounds is not None
        assert bounds.low_us <= 500 * second <= bounds.high_us


@pytest.mark.parametrize("venue_us", [0, 946_684_799_999_999, 4_102_444_800_000_000, 10**30])
def test_a_time_of_another_century_is_none(venue_us: int) -> None:
    trips = RoundTrips()
    with pytest.raises(ValueError, match="between 2000 and 2100"):
        trips.observe(at(0.0), at(0.04), venue_us, 1)
    assert trips.bounds(at(0.0)) is None
