import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from tapewatch.desk.daemon import MarketDaemon, Schedule
from tapewatch.desk.daemon.tally import Interval, Pipe
from tapewatch.desk.exchange import Exchange
from tapewatch.desk.faults import Delay, Disconnect, Fault, Gap, Script
from tapewatch.desk.simulation import Simulation
from tapewatch.desk.venues import VENUES

FAST = Schedule(open_interest_s=0.2, funding_s=0.5, interval_s=0.5)


@asynccontextmanager
async def running(*faults: Fault, schedule: Schedule = FAST, error_rate: float = 0.0) -> AsyncIterator[MarketDaemon]:
    start_us = time.time_ns() // 1000
    exchanges = [
        Exchange(Simulation(spec, messages, script=Script(faults), start_us=start_us), error_rate=error_rate) for spec, messages in VENUES
    ]
    daemon = MarketDaemon(exchanges, schedule=schedule)
    for exchange in exchanges:
        await exchange.start()
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.stop()
        for exchange in exchanges:
            await exchange.stop()


async def until(holds: Callable[[], bool], within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not holds():
            await asyncio.sleep(0.02)


async def test_status_has_the_ten_fields_of_such_a_daemon() -> None:
    async with running() as daemon:
        await until(lambda: bool(daemon.get_status()["fetch_count"]))
        await asyncio.sleep(0.1)
        status = daemon.get_status()
    assert list(status) == [
        "running", "shutdown_requested", "fetch_count", "error_count", "liquidation_count",
        "uptime_seconds", "last_fetch_time", "last_error", "symbols", "exchanges",
    ]  # fmt: skip
    assert (status["running"], status["shutdown_requested"], status["error_count"], status["last_error"]) == (True, False, 0, None)
    assert datetime.fromisoformat(str(status["last_fetch_time"])).utcoffset() is not None
    assert status["exchanges"] == ["binance_usdm", "coinbase", "kraken"]
    assert "BTC/USDT:USDT" in status["symbols"]  # pyright: ignore[reportOperatorIssue] - a list
    stopped = daemon.get_status()
    assert (stopped["running"], stopped["shutdown_requested"], stopped["uptime_seconds"]) == (False, True, 0.0)


async def test_fetches_on_schedule_and_counts_errors() -> None:
    async with running(error_rate=1.0) as daemon:
        await until(lambda: int(str(daemon.get_status()["error_count"])) >= 6)
        status = daemon.get_status()
    assert "HTTP 503" in str(status["last_error"])
    assert int(str(status["fetch_count"])) >= int(str(status["error_count"]))


async def test_intervals_hold_what_the_venues_said() -> None:
    intervals: list[Interval] = []
    async with running() as daemon:
        daemon.listeners.append(intervals.append)
        await until(lambda: len(intervals) >= 4)
        document = daemon.pipeline_status()
    assert all(0.4 < interval.length_s < 1.5 for interval in intervals)
    for symbol in ("BTC/USDT:USDT", "ETH/USDT:USDT"):
        for kind in ("trade", "open_interest", "funding"):
            amounts = [interval.amounts[Pipe("binance_usdm", symbol, kind)] for interval in intervals]
            assert sum(amount.records for amount in amounts) > 0
            assert all(0 < amount.mean_latency_ms < 500 for amount in amounts if amount.mean_latency_ms is not None)
    assert list(document["exchanges"]) == ["binance_usdm", "coinbase", "kraken"]  # pyright: ignore[reportArgumentType] - a mapping


async def test_a_lost_connection_is_seen_and_made_anew() -> None:
    intervals: list[Interval] = []
    async with running(Disconnect(1.5, "kraken", for_s=1.0)) as daemon:
        daemon.listeners.append(intervals.append)
        await until(lambda: all(status["connected"] for status in daemon.exchange_status().values()))
        await until(lambda: not daemon.exchange_status()["kraken"]["connected"])
        down = daemon.exchange_status()
        assert down["kraken"]["disconnected_at"] is not None
        assert down["kraken"]["latency_ms"] is None
        assert down["coinbase"]["connected"]
        await until(lambda: bool(daemon.exchange_status()["kraken"]["connected"]))
        back = daemon.exchange_status()["kraken"]
        assert (back["reconnect_count"], back["disconnected_at"]) == (1, None)
        await until(lambda: any(gaps(intervals, "kraken", "BTC/USD")))
    assert 0.9 < max(gap for gap in gaps(intervals, "kraken", "BTC/USD") if gap) < 5
    assert not any(gaps(intervals, "coinbase", "BTC/USD"))


def gaps(intervals: list[Interval], venue: str, symbol: str) -> list[float | None]:
    return [interval.amounts[Pipe(venue, symbol, "trade")].gap_s for interval in intervals]


async def test_lost_trades_are_a_gap_of_their_symbol_only() -> None:
    intervals: list[Interval] = []
    async with running(Gap(1.0, "binance_usdm", "ETHUSDT", "aggTrade", count=2)) as daemon:
        daemon.listeners.append(intervals.append)
        await until(lambda: any(gaps(intervals, "binance_usdm", "ETH/USDT:USDT")), 10)
    assert not any(gaps(intervals, "binance_usdm", "BTC/USDT:USDT"))


async def test_round_trips_are_measured() -> None:
    async with running() as daemon:
        await until(lambda: all(status["latency_ms"] for status in daemon.exchange_status().values()))
        status = daemon.exchange_status()
    assert 20 < float(str(status["binance_usdm"]["latency_ms"])) < 250
    assert status["binance_usdm"]["rate_limit_ratio"] == pytest.approx(0.03, abs=0.1)


async def test_an_answer_that_is_overdue_shows_before_it_comes() -> None:
    async with running(Delay(1.2, "coinbase", peak_s=4, for_s=6)) as daemon:
        await until(lambda: float(str(daemon.exchange_status()["coinbase"]["latency_ms"] or 0)) > 700)
        status = daemon.exchange_status()
    assert float(str(status["coinbase"]["latency_ms"])) < 3000
    assert float(str(status["kraken"]["latency_ms"])) < 700
