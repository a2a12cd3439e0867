import threading

import pytest

from tapewatch.clock import ManualClock
from tapewatch.model.table import Status, Thresholds
from tapewatch.query.clocks import FRESH_S
from tapewatch.query.series import NOTED_ANEW_S, SeriesBook
from tests.rows import CATALOG, NOW_US, S, accepted


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_US)


@pytest.fixture
def book(clock: ManualClock) -> SeriesBook:
    return SeriesBook(CATALOG, clock)


def connect(book: SeriesBook, clock: ManualClock, connected: bool, *, source: str = "bot", period_s: float | None = 1.0) -> None:  # noqa: FBT001 - the value of the column
    row = {"venue": "kraken", "connected": connected, "latency_ms": 20.0, "ts": clock.now_us()}
    book(accepted("exchange", [row], now_us=clock.now_us(), source=source, period_s=period_s))


def only(book: SeriesBook) -> Status:
    (verdict,) = book.verdicts()
    return verdict.status


def test_nothing_is_watched_before_anything_arrived(book: SeriesBook) -> None:
    assert book.verdicts() == []


def test_disconnected_becomes_down_after_thirty_seconds_and_says_since_when(book: SeriesBook, clock: ManualClock) -> None:
    connect(book, clock, connected=True)
    assert only(book) is Status.UP
    clock.advance(1)
    began_us = clock.now_us()
    for _ in range(29):
        connect(book, clock, connected=False)
        assert only(book) is Status.DEGRADED
        clock.advance(1)
    clock.advance(1)
    connect(book, clock, connected=False)
    (verdict,) = book.verdicts()
    assert (verdict.status, verdict.since_us, verdict.reason) == (Status.DOWN, began_us, "not connected")
    connect(book, clock, connected=True)
    assert only(book) is Status.UP, "of two rows of one moment the last one wins"


def test_a_silent_series_becomes_stale_then_down(book: SeriesBook, clock: ManualClock) -> None:
    connect(book, clock, connected=True, period_s=5.0)
    clock.advance(10)
    assert only(book) is Status.UP
    clock.advance(1)
    (verdict,) = book.verdicts()
    assert verdict.is_stale
    assert verdict.status is Status.DEGRADED
    assert verdict.reason == "stale: last row 11 s ago, expected every 5 s"
    clock.advance(60)
    assert only(book) is Status.DOWN


def test_without_a_declared_period_the_median_spacing_counts_after_five_rows(book: SeriesBook, clock: ManualClock) -> None:
    for _ in range(4):
        connect(book, clock, connected=True, period_s=None)
        clock.advance(2)
    assert book.series("exchange")[0].expected_us is None
    connect(book, clock, connected=True, period_s=None)
    assert book.series("exchange")[0].expected_us == 2 * S


def test_several_sources_of_one_series_give_the_worst_status(book: SeriesBook, clock: ManualClock) -> None:
    connect(book, clock, connected=True, source="a")
    connect(book, clock, connected=False, source="b")
    (verdict,) = book.verdicts()
    assert verdict.status is Status.DEGRADED
    assert verdict.sources == ("a", "b")


def test_a_late_row_does_not_change_the_present(book: SeriesBook, clock: ManualClock) -> None:
    connect(book, clock, connected=True)
    book(
        accepted("exchange", [{"venue": "kraken", "connected": False, "ts": clock.now_us() - 10 * S}], now_us=clock.now_us(), period_s=1.0)
    )
    assert only(book) is Status.UP


def test_the_evidence_of_a_feed_is_the_reason(book: SeriesBook, clock: ManualClock) -> None:
    row = {"venue": "kraken", "symbol": "BTC/USD", "channel": "trade", "verdict": "stale", "evidence": "no trade for 41 s"}
    book(accepted("feed", [row], period_s=5.0))
    (verdict,) = book.verdicts()
    assert (verdict.status, verdict.reason) == (Status.DEGRADED, "stale: no trade for 41 s")


