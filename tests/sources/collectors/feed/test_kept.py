"""A running collector keeps what it learned, and knows the streams of the other collectors of its process."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tapewatch.sources.base import Shared
from tapewatch.sources.collectors.feed import FeedCollector, cadence, collection, connection, keeping
from tapewatch.sources.collectors.feed.learned import SAVE_S
from tapewatch.sources.collectors.feed.peers import Peers
from tapewatch.sources.collectors.feed.venues.binance_usdm import BinanceUsdm
from tapewatch.sources.collectors.websocket import WebsocketCollector
from tapewatch.sources.history import Question
from tests.sources.collectors.feed.venue_server import VenueServer, collecting, until, venue


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "TICK_S", 0.1)
    monkeypatch.setattr(connection, "WATCH_S", 0.05)
    monkeypatch.setattr(cadence, "LEAST_S", 0.5)


async def numbered(pause_s: float) -> AsyncIterator[str]:
    """Numbered trades of Binance futures, timed now."""
    for number in range(1, 1_000_000):
        now_ms = time.time_ns() // 1_000_000
        yield f'{{"stream":"btcusdt@aggTrade","data":{{"e":"aggTrade","E":{now_ms},"s":"BTCUSDT","a":{number},"p":"1","q":"1"}}}}'
        await asyncio.sleep(pause_s)


async def trading(_: VenueServer, connected: ServerConnection) -> None:
    async for text in numbered(0.06):
        await connected.send(text)


async def pausing(server: VenueServer, connected: ServerConnection) -> None:
    """Trades until the test says otherwise; the connection stays."""
    async for text in numbered(0.06):
        if not server.requests or server.requests[-1] != "pause":
            await connected.send(text)


def binance(url: str) -> FeedCollector:
    return FeedCollector(BinanceUsdm.id, ("BTC/USDT:USDT",), ("trade",), url=url, interval_s=0.2)


class Stored:
    """A server whose rows tell of one limit; keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Question] = []

    async def __call__(self, question: Question) -> list[dict[str, Any]]:
        self.asked.append(question)
        return [{"bucket": time.time_ns() // 1000, "symbol": "BTC/USDT:USDT", "channel": "trade", "avg_expected_ms": 40_000.0}]


async def test_a_collector_without_its_file_begins_with_what_the_stored_rows_tell(tmp_path: Path) -> None:
    stored = Stored()
    async with venue(trading) as server, collecting(binance(server.url), state_dir=tmp_path / "learned", history=stored) as first:
        await until(lambda: any(row.get("expected_ms") for row in first.feed))
    assert next(row["expected_ms"] for row in first.feed if row.get("expected_ms")) == 40_000.0
    assert len(stored.asked) == 1


async def test_a_collector_with_its_file_asks_only_for_rows_that_are_newer(tmp_path: Path) -> None:
    folder = tmp_path / "learned"
    path = folder / "feed-test.cadences"
    async with venue(trading) as server:
        async with collecting(binance(server.url), state_dir=folder) as first:
            await until(lambda: any(row.get("expected_ms") for row in first.feed))
        stored = Stored()
        async with collecting(binance(server.url), state_dir=folder, history=stored) as second:
            await until(lambda: any(row["messages"] for row in second.feed))
        assert stored.asked == []
        written_s = time.time() - 7200
        os.utime(path, (written_s, written_s))
        async with collecting(binance(server.url), state_dir=folder, history=stored):
            await until(lambda: bool(stored.asked))
    (question,) = stored.asked
    since_s = datetime.fromisoformat(str(question["start"])).timestamp()
    assert since_s == pytest.approx(written_s + SAVE_S, abs=1)


async def test_a_collector_that_starts_again_goes_on_with_what_it_learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "TICK_S", 0.1)
    async with venue(trading) as server:
        async with collecting(binance(server.url), state_dir=tmp_path / "learned") as first:
            await until(lambda: bool(first.feed) and first.feed[-1]["verdict"] == "fresh" and first.feed[-1]["expected_ms"] is not None)
            assert first.feed[0]["verdict"] == "unknown"
        async with collecting(binance(server.url), state_dir=tmp_path / "learned") as second:
            await until(lambda: any(row["messages"] for row in second.feed))
    assert (tmp_path / "learned" / "feed-test.cadences").stat().st_size > 0
    spoken = next(row for row in second.feed if row["messages"])
    assert (spoken["verdict"], spoken["expected_ms"] is not None) == ("fresh", True)


async def test_what_is_learned_is_written_while_the_collector_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "FIRST_SAVE_S", 0.3)
    async with venue(trading) as server, collecting(binance(server.url), state_dir=tmp_path):
        await until((tmp_path / "feed-test.cadences").exists)


async def test_a_collector_without_a_folder_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with venue(trading) as server, collecting(binance(server.url)) as collected:
        await until(lambda: bool(collected.feed))
    assert not await asyncio.to_thread(lambda: list(tmp_path.iterdir()))


async def test_the_same_symbol_of_another_collector_is_evidence() -> None:
    shared = Shared()
    async with venue(pausing) as first, venue(pausing) as second:
        other = WebsocketCollector("elsewhere", second.url, ("BTC/USDT",), {"trade": "aggTrade"}, data_path=("data", "a"), interval_s=1.0)
        async with collecting(binance(first.url), shared=shared) as silent, collecting(other, shared=shared) as moving:
            await until(lambda: bool(moving.feed and silent.feed) and {silent.feed[-1]["verdict"], moving.feed[-1]["verdict"]} == {"fresh"})
            await asyncio.sleep(1.0)
            first.requests.append("pause")
            await until(lambda: silent.feed[-1]["verdict"] in {"late", "stale"})
            evidence = silent.feed[-1]["evidence"]
    assert "BTC/USDT on elsewhere is moving" in evidence
    assert shared.one(Peers) is shared.one(Peers)
