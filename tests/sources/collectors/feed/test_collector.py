"""The collector against a local server that speaks as venues do."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection

from tapewatch.clock import SystemClock
from tapewatch.desk.dialects import dialect
from tapewatch.desk.player import Pace, Player
from tapewatch.desk.recording import read_recording
from tapewatch.errors import ConfigError
from tapewatch.sources.base import Context, Shared
from tapewatch.sources.collectors.feed import FeedCollector, collection, connection, time_call
from tapewatch.sources.collectors.feed.link import Link
from tapewatch.sources.collectors.feed.venues import OLDER, VENUES
from tapewatch.sources.collectors.feed.venues.base import Notice
from tapewatch.sources.collectors.feed.venues.binance import Binance
from tapewatch.sources.collectors.feed.venues.binance_usdm import BinanceUsdm
from tapewatch.sources.collectors.feed.venues.hyperliquid import Hyperliquid
from tapewatch.sources.collectors.feed.venues.kraken import Kraken
from tapewatch.sources.http_json import SharedHttp
from tests.sources.collectors.feed.recorded import COLLECTORS, FILES
from tests.sources.collectors.feed.time_server import time_server
from tests.sources.collectors.feed.venue_server import VenueServer, collecting, silent, until, venue


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks and waits of tenths of a second, so that no test takes seconds."""
    monkeypatch.setattr(collection, "TICK_S", 0.1)
    monkeypatch.setattr(connection, "WATCH_S", 0.05)
    monkeypatch.setattr(connection, "PING_S", 0.2)
    monkeypatch.setattr("tapewatch.sources.collectors.feed.backoff.BASE_S", 0.05)
    for one in (*VENUES, *OLDER.values()):
        monkeypatch.setattr(one, "limits", replace(one.limits, connect_interval_s=0.01))


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
    kraken = OLDER["kraken_v1"]
    monkeypatch.setattr(kraken, "heartbeat", replace(kraken.heartbeat, silence_s=0.3))
    async with venue(silent) as server, collecting(FeedCollector("kraken_v1", ("BTC/USD",), url=server.url)):
        await until(lambda: len(server.paths) >= 3)


async def test_a_heartbeat_keeps_a_quiet_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    kraken = OLDER["kraken_v1"]
    monkeypatch.setattr(kraken, "heartbeat", replace(kraken.heartbeat, silence_s=1.5))

    async def beating(server: VenueServer, connected: ServerConnection) -> None:
        while True:
            await connected.send('{"event":"heartbeat"}')
            await asyncio.sleep(0.1)

    async with venue(beating) as server, collecting(FeedCollector("kraken_v1", ("BTC/USD",), url=server.url, interval_s=0.5)) as collected:
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
        async with collecting(FeedCollector("kraken_v1", symbols, url=server.url, book_depth=25)):
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
    monkeypatch.setattr(BinanceUsdm, "limits", replace(BinanceUsdm.limits, streams_per_connection=2))
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
        collecting(FeedCollector("kraken_v1", ("BTC/USD",), ("book",), url=server.url, interval_s=0.5)) as collected,
    ):
        await until(lambda: collected.total("resyncs") == 1)
    assert [json.loads(request)["event"] for request in server.requests] == ["subscribe", "unsubscribe", "subscribe"]
    assert collected.total("checksum_mismatches") == 1
    assert len(server.paths) == 1


async def test_a_kept_book_with_a_lost_message_is_asked_for_anew_and_that_is_no_second_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch.sources.collectors.feed.sequence.CONFIRM_S", 0.2)

    def snapshot(number: int) -> str:
        levels = '"bids":[{"price":9,"qty":1}],"asks":[{"price":10,"qty":1}]'
        return f'{{"feed":"book_snapshot","product_id":"PF_XBTUSD","timestamp":1,"seq":{number},{levels}}}'

    async def talk(server: VenueServer, connected: ServerConnection) -> None:
        await until(lambda: len(server.requests) == 1)
        await connected.send(snapshot(5))
        number = 7  # 6, which took the ask at 10 away, is lost
        while len(server.requests) < 3:
            change = f'"side":"buy","seq":{number},"price":11,"qty":1,"timestamp":1'
            await connected.send(f'{{"feed":"book","product_id":"PF_XBTUSD",{change}}}')
            number += 1
            await asyncio.sleep(0.02)
        await connected.send(snapshot(100 + number))

    lossy = FeedCollector("kraken_futures", ("BTC/USD:USD",), ("book",), interval_s=0.5)
    async with venue(talk) as server, collecting(replace(lossy, url=server.url)) as collected:
        await until(lambda: collected.total("resyncs") > 0)
    assert [json.loads(request)["event"] for request in server.requests] == ["subscribe", "unsubscribe", "subscribe"]
    assert (collected.total("gaps"), collected.total("resyncs")) == (1, 1)