def test_thresholds_of_the_settings_replace_those_of_the_catalogue(clock: ManualClock) -> None:
    book = SeriesBook(CATALOG.with_thresholds({"exchange.latency_ms": Thresholds(10, 15)}), clock)
    connect(book, clock, connected=True)
    assert only(book) is Status.DOWN


def test_thresholds_of_the_settings_judge_columns_that_the_catalogue_does_not(clock: ManualClock) -> None:
    book = SeriesBook(CATALOG.with_thresholds({"host.load_1m": Thresholds(4, 8)}), clock)
    book(accepted("host", [{"host": "h", "load_1m": 9.0, "ts": clock.now_us()}], now_us=clock.now_us()))
    (verdict,) = book.verdicts()
    assert (verdict.status, verdict.reason) == (Status.DOWN, "load_1m 9.00 is at or above 8.00")


def test_a_failing_collector_is_the_known_cause_of_a_hole(book: SeriesBook, clock: ManualClock) -> None:
    book(accepted("collector_run", [{"collector": "kraken", "ok": False, "error": "refused", "ts": clock.now_us()}]))
    (outage,) = book.outages.known()
    assert (outage.source, outage.end_us) == ("kraken", None)
    assert "refused" in outage.why
    clock.advance(5)
    book(accepted("collector_run", [{"collector": "kraken", "ok": True, "ts": clock.now_us()}], now_us=clock.now_us()))
    (outage,) = book.outages.known()
    assert outage.end_us == clock.now_us()


def test_a_series_silent_for_days_is_down_as_long_as_it_is_not_retired(book: SeriesBook, clock: ManualClock) -> None:
    connect(book, clock, connected=True)
    clock.advance(3 * 24 * 3600)
    assert only(book) is Status.DOWN
    assert book.count() == 1
    book.retire("exchange", lambda _: "by hand")
    assert book.verdicts() == []
    assert (book.count(), book.retired_count()) == (0, 1)


def test_an_entity_that_nothing_was_heard_of_for_a_day_takes_no_part_in_verdicts(book: SeriesBook, clock: ManualClock) -> None:
    book(accepted("quarantine", [{"table_name": "t", "reason": "unknown_table", "entry": "1"}], now_us=clock.now_us()))
    assert len(book.judge("quarantine")) == 1
    clock.advance(24 * 3600 + 1)
    assert book.judge("quarantine") == []


def test_series_of_many_rows_are_told_apart(book: SeriesBook) -> None:
    rows = [
        {"venue": f"v{i % 7}", "symbol": f"S{i % 11}/USD", "data_type": "funding", "latency_ms": float(i), "ts": NOW_US - 1_000 + i}
        for i in range(770)
    ]
    book(accepted("pipeline", rows, period_s=10))
    assert book.count() == 77
    newest = {series.newest_us for series in book.series("pipeline")}
    assert newest == set(range(NOW_US - 1_000 + 693, NOW_US - 1_000 + 770))


def test_a_busy_second_is_no_news_but_a_busy_minute_is(book: SeriesBook, clock: ManualClock) -> None:
    for second in range(62):
        busy = 0.99 - 0.05 * (second % 2)
        book(accepted("host", [{"cpu_ratio": busy, "ts": clock.now_us()}], now_us=clock.now_us(), period_s=1.0))
        assert only(book) is (Status.UP if second < 60 else Status.DOWN), second
        clock.advance(1)


def test_a_venue_lost_a_moment_ago_stands_above_a_clock_that_was_never_synchronised(book: SeriesBook, clock: ManualClock) -> None:
    book(accepted("host", [{"host": "h1", "clock_synchronised": False}], now_us=clock.now_us(), period_s=60.0))
    clock.advance(20)
    connect(book, clock, connected=False)
    assert [verdict.table for verdict in book.verdicts()] == ["exchange", "host"]


