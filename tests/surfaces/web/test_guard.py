"""Who may ask: hosts, origins, tokens, sizes; and the headers of every answer."""

import asyncio
import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tapewatch.surfaces.web.bodies import gunzip
from tapewatch.surfaces.web.errors import RequestRefused
from tapewatch.surfaces.web.guard.address import AddressGuard
from tapewatch.surfaces.web.guard.limits import RequestLimits
from tests.surfaces.web.stack import Stack, running

ROWS = {"table": "exchange", "rows": [{"venue": "kraken", "connected": True}]}


def code(body: bytes) -> str:
    """The code of an error in the one form of every error."""
    found = json.loads(body)
    assert set(found) == {"error"}
    assert set(found["error"]) == {"code", "message"}
    return found["error"]["code"]


# --- host ------------------------------------------------------------------------------------------------------------


async def test_own_names_are_answered_with_any_port(web: Stack) -> None:
    for host in ("127.0.0.1", "localhost", "LOCALHOST:4780", "[::1]:4780", "[::1]", "127.0.0.1:1", "localhost."):
        assert (await web.http.get("/api/catalog", headers={"Host": host})).status_code == 200, host


async def test_another_host_name_is_refused_before_any_route(web: Stack) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:4780", "192.168.1.5", ""):
        headers = {"Host": host}
        for answer in (await web.http.get("/", headers=headers), await web.http.post("/api/rows", json=ROWS, headers=headers)):
            assert (answer.status_code, code(answer.content)) == (403, "host_refused"), host
    assert web.intake.stats.accepted_rows == 0


async def test_two_host_headers_are_refused(web: Stack) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(web.url.rpartition(":")[2]))
    writer.write(b"GET /api/catalog HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")
    status = (await reader.read()).split(b" ", 2)[1]
    writer.close()
    assert status in {b"400", b"403"}


async def test_names_of_the_settings_are_answered() -> None:
    async with running(allowed_hosts=["Tape.example"]) as stack:
        assert (await stack.http.get("/api/catalog", headers={"Host": "tape.example:443"})).status_code == 200
        assert (await stack.http.get("/api/catalog", headers={"Host": "other.example"})).status_code == 403


async def test_on_a_wildcard_every_address_is_the_servers_own_but_no_name() -> None:
    answered: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answered.append(f"{scope['bound']} {scope['headers'][0][1].decode()}")

    async def ignore(*_: object) -> Any: ...

    for bound in ("0.0.0.0", "::", "10.1.2.3"):
        for host in ("10.1.2.3:4780", "10.1.2.4", "[fe80::1]", "evil.example"):
            scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", host.encode())], "bound": bound}
            await AddressGuard(app, names=(), bound_host=bound)(scope, ignore, ignore)
    everywhere = {f"{bound} {host}" for bound in ("0.0.0.0", "::") for host in ("10.1.2.3:4780", "10.1.2.4", "[fe80::1]")}
    assert set(answered) == everywhere | {"10.1.2.3 10.1.2.3:4780"}


# --- origin ----------------------------------------------------------------------------------------------------------


FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://localhost:3000"},
    {"Origin": "http://127.0.0.1"},
    {"Origin": "file://127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
)


async def test_a_page_elsewhere_cannot_write_ping_or_listen(web: Stack) -> None:
    for headers in FOREIGN:
        posted = await web.http.post("/api/rows", content=json.dumps(ROWS), headers={**headers, "Content-Type": "text/plain"})
        pinged = await web.http.get("/api/ping/backup", headers=headers)
        assert (posted.status_code, code(posted.content)) == (403, "origin_refused"), headers
        assert (pinged.status_code, code(pinged.content)) == (403, "origin_refused"), headers
        with pytest.raises(InvalidStatus) as refused:
            async with connect(web.url.replace("http", "ws") + "/api/live", additional_headers=headers):
                pass
        assert refused.value.response.status_code == 403, headers
    assert web.intake.stats.accepted_rows == 0


async def test_the_own_page_may_write_and_listen(web: Stack) -> None:
    own = {"Origin": web.url, "Sec-Fetch-Site": "same-origin"}
    assert (await web.http.post("/api/rows", json=ROWS, headers=own)).status_code == 200
    assert (await web.http.get("/api/ping/backup", headers=own)).status_code == 200
    async with web.tab(headers={"Origin": web.url}):
        pass