@pytest.mark.parametrize("turns", range(4))
async def test_an_end_in_the_moment_in_which_the_venue_hangs_up_is_an_end(turns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    hung_up = asyncio.Event()
    read = connection.Connection._read

    async def noted(self: connection.Connection, socket: ClientConnection) -> None:
        try:
            await read(self, socket)
        finally:
            hung_up.set()

    monkeypatch.setattr(connection.Connection, "_read", noted)

    async def talk(server: VenueServer, connected: ServerConnection) -> None:
        await asyncio.sleep(0.1)
        connected.transport.abort()

    async with venue(talk) as server:
        collector = FeedCollector("kraken", ("BTC/USD",), ("trade",), url=server.url)
        http = SharedHttp(5.0)
        context = Context("feed-test", "live", "host", SystemClock(), http, Shared())

        async def read_rows() -> None:
            async with aclosing(collector.measured(context, None)) as rows:
                async for _ in rows:
                    pass

        reading = asyncio.create_task(read_rows())
        await hung_up.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        reading.cancel()
        done, _ = await asyncio.wait([reading], timeout=3)
        assert done
        await http.close()


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
        played = FeedCollector(wanted.venue, wanted.symbols, wanted.channels, url=player.url, book_depth=wanted.book_depth, interval_s=0.5)
        async with collecting(played) as collected:
            await until(lambda: collected.total("messages") > 0)
            await asyncio.wait_for(player.ended(), 15)
            await asyncio.sleep(0.7)
    assert collected.total("messages") >= 0.99 * len(recording.entries) - 100
    # Bitstamp's numbers are times: a replay that is quicker than life keeps latencies, and so moves later messages before earlier ones,
    # or onto them. That the recording as it is shows neither is tested beside the other recordings.
    none = {"gaps", "duplicates", "reorders", "checksum_mismatches", "crossed", "resyncs", "reconnects"}
    for events in none - ({"duplicates", "reorders"} if name == "bitstamp" else set[str]()):
        assert collected.total(events) == 0, events


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"venue": "nyse"}, "venue: 'nyse' has no feed; allowed: binance, binance_coinm, binance_usdm, bitmex, bitstamp, bybit,"),
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


async def test_what_the_venue_wants_to_hear_is_sent_and_its_question_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    kraken = OLDER["kraken_v1"]
    monkeypatch.setattr(kraken, "heartbeat", replace(kraken.heartbeat, request='{"event":"ping"}', every_s=0.05))
    monkeypatch.setattr(kraken, "parse", lambda _self, message: Notice("asked", answer="here") if b"are you" in message else None)

    async def ask(_server: VenueServer, socket: ServerConnection) -> None:
        await socket.send("are you there")

    async with venue(ask) as server, collecting(FeedCollector("kraken_v1", ("BTC/USD",), ("trade",), url=server.url)):
        await until(lambda: server.requests.count('{"event":"ping"}') >= 2 and "here" in server.requests)


