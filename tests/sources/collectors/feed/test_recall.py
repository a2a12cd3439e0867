"""The file of what was learned is gone or old: stored rows tell what silence is usual, so that nothing is forgotten and nobody called."""

from typing import Any

import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import SourceError
from tapewatch.sources.collectors.feed import FeedCollector, recall
from tapewatch.sources.collectors.feed.cadence import LEARNED, Cadence
from tapewatch.sources.collectors.feed.learned import encode, read
from tapewatch.sources.collectors.feed.measure import FeedMeasure
from tapewatch.sources.collectors.feed.recalled import HEARD_S, LEARNED_ANEW, Recalled
from tapewatch.sources.collectors.feed.season import HOURS, hour_of_week
from tapewatch.sources.history import Question, ServerHistory
from tests.surfaces.web.stack import running

SYMBOL = "BTC/USDT:USDT"
PAUSE_S = 25.0
"""A silence that the trades of the stream make now and then, by themselves."""

ALARMS = {"late", "stale", "dead"}


def measured() -> FeedMeasure:
    collector = FeedCollector("binance_usdm", (SYMBOL,), ("trade", "book"), url="ws://127.0.0.1/stream")
    return collector.open_measure(SystemClock().now_us(), 0.0)


def first_minutes(measure: FeedMeasure, pause_s: float = PAUSE_S) -> list[dict[str, Any]]:
    """Trades twice a second for a minute, then none for as long as usual, again and again; the book always moves."""
    (link,) = measure.links
    (trade, book) = (stream.pulse for stream in link.streams.values())
    start_us, rows = SystemClock().now_us(), list[dict[str, Any]]()
    link.up(0.0)
    for half in range(1, 600):
        now_s = half / 2
        for pulse in (link.pulse, book):
            pulse.beat(now_s)
        if now_s % (60 + pause_s) < 60:
            trade.beat(now_s)
        if half % 2 == 0:
            rows += measure.tick(start_us + round(now_s * 1e6), now_s)
    return rows


def alarms(rows: list[dict[str, Any]]) -> list[str]:
    return [row["evidence"] for row in rows if row["verdict"] in ALARMS]


async def recalled(measure: FeedMeasure, known_until_us: int | None = None) -> int:
    """Ask a running server that has an hour of rows of the stream, as its collector wrote them before."""
    clock = SystemClock()
    now_us = clock.now_us()
    rows = [
        {"ts": now_us - (ago + 1) * 60_000_000, "venue": "binance_usdm", "symbol": SYMBOL, "channel": "trade", "verdict": "fresh"}
        | {"messages": 100, "interval_s": 5.0, "age_ms": 100.0, "expected_ms": 40_000.0}
        for ago in range(50)
    ]
    async with running() as web:
        await web.take("feed", *rows, period_s=5.0, source="binance")
        history = ServerHistory(web.url, "", lambda: web.http)
        return await recall.recall(history, "binance_usdm", measure.streams(), known_until_us, clock)


async def test_without_the_file_the_first_minutes_call_nobody_and_the_cadence_is_known() -> None:
    cold, warm = measured(), measured()
    assert alarms(first_minutes(cold))  # what the file, or the rows, are there to prevent
    assert await recalled(warm) == 1
    rows = first_minutes(warm)
    assert alarms(rows) == []
    trades = [row for row in rows if row["channel"] == "trade"]
    assert trades[0]["expected_ms"] == 40_000.0
    assert min(row["expected_ms"] for row in trades) == 40_000.0
    assert {row["verdict"] for row in trades} == {"fresh"}


async def test_what_is_recalled_still_finds_a_stop() -> None:
    measure = measured()
    await recalled(measure)
    rows = first_minutes(measure, pause_s=1000.0)
    (first,) = [row for row in rows if row["verdict"] == "late"][:1]
    assert first["expected_ms"] <= first["age_ms"] < first["expected_ms"] + 1000


