from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.errors import QueryError
from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode, Query
from tapewatch.query.wire import query_from_address, query_from_json, query_to_json

NOW_US = 1_800_000_000_000_000
S = 1_000_000
words = st.text("abc_", min_size=1, max_size=6)
measures = st.builds(
    Measure,
    st.sampled_from(list(Function)),
    words,
    st.none() | st.floats(0, 1),
    st.just(()),
    st.just("") | words,
)
filters = st.builds(
    Filter, words, st.sampled_from(list(Comparison)), st.lists(words | st.floats(0, 9) | st.booleans(), max_size=3).map(tuple)
)
queries = st.builds(
    Query,
    words,
    st.integers(0, 10**15),
    st.integers(10**15, 2 * 10**15),
    st.sampled_from(list(Mode)),
    st.lists(measures, max_size=2).map(tuple),
    st.lists(words, max_size=2).map(tuple),
    st.lists(words, max_size=2).map(tuple),
    st.none() | st.integers(1, 10_000).map(lambda value: value * S),
    st.lists(filters, max_size=2).map(tuple),
    st.just("") | words,
    st.none() | st.integers(1, 99),
    st.none() | words,
    st.integers(0, 1_000).map(lambda value: value * S),
)


@given(queries)
def test_a_question_survives_the_wire(query: Query) -> None:
    assert query_from_json(query_to_json(query), NOW_US) == query


def test_an_address_says_the_same_as_its_json() -> None:
    asked = query_from_address(
        {
            "table": ["exchange"],
            "measure": ["p95(latency_ms)", "count()"],
            "by": ["venue,host"],
            "bucket": ["10s"],
            "last": ["1h"],
            "where": ["venue:binance,kraken"],
            "order": ["-count"],
            "limit": ["5"],
        },
        NOW_US,
    )
    assert asked == Query(
        "exchange",
        NOW_US - 3600 * S,
        NOW_US,
        measures=(Measure(Function.QUANTILE, "latency_ms", 0.95), Measure(Function.COUNT)),
        group_by=("venue", "host"),
        bucket_us=10 * S,
        filters=(Filter("venue", Comparison.IN, ("binance", "kraken")),),
        order_by="-count",
        limit=5,
    )


def test_without_a_measure_an_address_asks_for_the_newest_rows() -> None:
    assert query_from_address({"table": ["exchange"]}, NOW_US).mode is Mode.LATEST


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"table": 7}, "table: 7 is not a text"),
        ({"table": "exchange", "measure": []}, "'measure' is not a part of a question"),
        ({"table": "exchange", "mode": "best"}, "mode: 'best' is not one of aggregate, latest, rows"),
        ({"table": "exchange", "limit": "5"}, "limit: '5' is not a whole number"),
        ({"table": "exchange", "range": {"start": "2026-01-01T00:00:00"}}, "has no zone"),
        ({"table": "exchange", "measures": [{"function": "median"}]}, r"measures\[0\].function: 'median' is not one of"),
        ({"table": "exchange", "filters": [{"column": "venue", "values": "x"}]}, r"values: 'x' is not a list"),
        ({"table": "exchange", "bucket_s": "wide"}, "bucket_s: 'wide' is not a number"),
    ],
)
def test_a_wrong_part_is_named_with_its_value_and_what_is_allowed(data: dict[str, Any], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        query_from_json(data, NOW_US)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"tbl": ["x"]}, "'tbl' is not a parameter"),
        ({"table": ["exchange"], "last": ["soon"]}, "last: 'soon' is not a duration"),
        ({"table": ["exchange"], "measure": ["latency"]}, r"measure\[0\]: 'latency' is not a measure"),
        ({"table": ["exchange"], "where": ["venue"]}, r"where\[0\]: 'venue' is not column:value"),
        ({"table": ["exchange"], "limit": ["many"]}, "limit: 'many' is not a whole number"),
    ],
)
def test_a_wrong_parameter_is_named(parameters: dict[str, list[str]], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        query_from_address(parameters, NOW_US)