async def test_the_venue_is_asked_for_its_time_beside_the_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_call, "FIRST_S", 0.01)

    def answer() -> tuple[int, str]:
        return 200, json.dumps({"serverTime": time.time_ns() // 1_000_000})

    async with venue(trading) as server, time_server(answer) as (url, asked):
        collector = replace(binance(server.url), time_url=url)
        async with collecting(collector) as collected:
            await until(lambda: any(row.get("way_ms") is not None for row in collected.feed), within_s=30)
        row = next(row for row in collected.feed if row.get("way_ms") is not None)
        assert len(asked) == time_call.BURST
    assert collected.exchange[-1]["time_call_errors"] == 0
    assert abs(row["clock_offset_ms"]) <= row["clock_offset_error_ms"] + 1
    assert 0 <= row["way_ms"] < 1000
    assert row["own_delay_ms"] >= 0


async def test_a_time_call_that_hangs_up_harms_no_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_call, "FIRST_S", 0.01)
    async with (
        venue(trading) as server,
        time_server(lambda: (0, "")) as (url, _),
        collecting(replace(binance(server.url), time_url=url)) as collected,
    ):
        await until(lambda: bool(collected.exchange and collected.exchange[-1]["time_call_errors"]), within_s=30)
        before = collected.total("messages")
        await until(lambda: collected.total("messages") > before + 10)
    assert collected.total("reconnects") == 0


async def test_a_collector_whose_loop_was_blocked_blames_itself() -> None:
    async with venue(trading) as server, collecting(binance(server.url)) as collected:
        await until(lambda: collected.total("messages") > 10)
        before = len(collected.feed)
        time.sleep(0.4)  # noqa: ASYNC251 - what a careless program does to the venue's clock and to ours
        await until(lambda: len(collected.feed) > before + 1)
    late = max(collected.feed[before:], key=lambda row: row["own_delay_ms"])
    assert late["own_delay_ms"] > 200
    assert "this collector itself kept messages waiting" in late["evidence"]
    assert "the event loop was late" in late["evidence"]


async def test_a_collector_that_cannot_keep_up_blames_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = Link.observe

    def slowly(link: Link, message: bytes, received_us: int, now_s: float) -> None:
        time.sleep(0.001)
        taken(link, message, received_us, now_s)

    async def flooding(server: VenueServer, connected: ServerConnection) -> None:
        for text in islice(trades(1000), 20_000):
            await connected.send(text)

    monkeypatch.setattr(Link, "observe", slowly)
    async with venue(flooding) as server, collecting(binance(server.url)) as collected:
        await until(lambda: any("this collector itself kept messages" in row["evidence"] for row in collected.feed), within_s=30)
    blamed = next(row for row in collected.feed if "this collector itself" in row["evidence"])
    assert blamed["own_delay_ms"] >= blamed["latency_max_ms"] / 2


async def test_krakens_clock_is_asked_on_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "QUESTION_S", 0.05)
    monkeypatch.setattr(FeedCollector, "time_call", lambda self: Kraken.server_time)

    async def ponging(server: VenueServer, connected: ServerConnection) -> None:
        answered = 0
        while True:
            await asyncio.sleep(0.01)
            pings = [request for request in map(json.loads, server.requests) if request["method"] == "ping"]
            for ping in pings[answered:]:
                moment = datetime.now(UTC) - timedelta(seconds=3)
                await connected.send(
                    json.dumps({"method": "pong", "success": True, "time_out": moment.isoformat(), "req_id": ping["req_id"]})
                )
            answered = len(pings)

    async with venue(ponging) as server, collecting(FeedCollector("kraken", ("BTC/USD",), url=server.url, interval_s=1.0)) as collected:
        await until(lambda: any(row.get("clock_offset_ms") is not None for row in collected.feed))
    row = next(row for row in collected.feed if row.get("clock_offset_ms") is not None)
    assert row["clock_offset_ms"] == pytest.approx(3000, abs=50)
    assert row["clock_offset_error_ms"] < 50


def test_more_streams_than_a_venue_allows_an_address_are_refused() -> None:
    symbols = tuple(f"C{number}" for number in range(334))
    with pytest.raises(ConfigError, match="1002 streams are more than the 1,000 that hyperliquid allows"):
        FeedCollector("hyperliquid", symbols)
    measure = FeedCollector("hyperliquid", symbols[:333]).open_measure(0, 0.0)
    assert len(measure.links) <= 10
    limits = measure.venue.limits
    assert limits.requests_share
    assert 60 / limits.request_interval_s <= 2000


async def test_connections_of_a_venue_that_counts_messages_by_address_share_their_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = replace(Hyperliquid.limits, streams_per_connection=5, connect_interval_s=0.01, request_interval_s=0.05)
    monkeypatch.setattr(Hyperliquid, "limits", limits)
    symbols = tuple(f"C{number}" for number in range(10))
    async with venue(silent) as server, collecting(FeedCollector("hyperliquid", symbols, ("trade",), url=server.url)):
        began_s = time.monotonic()
        await until(lambda: len(server.requests) == 10)
        assert time.monotonic() - began_s >= 0.4
        assert len(server.paths) == 2


@pytest.mark.parametrize(
    ("venue_id", "time_url", "message"),
    [
        ("binance", "ftp://clock", "time_url: 'ftp://clock' is not an HTTP address"),
        ("kraken", "http://clock", "time_url: kraken has no time call over HTTP"),
        ("bitstamp", "http://clock", "time_url: bitstamp has no time call over HTTP"),
    ],
)
def test_a_time_call_that_cannot_be_is_refused(venue_id: str, time_url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FeedCollector(venue_id, ("BTC/USDT",), time_url=time_url)


def test_only_the_venues_own_address_is_asked_for_its_time_without_being_told_to() -> None:
    assert FeedCollector("binance", ("BTC/USDT",)).time_call() == Binance.server_time
    assert FeedCollector("binance", ("BTC/USDT",), url="ws://127.0.0.1:5130").time_call() is None
    told = FeedCollector("binance", ("BTC/USDT",), url="ws://127.0.0.1:5130", time_url="http://127.0.0.1/time").time_call()
    assert told == replace(Binance.server_time, url="http://127.0.0.1/time") if Binance.server_time else None
    assert FeedCollector("bitstamp", ("BTC/USD",)).time_call() is None
