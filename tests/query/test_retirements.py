"""Series that stop for good: left out by time or by hand, named beside, remembered over a restart, back when they speak."""

import pytest

from tapewatch.clock import ManualClock
from tapewatch.errors import QueryError
from tapewatch.model.query import Function, Measure, Mode, Query
from tapewatch.model.table import Status
from tapewatch.query.frame import Frame
from tapewatch.query.retirements import BACK, RETIRED, SILENT, Retirements, Silence, is_over
from tapewatch.query.run import QueryEngine
from tapewatch.query.series import SeriesBook
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Stored
from tests.rows import CATALOG, NOW_US, S, accepted

DAY_S = 86_400.0
WEEK_S = 7 * DAY_S


class Desk:
    """A store, a book and who retires; `restarted` gives one that knows only what was stored."""

    def __init__(self, clock: ManualClock | None = None, store: MemoryStore | None = None) -> None:
        self.clock = clock or ManualClock(NOW_US)
        self.store = store or MemoryStore()
        for table in CATALOG.values():
            self.store.create(table)
        self.book = SeriesBook(CATALOG, self.clock)
        self.retirements = Retirements(self.book, CATALOG, self.clock, lambda table: {"pipeline": 2 * DAY_S}.get(table, WEEK_S))
        self.engine = QueryEngine(self.store, CATALOG, self.book, self.clock)

    def say(self, table: str, *, period_s: float | None = 5.0, source: str = "bot", **row: object) -> None:
        batch = accepted(table, [row], now_us=self.clock.now_us(), source=source, period_s=period_s)
        self.store.append([Stored((batch,))])
        self.book(batch)

    def sweep(self) -> list[tuple[str, str]]:
        found = self.retirements.sweep()
        self.write(found)
        return [(one.table, one.standing) for one in found]

    def write(self, found: list[Silence]) -> None:
        if found:
            rows = self.retirements.rows(found)
            self.store.append([Stored((accepted("silence", rows, now_us=self.clock.now_us(), source="tapewatch"),))])

    def restarted(self) -> "Desk":
        clock = ManualClock(self.clock.now_us())
        after = Desk(clock, self.store)
        after.retirements.remember(after.engine.newest_of("silence", 365 * DAY_S))
        for table in CATALOG:
            after.book(after.engine.newest_of(table, DAY_S))
        return after

    def latest(self, table: str, last_s: float = 30 * DAY_S) -> Frame:
        end_us = self.clock.now_us() + 1
        return self.engine.frame(Query(table, end_us - round(last_s * S), end_us, mode=Mode.LATEST))

    def statuses(self) -> list[Status]:
        return [verdict.status for verdict in self.book.verdicts()]


@pytest.fixture
def desk() -> Desk:
    return Desk()


# --- by time -----------------------------------------------------------------------------------------------------------


def test_a_series_is_over_after_the_time_of_its_table_and_thirty_of_its_periods() -> None:
    hour_us = 3_600 * S
    assert not is_over(hour_us, None, 3_600)
    assert is_over(hour_us + 1, None, 3_600)
    assert not is_over(29 * 24 * hour_us, 24 * hour_us, 3_600), "what comes once a day"
    assert is_over(31 * 24 * hour_us, 24 * hour_us, 3_600)


def test_a_silent_series_stays_down_until_it_is_retired_and_is_named_then(desk: Desk) -> None:
    desk.say("exchange", venue="kraken", connected=True)
    desk.clock.advance(WEEK_S)
    assert desk.sweep() == [("exchange", SILENT)], "written down for the next start, once"
    assert desk.sweep() == []
    assert desk.statuses() == [Status.DOWN]
    desk.clock.advance(1)
    assert desk.sweep() == [("exchange", RETIRED)]
    assert desk.sweep() == []
    assert desk.statuses() == []
    (retired,) = desk.book.all_retired()
    assert (retired.key["venue"], retired.why, retired.retired_us) == ("kraken", "silent for 7 d", desk.clock.now_us())


def test_a_table_may_have_a_time_of_its_own_and_a_slow_series_is_waited_for(desk: Desk) -> None:
    desk.say("pipeline", venue="kraken", symbol="BTC/USD", data_type="trade", records=1)
    desk.say("exchange", venue="kraken", connected=True)
    desk.say("exchange", venue="okx", connected=True, period_s=DAY_S)
    desk.clock.advance(2 * DAY_S + 1)
    desk.sweep()
    assert [one.table for one in desk.book.all_retired()] == ["pipeline"]
    desk.clock.advance(WEEK_S)
    desk.sweep()
    assert [verdict.key["venue"] for verdict in desk.book.verdicts()] == ["okx"]