async def test_a_file_that_is_newer_than_the_rows_is_believed_and_nothing_is_asked() -> None:
    measure = measured()
    assert await recalled(measure, SystemClock().now_us() + 1) == 0
    assert not any(cadence.recalled.limits_s for cadence in measure.streams().values())


@pytest.mark.parametrize("is_permanent", [True, False])
async def test_a_server_that_does_not_answer_leaves_the_streams_to_be_learned(
    monkeypatch: pytest.MonkeyPatch, *, is_permanent: bool
) -> None:
    monkeypatch.setattr(recall, "PAUSE_S", 0.0)
    asked: list[Question] = []

    async def broken(question: Question) -> list[dict[str, Any]]:
        asked.append(question)
        raise SourceError("refused", permanent=is_permanent)

    streams = {(SYMBOL, "trade"): Cadence()}
    assert await recall.recall(broken, "binance_usdm", streams, None, SystemClock()) == 0
    assert len(asked) == (1 if is_permanent else recall.ATTEMPTS)
    assert streams[SYMBOL, "trade"].limit_s is None


async def test_an_answer_that_is_none_is_told_and_left_out() -> None:
    async def odd(_: Question) -> list[dict[str, Any]]:
        return [{"symbol": SYMBOL}]

    assert await recall.recall(odd, "binance_usdm", {(SYMBOL, "trade"): Cadence()}, None, SystemClock()) == 0


async def test_many_symbols_are_asked_for_in_several_questions() -> None:
    asked: list[Question] = []

    async def counting(question: Question) -> list[dict[str, Any]]:
        asked.append(question)
        return []

    streams = {(f"A{number}/USD", channel): Cadence() for number in range(100) for channel in ("trade", "book")}
    await recall.recall(counting, "kraken", streams, None, SystemClock())
    assert len(asked) == 6
    assert sum(len(question["where"][2].split(",")) for question in asked) == 200


def learn(found: Recalled, hour: int, silence_s: float, count: int) -> None:
    for _ in range(count):
        found.learned(hour, silence_s)


def test_an_hour_is_let_go_once_it_was_listened_to_and_the_others_stay() -> None:
    found = Recalled()
    found.take({3: 40.0}, for_all=True)
    assert (found.limit_s(3), found.limit_s(90)) == (40.0, 40.0)
    learn(found, 3, HEARD_S / LEARNED_ANEW / 2, LEARNED_ANEW)
    assert found.limit_s(3) == 40.0
    learn(found, 3, HEARD_S / LEARNED_ANEW, LEARNED_ANEW)
    assert (found.limit_s(3), found.limit_s(90)) == (None, 40.0)


def test_a_slow_stream_keeps_what_it_recalls_until_it_has_learned_enough() -> None:
    found = Recalled()
    found.take({3: 400.0}, for_all=False)
    learn(found, 3, 60.0, 60)
    assert (found.limit_s(3), found.limit_s(4)) == (400.0, None)


def test_the_file_keeps_what_is_recalled(tmp_path: Any) -> None:
    cadence, anew = Cadence(), Cadence()
    cadence.recalled.take({7: 12.0}, for_all=True)
    path = tmp_path / "a.cadences"
    path.write_bytes(encode({"BTC/USD trade": cadence}))
    assert read(path, {"BTC/USD trade": anew}) == 1
    anew.settle(7.5)
    assert (anew.limit_s, anew.usual_s()) == (12.0, None)


def test_own_experience_never_makes_the_limit_shorter_than_the_recalled_one() -> None:
    cadence = Cadence()
    hour = hour_of_week(SystemClock().now_us())
    cadence.recalled.take({int(hour) % HOURS: 30.0}, for_all=True)
    cadence.settle(hour)
    for number in range(3 * LEARNED):
        cadence.arrive(number * 0.5)
        cadence.settle(hour)
    assert cadence.limit_s == 30.0
