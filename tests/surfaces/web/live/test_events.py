"""The live connection without a WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2

from tests.surfaces.web.stack import Stack


async def messages(answer: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


async def until(events: AsyncIterator[dict[str, Any]], op: str) -> dict[str, Any]:
    async with asyncio.timeout(5):
        async for message in events:
            if message["op"] == op:
                return message
    raise AssertionError(f"the stream ended before {op}")


async def test_a_stream_greets_answers_and_pushes_what_is_new(web: Stack) -> None:
    await web.take("exchange", {"venue": "kraken", "latency_ms": 10.0}, period_s=1)
    async with web.http.stream("GET", "/api/live/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        events = messages(answer)
        channel = (await until(events, "channel"))["id"]
        assert (await until(events, "hello"))["version"] == "1.2.3"
        asked = {"op": "subscribe", "id": "a", "dashboard": "exchange", "panel": "latency_now", "range": {"last_s": 60}}
        said = await web.http.post(f"/api/live/events/{channel}", content=json.dumps(asked))
        assert said.status_code == 204
        topic = (await until(events, "subscribed"))["topic"]
        frame = await until(events, "frame")
        assert (frame["topic"], frame["kind"]) == (topic, "snapshot")
        await web.take("exchange", {"venue": "kraken", "latency_ms": 99.0}, period_s=1)
        later = await until(events, "frame")
        assert 99.0 in later["frame"]["columns"][-1]["values"]
        assert web.hub.stats()["clients"] == 1
    async with asyncio.timeout(5):
        while web.hub.stats()["clients"]:
            await asyncio.sleep(0.02)
    gone = await web.http.post(f"/api/live/events/{channel}", content=json.dumps(asked))
    assert gone.status_code == 404


async def test_a_stream_of_somebody_else_cannot_be_spoken_to(web: Stack) -> None:
    answer = await web.http.post("/api/live/events/guessed", content=b"{}")
    assert answer.status_code == 404
    assert "has ended" in answer.json()["error"]["message"]


async def test_a_message_that_is_too_large_is_refused(web: Stack) -> None:
    answer = await web.http.post("/api/live/events/any", content=b"x" * 70_000)
    assert answer.status_code == 413
