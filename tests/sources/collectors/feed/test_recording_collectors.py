"""Collectors that record: what table ``self`` tells of each, and what is said when they end before the disk has taken everything."""

import asyncio
import os
import threading
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from tapewatch.clock import SystemClock
from tapewatch.model.rows import RawBatch
from tapewatch.sources.base import Context
from tapewatch.sources.collectors.feed import FeedCollector, collection
from tapewatch.sources.http_json import SharedHttp
from tests.sources.collectors.feed.test_collector import trading
from tests.sources.collectors.feed.venue_server import venue
from tests.started import wait_for


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "TICK_S", 0.1)
    monkeypatch.setattr(collection, "END_S", 0.1)


def recording(url: str, folder: Path) -> FeedCollector:
    made = FeedCollector("binance_usdm", ("BTC/USDT:USDT",), ("trade",), url=url, interval_s=0.3)
    return replace(made, record_dir=str(folder))


async def first_of_self(name: str, collector: FeedCollector) -> RawBatch:
    context = Context(name, "", "", SystemClock(), SharedHttp(1.0))
    async with aclosing(collector.measured(context, collector.recorder(name, context.clock))) as batches:
        async for batch in batches:
            if batch.table == "self":
                return batch
    raise AssertionError("it has no end")


async def test_each_recording_has_rows_of_its_own(tmp_path: Path) -> None:
    async with venue(trading) as server:
        told = await asyncio.gather(*(first_of_self(name, recording(server.url, tmp_path)) for name in ("one", "other")))
    series = [set(zip(batch.columns["component"], batch.columns["metric"], strict=True)) for batch in told]
    assert {component for component, _ in series[0]} == {"recorder.one"}
    assert not series[0] & series[1]


async def test_an_end_before_a_slow_disk_has_taken_everything_is_counted_and_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real, is_free = os.write, threading.Event()

    def write(file: int, data: bytes) -> int:
        if threading.current_thread().name.startswith("tapewatch-record-"):
            is_free.wait(30)
        return real(file, data)

    async with venue(trading) as server:
        collector = recording(server.url, tmp_path)
        recorder = collector.recorder("slow", SystemClock())
        assert recorder is not None
        recorder.take()
        monkeypatch.setattr(os, "write", write)
        async with aclosing(collector.measured(Context("slow", "", "", SystemClock(), SharedHttp(1.0)), recorder)) as batches:
            async for _ in batches:
                if recorder.taken > 10:
                    break
        missing = recorder.missing
        is_free.set()
    assert missing > 10
    assert f"slow: {missing} messages still wait for {tmp_path}" in caplog.text
    wait_for(lambda: recorder.missing == 0)