async def test_behind_a_proxy_that_ends_tls_the_own_page_may_write() -> None:
    async with running(allowed_hosts=["tape.example"]) as stack:
        headers = {"Host": "tape.example", "Origin": "https://tape.example"}
        assert (await stack.http.post("/api/rows", json=ROWS, headers=headers)).status_code == 200
        assert (await stack.http.post("/api/rows", json=ROWS, headers={**headers, "Host": "tape.example:443"})).status_code == 200


async def test_no_answer_allows_another_origin_to_read_it(web: Stack) -> None:
    answer = await web.http.get("/api/status", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


# --- token -----------------------------------------------------------------------------------------------------------


@pytest.fixture
async def locked() -> AsyncIterator[Stack]:
    async with running(token="s3cret-töken") as stack:
        stack.http.headers = httpx2.Headers()
        yield stack


BEARER = {b"Authorization": "Bearer s3cret-töken".encode()}


async def test_without_the_token_nothing_is_told(locked: Stack) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret"}, {"Cookie": "tapewatch_00000000=x; a"}):
        for path in ("/api/catalog", "/api/query?table=exchange", "/", "/metrics", "/openapi.json", "/docs"):
            answer = await locked.http.get(path, headers=headers)
            assert (answer.status_code, code(answer.content)) == (401, "token_needed"), path
            assert answer.headers["www-authenticate"].startswith("Bearer")
    assert (await locked.http.get("/health")).status_code == 200
    assert (await locked.http.get("/ready")).status_code == 200


async def test_programs_send_the_token_as_a_bearer(locked: Stack) -> None:
    assert (await locked.http.post("/api/rows", json=ROWS)).status_code == 401
    assert (await locked.http.post("/api/rows", json=ROWS, headers=BEARER)).status_code == 200
    with pytest.raises(InvalidStatus):
        async with connect(locked.url.replace("http", "ws") + "/api/live"):
            pass
    assert locked.intake.stats.accepted_rows == 1


async def test_a_browser_brings_the_token_once_and_keeps_a_cookie(locked: Stack) -> None:
    first = await locked.http.get("/exchange?last=1h&token=s3cret-t%C3%B6ken", headers={"Accept": "text/html"})
    assert first.status_code == 303
    assert first.headers["location"] == "/exchange?last=1h"
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "s3cret" not in cookie
    assert first.headers["referrer-policy"] == "no-referrer"
    kept = {"Cookie": cookie.partition(";")[0]}
    assert (await locked.http.get("/api/catalog", headers=kept)).status_code == 200
    async with locked.tab(headers=kept):
        pass


async def test_after_a_click_on_another_site_the_page_leads_on_by_itself(locked: Stack) -> None:
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "cross-site"}
    answer = await locked.http.get('/?token=s3cret-t%C3%B6ken&x="><script>', headers=headers)
    assert answer.status_code == 200
    assert "set-cookie" in answer.headers
    assert 'http-equiv="refresh" content="0;url=/?x=' in answer.text
    assert "<script>" not in answer.text


async def test_the_way_back_never_leads_to_another_host(locked: Stack) -> None:
    for path in ("//evil.example/", "/%2F%2Fevil.example/"):
        reader, writer = await asyncio.open_connection("127.0.0.1", int(locked.url.rpartition(":")[2]))
        writer.write(f"GET {path}?token=s3cret-t%C3%B6ken HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        head = (await reader.read()).decode()
        writer.close()
        assert "location: /evil.example/" in head.lower(), head


async def test_a_browser_without_the_token_reads_what_to_do(locked: Stack) -> None:
    answer = await locked.http.get("/?token=wrong", headers={"Accept": "text/html"})
    assert answer.status_code == 401
    assert "?token=" in answer.text
    assert "set-cookie" not in answer.headers
    assert (await locked.http.get("/api/catalog?token=s3cret-t%C3%B6ken")).status_code == 401


# --- size and time ---------------------------------------------------------------------------------------------------


async def test_a_declared_body_beyond_the_limit_is_refused_by_name_without_being_read(web: Stack) -> None:
    answer = await web.http.post("/api/rows", content=b"x" * 100_001)
    assert (answer.status_code, code(answer.content)) == (413, "body_too_large")
    assert "100000 bytes" in answer.json()["error"]["message"]


async def test_a_streamed_body_beyond_the_limit_is_refused(web: Stack) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1_000):
            sent += 10_000
            yield b" " * 10_000
            await asyncio.sleep(0)

    for path in ("/api/rows", "/api/query"):
        answer = await web.http.post(path, content=endless(), headers={"Content-Type": "application/json"})
        assert (answer.status_code, code(answer.content)) == (413, "body_too_large")


