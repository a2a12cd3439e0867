"""A question over a whole range, asked again and again, is answered as the store would, with most of it asked only once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapewatch.model.query import Comparison, Filter, Function, Measure, Query
from tapewatch.model.rows import RowBatch
from tapewatch.query.recent import Recent, Standing, standing, step_us
from tapewatch.query.recent.standing import AHEAD_US
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Answer
from tests.query.recent.test_recent import EXCHANGE, EXCHANGE_ROWS, FEED, FEED_ROWS, FILTERS, Desk, assert_same, steps
from tests.rows import CATALOG, S, accepted

STEP_US = 10 * S


@pytest.fixture(autouse=True, scope="module")
def short_ranges() -> Iterator[None]:
    """Ranges of a minute, so that the tests see many steps."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standing, "LEAST_STEPS", 4)
        yield


LATENCY, CONNECTED = Measure(Function.AVG, "latency_ms"), Measure(Function.WORST, "connected")
NEVER = {Function.QUANTILE, Function.RATE}
"""Their value over a whole range does not follow from those over its halves."""


class StandingDesk(Desk):
    """A desk whose store counts how often it is asked."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.asked = 0
        self.standing = Standing(CATALOG, self.recent, self._scan, self.clock)

    def _scan(self, query: Query) -> Answer:
        self.asked += 1
        return self.store.scan(query)

    def hear(self, batch: RowBatch) -> None:
        super().hear(batch)
        self.standing(batch)

    def whole(self, *measures: Measure, by: tuple[str, ...] = ("venue",), last_s: int = 60, **changed: Any) -> Query:
        now_us = self.clock.now_us()
        start_us = (now_us - last_s * S) // STEP_US * STEP_US
        return replace(Query(self.table, start_us, now_us + 1, measures=measures, group_by=by), **changed)

    def check(self, query: Query) -> bool:
        found = self.standing.answer(query)
        if found is not None:
            assert_same(found, self.store.scan(replace(query, end_us=query.end_us + AHEAD_US)))
        return found is not None


class Widened(MemoryStore):
    """Answers from before the start, as summaries do when the rows are gone."""

    def scan(self, query: Query, *, timeout_s: float | None = None) -> Answer:
        return replace(super().scan(query, timeout_s=timeout_s), start_us=query.start_us - STEP_US)


def asked(by: Sequence[tuple[str, ...]], order_by: Sequence[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "by": st.sampled_from(by),
            "order_by": st.sampled_from(order_by),
            "filters": FILTERS,
            "limit": st.sampled_from([None, 1]),
            "last_s": st.sampled_from([40, 60, 90]),
        }
    )


def run(table: str, made: Any, query: dict[str, Any], measures: tuple[Measure, ...]) -> int:
    desk, answered = StandingDesk(table), 0
    for pause_s, source, rows in made:
        desk.clock.advance(pause_s)
        now_us = desk.clock.now_us()
        placed = [
            {name: value for name, value in row.items() if name != "age_s"} | {"ts": now_us - round(row["age_s"] * S)} for row in rows
        ]
        if placed:
            desk.take(*placed, source=source)
        answered += sum(desk.check(desk.whole(*measures, **query)) for _ in range(2))
    return answered


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps(EXCHANGE_ROWS),
    asked([("venue",), (), ("source", "venue"), ("host",)], ["", "-venue", "n", "-n"]),
    st.lists(st.sampled_from(EXCHANGE), min_size=1, max_size=4, unique=True),
)
def test_measurements_are_answered_as_the_store_does(made: Any, query: dict[str, Any], measures: list[Measure]) -> None:
    run("exchange", made, query, (*measures, Measure(Function.COUNT, "ts", alias="n")))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps(FEED_ROWS), asked([("venue",), ("venue", "symbol")], ["", "-max_age_ms", "count"]))
def test_feeds_are_answered_as_the_store_does(made: Any, query: dict[str, Any]) -> None:
    measures = (*(measure for measure in FEED if measure.function not in NEVER), Measure(Function.COUNT))
    run("feed", made, query, (*measures, Measure(Function.FIRST, "messages"), Measure(Function.LAST, "messages")))


def test_the_store_is_asked_once_for_each_step() -> None:
    desk = StandingDesk("exchange")
    measures = [measure for measure in EXCHANGE if measure.function not in NEVER]
    answered = 0
    for number in range(200):
        desk.clock.advance(1)
        desk.take({"venue": "kraken", "connected": number % 7 > 0, "latency_ms": number, "reconnects": number % 5})
        answered += desk.check(desk.whole(*measures))
    assert answered > 180
    assert desk.asked <= 200 / 10 + 2


@pytest.mark.parametrize("measure", [measure for measure in EXCHANGE if measure.function in NEVER], ids=lambda measure: measure.name)
def test_what_does_not_follow_from_halves_is_left_to_the_store(measure: Measure) -> None:
    desk = StandingDesk("exchange")
    for _ in range(60):
        desk.clock.advance(1)
        desk.take({"venue": "kraken", "latency_ms": 1.0, "reconnects": 1})
        assert not desk.check(desk.whole(measure))
    assert desk.asked == 0


def warmed(*measures: Measure, **query: Any) -> StandingDesk:
    desk = StandingDesk("exchange")
    for number in range(40):
        desk.clock.advance(1)
        desk.take({"venue": "kraken", "host": "h1", "connected": True, "latency_ms": 1.0, "reconnects": number})
        desk.check(desk.whole(*measures, **query))
    assert desk.check(desk.whole(*measures, **query))
    return desk


def test_a_late_row_is_never_left_out() -> None:
    desk = warmed(LATENCY)
    desk.take({"venue": "kraken", "host": "h1", "latency_ms": 5_000.0, "ts": desk.clock.now_us() - 35 * S})
    assert not desk.check(desk.whole(LATENCY)), "rows after it may count differently now"
    before, answered = desk.asked, 0
    for _ in range(20):
        desk.clock.advance(1)
        desk.take({"venue": "kraken", "host": "h1", "latency_ms": 1.0})
        answered += desk.check(desk.whole(LATENCY))
    assert answered
    assert desk.asked > before


def test_a_first_row_of_a_series_that_is_old_already_counts_at_once() -> None:
    desk = warmed(LATENCY)
    before = desk.asked
    desk.take({"venue": "kraken", "host": "h2", "latency_ms": 5_000.0, "ts": desk.clock.now_us() - 35 * S})
    assert desk.check(desk.whole(LATENCY))
    assert desk.asked == before + 1, "the closed part is asked again"


def test_of_two_sources_the_one_that_saw_most_counts() -> None:
    gained = Measure(Function.DELTA, "reconnects")
    desk = warmed(gained, LATENCY)
    desk.take({"venue": "kraken", "host": "h1", "reconnects": 7}, source="other")
    assert not desk.check(desk.whole(gained))
    assert desk.check(desk.whole(LATENCY))
    assert desk.check(desk.whole(gained, by=("venue", "source"))) or desk.asked


def test_a_row_of_a_clock_that_is_a_little_ahead_counts_at_once_and_one_far_ahead_is_the_stores() -> None:
    desk = warmed(LATENCY)
    desk.take({"venue": "kraken", "latency_ms": 900.0, "ts": desk.clock.now_us() + 3 * S})
    assert desk.check(desk.whole(LATENCY))
    desk.take({"venue": "kraken", "latency_ms": 900.0, "ts": desk.clock.now_us() + 12 * S})
    assert not desk.check(desk.whole(LATENCY))
    desk.clock.advance(4)
    assert desk.check(desk.whole(LATENCY))


def test_rows_far_older_than_the_range_leave_the_closed_part_as_it_is() -> None:
    desk = warmed(LATENCY)
    before = desk.asked
    desk.standing(
        accepted("exchange", [{"venue": "kraken", "host": "h9", "ts": desk.clock.now_us() - 7_200 * S}], now_us=desk.clock.now_us())
    )
    assert desk.check(desk.whole(LATENCY))
    assert desk.asked == before


def test_a_store_whose_rows_are_gone_is_asked_in_vain_once_for_each_step() -> None:
    desk = StandingDesk("exchange")
    desk.store = Widened()
    desk.store.create(CATALOG["exchange"])
    for _ in range(100):
        desk.clock.advance(1)
        desk.take({"venue": "kraken", "connected": True, "latency_ms": 1.0})
        assert desk.standing.answer(desk.whole(LATENCY)) is None
    assert 5 <= desk.asked <= 12


def test_only_a_long_range_that_can_be_answered_so_begins_with_a_whole_step() -> None:
    desk = StandingDesk("exchange")
    query = desk.whole(LATENCY)
    odd = replace(query, start_us=query.start_us + 1)
    assert desk.standing.in_whole_steps(odd) == query
    for exact in (
        replace(odd, measures=(Measure(Function.TIME_IN_STATE, "connected", "true"),)),
        replace(odd, start_us=odd.end_us - 39 * S),
        replace(odd, bucket_us=S),
    ):
        assert desk.standing.in_whole_steps(exact) == exact


def test_filters_on_values_states_in_time_and_ranges_between_steps_are_left_to_the_store() -> None:
    desk = warmed(LATENCY)
    slow = Filter("latency_ms", Comparison.GT, (0.5,))
    assert not desk.check(desk.whole(LATENCY, filters=(slow,)))
    assert not desk.check(desk.whole(Measure(Function.TIME_IN_STATE, "connected", "true")))
    query = desk.whole(LATENCY)
    assert not desk.check(replace(query, start_us=query.start_us + 1))
    assert not desk.check(replace(query, start_us=query.end_us // STEP_US * STEP_US))
    assert not desk.check(replace(query, end_us=query.end_us - 30 * S)), "an end in the past is not open"


def test_while_the_store_is_in_doubt_nothing_is_answered() -> None:
    desk, whole = StandingDesk("exchange"), [True]
    desk.recent = Recent(CATALOG, desk.clock, lambda: whole[0])
    desk.recent.answers_from(0)
    desk.standing = Standing(CATALOG, desk.recent, desk.store.scan, desk.clock)
    for _ in range(40):
        desk.clock.advance(1)
        desk.take({"venue": "kraken", "connected": True})
        desk.check(desk.whole(CONNECTED))
    assert desk.check(desk.whole(CONNECTED))
    whole[0] = False
    assert not desk.check(desk.whole(CONNECTED))


@pytest.mark.parametrize(
    ("range_s", "step_s"), [(300, 10), (6 * 3600, 10), (6 * 3600 + 9, 10), (6 * 3600 + 10, 60), (48 * 3600, 60), (90 * 86_400, 600)]
)
def test_a_range_begins_with_a_step_that_suits_it(range_s: int, step_s: int) -> None:
    assert step_us(range_s * S) == step_s * S
