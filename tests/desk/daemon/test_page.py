import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from tapewatch.desk.daemon.page import StatusPage


@pytest.fixture
async def page() -> AsyncIterator[StatusPage]:
    page = StatusPage({"/status": lambda: {"running": True}})
    await page.start()
    yield page
    await page.stop()


async def ask(page: StatusPage, request: str) -> tuple[int, object]:
    host, _, port = page.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request.encode())
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.decode().partition("\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


async def test_answers_its_documents(page: StatusPage) -> None:
    assert await ask(page, "GET /status?x=1 HTTP/1.1\r\nHost: x\r\n\r\n") == (200, {"running": True})


async def test_names_its_pages_when_another_is_asked_for(page: StatusPage) -> None:
    assert await ask(page, "GET /else HTTP/1.1\r\n\r\n") == (404, {"error": "no page /else; there are /status"})


async def test_serves_only_get(page: StatusPage) -> None:
    assert (await ask(page, "POST /status HTTP/1.1\r\n\r\n"))[0] == 405


async def test_a_visitor_that_leaves_is_no_trouble(page: StatusPage) -> None:
    host, _, port = page.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /st")
    writer.close()
    await writer.wait_closed()
    assert await ask(page, "GET /status HTTP/1.1\r\n\r\n") == (200, {"running": True})
