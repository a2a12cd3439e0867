"""The client and the real server: what is written can be asked for, what is wrong is named, a repetition changes nothing."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tapewatch_client import Client
from tapewatch_client.batch import Draft
from tapewatch_client.settings import Settings, split_url
from tapewatch_client.transport import Transport
from tests.surfaces.web.stack import Stack, running


async def sent(url: str, write: Callable[[Client], object], *, token: str | None = None) -> Client:
    """A client after it wrote, delivered and closed, in a thread: the server runs in the test's own loop."""

    def work() -> Client:
        with Client(url, source="bot", host="h1", token=token) as client:
            write(client)
            assert client.flush(10)
        return client

    return await asyncio.to_thread(work)


async def total(stack: Stack, table: str, column: str) -> float:
    """Sum of a column over the last hour, asked over HTTP."""
    answer = await stack.http.get(f"/api/query?table={table}&measure=sum({column})&last=1h")
    assert answer.status_code == 200, answer.text
    return next(found["values"] for found in answer.json()["columns"] if found["name"] == f"sum_{column}")[0]


async def test_rows_are_stored_and_can_be_asked_for() -> None:
    def write(client: Client) -> None:
        for number in range(200):
            client.write("exchange", venue="binance", connected=True, latency_ms=number)

    async with running() as stack:
        stats = (await sent(stack.url, write)).stats()
        assert (stats.delivered, stats.refused_rows, dict(stats.refused)) == (200, 0, {})
        assert await total(stack, "exchange", "latency_ms") == sum(range(200))


async def test_what_is_wrong_is_named_and_the_rest_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    def write(client: Client) -> None:
        client.write("exchange", venue="binance", latency_ms="fast", connected=True)
        client.write("exchange", venue="binance", latency_ms=float("nan"), connected=True)
        client.write("exchange", venue="binance", latency_ms=1.0, last_message_at=datetime(2026, 1, 2))  # noqa: DTZ001 - on purpose
        client.write("exchange", venue="binance", latency_ms=2.0, colour="red")
        client.write("exchanges", venue="binance")
        client.write("exchange", venue="binance", latency_ms=4.0, last_message_at=datetime.now(UTC))

    async with running() as stack:
        stats = (await sent(stack.url, write)).stats()
        assert await total(stack, "exchange", "latency_ms") == 7.0
    assert (stats.written, stats.delivered, stats.refused_rows) == (6, 5, 1)
    assert sum(stats.refused.values()) == 4
    assert dict(stats.noted) == {"nan": 1}
    told = [message for message in caplog.messages if "refused" in message]
    assert len(told) == 4
    for word in ("latency_ms", "last_message_at", "colour", "exchanges"):
        assert any(word in message for message in told), (word, told)


async def test_what_the_client_refuses_itself_is_in_the_servers_table_of_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch_client.losses.REPORT_S", 0.0)

    class Mute:
        def __str__(self) -> str:
            raise ValueError("mute")

    def write(client: Client) -> None:
        client.write("exchange", venue="binance", latency_ms=Mute(), connected=True)
        client.flush(5)

    async with running() as stack:
        stats = (await sent(stack.url, write)).stats()
        assert (stats.refused_rows, stats.delivered, dict(stats.refused)) == (0, 2, {"unencodable": 1})
        answer = await stack.http.get("/api/query?table=refusal&mode=latest&by=sender,table_name,column_name,reason&last=1h&column=values")
        columns = {column["name"]: column["values"] for column in answer.json()["columns"]}
    told = list(zip(columns["table_name"], columns["column_name"], columns["reason"], columns["values"], strict=True))
    assert told == [("exchange", "latency_ms", "client_unencodable", 1)]


async def test_sketches_lists_and_dicts_are_taken() -> None:
    def write(client: Client) -> None:
        client.write("feed", venue="binance", symbol="BTC/USDT", channel="trade", latency_ms_sketch={10: 3, -2: 1})
        client.write("event", service="bot", kind="order", severity="info", payload={"ids": [1, 2]})

    async with running() as stack:
        stats = (await sent(stack.url, write)).stats()
    assert (stats.delivered, dict(stats.refused)) == (2, {})


async def test_a_watched_daemon_is_taken_whole() -> None:
    status = {
        "running": True,
        "shutdown_requested": False,
        "fetch_count": 1204,
        "error_count": 2,
        "liquidation_count": 31,
        "uptime_seconds": 86_400.5,
        "last_fetch_time": datetime.now(UTC).isoformat(),
        "last_error": None,
        "symbols": ["BTC/USDT:USDT"],
        "exchanges": ["binance"],
    }

    def write(client: Client) -> None:
        client.watch(lambda: status, every_s=60, daemon="ccxt")
        while client.stats().written < 2:
            time.sleep(0.005)

    async with running() as stack:
        stats = (await sent(stack.url, write)).stats()
        assert await total(stack, "daemon", "fetches") == 1_204
        assert await total(stack, "collector_run", "rows") == 1
    assert (stats.delivered, dict(stats.refused)) == (2, {})


async def test_a_batch_over_the_servers_limit_arrives_in_pieces() -> None:
    def write(client: Client) -> None:
        client.write_rows(
            "event", [{"service": f"bot{number}", "kind": "k", "severity": "info", "message": "x" * 50} for number in range(400)]
        )

    async with running(max_body_bytes=4_000) as stack:
        client = await sent(stack.url, write)
    assert (client.stats().delivered, client.stats().refused_rows) == (400, 0)


@pytest.mark.parametrize(("token", "delivered"), [("s3cret", 1), ("wrong", 0)])
async def test_the_token_is_asked_for(token: str, delivered: int) -> None:
    async with running(token="s3cret") as stack:
        client = await sent(stack.url, lambda client: client.write("exchange", venue="binance", latency_ms=1.0), token=token)
    assert (client.stats().delivered, client.stats().refused_rows) == (delivered, 1 - delivered)
    assert "wrong" not in (client.stats().last_error or "")


async def test_the_same_batch_again_changes_nothing() -> None:
    now_us = time.time_ns() // 1_000
    draft = Draft()
    for number in range(100):
        draft.add("exchange", None, now_us + number, {"venue": f"v{number}", "latency_ms": 1.0})
    async with running() as stack:
        settings = Settings(stack.url, *split_url(stack.url), None, "bot", "live", "h1", 1, 1.0, 5.0)
        batch = draft.seal("c" * 32, 1, settings)
        transport = Transport(settings)
        first, second = [await asyncio.to_thread(transport.post, batch) for _ in range(2)]
        transport.close()
        assert (first.status, second.status) == (200, 200)
        assert b'"duplicate":false' in first.body
        assert b'"duplicate":true' in second.body
        assert await total(stack, "exchange", "latency_ms") == 100
