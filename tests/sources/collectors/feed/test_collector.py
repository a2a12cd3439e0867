"""The collector against a local server that speaks as venues do."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection

from tapewatch.desk.dialects import dialect
from tapewatch.desk.player import Pace, Player
from tapewatch.desk.recording import read_recording
from tapewatch.errors import ConfigError
from tapewatch.sources.collectors.feed import FeedCollector, collector, connection
from tapewatch.sources.collectors.feed.venues import VENUES
from tapewatch.sources.collectors.feed.venues.binance_usdm import BinanceUsdm
from tests.sources.collectors.feed.recorded import COLLECTORS, FILES
from tests.sources.collectors.feed.venue_server import VenueServer, collecting, silent, until, venue


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks and waits of tenths of a second, so that no test takes seconds."""
    monkeypatch.setattr(collector, "TICK_S", 0.1)
    monkeypatch.setattr(connection, "WATCH_S", 0.05)
    monkeypatch.setattr(connection, "PING_S", 0.2)
    monkeypatch.setattr("tapewatch.sources.collectors.feed.backoff.BASE_S", 0.05)
    for one in VENUES:
        monkeypatch.setattr(one, "connect_interval_s", 0.01)


def trades(first: int) -> Iterator[str]:
    """Numbered trades of Binance futures, timed now."""
    for number in range(first, first + 1_000_000):
        yield (
            f'{{"stream":"btcusdt@aggTrade","data":{{"e":"aggTrade","E":{time.time_ns() // 1_000_000},"s":"BTCUSDT","a":{number},'
            f'"p":"1","q":"1","f":1,"l":1,"T":1,"m":false}}}}'
        )


async def trading(server: VenueServer, connected: ServerConnection) -> None:
    """Fifty trades a second, numbered from a thousand times the connection's number."""
    for text in trades(1000 * len(server.paths)):
        await connected.send(text)
        await asyncio.sleep(0.02)


def binance(url: str, *channels: str, interval_s: float = 0.5) -> FeedCollector:
    return FeedCollector("binance_usdm", ("BTC/USDT:USDT",), channels or ("trade",), url=url, interval_s=interval_s)


async def test_rows_flow_from_the_first_second() -> None:
    async with venue(trading) as server, collecting(binance(server.url)) as collected:
        await until(lambda: collected.total("messages") > 40 and len(collected.exchange) > 5)
    assert server.paths == ["/market/stream?streams=btcusdt@aggTrade"]
    assert collected.total("gaps") == 0
    last = collected.feed[-1]
    assert (last["venue"], last["symbol"], last["channel"], last["verdict"]) == ("binance_usdm", "BTC/USDT:USDT", "trade", "fresh")
    assert 0 <= last["latency_p50_ms"] <= last["latency_max_ms"] < 2000
    exchange = collected.exchange[-1]
    assert exchange["connected"] is True
    assert 0 < exchange["latency_ms"] < 2000
    assert exchange["reconnects"] == 0
    assert exchange["ts"] - exchange["last_message_at"] < 1_000_000


async def test_a_lost_connection_is_made_again_and_is_no_gap() -> None:
    async with venue(trading) as server, collecting(binance(server.url)) as collected:
        await until(lambda: collected.total("messages") > 10)
        for connected in list(server.open):
            connected.transport.abort()
        await until(lambda: len(server.paths) == 2)
        await until(lambda: collected.total("messages") > 40 and collected.total("reconnects") > 0)
    assert collected.total("reconnects") == 1
    assert collected.total("gaps") == 0
    assert collected.exchange[-1]["reconnects"] == 1
    assert collected.exchange[-1]["connected"] is True


async def test_a_venue_that_is_away_is_reported_all_the_time(free_port: int) -> None:
    async with collecting(binance(f"ws://127.0.0.1:{free_port}")) as collected:
        await until(lambda: len(collected.feed) > 3 and len(collected.exchange) > 3)
    assert {row["connected"] for row in collected.exchange} == {False}
    assert all(row["disconnected_at"] for row in collected.exchange)
    assert {row["verdict"] for row in collected.feed} == {"unknown"}
    assert "no connection" in collected.feed[-1]["evidence"]