def test_it_comes_back_when_it_speaks_again(desk: Desk) -> None:
    desk.say("exchange", venue="kraken", connected=True)
    desk.clock.advance(WEEK_S + 1)
    desk.sweep()
    desk.clock.advance(1)
    desk.say("exchange", venue="kraken", connected=True)
    assert desk.statuses() == [Status.UP]
    assert desk.sweep() == [("exchange", BACK)]
    assert desk.sweep() == []
    assert desk.book.all_retired() == []


def test_a_jump_of_the_clock_retires_nothing(desk: Desk) -> None:
    desk.say("exchange", venue="kraken", connected=True)
    desk.clock.jump(30 * DAY_S)
    assert desk.sweep() == []
    desk.clock.jump(-60 * DAY_S)
    desk.clock.advance(WEEK_S + 1)
    assert desk.sweep() == [("exchange", RETIRED)]
    desk.clock.advance(1)
    desk.say("exchange", venue="kraken", connected=True)
    assert desk.statuses() == [Status.UP], "the clock that was set back does not hide that it speaks"


# --- by hand -----------------------------------------------------------------------------------------------------------


def test_by_hand_all_series_with_these_tags_are_retired_at_once(desk: Desk) -> None:
    for venue, symbol in (("kraken", "LUNA/USD"), ("kraken", "BTC/USD"), ("okx", "LUNA/USD")):
        desk.say("pipeline", venue=venue, symbol=symbol, data_type="trade", records=1)
    found = desk.retirements.retire("pipeline", {"symbol": "LUNA/USD"}, "delisted")
    assert {one.series.key[2] for one in found} == {"kraken", "okx"}
    assert [verdict.key["symbol"] for verdict in desk.book.judge("pipeline")] == ["BTC/USD"]
    assert {one.why for one in desk.book.all_retired()} == {"by hand: delisted"}
    desk.clock.advance(1)
    desk.say("pipeline", venue="okx", symbol="LUNA/USD", data_type="trade", records=1)
    assert [one.key["venue"] for one in desk.book.all_retired()] == ["kraken"]
    back = desk.retirements.bring_back("pipeline", {"venue": "kraken"})
    assert [one.standing for one in back] == [BACK]
    assert desk.book.all_retired() == []


def test_a_late_row_brings_nothing_back(desk: Desk) -> None:
    desk.say("exchange", venue="kraken", connected=True)
    desk.clock.advance(10)
    desk.retirements.retire("exchange", {"venue": "kraken"})
    desk.clock.advance(10)
    desk.say("exchange", venue="kraken", connected=True, ts=desk.clock.now_us() - 15 * S)
    assert len(desk.book.all_retired()) == 1


def test_a_measured_stream_comes_back_when_it_is_found_to_be_up_and_not_because_it_is_measured(desk: Desk) -> None:
    desk.say("feed", venue="kraken", symbol="LUNA/USD", channel="trade", verdict="dead")
    desk.retirements.retire("feed", {"symbol": "LUNA/USD"}, "delisted")
    for verdict, is_retired in (("dead", True), ("stale", True), ("fresh", False)):
        desk.clock.advance(5)
        desk.say("feed", venue="kraken", symbol="LUNA/USD", channel="trade", verdict=verdict)
        assert bool(desk.book.all_retired()) is is_retired, verdict


@pytest.mark.parametrize(
    ("table", "tags", "told"),
    [
        ("nothing", {"venue": "kraken"}, "there is no table 'nothing'"),
        ("exchange", {"symbol": "BTC/USD"}, "'symbol' is not a tag of exchange; tags are env, host, venue, source"),
        ("exchange", {}, "name at least one tag"),
        ("exchange", {"venue": "krakne"}, "no series of exchange that is not retired has venue=krakne"),
        ("quarantine", {"reason": "unknown_table"}, "no series that are measured"),
        ("silence", {"series": "{}"}, "no series that are measured"),
    ],
)
def test_what_cannot_be_retired_is_refused_by_name(desk: Desk, table: str, tags: dict[str, str], told: str) -> None:
    desk.say("exchange", venue="kraken", connected=True)
    with pytest.raises(QueryError, match=told):
        desk.retirements.retire(table, tags)
    with pytest.raises(QueryError):
        desk.retirements.bring_back(table, tags)


# --- over a restart ----------------------------------------------------------------------------------------------------


