"""The token of a server: given once, and then in no log line, no answer, no page and nothing that a page offers to copy."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

import psutil
import pytest
from playwright.async_api import Page
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.e2e.looking import opened, panel
from tests.server import Running, running, unused_port
from tests.started import TAPEWATCH, tapewatch, wait_for

TOKEN = "tape-Secret_8fa3-19c7"
# A busy collector, so that a child process gets the token too; a failing one, so that something is logged.
SETTINGS = f"""
[server]
port = PORT
token = "{TOKEN}"

[collectors.kraken-feed]
kind = "feed"
venue = "kraken"
symbols = ["BTC/USD"]
channels = ["trade"]
url = "ws://127.0.0.1:9"
"""
BODIES: dict[str, object] = {
    "/api/rows": {
        "table": "exchange",
        "source": "bot",
        "period_s": 3600,
        "rows": [{"venue": "kraken", "connected": True, "latency_ms": 5}],
    },
    "/api/query": {"table": "exchange", "mode": "latest"},
    "/api/backup": {"directory": "/proc/nowhere"},
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder, port = tmp_path_factory.mktemp("server"), unused_port()
    (folder / "tapewatch.toml").write_text(SETTINGS.replace("PORT", str(port)))
    with running([TAPEWATCH, "up", "--data", "data"], port, folder) as server:
        yield server
    assert "WARNING" in server.output.read_text()
    assert TOKEN not in server.output.read_text(), "no line of the log holds it, whatever was asked"


class _Stay(HTTPRedirectHandler):
    """A redirect is an answer to be read, too."""

    def redirect_request(self, *args: object) -> None:
        return None


OPENER: OpenerDirector = build_opener(_Stay)


def answered(server: Running, method: str, path: str, token: str | None, body: object = None) -> tuple[int, str]:
    """Status, and the headers and the body of an answer as one text."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    sent = json.dumps(body).encode() if body is not None else None
    try:
        answer = OPENER.open(Request(server.url + path, sent, headers, method=method), timeout=20)
    except HTTPError as refusal:
        answer = refusal
    with answer:
        return answer.status or 0, f"{answer.headers}\n{answer.read().decode(errors='replace')}"


def every_route(server: Running) -> list[tuple[str, str]]:
    """Method and path of all that the server describes, and of what it serves beside."""
    described: dict[str, Any] = json.loads(answered(server, "GET", "/openapi.json", TOKEN)[1].partition("\n\n")[2].strip())
    filled = {"check": "nightly", "kind": "fail", "table": "exchange", "tag": "venue", "column": "venue"}
    found = [
        (method.upper(), re.sub(r"\{(\w+)\}", lambda name: filled[name[1]], path))
        for path, how in described["paths"].items()
        for method in how
    ]
    return [*found, *(("GET", path) for path in ("/", "/docs", "/docs.css", "/openapi.json", "/missing", "/api/missing", "/a.b"))]


def test_no_answer_of_any_route_holds_the_token(server: Running) -> None:
    routes = every_route(server)
    assert len(routes) > 20
    assert ("GET", "/api/query") in routes
    for method, path in routes:
        for token in (TOKEN, None, "wrong"):
            for query in ("", f"?token={TOKEN}", f"?table=exchange&where=venue:x&token={TOKEN}"):
                status, text = answered(server, method, path + query, token, BODIES.get(path) if method == "POST" else None)
                assert TOKEN not in text, f"{method} {path}{query} → {status}"
    assert answered(server, "GET", "/api/status", TOKEN)[0] == 200
    assert answered(server, "GET", "/api/status", None)[0] == 401


def test_a_live_connection_is_refused_without_it_and_does_not_repeat_it(server: Running) -> None:
    address = server.url.replace("http", "ws", 1) + "/api/live"
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        with pytest.raises(InvalidStatus), connect(f"{address}?token={TOKEN}", additional_headers=headers):
            pass
    with connect(address, additional_headers={"Authorization": f"Bearer {TOKEN}"}) as link:
        link.send(json.dumps({"op": "subscribe", "id": TOKEN[:4], "dashboard": "nowhere", "panel": "x", "range": {"last_s": 60}}))
        assert all(TOKEN not in str(link.recv(timeout=5)) for _ in range(3))


@pytest.mark.browser
async def test_nothing_that_the_page_offers_to_copy_holds_it(server: Running, page: Page) -> None:
    answered(server, "POST", "/api/rows", TOKEN, BODIES["/api/rows"])
    await page.goto(f"{server.url}/?token={TOKEN}&dashboard=exchange&range=5m")
    await opened(page, server, "?dashboard=exchange&range=5m")
    assert TOKEN not in page.url
    copied: list[str] = []
    for dashboard, panel_id in (("exchange", "latency"), ("exchange", "latency_now"), ("system", "collectors"), ("feeds", "")):
        await opened(page, server, f"?dashboard={dashboard}&range=5m")
        if panel_id:
            await panel(page, panel_id).locator(".chip").click()
            card = panel(page, panel_id).get_by_role("dialog")
            assert await card.get_by_role("button", name="Copy as curl").get_attribute("data-copy")
        copied += [await button.get_attribute("data-copy") or "" for button in await page.locator("[data-copy]").all()]
        assert TOKEN not in await page.content()
    assert sum(text.startswith("curl ") for text in copied) >= 3
    assert not [text for text in copied if TOKEN in text]
    assert TOKEN not in json.dumps(await page.evaluate("[{...localStorage}, {...sessionStorage}, document.cookie, location.href]"))


def test_commands_that_are_given_it_do_not_repeat_it(server: Running) -> None:
    folder = server.output.parent
    for arguments in (
        ("doctor",),
        ("doctor", "--url", "http://127.0.0.1:9"),
        ("check",),
        ("backup", "backup", "--data", "data"),
        ("query", "exchange", "--url", server.url),
        ("query", "nowhere", "--url", server.url),
        ("unit",),
    ):
        done = tapewatch(*arguments, folder=folder, environment={"TAPEWATCH_TOKEN": TOKEN})
        assert TOKEN not in done.stdout + done.stderr, arguments
    assert TOKEN.encode() not in b"".join(path.read_bytes() for path in (folder / "backup").iterdir())


def test_no_process_shows_it_and_no_file_of_the_store_holds_it(server: Running) -> None:
    child = wait_for(lambda: psutil.Process(server.process.pid).children(recursive=True))[0]
    assert TOKEN not in " ".join(child.cmdline())
    assert child.environ()["TAPEWATCH_TOKEN"] == TOKEN, "it gets it where only its owner reads"
    wait_for(lambda: "kraken" in server.output.read_text())
    stored = b"".join(path.read_bytes() for path in (server.output.parent / "data").rglob("*") if path.is_file())
    assert TOKEN.encode() not in stored
