"""The measure on virtual time: what each message changes in the rows."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tapewatch.model.tables.market import EXCHANGE, FEED
from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.feed.link import Link
from tapewatch.sources.collectors.feed.measure import FeedMeasure

START_US = 1_700_000_000_000_000


class Bench:
    """A measure with one connection and a hand on its clocks."""

    def __init__(self, collector: FeedCollector) -> None:
        self.now_s = 0.0
        self.step_us = 0
        self.measure: FeedMeasure = collector.open_measure(START_US, 0.0)
        self.link: Link = self.measure.links[0]
        self.rows: list[dict[str, Any]] = []
        self.exchange: dict[str, Any] | None = None

    @property
    def now_us(self) -> int:
        return START_US + round(self.now_s * 1e6) + self.step_us

    def up(self) -> None:
        self.link.up(self.now_s)

    def hear(self, text: str) -> None:
        self.link.observe(text.encode(), self.now_us, self.now_s)

    def tick(self, seconds: int = 1, each: Callable[[], None] = lambda: None) -> list[dict[str, Any]]:
        """Let seconds pass; ``each`` runs in the middle of every one."""
        new: list[dict[str, Any]] = []
        for _ in range(seconds):
            self.now_s += 0.5
            each()
            self.now_s += 0.5
            new += self.measure.tick(self.now_us, self.now_s)
            self.exchange = self.measure.exchange()
        self.rows += new
        return new


def binance(*channels: str) -> Bench:
    return Bench(FeedCollector("binance_usdm", ("BTC/USDT:USDT",), channels or ("trade",), url="ws://127.0.0.1/stream"))


def trade(bench: Bench, number: int, *, way_ms: int = 20) -> str:
    venue_ms = bench.now_us // 1000 - way_ms
    return f'{{"stream":"btcusdt@aggTrade","data":{{"e":"aggTrade","E":{venue_ms},"s":"BTCUSDT","a":{number},"p":"1","q":"1"}}}}'


def trading(bench: Bench, *, way_ms: int = 20) -> Callable[[], None]:
    """One counted trade after the other."""
    numbers = iter(range(1, 1_000_000))
    return lambda: bench.hear(trade(bench, next(numbers), way_ms=way_ms))


def test_every_column_of_a_row_is_one_of_its_table() -> None:
    bench = binance("trade", "book", "ticker", "candle")
    bench.up()
    for row in bench.tick(20, trading(bench)):
        assert set(row) <= set(FEED.column)
    assert bench.exchange is not None
    assert set(bench.exchange) <= set(EXCHANGE.column)


def test_a_row_ends_every_interval_and_says_how_long_it_was() -> None:
    bench = binance()
    bench.up()
    bench.tick(30, trading(bench))
    late = bench.tick(20, trading(bench))
    assert [row["interval_s"] for row in late] == [5.0] * 4
    assert [row["messages"] for row in late] == [5] * 4
    assert sum(row["messages"] for row in bench.rows) + 0 >= 45


def test_a_verdict_that_changes_is_told_at_the_next_tick() -> None:
    bench = binance()
    bench.up()
    bench.tick(100, trading(bench))
    bench.link.down("the connection was closed", bench.now_us, bench.now_s)
    (row,) = bench.tick(1)
    assert row["verdict"] == "stale"
    assert "the connection was closed" in row["evidence"]
    assert {row["verdict"] for row in bench.tick(40)} == {"stale", "dead"}


def test_a_stream_without_any_message_has_rows_and_no_numbers() -> None:
    bench = binance("trade", "ticker")
    bench.up()
    rows = [row for row in bench.tick(11, trading(bench)) if row["channel"] == "ticker"]
    assert len(rows) == 3
    for row in rows:
        assert (row["verdict"], row["messages"], row["age_ms"], row["expected_ms"]) == ("unknown", 0, None, None)
        assert "latency_p50_ms" not in row
        assert row["crossed"] is None


def test_a_crossed_quote_is_counted() -> None:
    bench = binance("ticker")
    bench.up()
    for bid in ("9", "11", "10"):
        bench.hear(
            f'{{"stream":"btcusdt@bookTicker","data":{{"e":"bookTicker","E":1,"s":"BTCUSDT","b":"{bid}","B":"1","a":"10","A":"1"}}}}'
        )
    assert bench.tick()[0]["crossed"] == 1


def test_a_reconnect_is_its_own_thing_and_no_gap() -> None:
    bench = binance()
    bench.up()
    bench.hear(trade(bench, 100))
    bench.hear(trade(bench, 101))
    bench.link.down("the connection was closed", bench.now_us, bench.now_s)
    bench.tick(1)
    assert bench.exchange is not None
    assert (bench.exchange["connected"], bench.exchange["disconnected_at"]) == (False, START_US)
    bench.up()
    bench.hear(trade(bench, 500))
    bench.hear(trade(bench, 501))
    rows = bench.tick(10)
    assert sum(row["reconnects"] for row in rows) == 1
    assert sum(row["gaps"] + row["reorders"] + row["duplicates"] for row in bench.rows) == 0
    assert (bench.exchange["connected"], bench.exchange["disconnected_at"], bench.exchange["reconnects"]) == (True, None, 1)


def test_before_anything_was_tried_there_is_no_exchange_row() -> None:
    bench = binance()
    bench.tick(1)
    assert bench.exchange is None
    bench.link.down("no connection: refused", bench.now_us, bench.now_s)
    bench.tick(1)
    assert bench.exchange is not None
    assert bench.exchange["connected"] is False


def test_the_round_trip_is_the_exchange_latency() -> None:
    bench = binance()
    bench.up()
    bench.tick(1)
    assert bench.exchange is not None
    assert bench.exchange["latency_ms"] is None
    bench.link.round_trip_s = 0.012
    bench.tick(1)
    assert bench.exchange["latency_ms"] == pytest.approx(12)


def test_a_delay_raises_the_latency_and_not_the_offset() -> None:
    bench = binance()
    bench.up()
    bench.tick(30, trading(bench))
    row = bench.tick(12, trading(bench, way_ms=170))[-1]
    assert row["clock_offset_ms"] == pytest.approx(20, abs=1)
    assert row["latency_p50_ms"] == pytest.approx(150, abs=1)


@pytest.mark.parametrize("step_ms", [-3000, 3000])
def test_setting_the_own_clock_is_no_latency(step_ms: int) -> None:
    bench = binance()
    bench.up()
    numbers = iter(range(1, 1000))

    def each() -> None:
        # the venue's clock does not follow the host's
        bench.hear(trade(bench, next(numbers), way_ms=20 + bench.step_us // 1000))

    bench.tick(30, each)
    bench.step_us = step_ms * 1000
    rows = bench.tick(20, each)
    assert max(row.get("latency_max_ms", 0) for row in rows) < 5
    assert rows[-1]["clock_offset_ms"] == pytest.approx(20 + step_ms, abs=1)


def test_a_venue_clock_set_back_is_skew_and_not_backlog() -> None:
    bench = binance()
    bench.up()
    numbers = iter(range(1, 100_000))

    def each(way_ms: int = 20) -> None:
        for _ in range(20):
            bench.hear(trade(bench, next(numbers), way_ms=way_ms))

    bench.tick(30, each)
    rows = bench.tick(60, lambda: each(220))
    assert max(row["backlog_ms"] for row in rows) == 0
    assert rows[-1]["clock_offset_ms"] == pytest.approx(220, abs=1)
    assert rows[-1]["latency_p50_ms"] < 2


def test_messages_that_cannot_be_read_are_named_as_evidence() -> None:
    bench = binance()
    bench.up()
    bench.hear('{"stream":"btcusdt@aggTrade","data":{"e":"aggTrade","E":"soon"}}')
    bench.hear("not json")
    (row,) = bench.tick(1)
    assert row["verdict"] == "unknown"
    assert "2 messages of the connection could not be read" in row["evidence"]
    assert "soon" in row["evidence"]


def test_what_a_venue_refuses_is_named_as_evidence() -> None:
    bench = Bench(FeedCollector("coinbase", ("BTC/USD",), ("level2",)))
    bench.up()
    bench.hear('{"type":"error","message":"Failed to subscribe","reason":"level2 requires authentication"}')
    (row,) = bench.tick(1)
    assert "the venue answered 'Failed to subscribe: level2 requires authentication'" in row["evidence"]
    assert row["channel"] == "book"


def test_a_message_of_a_stream_that_nobody_asked_for_is_not_counted() -> None:
    bench = binance("book")
    bench.up()
    bench.hear(trade(bench, 1))
    (row,) = bench.tick(1)
    assert row["messages"] == 0
    assert "nobody asked for trade of BTCUSDT" in row["evidence"]


def test_a_book_that_disagrees_wants_a_new_snapshot_after_a_wait_and_less_and_less_often() -> None:
    bench = Bench(FeedCollector("kraken", ("BTC/USD",), ("book",)))
    bench.up()
    (stream,) = bench.link.streams.values()
    bench.hear('[1,{"as":[["2.0","1.0","1.0"]],"bs":[["1.0","1.0","1.0"]]},"book-10","XBT/USD"]')
    asked: list[float] = []
    for second in range(120):
        bench.hear('[1,{"a":[["2.0","3.0","1.0"]],"c":"1"},"book-10","XBT/USD"]')
        if stream.wants_resync(bench.now_s):
            asked.append(float(second))
        bench.tick(1)
    waits = [later - earlier for earlier, later in pairwise(asked)]
    assert asked[0] == 2
    assert waits == [5, 10, 20, 40]
    bench.hear('[1,{"as":[["2.0","1.0","1.0"]],"bs":[["1.0","1.0","1.0"]]},"book-10","XBT/USD"]')
    assert not stream.wants_resync(bench.now_s + 1000)
    rows = bench.tick(5)
    assert sum(row["resyncs"] for row in rows) == 1
    assert sum(row["checksum_mismatches"] for row in bench.rows) == 120
