import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.errors import QueryTooLarge
from tapewatch.model.query import Function, Measure, Query
from tapewatch.query.plan import BUCKETS_S, Limits, bounded, bucket_for

S = 1_000_000
COUNT = (Measure(Function.COUNT),)


@given(st.integers(1, 400 * 86_400), st.integers(10, 2_000))
def test_a_bucket_is_listed_and_cuts_into_no_more_than_points_unless_a_day_is_the_widest(range_s: int, points: int) -> None:
    bucket_us = bucket_for(range_s * S, points)
    assert bucket_us // S in BUCKETS_S
    assert range_s * S <= bucket_us * points or bucket_us == 86_400 * S


def test_too_many_buckets_are_refused_with_the_width_that_would_do() -> None:
    query = Query("exchange", 0, 86_400 * S, measures=COUNT, bucket_us=S)
    with pytest.raises(QueryTooLarge, match="86400 buckets are more than the 5000 allowed; a bucket of 30 s would do"):
        bounded(query, Limits())


def test_too_many_rows_are_refused_and_none_asked_means_the_limit() -> None:
    with pytest.raises(QueryTooLarge, match="limit"):
        bounded(Query("exchange", 0, S, measures=COUNT, limit=20_001), Limits())
    assert bounded(Query("exchange", 0, S, measures=COUNT), Limits()).limit == 20_000
