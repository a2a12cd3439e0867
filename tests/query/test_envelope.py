from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from tapewatch.clock import US_PER_S
from tapewatch.model.catalog import Catalog
from tapewatch.model.query import Function, Measure, Mode, Query, check
from tapewatch.model.rows import Floats
from tapewatch.query.envelope import HIGH, LOW, WIDE_US, enveloped
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Stored
from tests.rows import NOW_US, accepted

HOUR_S = 3600
CATALOG = Catalog()
EXCHANGE = CATALOG["exchange"]
START_US = NOW_US - NOW_US % (HOUR_S * US_PER_S) - HOUR_S * US_PER_S


def question(function: Function, bucket_s: int, column: str = "latency_ms", argument: float | None = None) -> Query:
    measure = Measure(function, column, argument, alias="shown")
    return Query(
        "exchange", START_US, START_US + HOUR_S * US_PER_S, measures=(measure,), group_by=("venue",), bucket_us=bucket_s * US_PER_S
    )


def names(query: Query) -> list[str]:
    return [measure.name for measure in enveloped(query, EXCHANGE).measures]


def test_a_mean_gets_both_edges_in_every_bucket_and_an_extreme_in_wide_ones() -> None:
    for function in (Function.AVG, Function.FIRST, Function.LAST):
        assert names(question(function, 5)) == ["shown", "shown" + LOW, "shown" + HIGH]
    for function in (Function.MIN, Function.MAX):
        assert names(question(function, 5)) == ["shown"]
        assert names(question(function, WIDE_US // US_PER_S)) == ["shown", "shown" + LOW, "shown" + HIGH]


def test_what_adds_up_what_is_a_state_and_what_has_no_buckets_has_no_edges() -> None:
    assert names(question(Function.DELTA, 600, "reconnects")) == ["shown"]
    assert names(question(Function.LAST, 600, "reconnects")) == ["shown"]
    assert names(question(Function.WORST, 600, "connected")) == ["shown"]
    assert names(question(Function.QUANTILE, 600, argument=0.99)) == ["shown"]
    whole = Query("exchange", 0, US_PER_S, measures=(Measure(Function.AVG, "latency_ms"),))
    assert enveloped(whole, EXCHANGE) is whole
    rows = Query("exchange", 0, US_PER_S, mode=Mode.ROWS)
    assert enveloped(rows, EXCHANGE) is rows


values = st.lists(
    st.tuples(st.integers(0, HOUR_S - 1), st.floats(0, 1e6, allow_nan=False)), min_size=1, max_size=60, unique_by=lambda one: one[0]
)


@given(values, st.sampled_from((2, 60, 600, 3600)), st.sampled_from((Function.AVG, Function.LAST, Function.FIRST)))
def test_every_value_that_was_stored_lies_within_the_envelope(stored: list[tuple[int, float]], bucket_s: int, function: Function) -> None:
    store = MemoryStore()
    store.create(EXCHANGE)
    rows = [{"venue": "kraken", "ts": START_US + at * US_PER_S, "latency_ms": value} for at, value in stored]
    store.append([Stored((accepted("exchange", rows),))])
    query = enveloped(question(function, bucket_s), EXCHANGE)
    check(query, EXCHANGE)
    columns = store.scan(query).columns
    starts, lows, highs = (cast("Floats", columns[name]).tolist() for name in ("bucket", "shown" + LOW, "shown" + HIGH))
    edges = {us: (low, high) for us, low, high in zip(starts, lows, highs, strict=True)}
    for at, value in stored:
        low, high = edges[(START_US + at * US_PER_S) // (bucket_s * US_PER_S) * bucket_s * US_PER_S]
        assert low <= value <= high
    assert {edge for pair in edges.values() for edge in pair} <= {value for _, value in stored}, "an edge is a value that was stored"
