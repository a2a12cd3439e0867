"""Accepted to pushed: the time from the acknowledgement of a row to its arrival at a live connection, while 1,000 rows a second come in.

A marker row in every delivery is recognised when a frame brings it. Driver and server share the machine.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect

from bench.bars import Bar, percentile, run
from bench.driven import Driven, driven

ROWS_PER_S = 1_000
DELIVERIES_PER_S = 20
LONG_S, SHORT_S = 60.0, 5.0
WARM_S = 2.0
TARGET_MS = 150.0
VENUES = ("binance_usdm", "coinbase", "kraken", "okx", "bybit", "deribit")
SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "XRP/USDT:USDT")
MARKER = "bitmex"
BOARD = "exchange"
NEWEST = {"table": "exchange", "mode": "latest", "columns": ["venue", "latency_ms"], "group_by": ["venue"]}
PER_BUCKET = {"table": "exchange", "measures": [{"function": "max", "column": "latency_ms"}], "group_by": ["venue"], "bucket_s": 5}
ONLY_MARKER = [{"column": "venue", "comparison": "in", "values": [MARKER]}]


@dataclass
class Marks:
    """When each marker was acknowledged and when each topic brought it, in seconds of one clock."""

    accepted: dict[int, float] = field(default_factory=dict[int, float])
    pushed: dict[str, dict[int, float]] = field(default_factory=dict[str, dict[int, float]])

    def waits_ms(self, name: str) -> list[float]:
        """For each marker the milliseconds until a frame had it or a newer one; a marker that never came counts as ten seconds."""
        found = sorted(self.pushed.get(name, {}).items())
        waits: list[float] = []
        at = 0
        for number, accepted_s in sorted(self.accepted.items()):
            while at < len(found) and found[at][0] < number:
                at += 1
            waits.append(max(0.0, found[at][1] - accepted_s) * 1_000 if at < len(found) else 10_000.0)
        return waits


def measure(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the one switch that every script has
    """Run the load twice, against servers of their own: with the panels that recognise markers, and with a whole dashboard beside them."""
    seconds = SHORT_S if is_short else LONG_S
    for board, target_ms in (("", TARGET_MS), (BOARD, None)):
        with driven() as server:
            busy_s = _processor_s(server)
            marks, stats, got = asyncio.run(_load(server.url, seconds, board))
            busy_s = _processor_s(server) - busy_s
        where = f"one tab, {got['panels']} panels"
        for name, words in (("newest", "newest rows"), ("buckets", "buckets")):
            waits = marks.waits_ms(name)
            yield Bar(f"accepted to pushed, {words}, p50; {where}", percentile(waits, 0.5), "ms")
            yield Bar(f"accepted to pushed, {words}, p99; {where}", percentile(waits, 0.99), "ms", target_ms)
        yield Bar(f"the same as the server counts it, all panels, p99; {where}", stats["tapewatch_live_push_p99_seconds"] * 1_000, "ms")
        yield Bar(f"processor time of the whole server; {where}", busy_s / (seconds + WARM_S), "cores")
        yield Bar(f"frames received; {where}", got["frames"] / seconds, "per s")
        yield Bar(f"bytes received; {where}", got["bytes"] / seconds / 1_000, "kB/s")


def _processor_s(server: Driven) -> float:
    times = server.process.cpu_times()
    return times.user + times.system


async def _load(url: str, seconds: float, board: str) -> tuple[Marks, dict[str, float], dict[str, int]]:
    marks, got = Marks(), {"panels": 0, "frames": 0, "bytes": 0}
    async with (
        httpx2.AsyncClient(base_url=url, timeout=30) as http,
        connect(url.replace("http", "ws") + "/api/live", compression=None, max_size=None) as tab,
    ):
        topics = await _subscribe(http, tab, got, board)
        receiving = asyncio.create_task(_receive(tab, topics, marks, got))
        await _send(http, marks, WARM_S)
        marks.accepted.clear()
        got.update(frames=0, bytes=0)
        await _send(http, marks, seconds)
        await asyncio.sleep(1.0)
        receiving.cancel()
        await asyncio.gather(receiving, return_exceptions=True)
        stats = _numbers((await http.get("/metrics")).text)
    return marks, stats, got


async def _subscribe(http: httpx2.AsyncClient, tab: ClientConnection, got: dict[str, int], board: str) -> dict[str, str]:
    """Show the two panels that recognise markers, and every panel of a dashboard if one is named; gives topic to name."""
    wanted: dict[str, dict[str, Any]] = {
        "newest": {"query": {**NEWEST, "filters": ONLY_MARKER}},
        "buckets": {"query": {**PER_BUCKET, "filters": ONLY_MARKER}},
    }
    boards = (await http.get("/api/dashboards")).json()["dashboards"]
    for panel in next((found["panels"] for found in boards if found["id"] == board), ()):
        wanted[f"panel {panel['id']}"] = {"dashboard": board, "panel": panel["id"], "vars": {}}
    for name, what in wanted.items():
        await tab.send(json.dumps({"op": "subscribe", "id": name, "range": {"last_s": 900}, **what}))
    got["panels"] = len(wanted)
    topics: dict[str, str] = {}
    while len(topics) < len(wanted):
        message = json.loads(await tab.recv())
        if message["op"] == "error":
            raise SystemExit(f"a panel cannot be shown: {message}")
        if message["op"] == "subscribed":
            topics[message["topic"]] = message["id"]
    return topics


async def _receive(tab: ClientConnection, topics: dict[str, str], marks: Marks, got: dict[str, int]) -> None:
    while True:
        text = await tab.recv()
        now_s = time.perf_counter()
        got["bytes"] += len(text)
        message = json.loads(text)
        if message["op"] != "frame":
            continue
        got["frames"] += 1
        name = topics[message["topic"]]
        if name in {"newest", "buckets"} and message["frame"]["rows"]:
            number = int(message["frame"]["columns"][-1]["values"][-1])
            marks.pushed.setdefault(name, {}).setdefault(number, now_s)


async def _send(http: httpx2.AsyncClient, marks: Marks, seconds: float) -> None:
    """Deliveries at an even pace; each is answered when its rows are durable."""
    chance = random.Random(7)
    first = max(marks.accepted, default=0) + 1_000
    begun_s = time.perf_counter()
    posting: set[asyncio.Task[None]] = set()
    for number in range(round(seconds * DELIVERIES_PER_S)):
        await asyncio.sleep(max(0.0, begun_s + number / DELIVERIES_PER_S - time.perf_counter()))
        task = asyncio.create_task(_post(http, marks, first + number, _rows(chance)))
        posting.add(task)
        task.add_done_callback(posting.discard)
    await asyncio.gather(*posting)


async def _post(http: httpx2.AsyncClient, marks: Marks, number: int, batches: list[dict[str, Any]]) -> None:
    now_us = time.time_ns() // 1_000
    marker = {"table": "exchange", "rows": [{"ts": now_us, "venue": MARKER, "connected": True, "latency_ms": number}]}
    answer = await http.post("/api/rows", json={"source": "bench", "host": "h1", "batches": [marker, *batches]})
    accepted_s = time.perf_counter()
    if answer.status_code != 200 or answer.json()["refused"]:  # noqa: PLR2004 - fine is fine
        raise SystemExit(f"rows were refused: {answer.text}")
    marks.accepted[number] = accepted_s


def _rows(chance: random.Random) -> list[dict[str, Any]]:
    """The rest of a delivery: a fifth measurements of venues, the others of pipelines."""
    count = ROWS_PER_S // DELIVERIES_PER_S - 1
    now_us = time.time_ns() // 1_000
    exchange = [
        {"ts": now_us - i, "venue": venue, "connected": True, "latency_ms": chance.lognormvariate(3, 0.5), "reconnects": 1}
        for i, venue in enumerate(VENUES)
    ]
    pipeline = [
        {
            "ts": now_us - i,
            "venue": VENUES[i % len(VENUES)],
            "symbol": SYMBOLS[i % len(SYMBOLS)],
            "data_type": "trade",
            "records": 40,
            "latency_ms": chance.lognormvariate(3, 0.5),
        }
        for i in range(count - len(exchange))
    ]
    return [{"table": "exchange", "rows": exchange}, {"table": "pipeline", "rows": pipeline}]


def _numbers(text: str) -> dict[str, float]:
    lines = (line.split(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {line[0]: float(line[1]) for line in lines}


if __name__ == "__main__":
    run(measure, "From accepted to pushed.")
