"""What is kept in memory is what the store would answer, or no answer at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapewatch.clock import ManualClock
from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode, Query
from tapewatch.model.rows import Coded, RowBatch
from tapewatch.model.table import gauge
from tapewatch.query.recent import Recent
from tapewatch.query.recent.recent import IDLE_S, MOST_SERIES, MOST_WIDTHS
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Answer, Stored
from tapewatch.testing.stores.tables import plain
from tests.rows import CATALOG, NOW_US, S, accepted

BUCKET_US = 5 * S
EXCHANGE = (
    Measure(Function.COUNT),
    Measure(Function.COUNT, "latency_ms"),
    Measure(Function.AVG, "latency_ms"),
    Measure(Function.MIN, "latency_ms"),
    Measure(Function.MAX, "latency_ms"),
    Measure(Function.MAX, "last_message_at"),
    Measure(Function.FIRST, "latency_ms"),
    Measure(Function.LAST, "latency_ms"),
    Measure(Function.LAST, "connected"),
    Measure(Function.WORST, "connected"),
    Measure(Function.AVG, "connected"),
    Measure(Function.QUANTILE, "latency_ms", 0.9),
    Measure(Function.DELTA, "reconnects"),
    Measure(Function.RATE, "reconnects"),
    Measure(Function.RATIO, alias="share", over=(Measure(Function.COUNT, "latency_ms"), Measure(Function.COUNT))),
)
FEED = (
    Measure(Function.SUM, "messages"),
    Measure(Function.WORST, "verdict"),
    Measure(Function.QUANTILE, "latency_ms_sketch", 0.5),
    Measure(Function.MAX, "age_ms"),
)


class Desk:
    """A store and the memory beside it, told the same rows."""

    def __init__(self, table: str) -> None:
        self.clock = ManualClock(NOW_US)
        self.table = table
        self.store = MemoryStore()
        self.store.create(CATALOG[table])
        self.recent = Recent(CATALOG, self.clock)
        self.recent.answers_from(0)

    def take(self, *rows: Mapping[str, Any], source: str = "bot") -> None:
        batch = accepted(self.table, rows, now_us=self.clock.now_us(), source=source)
        self.store.append([Stored((batch,))])
        self.hear(batch)

    def hear(self, batch: RowBatch) -> None:
        self.recent(batch)

    def buckets(self, *measures: Measure, by: tuple[str, ...] = ("venue",), last: int = 3, filters: tuple[Filter, ...] = ()) -> Query:
        end_us = (self.clock.now_us() // BUCKET_US + 1) * BUCKET_US
        return Query(self.table, end_us - last * BUCKET_US, end_us, measures=measures, group_by=by, bucket_us=BUCKET_US, filters=filters)

    def latest(self, **changed: Any) -> Query:
        end_us = self.clock.now_us() + 300 * S
        return replace(Query(self.table, end_us - 3600 * S, end_us, mode=Mode.LATEST), **changed)

    def check(self, query: Query) -> bool:
        """Whether memory answers; if it does, as the store."""
        found = self.recent.answer(query)
        if found is not None:
            assert_same(found, self.store.scan(query))
        return found is not None


def assert_same(found: Answer, expected: Answer) -> None:
    assert list(found.columns) == list(expected.columns)
    assert (found.rows, found.newest_us, found.truncated) == (expected.rows, expected.newest_us, expected.truncated)
    assert found.rows_behind in {None, expected.rows_behind}
    for ours, theirs in zip(plain(found), plain(expected), strict=True):
        for name, value in theirs.items():
            assert is_same(ours[name], value), f"{name}: {ours[name]!r} is not {value!r}"


def is_same(ours: object, theirs: object) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)
    return ours == theirs and type(ours) is type(theirs)


AGES = st.sampled_from([0.0, 0.0, 0.0, 0.2, 1.0, 4.0, 9.0, 31.0])
EXCHANGE_ROWS = st.fixed_dictionaries(
    {
        "venue": st.sampled_from(["kraken", "okx"]),
        "host": st.sampled_from(["h1", "h2"]),
        "age_s": AGES,
        "connected": st.sampled_from([True, False, None]),
        "latency_ms": st.sampled_from([1.0, 250.0, 400.0, None]),
        "reconnects": st.sampled_from([1, 2, 7, None]),
    }
)
FEED_ROWS = st.fixed_dictionaries(
    {
        "venue": st.sampled_from(["kraken", "okx"]),
        "symbol": st.sampled_from(["BTC/USD", "ETH/USD"]),
        "channel": st.just("trade"),
        "age_s": AGES,
        "messages": st.sampled_from([0, 3, 8, None]),
        "verdict": st.sampled_from(["fresh", "stale", None]),
        "age_ms": st.sampled_from([1.0, 90.0, None]),
        "latency_ms_sketch": st.sampled_from([{"5": 3, "9": 1}, {"7": 2}, None]),
    }
)
FILTERS = st.sampled_from(
    [
        (),
        (Filter("venue", Comparison.EQ, ("kraken",)),),
        (Filter("venue", Comparison.NOT_IN, ("kraken",)), Filter("source", Comparison.IN, ("bot", "other"))),
        (Filter("host", Comparison.GT, ("h1",)),),
    ]
)


def steps(rows: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[tuple[float, str, list[dict[str, Any]]]]]:
    return st.lists(
        st.tuples(st.sampled_from([0.3, 1.0, 4.0, 11.0]), st.sampled_from(["bot", "bot", "other"]), st.lists(rows, max_size=4)),
        min_size=1,
        max_size=16,
    )


def run(
    table: str,
    made: Sequence[tuple[float, str, list[dict[str, Any]]]],
    queries: Sequence[dict[str, Any]],
    measures: tuple[Measure, ...],
    jumps_s: Sequence[float] = (),
) -> None:
    desk = Desk(table)
    desk.recent.answer(desk.buckets(*measures))
    for i, (pause_s, source, rows) in enumerate(made):
        desk.clock.advance(pause_s)
        desk.clock.jump(jumps_s[i % len(jumps_s)] if jumps_s else 0.0)
        now_us = desk.clock.now_us()
        placed = [
            {name: value for name, value in row.items() if name != "age_s"} | {"ts": now_us - round(row["age_s"] * S)} for row in rows
        ]
        if placed:
            desk.take(*placed, source=source)
        for asked in queries:
            for last in (1, 2):
                desk.check(desk.buckets(*measures, by=asked["by"], last=last, filters=asked["filters"]))
            desk.check(desk.latest(group_by=asked["by"], filters=asked["filters"], order_by=asked["order_by"], limit=asked["limit"]))


def asked(
    by: list[tuple[str, ...]], order_by: list[str], filters: st.SearchStrategy[tuple[Filter, ...]]
) -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.fixed_dictionaries(
        {"by": st.sampled_from(by), "order_by": st.sampled_from(order_by), "filters": filters, "limit": st.sampled_from([None, 1])}
    )
    return st.lists(one, min_size=1, max_size=2)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps(EXCHANGE_ROWS),
    asked([("venue",), (), ("source", "venue"), ("host",)], ["", "latency_ms", "-reconnects", "-venue"], FILTERS),
    st.lists(st.sampled_from(EXCHANGE), min_size=1, max_size=4, unique=True),
)
def test_measurements_are_answered_as_the_store_does(
    made: list[tuple[float, str, list[dict[str, Any]]]], queries: list[dict[str, Any]], measures: list[Measure]
) -> None:
    run("exchange", made, queries, tuple(measures))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps(FEED_ROWS), asked([("venue",), ("venue", "symbol")], ["", "-age_ms"], st.just(())))
def test_feeds_are_answered_as_the_store_does(made: list[tuple[float, str, list[dict[str, Any]]]], queries: list[dict[str, Any]]) -> None:
    run("feed", made, queries, FEED)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps(EXCHANGE_ROWS),
    asked([("venue",), ()], ["", "latency_ms"], st.just(())),
    st.lists(st.sampled_from(EXCHANGE), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from([0.0, 0.0, 0.0, -3_600.0, -31.0, -6.0, 6.0, 31.0, 3_600.0]), min_size=1, max_size=16),
)
def test_a_clock_that_is_set_and_set_right_again_makes_no_answer_another_than_the_stores(
    made: list[tuple[float, str, list[dict[str, Any]]]], queries: list[dict[str, Any]], measures: list[Measure], jumps_s: list[float]
) -> None:
    run("exchange", made, queries, tuple(measures), jumps_s)


def test_after_a_clock_that_was_ahead_is_set_right_memory_answers_again_when_the_time_of_its_rows_has_passed() -> None:
    desk = Desk("exchange")
    query_of = [lambda: desk.buckets(EXCHANGE[0], last=2), desk.latest]

    def seconds(count: int) -> list[bool]:
        answered: list[bool] = []
        for _ in range(count):
            desk.clock.advance(1)
            desk.take({"venue": "kraken", "latency_ms": 5.0})
            answered += [desk.check(make()) for make in query_of]
        return answered

    seconds(20)
    assert all(seconds(5))
    desk.clock.jump(900)
    seconds(10)
    desk.clock.jump(-900)
    assert not any(seconds(30)), "left to the store, which knows what was stored meanwhile"
    desk.clock.advance(860)
    seconds(20)
    assert all(seconds(5))


def test_rows_in_their_order_are_answered_from_memory() -> None:
    desk = Desk("exchange")
    query_of = [lambda: desk.buckets(*EXCHANGE, last=2), lambda: desk.latest(columns=("venue", "latency_ms", "ts")), desk.latest]
    desk.recent.answer(query_of[0]())
    answered = 0
    for number in range(40):
        desk.clock.advance(1)
        desk.take(
            {"venue": "kraken", "connected": True, "latency_ms": number, "reconnects": number % 7},
            {"venue": "okx", "connected": number % 5 > 0, "reconnects": number},
        )
        if number >= 15:
            answered += sum(desk.check(make()) for make in query_of)
    assert answered == 25 * 3


def test_a_bucket_in_which_the_question_was_new_is_left_to_the_store() -> None:
    desk = Desk("exchange")
    desk.take({"venue": "kraken", "latency_ms": 5.0})
    assert not desk.check(desk.buckets(EXCHANGE[2], last=1))
    desk.clock.advance(5)
    desk.take({"venue": "kraken", "latency_ms": 7.0})
    assert desk.check(desk.buckets(EXCHANGE[2], last=1))
    assert not desk.check(desk.buckets(EXCHANGE[4], last=1)), "another measure, new in this bucket"


def test_a_row_from_the_future_does_not_hide_the_buckets_of_now() -> None:
    desk = Desk("exchange")
    desk.check(desk.buckets(EXCHANGE[0], last=1))
    desk.clock.advance(6)
    desk.take({"venue": "okx", "ts": desk.clock.now_us() + 250 * S})
    desk.take({"venue": "kraken"})
    assert desk.check(desk.buckets(EXCHANGE[0], last=1))


def test_rows_far_ahead_are_the_stores_to_answer_when_their_time_has_come() -> None:
    desk = Desk("exchange")
    desk.check(desk.buckets(EXCHANGE[0], last=1))
    desk.clock.advance(6)
    desk.take({"venue": "okx", "ts": desk.clock.now_us() + 60 * S})
    desk.take({"venue": "kraken"})
    assert desk.check(desk.buckets(EXCHANGE[0], last=1))
    desk.clock.advance(60)
    desk.take({"venue": "kraken"})
    assert not desk.check(desk.buckets(EXCHANGE[0], last=1)), "this bucket has the row that came too early"
    desk.clock.advance(5)
    desk.take({"venue": "kraken"})
    assert desk.check(desk.buckets(EXCHANGE[0], last=1))


def test_a_bucket_with_too_many_values_leaves_its_quantiles_to_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch.query.recent.buckets.MOST_VALUES", 3)
    desk = Desk("exchange")
    quantile, largest = EXCHANGE[11], EXCHANGE[4]
    desk.check(desk.buckets(quantile, largest, last=1))
    desk.clock.advance(6)
    for number in range(5):
        desk.clock.advance(0.1)
        desk.take({"venue": "kraken", "latency_ms": number})
        assert desk.check(desk.buckets(quantile, last=1)) == (number < 3)
        assert desk.check(desk.buckets(largest, last=1))
    desk.clock.advance(5)
    desk.take({"venue": "kraken", "latency_ms": 1})
    assert desk.check(desk.buckets(quantile, last=1))


def test_nothing_is_answered_before_the_stored_series_are_known_nor_while_the_store_is_away() -> None:
    desk, whole = Desk("exchange"), [True]
    desk.recent = Recent(CATALOG, desk.clock, lambda: whole[0])
    desk.take({"venue": "kraken"})
    assert not desk.check(desk.latest())
    desk.recent.answers_from(desk.latest().start_us + 1)
    assert not desk.check(desk.latest()), "the range begins before what is known"
    desk.recent.answers_from(desk.latest().start_us)
    assert desk.check(desk.latest())
    whole[0] = False
    assert not desk.check(desk.latest())


def test_what_was_stored_before_a_restart_counts() -> None:
    desk = Desk("exchange")
    desk.take({"venue": "kraken", "reconnects": 3}, {"venue": "okx", "reconnects": None})
    query = desk.latest(group_by=(*CATALOG["exchange"].tags, "source"))
    stored = desk.store.scan(query)
    again = Recent(CATALOG, desk.clock)
    again.seed(accepted("exchange", [{"venue": "kraken", "reconnects": 3}, {"venue": "okx", "reconnects": None}]))
    again.answers_from(0)
    desk.recent = again
    assert stored.rows == 2
    assert desk.check(desk.latest())
    desk.check(desk.buckets(EXCHANGE[12], last=1))
    desk.clock.advance(6)
    desk.take({"venue": "kraken", "reconnects": 5})
    assert desk.check(desk.buckets(EXCHANGE[12], last=1))
    desk.clock.advance(1)
    desk.take({"venue": "okx", "reconnects": 5})
    assert not desk.check(desk.buckets(EXCHANGE[12], last=1)), "okx's counter before is not known here, and may be in the store"


def test_a_counter_without_a_value_before_the_seed_is_not_taken_for_new() -> None:
    desk = Desk("exchange")
    desk.take({"venue": "kraken", "reconnects": 3})
    stored = desk.store.scan(desk.latest(group_by=(*CATALOG["exchange"].tags, "source")))
    desk.recent = Recent(CATALOG, desk.clock)
    desk.clock.advance(1)
    desk.take({"venue": "kraken", "reconnects": None})
    desk.recent.seed(RowBatch("exchange", stored.rows, stored.columns))
    desk.recent.answers_from(0)
    desk.check(desk.buckets(EXCHANGE[12], last=1))
    desk.clock.advance(5)
    desk.take({"venue": "kraken", "reconnects": 5})
    desk.check(desk.buckets(EXCHANGE[12], last=1))
    desk.clock.advance(5)
    desk.take({"venue": "kraken", "reconnects": 6})
    assert desk.check(desk.buckets(EXCHANGE[12], last=1))


def test_a_table_that_is_extended_while_the_server_runs_is_left_to_the_store_until_its_rows_are_known() -> None:
    desk, tables = Desk("exchange"), dict(CATALOG)
    desk.recent = Recent(tables, desk.clock)
    desk.recent.answers_from(0)
    desk.take({"venue": "kraken"})
    assert desk.check(desk.latest())
    tables["exchange"] = replace(CATALOG["exchange"], columns=(*CATALOG["exchange"].columns, gauge("more", "ms", "Something new.")))
    desk.take({"venue": "okx"})
    assert not desk.check(desk.latest())
    kraken = accepted("exchange", [{"venue": "kraken"}], now_us=desk.clock.now_us(), source="bot")
    desk.recent.seed(kraken)
    desk.recent.answers_from(0, "exchange")
    assert desk.recent.answer(desk.latest()) is not None


def test_an_order_that_the_store_refuses_is_left_to_it() -> None:
    desk = Desk("feed")
    desk.take({"venue": "kraken", "symbol": "BTC/USD", "channel": "trade", "messages": 1})
    assert desk.check(desk.latest(columns=("venue", "messages"), order_by="-messages"))
    for order_by in ("nothing", "latency_ms_sketch", "age_ms"):
        assert desk.recent.answer(desk.latest(columns=("venue", "messages"), order_by=order_by)) is None


def test_more_widths_than_are_kept_do_not_push_each_other_out() -> None:
    desk = Desk("exchange")
    widths = [BUCKET_US * number for number in range(1, MOST_WIDTHS + 2)]

    def ask(width_us: int) -> bool:
        start_us = desk.clock.now_us() // width_us * width_us
        return desk.check(replace(desk.buckets(EXCHANGE[0]), start_us=start_us, end_us=start_us + width_us, bucket_us=width_us))

    for width_us in widths:
        ask(width_us)
    for _ in range(100):
        desk.clock.advance(1)
        desk.take({"venue": "kraken"})
        answered = [ask(width_us) for width_us in widths]
    assert answered == [*[True] * MOST_WIDTHS, False]
    desk.clock.advance(IDLE_S + 1)
    ask(widths[-1])
    desk.clock.advance(widths[-1] / S)
    desk.take({"venue": "kraken"})
    assert ask(widths[-1])


def test_an_empty_answer_has_the_forms_of_the_store() -> None:
    desk = Desk("exchange")
    desk.check(desk.buckets(*EXCHANGE, last=1))
    desk.clock.advance(6)
    query = desk.buckets(*EXCHANGE, last=1)
    found, expected = desk.recent.answer(query), desk.store.scan(query)
    assert found is not None
    for name, values in expected.columns.items():
        ours = found.columns[name]
        assert type(ours) is type(values)
        if not isinstance(values, Coded) and not isinstance(ours, Coded):
            assert ours.dtype == values.dtype, name


@pytest.mark.parametrize(
    "changed",
    [
        {"measures": (Measure(Function.TIME_IN_STATE, "connected", "false"),)},
        {"shift_us": S},
        {"order_by": "-count"},
        {"filters": (Filter("latency_ms", Comparison.GT, (5.0,)),)},
        {"bucket_us": None},
    ],
)
def test_other_questions_are_the_stores(changed: dict[str, Any]) -> None:
    desk = Desk("exchange")
    query = desk.buckets(EXCHANGE[0], last=1)
    desk.recent.answer(query)
    desk.clock.advance(6)
    desk.take({"venue": "kraken"})
    assert desk.check(desk.buckets(EXCHANGE[0], last=1))
    assert desk.recent.answer(replace(desk.buckets(EXCHANGE[0], last=1), **changed)) is None


def test_a_table_with_too_many_series_is_left_to_the_store() -> None:
    desk = Desk("exchange")
    desk.take({"venue": "kraken"})
    assert desk.check(desk.latest())
    desk.take(*({"venue": "kraken", "host": f"h{number}"} for number in range(MOST_SERIES + 1)))
    assert not desk.check(desk.latest())
    desk.take({"venue": "kraken"})
    assert not desk.check(desk.latest())
