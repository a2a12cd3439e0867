"""The status of a market-data daemon over HTTP."""

import asyncio
from typing import Any, ClassVar

from tapewatch.sources.collectors.daemon import DaemonCollector
from tapewatch.testing.collectors import CollectorSuite
from tests.sources.collectors.polling import poll_answer

STATUS = {
    "running": True,
    "shutdown_requested": False,
    "fetch_count": 120,
    "error_count": 2,
    "liquidation_count": 7,
    "uptime_seconds": 3600.5,
    "last_fetch_time": "2026-11-21T10:00:00+00:00",
    "last_error": None,
    "symbols": ["BTCUSDT-PERP", "ETHUSDT-PERP"],
    "exchanges": ["all"],
}


class TestContract(CollectorSuite):
    kind = DaemonCollector
    settings: ClassVar[dict[str, Any]] = {"url": "URL", "daemon": "ccxt"}
    answers = (STATUS, {**STATUS, "running": False, "uptime_seconds": 0, "last_fetch_time": None})


def test_the_ten_fields_become_a_row() -> None:
    (batch,) = asyncio.run(poll_answer(lambda url: DaemonCollector(url=url), STATUS))

    assert batch.rows() == [
        {
            "daemon": "mine",
            "running": True,
            "shutdown_requested": False,
            "fetches": 120,
            "errors": 2,
            "liquidations": 7,
            "uptime_s": 3600.5,
            "last_fetch_at": "2026-11-21T10:00:00+00:00",
            "symbols": "BTCUSDT-PERP,ETHUSDT-PERP",
            "exchanges": "all",
        }
    ]
