"""A topic over time: what viewers see is what a full answer would show, whatever arrives in whatever order."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapewatch.clock import ManualClock
from tapewatch.errors import StoreUnavailable
from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode, Query
from tapewatch.query.frame import Frame
from tapewatch.query.recent import Recent
from tapewatch.query.run import QueryEngine, Tail
from tapewatch.query.series import SeriesBook
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Stored
from tapewatch.surfaces.web.live.asked import Asked, touches
from tapewatch.surfaces.web.live.increment import can_continue
from tapewatch.surfaces.web.live.messages import Window
from tapewatch.surfaces.web.live.topic import ASK_ALL_EVERY_S, LEAST_PERIOD_S, MOST_PERIOD_S, RETRY_S, Tools, Topic
from tests.rows import CATALOG, NOW_US, S, accepted
from tests.surfaces.web.live.viewer import Viewer, rows_of

BUCKET_S = 5
MEASURES = (
    Measure(Function.COUNT),
    Measure(Function.AVG, "latency_ms"),
    Measure(Function.MAX, "latency_ms"),
    Measure(Function.LAST, "latency_ms"),
    Measure(Function.WORST, "connected"),
    Measure(Function.QUANTILE, "latency_ms", 0.9),
)
INCREASES = (Measure(Function.RATE, "reconnects"), Measure(Function.TIME_IN_STATE, "connected", "false"))


class Room:
    """A topic, a viewer of it, and everything that a server would have around them."""

    def __init__(
        self,
        measures: tuple[Measure, ...] = MEASURES,
        *,
        by: tuple[str, ...] = ("venue",),
        filters: tuple[Filter, ...] = (),
        remembers: bool = False,
    ) -> None:
        self.clock = ManualClock(NOW_US)
        self.store = MemoryStore()
        self.store.create(CATALOG["exchange"])
        self.book = SeriesBook(CATALOG, self.clock)
        self.recent = Recent(CATALOG, self.clock)
        self.engine = Counted(QueryEngine(self.store, CATALOG, self.book, self.clock, recent=self.recent if remembers else None))
        self.recent.answers_from(0)
        self.tools = Tools(self.engine, CATALOG, self.book, lambda asked: pytest.fail("no verdicts here"))
        self.viewer = Viewer()

        def question(start_us: int, end_us: int) -> Query:
            return Query("exchange", start_us, end_us, measures=measures, group_by=by, bucket_us=BUCKET_S * S, filters=filters)

        self.topic = Topic("t1", Asked("key", "exchange", Window(last_us=60 * S), {}, question))
        self.topic.clients[object()] = {"a"}  # pyright: ignore[reportArgumentType] - somebody who shows it

    def take(self, *rows: Mapping[str, Any]) -> bool:
        """Accept rows; whether the topic is out of date because of them."""
        batch = accepted("exchange", rows, now_us=self.clock.now_us(), period_s=1)
        self.store.append([Stored((batch,))])
        self.book(batch)
        self.recent(batch)
        return self.topic.observe(batch, self.clock.monotonic_s())

    def refresh(self) -> bool:
        """Compute the topic and show the viewer what is new; whether there was anything."""
        work = self.topic.begin(self.clock.now_us(), self.clock.monotonic_s(), CATALOG)
        done = self.topic.compute(work, self.tools)
        self.topic.finish(done, self.clock.monotonic_s())
        if done.message is not None:
            self.viewer.receive(done.message)
        return done.message is not None

    def truth(self) -> Frame:
        """What a full answer shows now."""
        query = self.topic.asked.query(self.clock.now_us(), CATALOG)
        assert query is not None
        return self.engine.inner.frame(query)


class Counted:
    """An engine that remembers what it was asked, and can be away."""

    def __init__(self, inner: QueryEngine) -> None:
        self.inner = inner
        self.asked: list[Query] = []
        self.away = ""

    def frame(self, query: Query, *, spark: Query | None = None, is_standing: bool = False) -> Frame:
        self.asked.append(query)
        if self.away:
            raise StoreUnavailable(self.away)
        return self.inner.frame(query, spark=spark, is_standing=is_standing)

    def at_hand(self, query: Query) -> Tail | None:
        return self.inner.at_hand(query)


ROW = st.fixed_dictionaries(
    {
        "venue": st.sampled_from(["kraken", "okx"]),
        "age_s": st.sampled_from([0.0, 0.5, 3.0, 12.0, 40.0, 75.0]),
        "connected": st.sampled_from([True, False, None]),
        "latency_ms": st.sampled_from([1.0, 250.0, 400.0, 900.0, None]),
        "reconnects": st.sampled_from([1, 2, 3, None]),
    }
)
STEPS = st.lists(st.tuples(st.sampled_from([0.1, 1.0, 4.0, 11.0]), st.lists(ROW, max_size=4), st.booleans()), min_size=1, max_size=14)


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.sampled_from([MEASURES, MEASURES[:2], INCREASES, INCREASES[:1]]), st.sampled_from(["memory", "store"]))
def test_deltas_add_up_to_the_full_answer(
    steps: list[tuple[float, list[dict[str, Any]], bool]], measures: tuple[Measure, ...], asks: str
) -> None:
    room = Room(measures, remembers=asks == "memory")
    room.take({"venue": "kraken", "connected": True, "latency_ms": 5.0})
    room.refresh()
    for pause_s, rows, looks in steps:
        room.clock.advance(pause_s)
        now_us = room.clock.now_us()
        made = [{**row, "ts": now_us - round(row["age_s"] * S)} for row in rows]
        for row in made:
            del row["age_s"]
        if made:
            room.take(*made)
        if looks:
            room.refresh()
    room.refresh()
    truth = json.loads(room.truth().encode())
    start_us = truth["start_us"]
    assert room.viewer.rows(start_us) == rows_of(truth, start_us)
    assert room.viewer.frame is not None
    assert room.viewer.frame["series"] == truth["series"]
    assert room.viewer.frame["newest_us"] == truth["newest_us"] or not rows_of(truth, start_us)


def test_new_rows_are_asked_and_sent_from_their_bucket_on() -> None:
    room = Room()
    for _ in range(12):
        room.take({"venue": "kraken", "connected": True, "latency_ms": 5.0})
        room.refresh()
        room.clock.advance(BUCKET_S)
    room.engine.asked.clear()
    rows_before = room.viewer.rows_sent
    room.take({"venue": "kraken", "latency_ms": 7.0})
    assert room.refresh()
    (asked,) = room.engine.asked
    assert asked.end_us - asked.start_us <= 3 * BUCKET_S * S
    assert room.viewer.rows_sent - rows_before <= 2
    assert room.viewer.snapshots <= 4


def test_new_rows_are_added_up_in_memory_and_the_store_is_left_alone() -> None:
    room = Room((*MEASURES, INCREASES[0]), remembers=True)
    for number in range(30):
        room.take({"venue": "kraken", "connected": True, "latency_ms": 5.0, "reconnects": number})
        room.refresh()
        room.clock.advance(1)
        if number == 2 * BUCKET_S:  # the bucket in which the panel was opened is the store's
            room.engine.asked.clear()
    assert room.engine.asked == []
    assert room.viewer.frame is not None
    truth = json.loads(room.truth().encode())
    assert room.viewer.rows(truth["start_us"]) == rows_of(truth, truth["start_us"])


def test_the_newest_rows_are_asked_as_a_whole_even_if_the_question_names_a_bucket() -> None:
    room = Room(remembers=True)

    def question(start_us: int, end_us: int) -> Query:
        return Query("exchange", start_us, end_us, mode=Mode.LATEST, bucket_us=BUCKET_S * S)

    room.topic = Topic("t2", replace(room.topic.asked, question=question))
    room.topic.clients[object()] = {"a"}  # pyright: ignore[reportArgumentType] - somebody who shows it
    for _ in range(3):
        room.take({"venue": "kraken", "connected": True})
        room.refresh()
        room.clock.advance(1)
    assert room.viewer.frame is not None
    assert room.viewer.frame["rows"] == 1


def test_a_late_row_changes_its_own_bucket() -> None:
    room = Room()
    for _ in range(10):
        room.take({"venue": "kraken", "connected": True, "latency_ms": 5.0})
        room.clock.advance(BUCKET_S)
    room.refresh()
    late_us = room.clock.now_us() - 32 * S
    assert room.take({"venue": "kraken", "latency_ms": 999.0, "ts": late_us})
    room.refresh()
    assert any("999.0" in cell[1] for row in room.viewer.rows() for cell in row)
    assert room.viewer.deltas == 1


def test_nothing_new_is_not_sent_but_staleness_is() -> None:
    room = Room()
    room.take({"venue": "kraken", "connected": True, "latency_ms": 5.0})
    room.refresh()
    assert not room.refresh()
    room.clock.advance(5)
    assert room.refresh()
    assert room.viewer.frame is not None
    assert room.viewer.frame["series"][0]["status"] == "degraded"
    assert room.viewer.frame["series"][0]["stale"] is True
    assert room.viewer.rows_sent == 1


def test_everything_is_asked_again_from_time_to_time() -> None:
    room = Room()
    room.take({"venue": "kraken", "connected": True})
    room.refresh()
    room.clock.advance(1)
    room.refresh()
    assert room.engine.asked[-1].start_us > room.engine.asked[0].start_us
    room.clock.advance(ASK_ALL_EVERY_S + 1)
    room.refresh()
    assert room.engine.asked[-1].end_us - room.engine.asked[-1].start_us >= 60 * S


def test_increases_are_always_asked_as_a_whole() -> None:
    table = CATALOG["exchange"]

    def query(measure: Measure) -> Query:
        return Query("exchange", 0, 60 * S, measures=(measure,), bucket_us=S)

    for measure in INCREASES:
        assert not can_continue(query(measure), table)
        assert not can_continue(query(Measure(Function.RATIO, over=(MEASURES[0], measure))), table)
    assert all(can_continue(query(measure), table) for measure in MEASURES)
    for changed in ({"limit": 5}, {"order_by": "-count"}, {"bucket_us": None}, {"mode": Mode.ROWS}):
        assert not can_continue(replace(query(MEASURES[0]), **changed), table)
    rate = Query("pipeline", 0, S, measures=(Measure(Function.RATE, "records"),), bucket_us=S)
    assert can_continue(rate, CATALOG["pipeline"])


def test_a_store_that_goes_away_leaves_the_last_good_frame_marked_and_comes_back() -> None:
    room = Room()
    room.take({"venue": "kraken", "connected": True})
    room.refresh()
    room.engine.away = "the disk is full"
    room.clock.advance(6)
    assert room.refresh()
    assert room.viewer.frame is not None
    assert (room.viewer.frame["state"], room.viewer.frame["error"]) == ("last_good", "the disk is full")
    assert room.viewer.frame["rows"] == 1
    assert not room.refresh()
    room.engine.away = ""
    assert room.refresh()
    assert (room.viewer.frame["state"], room.viewer.frame["error"]) == ("live", None)


def test_after_a_failure_viewers_get_the_whole_again_even_if_nothing_changed() -> None:
    room = Room()
    room.take({"venue": "kraken", "connected": True})
    room.refresh()
    assert not room.refresh()
    room.topic.begin(room.clock.now_us(), room.clock.monotonic_s(), CATALOG)
    assert room.topic.fail("query_too_large", "took longer than 5 s", room.clock.monotonic_s(), is_final=False)
    assert room.refresh()
    assert room.viewer.snapshots == 2


def test_who_comes_later_sees_the_same() -> None:
    room = Room()
    for _ in range(5):
        room.take({"venue": "kraken", "connected": True, "latency_ms": 5.0})
        room.refresh()
        room.clock.advance(3)
    newcomer = Viewer()
    newcomer.receive(room.topic.snapshot())
    assert room.topic.snapshot().text is room.topic.snapshot().text
    room.take({"venue": "okx", "connected": False})
    before = room.viewer.deltas
    work = room.topic.begin(room.clock.now_us(), room.clock.monotonic_s(), CATALOG)
    done = room.topic.compute(work, room.tools)
    assert done.message is not None
    for viewer in (newcomer, room.viewer):
        viewer.receive(done.message)
    assert newcomer.rows(work.query.start_us if work.query else 0) == room.viewer.rows(work.query.start_us if work.query else 0)
    assert room.viewer.deltas == before + 1


# --- when it is due --------------------------------------------------------------------------------------------------


def test_a_topic_is_due_at_once_then_when_rows_came_then_when_time_has_passed() -> None:
    room = Room()
    topic = room.topic
    assert topic.is_urgent
    assert topic.due_s() == -math.inf or topic.due_s() <= 0
    room.take({"venue": "kraken", "connected": True})
    room.refresh()
    assert not topic.is_urgent
    assert topic.due_s() == pytest.approx(5.0)
    assert room.take({"venue": "kraken", "connected": False})
    assert topic.due_s() == pytest.approx(0.05)
    topic.begin(room.clock.now_us(), 1.0, CATALOG)
    assert topic.due_s() == math.inf
    topic.clients.clear()
    assert topic.due_s() == math.inf


def test_a_failing_topic_is_tried_again_unless_the_question_is_wrong() -> None:
    topic = Room().topic
    topic.begin(NOW_US, 0.0, CATALOG)
    assert topic.fail("store_unavailable", "away", 1.0, is_final=False)
    assert not topic.fail("store_unavailable", "away", 2.0, is_final=False)
    assert topic.due_s() == 2.0 + RETRY_S
    assert topic.fail("bad_query", "no such column", 3.0, is_final=True)
    assert topic.due_s() == math.inf


def test_a_fixed_window_in_the_past_is_computed_once_unless_a_late_row_falls_into_it() -> None:
    room = Room()
    fixed = replace(room.topic.asked, window=Window(start_us=NOW_US - 60 * S, end_us=NOW_US))
    room.topic = Topic("t2", fixed)
    room.topic.clients[object()] = {"a"}  # pyright: ignore[reportArgumentType] - somebody who shows it
    room.refresh()
    assert room.topic.due_s() == math.inf
    assert not room.take({"venue": "kraken", "ts": NOW_US + S})
    assert room.topic.due_s() == math.inf
    assert room.take({"venue": "kraken", "ts": NOW_US - 30 * S})
    assert room.topic.due_s() < math.inf


def test_rows_that_the_filters_leave_out_do_not_make_a_topic_due() -> None:
    batch = accepted("exchange", [{"venue": "kraken"}, {"venue": "okx"}])

    def at(*filters: Filter, **changed: Any) -> int | None:
        query = Query("exchange", NOW_US - S, NOW_US + S, measures=MEASURES, filters=filters)
        return touches(replace(query, **changed), batch, is_moving=False)

    assert at() == NOW_US
    assert at(Filter("venue", Comparison.IN, ("kraken", "bybit"))) == NOW_US
    assert at(Filter("venue", Comparison.IN, ("bybit",))) is None
    assert at(Filter("venue", Comparison.NOT_IN, ("kraken", "okx"))) is None
    assert at(Filter("venue", Comparison.NE, ("kraken",))) == NOW_US
    assert at(Filter("latency_ms", Comparison.GT, (5.0,))) == NOW_US
    assert at(start_us=NOW_US + 1) is None
    assert at(end_us=NOW_US) is None
    assert at(start_us=NOW_US + 9 * S, end_us=NOW_US + 11 * S, shift_us=10 * S) == NOW_US + 10 * S


@pytest.mark.parametrize("jump_s", [-86_400.0, -3_600.0, -30.0, -7.0, -2.0, 2.0, 7.0, 30.0, 3_600.0, 86_400.0])
def test_viewers_see_the_truth_and_are_served_on_time_when_the_clock_is_set(jump_s: float) -> None:
    room = Room()
    for step in range(30):
        room.clock.advance(2)
        if step == 15:
            room.clock.jump(jump_s)
        room.take({"venue": "kraken", "connected": True, "latency_ms": float(step)})
        late_s = LEAST_PERIOD_S if step == 15 and jump_s < 0 else 0  # the window moves back with its next bucket at the latest
        assert room.topic.due_s() <= room.clock.monotonic_s() + late_s, step
        room.refresh()
        truth = json.loads(room.truth().encode())
        assert room.viewer.rows(truth["start_us"]) == rows_of(truth, truth["start_us"]), step
        assert room.topic.due_s() <= room.clock.monotonic_s() + MOST_PERIOD_S


def test_a_late_row_before_the_range_changes_what_its_first_row_is_compared_with() -> None:
    room = Room(INCREASES[:1], remembers=True)
    room.take({"venue": "kraken", "reconnects": 1})
    room.refresh()
    assert room.take({"venue": "kraken", "reconnects": 1, "ts": room.clock.now_us() - 75 * S})
    room.refresh()
    truth = json.loads(room.truth().encode())
    assert room.viewer.rows(truth["start_us"]) == rows_of(truth, truth["start_us"])