def test_a_number_past_its_line_is_named_and_what_ails_the_series_itself_is_not(book: SeriesBook, clock: ManualClock) -> None:
    book(accepted("exchange", [{"venue": "okx", "connected": True, "latency_ms": 900.0, "ts": clock.now_us()}], now_us=clock.now_us()))
    assert [verdict.about for verdict in book.verdicts()] == ["latency_ms"]
    clock.advance(1)
    book(accepted("exchange", [{"venue": "okx", "connected": False, "ts": clock.now_us()}], now_us=clock.now_us()))
    assert [verdict.about for verdict in book.verdicts()] == [""]


def test_of_two_equally_bad_things_the_series_itself_weighs_more_than_a_number(book: SeriesBook, clock: ManualClock) -> None:
    def say(venue: str, latency_ms: float) -> None:
        row = {"venue": venue, "symbol": "BTC/USDT", "data_type": "trade", "latency_ms": latency_ms, "ts": clock.now_us()}
        book(accepted("pipeline", [row], now_us=clock.now_us(), period_s=10.0))

    say("silent", 5.0)
    say("slow", 900.0)
    clock.advance(120)
    say("slow", 900.0)
    (together,) = book.judge("pipeline", by=())
    assert (together.status, together.about) == (Status.DOWN, "")
    assert together.reason.startswith("silent")


def test_hosts_whose_clock_is_not_synchronised_are_known_until_they_fall_silent(book: SeriesBook, clock: ManualClock) -> None:
    said = [{"host": "a", "clock_synchronised": False, "clock_error_ms": 40.0}, {"host": "b", "clock_synchronised": True}, {"host": "c"}]
    book(accepted("host", said, now_us=clock.now_us()))
    assert book.clocks.unsynchronised() == {"a": 40.0}
    book(accepted("host", [{"host": "a", "clock_synchronised": True}, {"host": "b", "clock_synchronised": False}], now_us=clock.now_us()))
    assert book.clocks.unsynchronised() == {"b": None}
    old = [{"host": "b", "clock_synchronised": True, "ts": clock.now_us() - 60 * S}, {"host": "b"}]
    book(accepted("host", old, now_us=clock.now_us(), source="other"))
    assert book.clocks.unsynchronised() == {"b": None}, "neither an older row nor one that says nothing tells anything"
    clock.advance(FRESH_S + 1)
    assert book.clocks.unsynchronised() == {}


def test_runs_that_do_not_say_how_they_went_end_no_outage_and_begin_none(book: SeriesBook, clock: ManualClock) -> None:
    run = {"collector": "ccxt", "ts": clock.now_us()}
    book(accepted("collector_run", [run], now_us=clock.now_us()))
    assert book.outages.known() == ()
    clock.advance(1)
    book(accepted("collector_run", [{**run, "ts": clock.now_us(), "ok": False, "error": "no answer"}], now_us=clock.now_us()))
    clock.advance(1)
    book(accepted("collector_run", [{**run, "ts": clock.now_us()}], now_us=clock.now_us()))
    (outage,) = book.outages.known()
    assert (outage.source, outage.end_us, outage.why) == ("ccxt", None, "collector ccxt fails: no answer")


def test_large_batches_are_noted_together_and_nothing_of_them_is_missed() -> None:
    clock = ManualClock(NOW_US)
    apart, together = SeriesBook(CATALOG, clock), SeriesBook(CATALOG, clock)
    for step in range(12):
        clock.advance(0.3)
        rows = [
            {"ts": clock.now_us() - i, "venue": "kraken", "host": f"h{i % 7}", "connected": step % 3 > 0, "latency_ms": i}
            for i in range(30 if step % 4 else 3)
        ]
        batch = accepted("exchange", rows, now_us=clock.now_us(), period_s=1 if step < 6 else 2)
        for book in (apart, together):
            book(batch)
        apart.count()  # looks, so that nothing waits
        assert together.judge("exchange") == apart.judge("exchange") or step % 5
    found = {series.key: (series.newest_us, series.rows, series.declared_us) for series in together.series("exchange")}
    assert found == {series.key: (series.newest_us, series.rows, series.declared_us) for series in apart.series("exchange")}
    assert len(found) == 7


