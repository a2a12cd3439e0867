"""Verdicts while the host's clock is set, runs slow for a leap second, or shows another local time: ages go on as time does."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tapewatch.clock import ManualClock
from tapewatch.model.table import Status
from tapewatch.query.clocks import FRESH_S
from tapewatch.query.retirements import RETIRED, SILENT, Retirements
from tapewatch.query.series import SeriesBook
from tapewatch.query.wire import query_from_address
from tests.rows import CATALOG, NOW_US, S, accepted

JUMPS_S = [-3 * 86_400.0, -3_600.0, -90.0, -2.0, 2.0, 90.0, 3_600.0, 3 * 86_400.0]
LEAP_DAY_S = 86_400
SMEAR = 1 / LEAP_DAY_S
"""A smeared clock loses a second in a day: 11.6 millionths."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW_US)


@pytest.fixture
def book(clock: ManualClock) -> SeriesBook:
    return SeriesBook(CATALOG, clock)


def connect(book: SeriesBook, clock: ManualClock, *, connected: bool = True, age_s: float = 0.0, period_s: float | None = 5.0) -> None:
    row = {"venue": "kraken", "connected": connected, "latency_ms": 20.0, "ts": clock.now_us() - round(age_s * S)}
    book(accepted("exchange", [row], now_us=clock.now_us(), period_s=period_s))


def status(book: SeriesBook) -> Status:
    (verdict,) = book.verdicts()
    return verdict.status


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_a_series_is_as_old_as_the_time_that_has_passed(book: SeriesBook, clock: ManualClock, jump_s: float) -> None:
    connect(book, clock)
    clock.advance(4)
    clock.jump(jump_s)
    assert status(book) is Status.UP, "no second has passed"
    clock.advance(6.5)
    (verdict,) = book.verdicts()
    assert (verdict.status, verdict.is_stale) == (Status.DEGRADED, True), "10.5 s have passed"
    clock.advance(60)
    assert status(book) is Status.DOWN
    connect(book, clock)
    assert status(book) is Status.UP
    clock.advance(7 * 86_400)
    retirements = Retirements(book, CATALOG, clock, lambda _: 8 * 86_400.0)
    assert [silence.standing for silence in retirements.sweep()] == [SILENT]
    assert status(book) is Status.DOWN
    clock.jump(jump_s)
    clock.advance(86_400 + 1)
    (silence,) = retirements.sweep()
    assert (silence.standing, book.verdicts()) == (RETIRED, [])


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_a_row_after_the_jump_is_the_present(book: SeriesBook, clock: ManualClock, jump_s: float) -> None:
    connect(book, clock)
    clock.advance(1)
    clock.jump(jump_s)
    connect(book, clock, connected=False)
    (verdict,) = book.verdicts()
    assert (verdict.status, verdict.newest_us) == (Status.DEGRADED, clock.now_us())
    connect(book, clock, connected=True, age_s=0.5)
    assert status(book) is Status.DEGRADED, "a late row is no present, as before"


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_what_lasts_is_measured_in_time_that_has_passed(book: SeriesBook, clock: ManualClock, jump_s: float) -> None:
    connect(book, clock, connected=False, period_s=1)
    for step in range(30):
        clock.advance(1)
        if step == 14:
            clock.jump(jump_s)
        connect(book, clock, connected=False, period_s=1)
        assert status(book) is (Status.DEGRADED if step < 29 else Status.DOWN), step


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_the_learnt_period_survives_a_jump(book: SeriesBook, clock: ManualClock, jump_s: float) -> None:
    for step in range(9):
        connect(book, clock, period_s=None)
        clock.advance(5)
        if step == 5:
            clock.jump(jump_s)
    (verdict,) = book.verdicts()
    assert verdict.expected_us == 5 * S


@pytest.mark.parametrize("jump_s", JUMPS_S)
def test_what_a_host_says_of_its_clock_after_a_jump_counts(book: SeriesBook, clock: ManualClock, jump_s: float) -> None:
    def say(*, synchronised: bool) -> None:
        book(accepted("host", [{"host": "h1", "clock_synchronised": synchronised}], now_us=clock.now_us()))

    say(synchronised=True)
    clock.jump(jump_s)
    assert book.clocks.of("h1").synchronised
    clock.advance(1)
    say(synchronised=False)
    assert book.clocks.of("h1").synchronised is False
    clock.jump(jump_s)
    clock.advance(FRESH_S + 1)
    assert book.clocks.of("h1").synchronised is None


def test_a_delivery_from_before_that_comes_late_is_not_taken_for_a_clock_that_was_set_back(book: SeriesBook, clock: ManualClock) -> None:
    old = accepted("exchange", [{"venue": "kraken", "connected": False, "ts": clock.now_us()}], now_us=clock.now_us(), period_s=5)
    clock.advance(60)
    connect(book, clock)
    book(old)
    assert status(book) is Status.UP


def test_a_day_of_a_smeared_leap_second_changes_no_verdict_and_no_period(book: SeriesBook, clock: ManualClock) -> None:
    """The sender's clock is smeared with the host's: rows every 60 s of its own time."""
    for _ in range(LEAP_DAY_S // 60):
        connect(book, clock, period_s=None)
        assert status(book) is Status.UP
        clock.advance(60)
        clock.jump(-60 * SMEAR)
    assert clock.now_us() - NOW_US == pytest.approx((LEAP_DAY_S - 1) * S, abs=1_500)
    (verdict,) = book.verdicts()
    assert verdict.expected_us == pytest.approx(60 * S, abs=60 * S * SMEAR + 1)


def test_a_sender_that_does_not_smear_is_a_second_ahead_at_most_and_stays_alive(book: SeriesBook, clock: ManualClock) -> None:
    ahead_us = 0.0
    for _ in range(0, LEAP_DAY_S, 300):
        connect(book, clock, age_s=-ahead_us / S, period_s=300)
        assert status(book) is Status.UP
        clock.advance(300)
        clock.jump(-300 * SMEAR)
        ahead_us += 300 * SMEAR * S
    assert ahead_us == pytest.approx(S, rel=1e-6)


@pytest.fixture(params=["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


CHANGES_S = [1_774_746_000, 1_792_890_000, 1_772_953_200, 1_793_512_800, 1_775_314_800, 1_791_039_600]
"""Seconds at which clocks change in 2026: in Berlin, in New York, on Lord Howe Island."""


@pytest.mark.parametrize("change_s", CHANGES_S)
def test_a_day_has_24_hours_where_local_time_changes(zone: str, change_s: int) -> None:
    for now_s in (change_s - 1, change_s, change_s + 3_599, change_s + 43_200):
        query = query_from_address({"table": ["exchange"], "measure": ["count()"], "bucket": ["1h"], "last": ["24h"]}, now_s * S)
        assert (query.start_us, query.end_us, query.bucket_us) == ((now_s - 86_400) * S, now_s * S, 3_600 * S), zone


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("2026-10-25T02:30:00+02:00", 1_792_888_200),
        ("2026-10-25T02:30:00+01:00", 1_792_891_800),
        ("2026-03-29T01:59:59.999999+01:00", 1_774_745_999),
        ("2026-03-29T03:00:00+02:00", 1_774_746_000),
    ],
)
def test_the_hour_that_comes_twice_is_two_hours(zone: str, text: str, at_s: int) -> None:
    batch = accepted("exchange", [{"venue": "kraken", "ts": text}], now_us=(at_s + 60) * S)
    assert int(batch.array("ts")[0]) // S == at_s, zone
