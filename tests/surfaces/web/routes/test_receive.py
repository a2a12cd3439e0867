"""Rows and pings in over HTTP: what is kept, what is refused, and how that is told."""

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import StoreUnavailable
from tapewatch.sources.receivers import RECEIVERS
from tapewatch.store.backends import open_store
from tapewatch.store.backends.memory import MemoryStore
from tests.surfaces.web.stack import Stack, running

ROW = {"venue": "kraken", "connected": True, "latency_ms": 12.5}


async def kept(web: Stack, table: str = "exchange") -> list[dict[str, Any]]:
    """Stored rows of a table, column values by name."""
    frame = (await web.http.get("/api/query", params={"table": table, "mode": "rows", "last": "1h"})).json()
    names = [column["name"] for column in frame["columns"]]
    return [dict(zip(names, values, strict=True)) for values in zip(*(column["values"] for column in frame["columns"]), strict=True)]


async def test_rows_of_one_table_are_durable_when_answered(web: Stack) -> None:
    answer = await web.http.post(
        "/api/rows", json={"table": "exchange", "source": "bot", "host": "h1", "rows": [ROW, {**ROW, "venue": "okx"}]}
    )
    assert answer.status_code == 200
    assert answer.json() == {"accepted": 2, "duplicate": False, "refused": [], "refused_total": 0, "quarantined": 0, "noted": {}}
    assert {row["venue"] for row in await kept(web)} == {"kraken", "okx"}
    assert answer.headers["cache-control"] == "no-store"


async def test_a_value_that_is_not_kept_is_told_by_row_column_and_reason(web: Stack) -> None:
    rows = [
        ROW,
        {**ROW, "venue": "okx", "latency_ms": "fast"},
        {**ROW, "venue": "bybit", "ts": 1_700_000_000},
        {**ROW, "venue": "deribit", "latency_ms": None},
    ]
    body = json.dumps({"table": "exchange", "rows": rows}).replace("null", "NaN")
    answer = await web.http.post("/api/rows", content=body)
    found = answer.json()
    assert answer.status_code == 200
    assert found["accepted"] == 3
    assert found["noted"] == {"nan": 1}
    assert found["refused_total"] == 2
    told = {(item["row"], item["table"], item["column"], item["reason"]) for item in found["refused"]}
    assert told == {(1, "exchange", "latency_ms", "wrong_type"), (2, "exchange", None, "time_unit")}
    assert all(item["message"].endswith(".") for item in found["refused"])


async def test_when_nothing_is_kept_the_answer_says_so_by_status_too(web: Stack) -> None:
    answer = await web.http.post("/api/rows", json={"table": "exchange", "rows": [{"latency_ms": 1}]})
    assert answer.status_code == 422
    assert answer.json()["accepted"] == 0
    assert answer.json()["refused"][0]["reason"] == "missing_tag"


async def test_what_waits_in_quarantine_is_kept_and_named(web: Stack) -> None:
    answer = await web.http.post("/api/rows", json={"table": "nonsense", "rows": [{"a": 1}]})
    assert answer.status_code == 200
    assert (answer.json()["accepted"], answer.json()["quarantined"]) == (0, 1)
    assert answer.json()["refused"][0]["reason"] == "unknown_table"


