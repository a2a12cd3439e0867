"""Connections that never say what they want are ended; those that speak, or pause between two requests, are not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from urllib.parse import urlsplit

import pytest

from tapewatch.surfaces.web import head
from tests.surfaces.web.stack import Stack

HEAD = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "HEAD_S", 0.3)


async def _opened(web: Stack) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = urlsplit(web.url)
    return await asyncio.open_connection(address.hostname, address.port)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    text = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in text.lower().split(b"\r\n") if line.startswith(b"content-length"))
    return text + await reader.readexactly(length)


async def _is_ended(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(2):
            return await reader.read() == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("begun", [b"", b"P", HEAD[:-2], b"\r\n"])
async def test_one_that_does_not_say_what_it_wants_is_ended(web: Stack, begun: bytes) -> None:
    reader, writer = await _opened(web)
    writer.write(begun)
    assert await _is_ended(reader)
    writer.close()


@pytest.mark.parametrize("drip", [[b"\r\n"] * 20, [HEAD[i : i + 1] for i in range(20)]])
async def test_a_drip_does_not_prolong_it_also_behind_an_answer(web: Stack, drip: Sequence[bytes]) -> None:
    reader, writer = await _opened(web)
    writer.write(HEAD)
    assert b"200" in await _answer(reader)

    async def send() -> None:
        for part in drip:
            writer.write(part)
            await asyncio.sleep(0.1)

    sending = asyncio.create_task(send())
    assert await _is_ended(reader)
    assert not sending.done()
    sending.cancel()
    writer.close()


async def test_a_pause_between_two_requests_ends_nothing_nor_does_a_slow_body(web: Stack) -> None:
    reader, writer = await _opened(web)
    body = b'{"table": "exchange", "source": "bot", "rows": [{"venue": "okx"}]}'
    for _ in range(2):
        writer.write(HEAD)
        assert b"200" in await _answer(reader)
        await asyncio.sleep(0.5)
    writer.write(b"POST /api/rows HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n")
    writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body[:10])
    await asyncio.sleep(0.5)
    writer.write(body[10:])
    assert b"200" in await _answer(reader)
    writer.close()
