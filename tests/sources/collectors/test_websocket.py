"""Streams that the settings describe, against a local WebSocket server; the description is the one of the guide."""

import asyncio
import gzip
import json
import re
import time
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest
from websockets.asyncio.server import ServerConnection

from tapewatch.errors import ConfigError
from tapewatch.sources.collectors import collector_from_settings
from tapewatch.sources.collectors.feed import collection, connection, described
from tapewatch.sources.collectors.websocket import WebsocketCollector
from tapewatch.testing.collectors import CollectorSuite
from tests.sizes import ROOT
from tests.sources.collectors.feed.venue_server import VenueServer, collecting, until, venue
from tests.started import rows, up, wait_for

PAGE = (ROOT / "docs" / "howto" / "watch-any-venue.md").read_text()
GUIDE = re.findall(r"^```toml\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)[0]
ADDRESS = "wss://api.gateio.ws/ws/v4/"
ONE: dict[str, Any] = {"kind": "websocket", "venue": "gateio", "url": "wss://v", "symbols": ["BTC_USDT"], "channels": ["trade"]}
START_US = 1_700_000_000_000_000
UNKNOWN = ("gaps", "duplicates", "reorders", "checksum_mismatches", "crossed")


class TestContract(CollectorSuite):
    kind = WebsocketCollector
    settings: ClassVar[dict[str, Any]] = {
        **{key: ONE[key] for key in ("venue", "symbols", "channels")},
        "url": "ws://127.0.0.1:1/",
        "interval_s": 1,
    }


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ticks and waits of tenths of a second, so that no test takes seconds."""
    monkeypatch.setattr(collection, "TICK_S", 0.1)
    monkeypatch.setattr(connection, "WATCH_S", 0.05)
    monkeypatch.setattr("tapewatch.sources.collectors.feed.backoff.BASE_S", 0.05)
    monkeypatch.setattr(described, "CONNECT_INTERVAL_S", 0.01)


def guide(url: str, **changed: object) -> WebsocketCollector:
    settings = tomllib.loads(GUIDE)["collectors"]["gate-trades"]
    return cast("WebsocketCollector", collector_from_settings("gate-trades", {**settings, "url": url, **changed}))


def trades(symbol: str) -> Iterator[str]:
    """The message of the guide with another symbol, timed now."""
    example = json.loads(re.findall(r"^```json\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)[0])
    while True:
        example["result"] |= {"currency_pair": symbol, "create_time_ms": f"{time.time_ns() / 1e6:.4f}"}
        yield json.dumps(example)


async def gate(server: VenueServer, connected: ServerConnection) -> None:
    """Answers, and once it was asked trades of one symbol and pongs."""
    await until(lambda: len(server.requests) >= len(server.paths))
    await connected.send('{"channel":"spot.trades","event":"subscribe","result":{"status":"success"}}')
    for text in trades("BTC_USDT"):
        await connected.send(text)
        await connected.send('{"channel":"spot.pong","event":"","result":null}')
        await asyncio.sleep(0.02)


@pytest.mark.usefixtures("fast")
async def test_the_description_of_the_guide_measures() -> None:
    async with venue(gate) as server, collecting(guide(server.url, interval_s=0.5, heartbeat_s=0.1)) as collected:
        await until(lambda: any(row["verdict"] == "fresh" for row in collected.feed) and len(server.requests) > 3)
        await until(lambda: len(collected.feed) > 4 and collected.feed[-2]["verdict"] == "fresh")
    assert json.loads(server.requests[0]) == {"channel": "spot.trades", "event": "subscribe", "payload": ["BTC_USDT", "ETH_USDT"]}
    assert {json.dumps(json.loads(request)) for request in server.requests[1:]} == {'{"channel": "spot.ping"}'}
    newest = {row["symbol"]: row for row in collected.feed}
    assert set(newest) == {"BTC/USDT", "ETH/USDT"}
    alive, silent = newest["BTC/USDT"], newest["ETH/USDT"]
    assert (alive["venue"], alive["channel"], alive["verdict"]) == ("gateio", "trade", "fresh")
    assert 0 <= alive["latency_p50_ms"] <= alive["latency_max_ms"] < 2000
    assert (silent["messages"], silent["verdict"], silent.get("age_ms"), silent.get("latency_p50_ms")) == (0, "unknown", None, None)
    assert silent["evidence"].startswith("no trade since the subscription ")
    assert {row.get(column) for row in collected.feed for column in UNKNOWN} == {None}
    assert collected.exchange[-1]["connected"] is True


def test_heartbeats_of_the_venue_do_not_keep_a_dead_stream_fresh() -> None:
    measure = guide("ws://127.0.0.1:1").open_measure(START_US, 0.0)
    (link,) = measure.links
    link.up(0.0)
    verdicts: list[str] = []
    for second in range(1, 201):
        now_us = START_US + second * 1_000_000
        if second <= 60:
            link.observe(next(trades("BTC_USDT")).encode(), now_us, float(second))
        link.observe(b'{"channel":"spot.pong","event":"","result":null}', now_us, float(second))
        verdicts += [row["verdict"] for row in measure.tick(now_us, float(second)) if row["symbol"] == "BTC/USDT"]
    assert verdicts.index("fresh") < verdicts.index("stale")
    assert verdicts[-1] == "dead"
    assert (link.unread, link.lost(200.0)) == (0, None)


@pytest.mark.usefixtures("fast")
async def test_a_wrong_unit_is_told_in_the_evidence_and_gives_no_latency() -> None:
    async with venue(gate) as server, collecting(guide(server.url, interval_s=0.5, time_unit="s")) as collected:
        await until(lambda: len(collected.feed) > 4 and "could not be read" in collected.feed[-1]["evidence"])
    assert "time_unit: " in collected.feed[-1]["evidence"]
    assert "is no time between 2000 and 2100 in the unit s" in collected.feed[-1]["evidence"]
    assert all(row.get("latency_p50_ms") is None for row in collected.feed)


@pytest.mark.usefixtures("fast")
async def test_a_lost_connection_is_made_again_and_its_messages_are_sent_again() -> None:
    async with venue(gate) as server, collecting(guide(server.url, interval_s=0.5, heartbeat="", heartbeat_s=0)) as collected:
        await until(lambda: collected.total("messages") > 10)
        for connected in list(server.open):
            connected.transport.abort()
        await until(lambda: collected.total("reconnects") > 0 and len(server.requests) == 2)
    assert server.requests[0] == server.requests[1]


async def test_a_server_with_the_settings_of_the_guide_keeps_the_rows(tmp_path: Any) -> None:
    def started(url: str) -> dict[str, dict[str, Any]]:
        settings = GUIDE.replace(ADDRESS, url) + "interval_s = 1\n"
        with up(tmp_path, f"watch_self = false\n{settings}") as server:
            wait_for(lambda: any(row["latency_p50_ms"] is not None for row in rows(server, "feed")))
            wait_for(lambda: any(row["connected"] for row in rows(server, "exchange")))
            return {row["symbol"]: row for row in rows(server, "feed")}

    assert ADDRESS in GUIDE
    async with venue(gate) as server:
        newest = await asyncio.to_thread(started, server.url)
    assert set(newest) == {"BTC/USDT", "ETH/USDT"}
    assert newest["BTC/USDT"]["source"] == "gate-trades"
    assert {newest["BTC/USDT"][column] for column in UNKNOWN} == {None}
    assert newest["ETH/USDT"]["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"venue": "the venue"}, "venue: 'the venue' is no venue id; it takes letters, digits"),
        ({"url": "https://u:hunter2@v/ws"}, r"url: 'https://u:\*\*\*@v/ws' is not a WebSocket address; it must begin with ws:// or wss://"),
        ({"symbols": []}, "symbols: at least one is needed"),
        ({"symbols": [""]}, "symbols: at least one is needed, and none may be empty"),
        ({"symbols": ["BTC_USDT", "BTC-USDT"], "symbol_path": ["s"]}, "symbols: .* names one of them twice"),
        ({"symbols": ["BTC_USDT", "ETH_USDT"]}, "symbol_path: is missing; without it a connection carries one stream, and symbols names 2"),
        ({"channels": []}, "channels: at least one is needed"),
        ({"channels": {"": "t"}}, "channels: the word under which a channel is stored is empty"),
        ({"channels": {"trade": "t", "book": "t"}, "channel_path": ["c"]}, "channels: .* names one of them twice"),
        ({"channels": ["trade", "book"]}, "channel_path: is missing; without it a connection carries one stream, and channels names 2"),
        ({"channels": "trade"}, "channels: 'trade' is not a list of a text each or a table of a text each"),
        ({"send": "subscribe"}, "send: 'subscribe' is not a list of a text or a table each"),
        ({"symbol_path": "data.s"}, r"symbol_path: 'data\.s' is not a list of a text or an integer each"),
        ({"time_path": ["t"]}, "time_unit: is missing; .* allowed: s, ms, us, ns, iso"),
        ({"time_unit": "ms"}, "time_path: is missing; time_unit 'ms' needs"),
        ({"time_path": ["t"], "time_unit": "min"}, "time_unit: 'min' is not one of '', 's', 'ms', 'us', 'ns', 'iso'"),
        ({"heartbeat_s": 5}, "heartbeat: is missing; heartbeat_s 5"),
        ({"heartbeat": "ping"}, r"heartbeat_s: 0\.0 is not above 0 and up to 3600 seconds"),
        ({"heartbeat": "ping", "heartbeat_s": 5}, "data_path: is missing; the answers to a heartbeat must not look like data"),
        ({"interval_s": 0.5}, r"interval_s: 0\.5 is not between 1 and 3600 seconds"),
        ({"silence_limit_s": -1}, "silence_limit_s: -1.0 is negative; 0 stands for never"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^collectors\.x\.{message}") as caught:
        collector_from_settings("x", {**ONE, **changed})
    assert caught.value.path == ("collectors", "x", message.partition(":")[0])


def test_texts_are_sent_as_they_are_and_tables_as_json() -> None:
    made = cast("WebsocketCollector", collector_from_settings("x", {**ONE, "send": ["hello", {"op": "sub", "args": [1, "a"]}]}))
    assert made.description().requests == ("hello", '{"op":"sub","args":[1,"a"]}')


@pytest.mark.usefixtures("fast")
async def test_a_recording_holds_no_key_of_the_settings_also_where_the_venue_repeats_it(tmp_path: Path) -> None:
    keys = ("985d5b66-57ce-40fb", "MmU0ZDk5Yzc4", "s3cr3t-of-the-address")
    login = {"channel": "login", "apiKey": keys[0], "sign": keys[1]}

    async def repeating(server: VenueServer, connected: ServerConnection) -> None:
        await until(lambda: len(server.requests) >= 2)
        await connected.send(json.dumps({"error": f"{keys[1]} is no signature of {keys[0]}"}))
        for text in trades("BTC_USDT"):
            await connected.send(text)
            await asyncio.sleep(0.01)

    async with venue(repeating) as server:
        collector = guide(f"{server.url}/ws?token={keys[2]}", heartbeat="", heartbeat_s=0, record_dir=str(tmp_path))
        async with collecting(replace(collector, send=(login, *collector.send))) as collected:
            await until(lambda: collected.total("messages") > 10)
        assert [json.loads(request)["channel"] for request in server.requests] == ["login", "spot.trades"]
    text = await asyncio.to_thread(unpacked, tmp_path)
    assert not [key for key in keys if key in text]
    assert text.count("*** is no signature of ***") == 1
    assert text.count('"currency_pair": "BTC_USDT"') > 10
    assert "?token=***" in text


def unpacked(folder: Path) -> str:
    """Everything that was recorded."""
    return "".join(gzip.decompress(path.read_bytes()).decode() for path in folder.glob("*.gz"))
