"""Lines in over HTTP: what each dialect's client is promised, and how it is told what went wrong."""

import asyncio
import base64
import gzip
import json
import struct
from typing import Any

import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import StoreUnavailable
from tapewatch.store.backends.memory import MemoryStore
from tests.surfaces.web.stack import Stack, running

QUESTDB, INFLUX = "/write", "/api/v2/write"
BOTH = (QUESTDB, INFLUX)


def now_ns(offset_ms: int = 0) -> int:
    return (SystemClock().now_us() + offset_ms * 1_000) * 1_000


async def kept(web: Stack, table: str = "exchange") -> list[dict[str, Any]]:
    """Stored rows of a table, oldest first."""
    frame = (await web.http.get("/api/query", params={"table": table, "mode": "rows", "last": "1h"})).json()
    names = [column["name"] for column in frame["columns"]]
    return [dict(zip(names, values, strict=True)) for values in zip(*(column["values"] for column in frame["columns"]), strict=True)][::-1]


@pytest.mark.parametrize("path", BOTH)
async def test_lines_are_durable_when_answered(web: Stack, path: str) -> None:
    first = now_ns(-5_000)
    body = f"exchange,venue=kraken,host=h1 connected=true,latency_ms=12.5,reconnects=3i {first}\n"
    body += f"exchange,venue=okx latency_ms=1 {first + 1_000}\n"
    answer = await web.http.post(path, content=body)
    assert (answer.status_code, answer.content) == (204, b"")
    kraken, okx = await kept(web)
    assert (kraken["venue"], kraken["host"], kraken["connected"], kraken["latency_ms"], kraken["reconnects"]) == (
        "kraken",
        "h1",
        True,
        12.5,
        3,
    )
    assert kraken["ts"] == first // 1_000
    assert (okx["venue"], okx["host"], okx["connected"]) == ("okx", "unknown", None)
    assert {kraken["source"], okx["source"]} == {"questdb" if path == QUESTDB else "influx"}


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize(("precision", "unit_ns"), [("ns", 1), ("n", 1), ("us", 1_000), ("u", 1_000), ("ms", 1_000_000), ("s", 10**9)])
async def test_the_precision_of_the_address_counts(web: Stack, path: str, precision: str, unit_ns: int) -> None:
    time = now_ns(-5_000) // unit_ns
    answer = await web.http.post(f"{path}?precision={precision}", content=f"exchange,venue=okx latency_ms=1 {time}")
    assert answer.status_code == 204, answer.text
    assert [row["ts"] for row in await kept(web)] == [time * unit_ns // 1_000]


@pytest.mark.parametrize("path", BOTH)
async def test_an_unknown_precision_is_refused_by_name(web: Stack, path: str) -> None:
    answer = await web.http.post(f"{path}?precision=h", content="exchange,venue=okx latency_ms=1")
    assert answer.status_code == 400
    assert "precision is 'h'" in answer.json()["message"]
    assert answer.json()["error"]["code"] == "unreadable_body"


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize(("unit_ns", "precision"), [(1_000, "us"), (1_000_000, "ms"), (10**9, "s")])
async def test_a_time_of_another_unit_is_refused_with_the_precision_to_send(web: Stack, path: str, unit_ns: int, precision: str) -> None:
    time = now_ns() // unit_ns
    answer = await web.http.post(path, content=f"exchange,venue=okx latency_ms=1 {time}")
    assert answer.status_code == 400
    (told,) = answer.json()["refused"]
    assert (told["line"], told["column"], told["value"], told["reason"]) == (1, "ts", str(time), "time_unit")
    assert f"precision={precision}" in told["message"]
    assert await kept(web) == []


async def test_a_refused_line_lets_nothing_of_a_questdb_body_in(web: Stack) -> None:
    good = f"exchange,venue=kraken latency_ms=1 {now_ns(-3)}\n"
    for bad, column, reason in (
        ("exchange,venue=okx latency_ms=", "latency_ms", "wrong_type"),
        ('exchange,venue=okx latency_ms="fast"', "latency_ms", "wrong_type"),
        ("exchange,venue=okx latency_ms=-1", "latency_ms", "out_of_range"),
        ("exchange latency_ms=1", None, "missing_tag"),
        ("exchange,venue=okx latency_ms=1,latency_ms=2", "latency_ms", "duplicate_name"),
    ):
        answer = await web.http.post(QUESTDB, content=good + bad + "\n" + good)
        found = answer.json()
        assert (answer.status_code, found["code"], found["line"]) == (400, "invalid", 2), bad
        assert [(told["line"], told["column"], told["reason"]) for told in found["refused"]] == [(2, column, reason)], bad
        assert "nothing of the body was kept" in found["message"]
        assert "line 2" in found["message"]
        assert reason in found["message"]
    assert await kept(web) == []
    assert web.intake.stats.refused["wrong_type"] == 2


async def test_good_lines_of_an_influx_body_are_kept_and_the_others_told(web: Stack) -> None:
    at = now_ns(-3)
    body = f"exchange,venue=kraken latency_ms=1 {at}\nexchange,venue=okx latency_ms=\nexchange,venue=bybit latency_ms=2 {at}\n"
    answer = await web.http.post(INFLUX, content=body)
    found = answer.json()
    assert (answer.status_code, found["code"], found["line"], found["accepted"]) == (400, "invalid", 2, 2)
    assert found["message"].startswith("partial write: 2 rows were kept")
    assert sorted(row["venue"] for row in await kept(web)) == ["bybit", "kraken"]


@pytest.mark.parametrize("path", BOTH)
async def test_unknown_tables_and_columns_are_no_refusal(web: Stack, path: str) -> None:
    at = now_ns(-3)
    answer = await web.http.post(path, content=f"cpu,host=h1 usage=1 {at}\nexchange,venue=kraken latency_ms=1,colour=3 {at}\n")
    assert answer.status_code == 204, answer.text
    assert [row["venue"] for row in await kept(web)] == ["kraken"]


async def test_the_other_forms_of_questdb(web: Stack) -> None:
    time_us = SystemClock().now_us() - 1_000
    double = b"=\x10" + struct.pack("<d", 12.25)
    body = b"exchange,venue=a latency_ms=%s,last_message_at=%dt %dt\n" % (double, time_us - 5, time_us)
    body += b"exchange,venue=b latency_ms=3.5d,last_message_at=%dn %dn\n" % ((time_us - 6) * 1_000, time_us * 1_000)
    body += b"exchange,venue=c connected=1i,latency_ms==\x17\x01\x01\x0f,reconnects=7u %d\n" % (time_us * 1_000)
    answer = await web.http.post(f"{QUESTDB}?precision=n", content=body)
    assert answer.status_code == 204, answer.text
    found = {row["venue"]: row for row in await kept(web)}
    assert {venue: row["ts"] for venue, row in found.items()} == dict.fromkeys("abc", time_us)
    assert [found[venue]["latency_ms"] for venue in "abc"] == [12.25, 3.5, 1.5]
    assert [found[venue]["last_message_at"] for venue in "ab"] == [time_us - 5, time_us - 6]
    assert (found["c"]["connected"], found["c"]["reconnects"]) == (True, 7)


async def test_an_array_fits_no_column_and_that_is_told(web: Stack) -> None:
    array = b"=\x0e\x0a\x01" + struct.pack("<I2d", 2, 1.0, 2.0)
    answer = await web.http.post(QUESTDB, content=b"exchange,venue=a latency_ms=%s\n" % array)
    (told,) = answer.json()["refused"]
    assert (answer.status_code, told["column"], told["reason"]) == (400, "latency_ms", "wrong_type")
    assert "a list" in told["message"]


async def test_nan_is_null_and_counted(web: Stack) -> None:
    body = b"exchange,venue=a latency_ms==\x10" + struct.pack("<d", float("nan")) + b"\nexchange,venue=b latency_ms=NaN\n"
    assert (await web.http.post(QUESTDB, content=body)).status_code == 204
    assert [row["latency_ms"] for row in await kept(web)] == [None, None]
    assert web.intake.stats.refused["nan"] == 2


# --- once, or at least once ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BOTH)
async def test_a_body_with_times_changes_nothing_the_second_time(web: Stack, path: str) -> None:
    body = f'event,service=a,kind=k,severity=info message="x" {now_ns(-3)}\n'
    for _ in range(3):
        assert (await web.http.post(path, content=body)).status_code == 204
    assert len(await kept(web, "event")) == 1
    assert web.intake.stats.duplicates == 2
    for address in (f"{path}?source=other", f"{path}?env=paper"):
        assert (await web.http.post(address, content=body)).status_code == 204
    assert len(await kept(web, "event")) == 3


async def test_an_influx_body_that_was_kept_in_part_is_answered_so_again_and_kept_once(web: Stack) -> None:
    body = f'event,service=a,kind=k,severity=info message="x" {now_ns(-3)}\nevent,service=b\n'
    assert [(await web.http.post(INFLUX, content=body)).status_code for _ in range(2)] == [400, 400]
    assert len(await kept(web, "event")) == 1


async def test_a_body_that_was_refused_is_not_remembered(web: Stack) -> None:
    good = f'event,service=a,kind=k,severity=info message="x" {now_ns(-3)}\n'
    assert (await web.http.post(QUESTDB, content=good + "event,service=b x\n")).status_code == 400
    assert (await web.http.post(QUESTDB, content=good)).status_code == 204
    assert len(await kept(web, "event")) == 1


async def test_a_body_with_a_line_without_a_time_is_taken_every_time(web: Stack) -> None:
    line = 'event,service=a,kind=k,severity=info message="x"'
    body = f"{line} {now_ns(-3)}\n{line}\n"
    for _ in range(2):
        assert (await web.http.post(QUESTDB, content=body)).status_code == 204
    assert len(await kept(web, "event")) == 4


# --- limits and guards -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", BOTH)
async def test_gzip_is_unpacked_up_to_the_limit(web: Stack, path: str) -> None:
    headers = {"Content-Encoding": "gzip"}
    body = f"exchange,venue=kraken latency_ms=1 {now_ns(-3)}\n".encode()
    assert (await web.http.post(path, content=gzip.compress(body), headers=headers)).status_code == 204
    for given, status in ((gzip.compress(body * 5_000), 413), (body, 400), (gzip.compress(body)[:-9], 400)):
        answer = await web.http.post(path, content=given, headers=headers)
        assert (answer.status_code, bool(answer.json()["message"])) == (status, True)
    assert len(await kept(web)) == 1


class AwayStore(MemoryStore):
    """A store that does not answer."""

    def append(self, deliveries: Any) -> list[bool]:
        raise StoreUnavailable("disk full")


async def test_busy_is_503_for_questdb_and_429_for_influx_with_the_seconds_to_wait() -> None:
    async with running(AwayStore()) as web:
        answers = await asyncio.gather(*(web.http.post(path, content="exchange,venue=okx latency_ms=1") for path in BOTH))
        assert [answer.status_code for answer in answers] == [503, 429]
        assert all(int(answer.headers["retry-after"]) >= 1 for answer in answers)
        assert [answer.json()["code"] for answer in answers] == ["store_unavailable", "too many requests"]


async def test_the_token_is_understood_in_every_form_of_these_clients() -> None:
    async with running(token="secret") as web:
        line = "exchange,venue=okx latency_ms=1"
        right = ["Bearer secret", "Token secret", "token secret", "Basic " + base64.b64encode(b"anybody:secret").decode()]
        wrong = ["Token other", "Token", "Basic " + base64.b64encode(b"secret:").decode(), "Basic ?", "Basic c2VjcmV0", "Digest secret", ""]
        for given, status in [*((form, 204) for form in right), *((form, 401) for form in wrong)]:
            assert (await web.http.post(QUESTDB, content=line, headers={"Authorization": given})).status_code == status, given
        for path in ("/settings", "/ping", "/health"):
            assert (await web.http.get(path, headers={"Authorization": ""})).status_code < 300


async def test_a_page_of_another_origin_may_not_write(web: Stack) -> None:
    for path in BOTH:
        answer = await web.http.post(path, content="exchange,venue=okx latency_ms=1", headers={"Origin": "http://evil.example"})
        assert answer.status_code == 403


async def test_probes(web: Stack) -> None:
    settings = (await web.http.get("/settings")).json()
    assert settings["config"]["line.proto.support.versions"] == [1, 2, 3]
    ping = await web.http.get("/ping")
    assert (ping.status_code, ping.headers["x-influxdb-version"]) == (204, "tapewatch-1.2.3")
    assert json.loads((await web.http.get("/health")).content)["status"] == "pass"


async def test_bodies_of_too_many_tables_or_columns_are_refused(web: Stack) -> None:
    for body, message in (
        ("".join(f"t{i} a=1\n" for i in range(1_001)), "more than 1000 different tables"),
        ("".join(f"exchange,venue=okx c{i}=1\n" for i in range(600)), "more than 512 different columns"),
    ):
        for path in BOTH:
            answer = await web.http.post(path, content=body)
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
            assert message in answer.json()["message"]


async def test_more_unreadable_lines_than_can_be_told_refuse_the_body(web: Stack) -> None:
    for path in BOTH:
        answer = await web.http.post(path, content="exchange,venue=okx latency_ms=1\n" + "x\n" * 1_001)
        assert answer.status_code == 400
        assert "more than 1000 lines cannot be read" in answer.json()["message"]
    assert await kept(web) == []