def test_a_restart_remembers_what_was_retired_and_what_was_silent(desk: Desk) -> None:
    desk.say("exchange", venue="gone", connected=True)
    desk.clock.advance(3 * DAY_S)
    desk.say("exchange", venue="silent", connected=True, period_s=60.0)
    desk.say("exchange", venue="alive", connected=True)
    desk.write(desk.retirements.retire("exchange", {"venue": "gone"}, "closed"))
    desk.clock.advance(2 * DAY_S)
    desk.say("exchange", venue="alive", connected=True)
    desk.sweep()
    after = desk.restarted()
    assert {verdict.key["venue"]: verdict.status for verdict in after.book.verdicts()} == {"silent": Status.DOWN, "alive": Status.UP}
    assert [(one.key["venue"], one.why) for one in after.book.all_retired()] == [("gone", "by hand: closed")]
    after.clock.advance(1)
    after.say("exchange", venue="gone", connected=True)
    assert after.sweep() == [("exchange", BACK)]
    assert after.restarted().book.all_retired() == []


def test_a_series_that_spoke_while_nobody_wrote_it_down_is_alive_after_a_restart(desk: Desk) -> None:
    desk.say("exchange", venue="kraken", connected=True)
    desk.write(desk.retirements.retire("exchange", {"venue": "kraken"}))
    desk.clock.advance(5)
    desk.say("exchange", venue="kraken", connected=True)
    after = desk.restarted()
    assert after.book.all_retired() == []
    assert after.sweep() == [("exchange", BACK)]


def test_rows_that_came_before_the_notes_were_read_count(desk: Desk) -> None:
    desk.say("exchange", venue="kraken", connected=True)
    desk.write(desk.retirements.retire("exchange", {"venue": "kraken"}))
    desk.clock.advance(5)
    after = Desk(ManualClock(desk.clock.now_us()), desk.store)
    after.say("exchange", venue="kraken", connected=True)
    after.retirements.remember(after.engine.newest_of("silence", DAY_S))
    assert after.book.all_retired() == []


# --- in answers --------------------------------------------------------------------------------------------------------


def test_newest_rows_leave_retired_series_out_and_name_them_and_the_history_keeps_them(desk: Desk) -> None:
    for venue in ("kraken", "okx"):
        desk.say("exchange", venue=venue, connected=True, latency_ms=20.0)
    desk.retirements.retire("exchange", {"venue": "okx"}, "closed")
    frame = desk.latest("exchange")
    assert [series.verdict.key["venue"] for series in frame.series] == ["kraken"]
    assert frame.rows == 1
    assert frame.column("venue").to_json()["values"] == ["kraken"]
    (told,) = frame.to_json()["retired"]
    assert (told["key"]["venue"], told["why"], told["sources"]) == ("okx", "by hand: closed", ("bot",))
    end_us = desk.clock.now_us() + 1
    measure = Measure(Function.AVG, "latency_ms", alias="latency_ms")
    history = desk.engine.frame(Query("exchange", end_us - 60 * S, end_us, measures=(measure,), group_by=("venue",)))
    assert history.rows == 2
    assert len(history.retired) == 1
    assert desk.engine.frame(Query("exchange", end_us - 60 * S, end_us, mode=Mode.ROWS)).rows == 2


def test_a_group_is_retired_only_when_all_its_series_are(desk: Desk) -> None:
    for source in ("a", "b"):
        desk.say("exchange", source=source, venue="kraken", connected=True)
    desk.retirements.retire("exchange", {"source": "a"})
    frame = desk.latest("exchange")
    assert (frame.rows, frame.retired) == (1, ())
    desk.retirements.retire("exchange", {"venue": "kraken"})
    frame = desk.latest("exchange")
    assert (frame.rows, len(frame.retired), frame.retired[0].sources) == (0, 1, ("a", "b"))


def test_a_series_that_was_brought_back_by_hand_gets_its_whole_time_again() -> None:
    desk = Desk()
    desk.say("exchange", venue="kraken", connected=True)
    desk.clock.advance(WEEK_S + 1)
    assert desk.sweep()
    desk.clock.advance(60)
    desk.write(desk.retirements.bring_back("exchange", {"venue": "kraken"}))
    desk.clock.advance(60)
    desk.sweep()
    assert not desk.book.all_retired()
    desk.clock.advance(WEEK_S)
    desk.sweep()
    assert desk.book.all_retired()


def test_what_is_retired_again_at_once_is_retired_after_a_restart() -> None:
    desk = Desk()
    desk.say("exchange", venue="kraken", connected=True)
    desk.clock.advance(3600)
    for act in (desk.retirements.retire, desk.retirements.bring_back, desk.retirements.retire):
        desk.write(act("exchange", {"venue": "kraken"}))
        desk.clock.advance(5)
    desk.sweep()
    assert desk.restarted().book.all_retired()