def bomb(unpacked_bytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b"\0" * 1_000_000) for _ in range(unpacked_bytes // 1_000_000)) + packer.flush()


async def test_a_small_body_that_unpacks_beyond_the_limit_is_refused(web: Stack) -> None:
    packed = bomb(60_000_000)
    assert len(packed) < 100_000
    begun = time.monotonic()
    answer = await web.http.post("/api/rows", content=packed, headers={"Content-Encoding": "gzip"})
    assert (answer.status_code, code(answer.content)) == (413, "body_too_large")
    assert "unpacked" in answer.json()["error"]["message"]
    assert time.monotonic() - begun < 1


def test_unpacking_never_holds_more_than_the_limit() -> None:
    packed = bomb(60_000_000)
    tracemalloc.start()
    with pytest.raises(RequestRefused):
        gunzip(packed, 1_000)
    held_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert held_bytes < 1_000_000


async def test_members_of_a_gzip_body_are_counted_together(web: Stack) -> None:
    half = gzip.compress(b" " * 60_000)
    answer = await web.http.post("/api/rows", content=half + half, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 413


async def test_a_broken_gzip_body_is_told(web: Stack) -> None:
    for body in (b"not gzip", gzip.compress(json.dumps(ROWS).encode())[:-12]):
        answer = await web.http.post("/api/rows", content=body, headers={"Content-Encoding": "gzip"})
        assert (answer.status_code, code(answer.content)) == (400, "unreadable_body"), body


async def test_a_gzip_body_of_several_members_is_taken(web: Stack) -> None:
    text = json.dumps(ROWS).encode()
    packed = gzip.compress(text[:10]) + gzip.compress(text[10:])
    answer = await web.http.post("/api/rows", content=packed, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})
    assert answer.json()["accepted"] == 1


async def test_another_encoding_is_refused_by_name(web: Stack) -> None:
    answer = await web.http.post("/api/rows", content=b"x", headers={"Content-Encoding": "br"})
    assert (answer.status_code, code(answer.content)) == (415, "encoding_unknown")
    assert "'br'" in answer.json()["error"]["message"]


class Exchange:
    """One request to `RequestLimits` without a server, so that seconds can be short."""

    def __init__(self, chunks: Iterator[bytes], pause_s: float) -> None:
        self.sent: list[Message] = []
        self._chunks = chunks
        self._pause_s = pause_s

    async def receive(self) -> Message:
        await asyncio.sleep(self._pause_s)
        return {"type": "http.request", "body": next(self._chunks, b""), "more_body": True}

    async def send(self, message: Message) -> None:
        self.sent.append(message)


async def test_a_request_that_is_not_answered_in_time_is_told_so() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await asyncio.sleep(5)

    exchange = Exchange(iter(()), 0)
    await RequestLimits(slow, max_body_bytes=10, answer_s=0.05)({"type": "http", "headers": []}, exchange.receive, exchange.send)
    assert exchange.sent[0]["status"] == 503
    assert b"timed_out" in exchange.sent[1]["body"]


async def test_a_body_that_trickles_is_given_up() -> None:
    read: list[bytes] = []

    async def reads(scope: Scope, receive: Receive, send: Send) -> None:
        while True:
            read.append((await receive())["body"])

    exchange = Exchange(iter([b"a"] * 100), 0.02)
    limits = RequestLimits(reads, max_body_bytes=1_000, body_s=0.1)
    with pytest.raises(RequestRefused, match=r"did not arrive within 0\.1 s"):
        await limits({"type": "http", "headers": []}, exchange.receive, exchange.send)
    assert 1 <= len(read) < 20


# --- headers ---------------------------------------------------------------------------------------------------------


async def test_every_answer_carries_the_security_headers(web: Stack) -> None:
    for path in ("/", "/api/status", "/api/nothing", "/docs", "/docs.css"):
        headers = (await web.http.get(path)).headers
        assert "default-src 'self'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "server" not in headers
