"""What data pipelines did, over HTTP."""

import asyncio
from typing import Any, ClassVar

import httpx2
import pytest

from tapewatch.clock import ManualClock
from tapewatch.errors import SourceError
from tapewatch.sources.base import Context
from tapewatch.sources.collectors.pipeline import PipelineCollector
from tapewatch.testing.collectors import CollectorSuite
from tapewatch.testing.scripted_http import Scripted, ScriptedServer
from tests.sources.collectors.polling import poll_answer

OI = {"count": 10, "bytes": 2000, "latency_ms": 12.5, "symbols": ["BTC/USDT:USDT", "ETH/USDT:USDT"]}
FUNDING = {"count": 1, "bytes": 64, "latency_ms": 3, "symbols": ["BTC/USDT:USDT"]}
STATISTICS = {
    "exchanges": {"binance": {"open_interest": OI, "funding": FUNDING}},
    "gaps": [{"exchange": "binance", "symbol": "ETH/USDT:USDT", "data_type": "open_interest", "duration_seconds": 75}],
}


class TestContract(CollectorSuite):
    kind = PipelineCollector
    settings: ClassVar[dict[str, Any]] = {"url": "URL"}
    answers = (STATISTICS, {"exchanges": {"okx": {"funding": FUNDING}}})


def rows(*answers: object, **settings: Any) -> list[list[dict[str, Any]]]:
    clock = ManualClock()

    def made(url: str) -> PipelineCollector:
        return PipelineCollector(url=url, **settings)

    return [batch.rows() for batch in asyncio.run(poll_answer(made, *answers, clock=clock))]


def amounts(found: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[Any, Any]]:
    return {(row["data_type"], row["symbol"]): (row.get("records"), row.get("bytes")) for row in found if "latency_ms" in row}


def gaps(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {row["symbol"]: row.get("gap_s", row["gap"]) for row in found if "gap" in row and row["data_type"] == "open_interest"}


def test_amounts_of_several_symbols_are_one_row_and_gaps_are_told_by_symbol() -> None:
    (found,) = rows(STATISTICS)

    assert found == [
        {"venue": "binance", "symbol": "*", "data_type": "open_interest", "records": 10, "bytes": 2000, "latency_ms": 12.5},
        {"venue": "binance", "symbol": "BTC/USDT:USDT", "data_type": "funding", "records": 1, "bytes": 64, "latency_ms": 3, "gap": False},
        {"venue": "binance", "symbol": "BTC/USDT:USDT", "data_type": "open_interest", "gap": False},
        {"venue": "binance", "symbol": "ETH/USDT:USDT", "data_type": "open_interest", "gap": True, "gap_s": 75},
    ]


def test_a_gap_of_a_symbol_that_is_not_listed_ends_visibly() -> None:
    numbered = {"exchanges": {"binance": {"open_interest": {**OI, "symbols": 2}}}}
    found = rows({**numbered, "gaps": STATISTICS["gaps"]}, {**numbered, "gaps": []}, {**numbered, "gaps": []}, numbered)

    assert [gaps(each) for each in found] == [{"ETH/USDT:USDT": 75}, {"ETH/USDT:USDT": False}, {"ETH/USDT:USDT": False}, {}]


def test_of_two_gaps_of_a_series_the_longer_counts() -> None:
    gap = {"exchange": "binance", "symbol": "BTC/USDT:USDT", "data_type": "open_interest"}
    (found,) = rows({**STATISTICS, "gaps": [{**gap, "duration_seconds": length} for length in (5, 90, 30)]})

    assert gaps(found)["BTC/USDT:USDT"] == 90


def test_cumulative_counts_become_amounts_and_a_restart_is_no_loss() -> None:
    answers = [{"exchanges": {"binance": {"oi": {"count": count, "bytes": count * 10, "latency_ms": 1}}}} for count in (100, 130, 130, 7)]
    found = rows(*answers, counts="cumulative")

    assert [amounts(each)["oi", "*"] for each in found] == [(None, None), (30, 300), (0, 0), (7, 70)]


def test_interval_counts_are_taken_as_they_are() -> None:
    answers = [{"exchanges": {"binance": {"oi": {"count": count, "bytes": 1, "latency_ms": 1}}}} for count in (5, 3)]

    assert [amounts(each)["oi", "*"] for each in rows(*answers)] == [(5, 1), (3, 1)]


async def test_an_answer_that_cannot_be_read_loses_no_count() -> None:
    def counted(count: int, **more: object) -> Scripted:
        return Scripted({"exchanges": {"binance": {"oi": {"count": count, "latency_ms": 1}, **more}}})

    answers = [counted(100), counted(150, funding=5), counted(170)]
    async with ScriptedServer(answers) as server, httpx2.AsyncClient(trust_env=False) as http:
        context = Context("mine", "live", "h1", ManualClock(), lambda: http)
        collector = PipelineCollector(url=server.url, counts="cumulative")
        await anext(collector.collect(context))
        with pytest.raises(SourceError, match=r"a number as exchanges.binance.funding"):
            await anext(collector.collect(context))
        batch = await anext(collector.collect(context))

    assert [row["records"] for row in batch.rows()] == [70]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({"exchanges": []}, "a list of 0 as exchanges"),
        ({"exchanges": {"binance": 5}}, "a number as exchanges.binance;"),
        ({"exchanges": {"binance": {"oi": []}}}, "a list of 0 as exchanges.binance.oi;"),
        ({"exchanges": {}, "gaps": {}}, "an object with nothing in it as gaps;"),
        ({"exchanges": {}, "gaps": [5]}, r"a number as gaps\[0\]"),
        ({"exchanges": {}, "gaps": [{"exchange": "binance"}]}, r"an object with exchange as gaps\[0\]"),
    ],
)
def test_what_cannot_be_read_is_named(answer: object, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        rows(answer)
