"""Every simulated venue is a venue to the feed collector: over a real connection, and again from its recording."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from tapewatch.desk import venues
from tapewatch.desk.addresses import SPOKEN
from tapewatch.desk.dialects import DIALECTS, dialect
from tapewatch.desk.exchange import Exchange
from tapewatch.desk.player import Pace, Player
from tapewatch.desk.recording import Recording, read_recording
from tapewatch.desk.simulation import Simulation
from tapewatch.desk.venues import SIMULATED, VENUES, simulated
from tapewatch.sources.collectors.feed import FeedCollector, collection, connection
from tests.sources.collectors.feed.venue_server import collecting, until

NAMES = tuple(spec.name for spec, _ in SIMULATED)
EVENTS = ("gaps", "duplicates", "reorders", "checksum_mismatches", "crossed", "resyncs", "reconnects")


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "TICK_S", 0.2)
    monkeypatch.setattr(connection, "WATCH_S", 0.1)


@asynccontextmanager
async def exchange(name: str) -> AsyncIterator[Exchange]:
    spec, messages = simulated(name)
    running = Exchange(Simulation(spec, messages, start_us=time.time_ns() // 1000))
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


def collector(name: str, url: str, *symbols: str) -> FeedCollector:
    spec, _ = simulated(name)
    wanted = symbols or tuple(item.unified for item in spec.instruments)
    return FeedCollector(SPOKEN.get(name, name), wanted, url=url, interval_s=1.0)


def recorded(folder: Path, name: str) -> Recording:
    return read_recording(tuple(folder.glob("*.gz")), dialect(name))


def test_every_file_of_the_folder_is_in_the_list_and_every_dialect_is_known() -> None:
    files = {path.stem for path in Path(venues.__file__).parent.glob("*.py")} - {"__init__", "base", "told"}
    assert len(files) == len(SIMULATED) == len(set(NAMES))
    assert {known.venue for known in DIALECTS} == set(NAMES)
    assert SIMULATED[: len(VENUES)] == VENUES
    with pytest.raises(ValueError, match="the desk cannot simulate venue 'nyse'; it knows binance_usdm, coinbase, kraken, binance,"):
        simulated("nyse")


@pytest.mark.parametrize("name", NAMES)
async def test_a_collector_measures_every_stream_and_its_recording_measures_the_same(name: str, tmp_path: Path) -> None:
    async with exchange(name) as running:
        live = replace(collector(name, running.url), record_dir=str(tmp_path))
        streams = {(one.symbol, one.channel.name) for one in live.subscriptions()}
        async with collecting(live) as collected:
            await until(lambda: {(row["symbol"], row["channel"]) for row in collected.feed if row["messages"]} == streams, within_s=20)
    assert {event: collected.total(event) for event in EVENTS} == dict.fromkeys(EVENTS, 0)
    assert {row["reconnects"] for row in collected.exchange} == {0}

    recording = await asyncio.to_thread(recorded, tmp_path, name)
    async with Player(recording, Pace(speed=4)) as player, collecting(collector(name, player.url)) as again:
        await until(lambda: again.total("messages") > 0, within_s=20)
        await asyncio.wait_for(player.ended(), 30)
        await until(lambda: again.total("messages") >= 0.9 * collected.total("messages"), within_s=5)
    quick = {"duplicates", "reorders"} if name == "bitstamp" else set[str]()  # its numbers are times, which a quick replay moves together
    assert {event: again.total(event) for event in EVENTS if event not in quick} == {event: 0 for event in EVENTS if event not in quick}


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"binance", "binance_coinm", "binance_usdm"}))
async def test_a_symbol_that_a_venue_does_not_have_is_refused_in_its_words(name: str) -> None:
    """Binance takes any name, and says nothing about it."""
    spec, _ = simulated(name)
    known = spec.instruments[0].unified
    async with exchange(name) as running, collecting(collector(name, running.url, known, known.replace("BTC", "NOBODY"))) as collected:
        await until(
            lambda: any("the venue answered" in row["evidence"] for row in collected.feed if "NOBODY" in row["symbol"]), within_s=15
        )


@pytest.mark.parametrize("name", NAMES)
async def test_what_cannot_be_understood_is_answered_and_the_connection_stands(name: str) -> None:
    async with exchange(name) as running, connect(running.url) as socket:
        for nonsense in (
            "",
            "[]",
            "{}",
            '{"op":"fly"}',
            '{"method":1}',
            '{"op":"subscribe","args":{"a":1}}',
            '{"op":"subscribe","args":[1]}',
        ):
            await socket.send(nonsense)
        await asyncio.sleep(0.3)
        await (await socket.ping())
