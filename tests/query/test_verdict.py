import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.model.catalog import Catalog
from tapewatch.model.table import FlagRule, Status, Thresholds
from tapewatch.query.group import is_worse
from tapewatch.query.verdict import duration, is_stale, judge_age, judge_flag, judge_number, judge_state, written

S = 1_000_000
CONNECTED = Catalog()["exchange"].column["connected"]
VERDICT = Catalog()["feed"].column["verdict"]
LATENCY = Catalog()["exchange"].column["latency_ms"]


@pytest.mark.parametrize(("value", "status"), [(299.9, Status.UP), (300, Status.DEGRADED), (499, Status.DEGRADED), (500, Status.DOWN)])
def test_a_number_is_judged_from_its_threshold_on(value: float, status: Status) -> None:
    assert judge_number(value, Thresholds(300, 500)).status is status


def test_a_low_number_is_bad_where_smaller_is_worse() -> None:
    assert judge_number(0.4, Thresholds(0.8, 0.5, above=False)).status is Status.DOWN
    assert judge_number(0.9, Thresholds(0.8, 0.5, above=False)).status is Status.UP


def test_a_missing_number_is_not_judged() -> None:
    assert judge_number(None, Thresholds(1, 2)).status is Status.UP
    assert judge_number(math.nan, Thresholds(1, 2)).status is Status.UP


def test_the_reason_names_column_value_and_line() -> None:
    assert judge_number(612.4, Thresholds(300, 500), LATENCY).reason == "latency_ms 612.4 ms is at or above 500.0 ms"


def test_disconnected_is_degraded_at_once_and_down_after_thirty_seconds() -> None:
    rule = FlagRule(bad=False, down_after_s=30)
    assert judge_flag(False, rule, 0, CONNECTED).status is Status.DEGRADED
    assert judge_flag(False, rule, 30 * S - 1, CONNECTED).status is Status.DEGRADED
    assert judge_flag(False, rule, 30 * S, CONNECTED).status is Status.DOWN
    assert judge_flag(True, rule, 90 * S, CONNECTED).status is Status.UP
    assert judge_flag(None, rule, 90 * S, CONNECTED).status is Status.UP


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("fresh", Status.UP),
        ("quiet", Status.UP),
        ("late", Status.DEGRADED),
        ("stale", Status.DEGRADED),
        ("dead", Status.DOWN),
        ("unknown", Status.UNKNOWN),
    ],
)
def test_feed_verdicts_mean_what_the_data_model_says(word: str, status: Status) -> None:
    assert judge_state(word, VERDICT).status is status


def test_a_word_that_is_not_listed_is_unknown_and_never_up() -> None:
    assert judge_state("splendid", VERDICT).status is Status.UNKNOWN


def test_age_is_judged_against_two_periods_then_ten() -> None:
    assert judge_age(None, 5 * S).status is Status.UNKNOWN
    assert judge_age(10 * S, 5 * S).status is Status.UP
    assert judge_age(10 * S + 1, 5 * S).status is Status.DEGRADED
    assert judge_age(60 * S, 5 * S).status is Status.DEGRADED
    assert judge_age(60 * S + 1, 5 * S).status is Status.DOWN
    assert judge_age(9 * 30 * S, 30 * S).status is Status.DEGRADED
    assert judge_age(10 * 30 * S + 1, 30 * S).status is Status.DOWN


def test_without_an_expectation_an_old_row_is_unknown_not_up() -> None:
    assert judge_age(59 * S, None).status is Status.UP
    assert judge_age(61 * S, None).status is Status.UNKNOWN
    assert not is_stale(1_000 * S, None)


def test_worst_wins_in_the_order_up_unknown_degraded_down_and_the_series_itself_before_its_numbers() -> None:
    up, unknown = judge_number(1, None), judge_age(None, None)
    degraded = judge_number(400, Thresholds(300, 500), LATENCY)
    stale = judge_age(11 * S, 5 * S)
    order = [up, unknown, degraded, stale, judge_number(600, Thresholds(300, 500), LATENCY)]
    for i, better in enumerate(order):
        for worse in order[i + 1 :]:
            assert is_worse(worse, better)
            assert not is_worse(better, worse)
    assert not is_worse(degraded, degraded)


@given(st.integers(0, 10**15))
def test_every_duration_can_be_written(us: int) -> None:
    assert duration(us)


@pytest.mark.parametrize(
    ("us", "text"),
    [(850_000, "850 ms"), (12 * S, "12 s"), (72 * S, "1 min 12 s"), (60 * S, "1 min"), (11_100 * S, "3 h 5 min"), (187_200 * S, "2 d 4 h")],
)
def test_durations_read_as_people_say_them(us: int, text: str) -> None:
    assert duration(us) == text


def test_numbers_are_written_with_their_unit() -> None:
    assert written(0.123, "ratio") == "12.3 %"
    assert written(1_234_567, "bytes") == "1.2 MB"
    assert written(12.5, "ms") == "12.5 ms"
    assert written(3, "count") == "3"
    assert written(72, "s") == "1 min 12 s"
