import asyncio
import tomllib
from typing import Any

import httpx2
import pytest

from tapewatch.clock import SystemClock
from tapewatch.desk import Desk, desk_settings
from tapewatch.desk.faults import Script
from tapewatch.model.catalog import Catalog
from tapewatch.sources.base import Context
from tapewatch.sources.collectors import collector_from_settings


@pytest.mark.parametrize("name", ["desk-daemon", "desk-exchange", "desk-pipeline"])
async def test_the_daemon_can_be_watched_over_http(name: str) -> None:
    async with Desk(script=Script()) as desk, httpx2.AsyncClient() as http:
        fields = tomllib.loads(desk_settings(desk.addresses, http_collectors=True))["collectors"][name]
        collector = collector_from_settings(name, fields)
        await asyncio.sleep(1.0)
        context = Context(name, "paper", "desk", SystemClock(), lambda: http)
        batches = [batch async for batch in collector.collect(context)]
    (batch,) = batches
    assert batch.table == fields["kind"]
    assert set(batch.columns) <= set(Catalog()[batch.table].column)
    rows: list[dict[str, Any]] = batch.rows()
    if batch.table == "daemon":
        assert rows[0]["running"]
    else:
        assert {row["venue"] for row in rows} == {"binance_usdm", "coinbase", "kraken"}


async def test_feed_settings_are_those_of_the_feed_collector() -> None:
    async with Desk(script=Script()) as desk:
        for name, fields in tomllib.loads(desk_settings(desk.addresses))["collectors"].items():
            assert collector_from_settings(name, fields).kind == "feed"


async def test_what_was_started_is_stopped_when_a_part_cannot_start() -> None:
    async with Desk(script=Script()) as desk:
        port = int(desk.addresses.daemon.rsplit(":", 1)[1])
        second = Desk(script=Script(), port_base=port - 3)
        second.exchanges[0]._server._port = second.exchanges[1]._server._port = second.exchanges[2]._server._port = 0
        with pytest.raises(OSError, match=str(port)):
            await second.start()
        assert not second.daemon.is_running
        assert not second.exchanges[0].tasks
