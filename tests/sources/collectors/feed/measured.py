"""A measure on virtual time, for the tests of what it says."""

from collections.abc import Callable
from typing import Any

from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.feed.link import Link
from tapewatch.sources.collectors.feed.measure import FeedMeasure
from tapewatch.sources.collectors.feed.round_trips import Moment

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


def asked(bench: Bench, *, ago_us: int = 0) -> None:
    """A time call just now: 15 ms there, 15 ms back, the venue's clock 5 ms behind, the host's set back by so much before."""
    answered = Moment(bench.now_us, bench.now_s)
    bench.measure.round_trips.observe(Moment(bench.now_us - 30_000, bench.now_s - 0.03), answered, bench.now_us - 20_000 + ago_us, 1)