async def test_a_repeated_delivery_changes_nothing(web: Stack) -> None:
    body = {"client": "c1", "sequence": 7, "source": "bot", "batches": [{"table": "exchange", "period_s": 5, "rows": [ROW]}]}
    packed = gzip.compress(json.dumps(body).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    first = await web.http.post("/api/rows", content=packed, headers=headers)
    second = await web.http.post("/api/rows", content=packed, headers=headers)
    assert (first.json()["duplicate"], second.json()["duplicate"]) == (False, True)
    assert second.status_code == 200
    assert len(await kept(web)) == 1


async def test_lines_take_their_sender_from_the_address(web: Stack) -> None:
    lines = "\n".join(json.dumps({"table": "exchange", **ROW, "venue": venue}) for venue in ("kraken", "okx"))
    answer = await web.http.post("/api/rows?source=script&env=paper", content=lines, headers={"Content-Type": "application/x-ndjson"})
    assert answer.json()["accepted"] == 2
    assert {(row["source"], row["env"]) for row in await kept(web)} == {("script", "paper")}


async def test_a_body_that_cannot_be_read_is_told(web: Stack) -> None:
    for body in (b"", b"{", b"[1]", b"\xff\xfe", b'{"rows": []}', b'{"table": "exchange", "rows": {}}'):
        answer = await web.http.post("/api/rows", content=body)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unreadable_body"), body


async def test_a_store_that_is_away_asks_to_come_back() -> None:
    store = MemoryStore()
    async with running(store) as web:

        def away(*_: object) -> list[bool]:
            raise StoreUnavailable("the disk is full", retry_after_s=1.5)

        store.append = away  # pyright: ignore[reportAttributeAccessIssue] - the store fails from now on
        answer = await web.http.post("/api/rows", json={"table": "exchange", "rows": [ROW]})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "store_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert "disk is full" in answer.json()["error"]["message"]


async def test_pings_by_both_methods_become_heartbeats(web: Stack) -> None:
    assert (await web.http.get("/api/ping/backup/start")).json()["accepted"] == 1
    assert (await web.http.post("/api/ping/backup?duration_ms=1500&env=paper", content="12 tables")).json()["accepted"] == 1
    assert (await web.http.get("/api/ping/backup?exit_code=3")).json()["accepted"] == 1
    found = {row["kind"]: row for row in await kept(web, "heartbeat")}
    assert set(found) == {"start", "success", "fail"}
    assert (found["success"]["duration_ms"], found["success"]["message"], found["success"]["env"]) == (1500.0, "12 tables", "paper")
    assert (await web.http.get("/api/ping/backup/sideways")).status_code == 400


async def test_senders_at_once_are_all_answered(web: Stack) -> None:
    now_us = web.clock.now_us()
    bodies = [{"table": "exchange", "rows": [{"venue": "kraken", "ts": now_us - n, "latency_ms": n}]} for n in range(50)]
    answers = await asyncio.gather(*(web.http.post("/api/rows", json=body) for body in bodies))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await kept(web)) == 50


async def test_every_receiver_is_served_and_described(web: Stack) -> None:
    described = (await web.http.get("/openapi.json")).json()["paths"]
    for receiver in RECEIVERS:
        for path in receiver.paths:
            assert "post" in described[path]
            assert described[path]["post"]["description"]


async def test_the_described_examples_are_accepted(web: Stack) -> None:
    content = (await web.http.get("/openapi.json")).json()["paths"]["/api/rows"]["post"]["requestBody"]["content"]
    for kind, described in content.items():
        for example in described["examples"].values():
            body = example["value"] if isinstance(example["value"], str) else json.dumps(example["value"])
            answer = await web.http.post("/api/rows", content=body, headers={"Content-Type": kind})
            assert answer.json()["accepted"] == 1, body
            assert answer.json()["refused"] == []


async def test_a_body_large_enough_for_a_thread_is_taken(tmp_path: Path) -> None:
    async with running(open_store("duckdb", tmp_path, SystemClock()), max_body_bytes=10_000_000) as web:
        now_us = web.clock.now_us()
        rows = [{"venue": "kraken", "ts": now_us - n, "latency_ms": n} for n in range(20_000)]
        answer = await web.http.post("/api/rows", json={"table": "exchange", "rows": rows}, timeout=30)
        assert answer.json()["accepted"] == 20_000


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_other_methods_are_not_there(web: Stack, method: str) -> None:
    answer = await web.http.request(method, "/api/rows")
    assert answer.status_code in {404, 405}
    assert set(answer.json()) == {"error"}