async def test_a_venue_that_goes_away_and_comes_back_is_found_again() -> None:
    async with venue(trading) as server, collecting(binance(server.url)) as collected:
        await until(lambda: collected.total("messages") > 10)
        await server.stop()
        await until(lambda: collected.exchange[-1]["connected"] is False)
        assert {row["verdict"] for row in collected.feed[-1:]} <= {"stale", "unknown"}
        before = collected.total("messages")
        await server.start()
        await until(lambda: collected.total("messages") > before + 10, within_s=20)


async def test_silence_of_a_venue_with_a_heartbeat_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    kraken = next(one for one in VENUES if one.id == "kraken")
    monkeypatch.setattr(kraken, "silence_s", 0.3)
    async with venue(silent) as server, collecting(FeedCollector("kraken", ("BTC/USD",), url=server.url)):
        await until(lambda: len(server.paths) >= 3)


async def test_a_heartbeat_keeps_a_quiet_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    kraken = next(one for one in VENUES if one.id == "kraken")
    monkeypatch.setattr(kraken, "silence_s", 1.5)

    async def beating(server: VenueServer, connected: ServerConnection) -> None:
        while True:
            await connected.send('{"event":"heartbeat"}')
            await asyncio.sleep(0.1)

    async with venue(beating) as server, collecting(FeedCollector("kraken", ("BTC/USD",), url=server.url, interval_s=0.5)) as collected:
        await asyncio.sleep(2.5)
    assert len(server.paths) == 1
    assert {row["verdict"] for row in collected.feed} == {"unknown"}


async def test_a_ping_that_nobody_answers_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "PING_TIMEOUT_S", 0.3)
    monkeypatch.setattr(connection, "CLOSE_TIMEOUT_S", 0.1)

    async def deaf(server: VenueServer, connected: ServerConnection) -> None:
        connected.transport.pause_reading()

    async with venue(deaf) as server, collecting(binance(server.url)):
        await until(lambda: len(server.paths) >= 2)


async def test_each_venue_is_asked_by_its_own_protocol() -> None:
    symbols = ("BTC/USD", "ETH/USD")
    async with venue(silent) as server:
        async with collecting(FeedCollector("coinbase", symbols, url=server.url)):
            await until(lambda: len(server.requests) == 1)
        (coinbase,) = server.requests
        server.requests.clear()
        async with collecting(FeedCollector("kraken", symbols, url=server.url, book_depth=25)):
            await until(lambda: len(server.requests) == 3)
        kraken = server.requests
    products = ["BTC-USD", "ETH-USD"]
    assert json.loads(coinbase) == {
        "type": "subscribe",
        "channels": [{"name": name, "product_ids": products} for name in ("matches", "level2_batch", "ticker")],
    }
    pairs = ["XBT/USD", "ETH/USD"]
    assert [json.loads(request) for request in kraken] == [
        {"event": "subscribe", "pair": pairs, "subscription": subscription}
        for subscription in ({"name": "trade"}, {"name": "book", "depth": 25}, {"name": "ticker"})
    ]


async def test_streams_beyond_a_connections_limit_go_on_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BinanceUsdm, "streams_per_connection", 2)
    symbols = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT")
    async with (
        venue(silent) as server,
        collecting(FeedCollector("binance_usdm", symbols, ("trade", "book"), url=server.url)) as collected,
    ):
        await until(lambda: len(server.paths) == 4 and len(collected.feed) == 6)
    assert sorted(server.paths) == [
        "/market/stream?streams=btcusdt@aggTrade/ethusdt@aggTrade",
        "/market/stream?streams=solusdt@aggTrade",
        "/public/stream?streams=btcusdt@depth@100ms/ethusdt@depth@100ms",
        "/public/stream?streams=solusdt@depth@100ms",
    ]


async def test_one_of_two_connections_lost_touches_only_its_streams() -> None:
    async def talk(server: VenueServer, connected: ServerConnection) -> None:
        if connected.request and connected.request.path.startswith("/market"):
            await trading(server, connected)

    async with venue(talk) as server, collecting(binance(server.url, "trade", "book")) as collected:
        await until(lambda: len(server.open) == 2 and collected.total("messages") > 10)
        for connected in list(server.open):
            if connected.request and connected.request.path.startswith("/public"):
                connected.transport.abort()
        await until(lambda: collected.total("reconnects") == 1)
    assert {row["channel"] for row in collected.feed if row.get("reconnects")} == {"book"}
    assert {row["verdict"] for row in collected.feed if row["channel"] == "trade"} <= {"unknown", "fresh"}


