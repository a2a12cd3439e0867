"""Measurements of this host."""

import asyncio
import time
from typing import Any, ClassVar

import psutil
import pytest

from tapewatch.errors import SourceError
from tapewatch.model.tables.infrastructure import HOST
from tapewatch.sources.collectors.host import HostCollector
from tapewatch.testing.collectors import CollectorSuite
from tests.sources.collectors.polling import poll


class TestContract(CollectorSuite):
    kind = HostCollector
    settings: ClassVar[dict[str, Any]] = {}


async def test_every_column_is_measured_and_agrees_with_the_host() -> None:
    collector = HostCollector()
    await poll(collector)
    await asyncio.sleep(0.05)
    (row,) = await poll(collector)

    may_be_unknown = {"clock_synchronised", "clock_error_ms", "host"}
    assert {column.name for column in HOST.columns} - may_be_unknown <= set(row)
    assert row["memory_total_bytes"] == psutil.virtual_memory().total
    assert row["disk_total_bytes"] == psutil.disk_usage("/").total
    assert abs(float(str(row["uptime_s"])) - (time.time() - psutil.boot_time())) < 5
    for ratio in ("cpu_ratio", "memory_ratio", "disk_ratio"):
        assert 0 <= float(str(row[ratio])) <= 1


async def test_the_first_look_knows_no_processor_share() -> None:
    (row,) = await poll(HostCollector())

    assert "cpu_ratio" not in row


async def test_a_busy_processor_is_seen() -> None:
    collector = HostCollector()
    await poll(collector)
    until_s = time.monotonic() + 0.3
    while time.monotonic() < until_s:
        pass
    (row,) = await poll(collector)

    assert float(str(row["cpu_ratio"])) > 0.5 / (psutil.cpu_count() or 1)


async def test_a_path_that_is_none_is_named() -> None:
    with pytest.raises(SourceError, match="path /no/such/place: its file system cannot be measured: No such file"):
        await poll(HostCollector(path="/no/such/place"))


async def test_loopback_traffic_is_not_counted() -> None:
    (before,) = await poll(HostCollector())
    cards = psutil.net_io_counters(pernic=True)

    assert int(str(before["net_received_bytes"])) <= sum(card.bytes_recv for name, card in cards.items() if name != "lo")
