"""Connections to venues as a daemon sees them, over HTTP."""

import asyncio
from typing import Any, ClassVar

import httpx2
import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import SourceError
from tapewatch.model.rows import RawBatch
from tapewatch.sources.base import Context
from tapewatch.sources.collectors.exchange import ExchangeCollector
from tapewatch.testing.collectors import CollectorSuite
from tapewatch.testing.scripted_http import Scripted, ScriptedServer
from tests.sources.collectors.polling import poll_answer

STATUS = {
    "binance": {
        "connected": True,
        "latency_ms": 42.5,
        "reconnect_count": 3,
        "last_message_at": "2026-11-21T10:00:00.5Z",
        "disconnected_at": None,
    },
    "kraken": {"connected": False, "latency_ms": None, "reconnect_count": 9, "disconnected_at": "2026-11-21T09:59:00Z", "note": "left out"},
}


class TestContract(CollectorSuite):
    kind = ExchangeCollector
    settings: ClassVar[dict[str, Any]] = {"url": "URL"}
    answers = (STATUS,)


def test_each_venue_becomes_a_row() -> None:
    (batch,) = asyncio.run(poll_answer(lambda url: ExchangeCollector(url=url), STATUS))

    assert batch.rows() == [
        {"venue": "binance", "connected": True, "latency_ms": 42.5, "reconnects": 3, "last_message_at": "2026-11-21T10:00:00.5Z"},
        {"venue": "kraken", "connected": False, "reconnects": 9, "disconnected_at": "2026-11-21T09:59:00Z"},
    ]


async def test_one_venue_that_cannot_be_read_does_not_hide_the_others() -> None:
    batches: list[RawBatch] = []

    async def read(url: str, http: httpx2.AsyncClient) -> None:
        async for batch in ExchangeCollector(url=url).collect(Context("mine", "live", "h1", SystemClock(), lambda: http)):
            batches.append(batch)  # noqa: PERF401 - what came before the error is kept

    async with (
        ScriptedServer([Scripted({**STATUS, "okx": "fine", "bybit": {"x": 1}})]) as server,
        httpx2.AsyncClient(trust_env=False) as http,
    ):
        with pytest.raises(SourceError, match="for 2 venues: okx is a text; bybit is an object with x; expected an object of venue to"):
            await read(server.url, http)

    assert [row["venue"] for batch in batches for row in batch.rows()] == ["binance", "kraken"]
