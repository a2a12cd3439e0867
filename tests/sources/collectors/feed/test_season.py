"""Means by hour of the week."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.sources.collectors.feed.season import HOUR_US, HOURS, KEPT_S, UNKNOWN, Season, hour_of_week

MONDAY_US = 1_700_438_400_000_000  # 2023-11-20T00:00Z


def test_the_week_begins_on_monday_in_utc() -> None:
    assert hour_of_week(MONDAY_US) == 0
    assert hour_of_week(MONDAY_US + 26 * HOUR_US + HOUR_US // 2) == 26.5
    assert hour_of_week(MONDAY_US - 1) == pytest.approx(HOURS)


def test_hours_go_over_into_each_other_also_from_sunday_to_monday() -> None:
    season = Season()
    for hour, silence_s in ((HOURS - 1, 4.0), (0, 2.0)):
        for _ in range(100_000):
            season.learn(hour, silence_s)
    means = [season.mean_s(hour) or 0.0 for hour in (HOURS - 0.5, HOURS - 0.25, 0.0, 0.25, 0.5)]
    assert means == sorted(means, reverse=True)
    assert means == pytest.approx([4.0, 3.5, 3.0, 2.5, 2.0], rel=0.05)


def test_an_unknown_hour_is_as_all_hours_with_caution() -> None:
    season = Season()
    for _ in range(1000):
        season.learn(14, 3.0)
    assert season.mean_s(100.0) == pytest.approx(3.0 * (1 + UNKNOWN))
    assert Season().mean_s(3.0) is None


def test_an_hour_forgets_slowly() -> None:
    season = Season()
    for _ in range(20_000):
        season.learn(5, 1.0)
    assert season.seconds[5] <= KEPT_S
    for _ in range(40_000):
        season.learn(5, 3.0)
    assert season.mean_s(5.5) == pytest.approx(3.0, rel=0.2)


@given(st.lists(st.tuples(st.integers(0, HOURS - 1), st.floats(0.05, 1e6)), min_size=1), st.floats(0, HOURS, exclude_max=True))
def test_a_mean_is_never_far_from_what_was_learned(learned: list[tuple[int, float]], hour: float) -> None:
    season = Season()
    for at, silence_s in learned:
        season.learn(at, silence_s)
    silences = [silence_s for _, silence_s in learned]
    mean_s = season.mean_s(hour)
    assert mean_s is not None
    assert min(silences) * 0.999 <= mean_s <= max(silences) * (1 + UNKNOWN) * 1.001
