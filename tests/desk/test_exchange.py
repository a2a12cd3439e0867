import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tapewatch.desk.exchange import CallError, Exchange
from tapewatch.desk.faults import Delay, Disconnect, Fault, Script, Skew
from tapewatch.desk.server import _MOST_UNSENT_BYTES
from tapewatch.desk.simulation import Simulation
from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.feed.venues import OLDER, VENUES
from tests.desk.simulated import CLASSES, Heard
from tests.desk.subscriber import Subscriber
from tests.desk.test_simulation import broken, mismatches
from tests.sources.collectors.feed.venue_server import collecting, until


@asynccontextmanager
async def exchange(venue: str, *faults: Fault, error_rate: float = 0.0) -> AsyncIterator[Exchange]:
    spec, messages = CLASSES[venue]
    simulation = Simulation(spec, messages, script=Script(faults), start_us=time.time_ns() // 1000)
    running = Exchange(simulation, error_rate=error_rate)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


def heard(subscriber: Subscriber, channel: str) -> list[Heard]:
    return [Heard(0.0, None, json.dumps(m)) for m in subscriber.messages if isinstance(m, list) and m[-2].startswith(channel)]


async def test_binance_streams_of_the_address_arrive_with_the_venues_latency() -> None:
    names = "btcusdt@depth@100ms/ethusdt@bookTicker"
    async with exchange("binance_usdm") as running, Subscriber(f"{running.url}?streams={names}") as subscriber:
        await subscriber.until(30)
    assert {message["stream"] for message in subscriber.messages} == set(names.split("/"))
    lags_ms = [received_us / 1000 - message["data"]["E"] for received_us, message in subscriber.heard]
    assert min(lags_ms) > 0
    assert sorted(lags_ms)[len(lags_ms) // 2] < 150
    depth = [Heard(0.0, None, json.dumps(message["data"])) for message in subscriber.messages if "depth" in message["stream"]]
    assert broken(depth) == 0


async def test_kraken_books_begin_with_a_snapshot_and_stay_right_on_every_connection() -> None:
    request = {"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "book", "depth": 10}}
    async with exchange("kraken") as running, Subscriber(running.url, request) as first:
        await first.until(12)
        async with Subscriber(running.url, request) as second:
            await second.until(12)
    for subscriber in (first, second):
        messages = heard(subscriber, "book")
        assert "as" in messages[0].message[1]
        wrong, checked = mismatches(messages)
        assert checked > 5
        assert wrong == 0


async def test_coinbase_tells_the_book_before_its_changes() -> None:
    request = {"type": "subscribe", "product_ids": ["BTC-USD", "ETH-USD"], "channels": ["level2_batch", "heartbeat"]}
    async with exchange("coinbase") as running, Subscriber(running.url, request) as subscriber:
        await subscriber.until(20)
    kinds = [message["type"] for message in subscriber.messages if message.get("product_id") == "BTC-USD"]
    assert kinds[0] == "snapshot"
    assert set(kinds[1:]) <= {"l2update", "heartbeat"}
    assert {"SOL-USD"}.isdisjoint({message.get("product_id") for message in subscriber.messages})


async def test_changes_from_before_a_subscription_that_are_still_on_their_way_are_not_told_after_it() -> None:
    request = {"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["level2"]}
    async with exchange("coinbase", Delay(0.0, "coinbase", peak_s=1.5, for_s=20)) as running:
        await asyncio.sleep(0.6)
        async with Subscriber(running.url, request) as subscriber:
            await subscriber.until(4)
    assert [message["type"] for message in subscriber.messages][:3] == ["subscriptions", "snapshot", "l2update"]


async def test_a_venue_that_is_down_breaks_connections_and_refuses_new_ones_until_it_is_back() -> None:
    async with exchange("kraken", Disconnect(0.5, "kraken", for_s=1.0)) as running:
        async with Subscriber(running.url) as subscriber:
            await asyncio.wait_for(subscriber.closed.wait(), 3)
            assert subscriber.connection.close_code == 1006
        with pytest.raises(InvalidStatus) as refused:
            await connect(running.url)
        assert refused.value.response.status_code == 503
        with pytest.raises(CallError, match="kraken time: connection refused"):
            await running.ping()
        await asyncio.sleep(1.2)
        async with Subscriber(running.url) as subscriber:
            await subscriber.until(1)
        await running.ping()


async def test_requests_travel_fail_and_use_up_the_budget() -> None:
    async with exchange("coinbase", error_rate=1.0) as running:
        started = time.monotonic()
        await running.ping()
        assert time.monotonic() - started > 0.02
        with pytest.raises(CallError, match="coinbase funding of BTC-USD: HTTP 503"):
            await running.fetch("funding of BTC-USD")
        assert running.rate_limit_ratio == pytest.approx(3 / 150)


async def test_a_subscriber_that_does_not_read_is_disconnected() -> None:
    async with exchange("kraken") as running, connect(running.url, compression=None) as connection:
        await connection.recv()
        (line,) = running._server.lines
        connection.transport.pause_reading()
        for _ in range(40):
            line.push("x" * (_MOST_UNSENT_BYTES // 10))
        await asyncio.sleep(0.1)
        assert not list(running._server.lines)
        connection.transport.abort()


@pytest.mark.parametrize(("venue", "resolution_us"), [("binance_usdm", 1000), ("coinbase", 1000), ("kraken", 1_000_000)])
async def test_the_time_call_tells_the_venues_clock_at_half_of_the_way(venue: str, resolution_us: int) -> None:
    call = next(one for one in (*VENUES, *OLDER.values()) if one.id == venue and one.server_time and one.server_time.url).server_time
    assert call is not None
    async with exchange(venue, Skew(0, venue, offset_ms=-2000, for_s=3600)) as running, httpx2.AsyncClient() as http:
        asked_us = time.time_ns() // 1000
        answer = (await http.get(running.time_url)).json()
        answered_us = time.time_ns() // 1000
    assert answered_us - asked_us > running.spec.latency_ms * 1000 / 2
    assert asked_us - resolution_us <= call.answer.read(answer) + 2_000_000 <= answered_us


async def test_a_feed_collector_tells_the_simulated_way_from_the_simulated_skew() -> None:
    async with exchange("binance_usdm", Skew(0, "binance_usdm", offset_ms=-400, for_s=3600)) as running:
        collector = FeedCollector("binance_usdm", ("BTC/USDT:USDT",), ("book",), url=running.url, time_url=running.time_url, interval_s=1.0)
        async with collecting(collector) as collected:
            await until(lambda: any(row.get("way_ms") is not None for row in collected.feed), within_s=30)
    row = next(row for row in collected.feed if row.get("way_ms") is not None)
    assert abs(row["clock_offset_ms"] - 400) <= row["clock_offset_error_ms"] + 1
    assert row["clock_offset_error_ms"] < 150
    assert 0 < row["way_ms"] < 200


async def test_a_venue_that_is_down_answers_no_time_call() -> None:
    async with exchange("coinbase", Disconnect(0.0, "coinbase", for_s=60)) as running, httpx2.AsyncClient() as http:
        await asyncio.sleep(0.2)
        assert (await http.get(running.time_url)).status_code == 503
