"""Frames from answers: verdict per cell, groups of rows, marks for clocks."""

import numpy as np

from tapewatch.clock import ManualClock
from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode, Query
from tapewatch.model.rows import Coded, TypedColumn
from tapewatch.query.assemble import Assembly, groups_of
from tapewatch.query.frame import Frame
from tapewatch.query.run import QueryEngine
from tapewatch.query.series import SeriesBook
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Answer, Stored
from tests.rows import CATALOG, NOW_US, S, accepted

HOUR_US = 3_600 * S


class Desk:
    """A store, a book and an engine that hear of the same rows."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW_US)
        self._store = MemoryStore()
        for table in CATALOG.values():
            self._store.create(table)
        self._book = SeriesBook(CATALOG, self.clock)
        self._engine = QueryEngine(self._store, CATALOG, self._book, self.clock)

    def say(self, table: str, *rows: dict[str, object]) -> None:
        batch = accepted(table, rows, now_us=self.clock.now_us())
        self._store.append([Stored((batch,))])
        self._book(batch)

    def latest(self, table: str, *columns: str, where: tuple[Filter, ...] = ()) -> Frame:
        end_us = self.clock.now_us() + 1
        return self._engine.frame(Query(table, end_us - HOUR_US, end_us, mode=Mode.LATEST, columns=columns, filters=where))

    def worst(self, table: str, column: str, bucket_us: int) -> Frame:
        end_us = self.clock.now_us() // bucket_us * bucket_us + bucket_us
        measure = Measure(Function.WORST, column, alias=column)
        return self._engine.frame(Query(table, end_us - HOUR_US, end_us, measures=(measure,), group_by=("venue",), bucket_us=bucket_us))


def test_each_number_has_its_own_verdict_and_a_missing_one_has_none() -> None:
    desk = Desk()
    for venue, latency_ms in (("a", 20.0), ("b", 350.0), ("c", 800.0), ("d", None)):
        desk.say("exchange", {"venue": venue, "connected": True, "latency_ms": latency_ms})
    status = desk.latest("exchange", "venue", "latency_ms").column("latency_ms").status
    assert status == ("up", "degraded", "down", None)


def test_a_flag_is_judged_by_how_long_it_has_been_bad() -> None:
    desk = Desk()
    desk.say("exchange", {"venue": "long", "connected": False})
    desk.clock.advance(40)
    desk.say("exchange", {"venue": "just", "connected": False}, {"venue": "fine", "connected": True}, {"venue": "silent"})
    desk.say("exchange", {"venue": "long", "connected": False})
    frame = desk.latest("exchange", "venue", "connected")
    words = frame.column("venue").values
    assert isinstance(words, Coded)
    assert dict(zip(words.words().tolist(), frame.column("connected").status or (), strict=True)) == {
        "fine": "up",
        "just": "degraded",
        "long": "down",
        "silent": None,
    }


def test_a_bucket_is_down_when_the_flag_has_been_bad_for_long_enough_at_its_end() -> None:
    desk = Desk()
    for connected in (True, False, False, False, False, True):
        desk.say("exchange", {"venue": "a", "connected": connected, "ts": desk.clock.now_us()}, {"venue": "b", "connected": True})
        desk.clock.advance(10)
    frame = desk.worst("exchange", "connected", 10 * S)
    venues = frame.column("venue").values
    assert isinstance(venues, Coded)
    told = [status for venue, status in zip(venues.words(), frame.column("connected").status or (), strict=True) if venue == "a"]
    assert told == ["up", "degraded", "degraded", "down", "down", "up"]


def test_latencies_of_a_host_whose_clock_is_not_synchronised_are_marked() -> None:
    desk = Desk()
    desk.say("host", {"host": "adrift", "clock_synchronised": False, "clock_error_ms": 16.0}, {"host": "exact", "clock_synchronised": True})
    for host in ("adrift", "exact"):
        desk.say("pipeline", {"host": host, "venue": "okx", "symbol": "BTC/USDT", "data_type": "trade", "latency_ms": 3.0, "records": 1})
    frame = desk.latest("pipeline", "host", "latency_ms")
    assert frame.unsynchronised == {"adrift": 16.0}
    assert [column["name"] for column in frame.to_json()["columns"] if column.get("by_clock")] == ["latency_ms"]
    assert desk.latest("pipeline", "host", "records").unsynchronised == {}, "a count needs no clock"
    only = (Filter("host", Comparison.EQ, ("exact",)),)
    assert desk.latest("pipeline", "host", "latency_ms", where=only).unsynchronised == {}


def test_rows_are_grouped_by_their_words_and_null_is_the_empty_word() -> None:
    found = groups_of([Coded.of(["x", None, "x", "y"]), Coded.of(["1", "1", "1", None])], 4)
    assert [found.keys[code] for code in found.codes.tolist()] == [("x", "1"), ("", "1"), ("x", "1"), ("y", "")]
    assert groups_of([], 2).keys == [()]
    assert groups_of([Coded.of([]), Coded.of([])], 0).keys == []
    assert groups_of([Coded.of(["b", "a", "b"])], 3).keys == [("b",), ("a",)]
    many = groups_of([Coded(np.arange(5, dtype=np.int32), tuple(f"w{i}" for i in range(5_000)))] * 8, 5)
    assert len(many.keys) == 5, "eight tags of thousands of words do not overflow"


def test_a_frame_is_of_the_span_that_was_answered_and_not_of_the_one_that_was_asked() -> None:
    table = CATALOG["exchange"]
    query = Query("exchange", NOW_US + S, NOW_US + HOUR_US - S, measures=(Measure(Function.COUNT),), bucket_us=HOUR_US)
    columns: dict[str, TypedColumn] = {"bucket": np.array([NOW_US]), "count": np.array([3.0])}
    book = SeriesBook(CATALOG, ManualClock(NOW_US))
    widened = Assembly(query, table, Answer(columns, 1, tier="1h", start_us=NOW_US, end_us=NOW_US + HOUR_US), book, NOW_US, 1.0).frame()
    assert (widened.to_json()["start_us"], widened.to_json()["end_us"]) == (NOW_US, NOW_US + HOUR_US)
    as_asked = Assembly(query, table, Answer(columns, 1), book, NOW_US, 1.0).frame()
    assert (as_asked.start_us, as_asked.end_us) == (query.start_us, query.end_us)