def test_a_recovery_between_large_batches_is_not_missed() -> None:
    clock = ManualClock(NOW_US)
    book = SeriesBook(CATALOG, clock)
    for connected in (False, False, True, False):
        clock.advance(60)
        rows = [{"venue": "kraken", "connected": connected, "ts": clock.now_us() - i} for i in range(25)]
        book(accepted("exchange", rows, now_us=clock.now_us()))
    (series,) = book.series("exchange")
    assert clock.now_us() - series.judged["connected"].since_us < S


def test_who_looks_again_at_once_is_told_that_newer_rows_wait(book: SeriesBook, clock: ManualClock) -> None:
    rows = [{"venue": f"venue{number}", "connected": True} for number in range(30)]
    book(accepted("exchange", rows, now_us=clock.now_us()))
    known = book.look("exchange")
    assert {verdict.status for verdict in book.verdicts()} == {Status.UP}
    assert not book.is_behind("exchange", known)
    clock.advance(NOTED_ANEW_S / 2)
    book(accepted("exchange", [{**row, "connected": False} for row in rows], now_us=clock.now_us()))
    known = book.look("exchange")
    assert {verdict.status for verdict in book.verdicts()} == {Status.UP}
    assert book.is_behind("exchange", known)
    assert not book.is_behind("feed", book.look("feed"))
    clock.advance(NOTED_ANEW_S / 2)
    known = book.look("exchange")
    assert {verdict.status for verdict in book.verdicts()} == {Status.DEGRADED}
    assert not book.is_behind("exchange", known)


def test_a_verdict_given_while_another_notes_the_rows_knows_them_or_says_that_it_does_not() -> None:
    for _ in range(20):
        clock = ManualClock(NOW_US)
        book = SeriesBook(CATALOG, clock)
        rows = [{"venue": f"venue{number}", "connected": True} for number in range(400)]
        book(accepted("exchange", rows, now_us=clock.now_us()))
        book.verdicts()
        clock.advance(1)
        book(accepted("exchange", [{**row, "connected": False} for row in rows], now_us=clock.now_us()))
        wrong: list[int] = []

        def judge(book: SeriesBook = book, wrong: list[int] = wrong) -> None:
            known = book.look("exchange")
            ups = sum(verdict.status is Status.UP for verdict in book.judge("exchange"))
            if ups and not book.is_behind("exchange", known):
                wrong.append(ups)

        threads = [threading.Thread(target=judge) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_what_cannot_be_heard_is_unknown_and_not_silent(clock: ManualClock) -> None:
    deaf = [False]
    book = SeriesBook(CATALOG, clock, lambda: not deaf[0])
    connect(book, clock, connected=True, period_s=5.0)
    clock.advance(2)
    assert only(book) is Status.UP
    deaf[0] = True
    assert only(book) is Status.UP, "it is as fresh as before"
    clock.advance(600)
    (verdict,) = book.verdicts()
    assert (verdict.status, verdict.is_stale) == (Status.UNKNOWN, True)
    assert verdict.reason == "last row 10 min 2 s ago, but tapewatch itself took no rows for 10 min of it"
    deaf[0] = False
    clock.advance(3)
    assert only(book) is Status.UNKNOWN, "its next row may be on its way"
    clock.advance(60)
    (verdict,) = book.verdicts()
    assert (verdict.status, verdict.reason) == (Status.DOWN, "silent: last row 11 min 5 s ago, expected every 5 s")


def test_who_fell_silent_before_nothing_could_be_heard_is_silent(clock: ManualClock) -> None:
    deaf = [False]
    book = SeriesBook(CATALOG, clock, lambda: not deaf[0])
    connect(book, clock, connected=True, period_s=5.0)
    clock.advance(120)
    assert only(book) is Status.DOWN
    deaf[0] = True
    clock.advance(60)
    assert only(book) is Status.DOWN