async def test_a_book_that_disagrees_is_subscribed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch.sources.collectors.feed.stream.CONFIRM_S", 0.1)
    snapshot = '[1,{"as":[["2.0","1.0","1.0"]],"bs":[["1.0","1.0","1.0"]]},"book-10","XBT/USD"]'

    async def talk(server: VenueServer, connected: ServerConnection) -> None:
        await connected.send(snapshot)
        await connected.send('[1,{"a":[["2.0","3.0","1.0"]],"c":"1"},"book-10","XBT/USD"]')
        await until(lambda: len(server.requests) == 3)
        await connected.send(snapshot)

    async with (
        venue(talk) as server,
        collecting(FeedCollector("kraken", ("BTC/USD",), ("book",), url=server.url, interval_s=0.5)) as collected,
    ):
        await until(lambda: collected.total("resyncs") == 1)
    assert [json.loads(request)["event"] for request in server.requests] == ["subscribe", "unsubscribe", "subscribe"]
    assert collected.total("checksum_mismatches") == 1
    assert len(server.paths) == 1


async def test_an_end_takes_less_than_two_seconds_and_leaves_no_connection() -> None:
    async with venue(trading) as server:
        async with collecting(binance(server.url, "trade", "book")) as collected:
            await until(lambda: len(server.open) == 2 and collected.total("messages") > 5)
            began = time.monotonic()
        assert time.monotonic() - began < 2
        await until(lambda: not server.open)


@pytest.mark.recordings
@pytest.mark.parametrize("name", COLLECTORS)
async def test_a_recording_played_by_a_server_measures_like_the_recording(recordings: Path, name: str) -> None:
    recording = read_recording(recordings / "feeds" / FILES[name], dialect(name))
    wanted = COLLECTORS[name]
    async with Player(recording, Pace(speed=20)) as player:
        played = FeedCollector(name, wanted.symbols, wanted.channels, url=player.url, book_depth=wanted.book_depth, interval_s=0.5)
        async with collecting(played) as collected:
            await until(lambda: collected.total("messages") > 0)
            await asyncio.wait_for(player.ended(), 15)
            await asyncio.sleep(0.7)
    assert collected.total("messages") >= 0.99 * len(recording.entries) - 100
    for events in ("gaps", "duplicates", "reorders", "checksum_mismatches", "crossed", "resyncs", "reconnects"):
        assert collected.total(events) == 0, events


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"venue": "nyse"}, "venue: 'nyse' has no feed; allowed: binance_usdm, coinbase, kraken"),
        ({"symbols": ()}, "symbols: the feed collector of kraken needs at least one symbol"),
        ({"channels": ("tape",)}, "channels: 'tape' is not a channel of kraken; allowed: trade, book, ticker"),
        ({"symbols": ("BTC/USD", "XBT/USD")}, "symbols, channels: BTC/USD trade is named twice"),
        ({"book_depth": 11}, "book_depth: 11 is not a depth of kraken; allowed: 10, 25, 100, 500, 1000"),
        ({"venue": "coinbase", "book_depth": 10}, "book_depth: 10 is not a depth of coinbase; allowed: none"),
        ({"url": "http://127.0.0.1"}, "url: 'http://127.0.0.1' is not a WebSocket address"),
        ({"interval_s": 0.01}, "interval_s: 0.01 is not between"),
        ({"silence_limit_s": -1.0}, "silence_limit_s: -1.0 is negative"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(changed: dict[str, object], message: str) -> None:
    settings: dict[str, object] = {"venue": "kraken", "symbols": ("BTC/USD",), **changed}
    with pytest.raises(ConfigError, match=message.replace("(", r"\(")):
        FeedCollector(**settings)  # pyright: ignore[reportArgumentType] - wrong on purpose


def test_a_venue_may_be_named_by_an_alias_and_symbols_as_the_venue_writes_them() -> None:
    (trade,) = FeedCollector("binance_futures", ("BTCUSDT",), ("aggTrade",)).subscriptions()
    assert (trade.symbol, trade.native, trade.channel.name) == ("BTC/USDT:USDT", "BTCUSDT", "trade")
