"""Questions over HTTP, and what is told when the answer is another."""

import httpx2
import pytest

from tapewatch.errors import SourceError
from tapewatch.sources import http_json
from tapewatch.sources.http_json import fetch_object, redacted
from tapewatch.testing.scripted_http import Scripted, ScriptedServer


async def ask(answer: Scripted, timeout_s: float = 5.0) -> dict[str, object]:
    async with ScriptedServer([answer]) as server, httpx2.AsyncClient(trust_env=False, timeout=timeout_s) as http:
        return await fetch_object(http, server.url, "an object with running")


async def test_an_object_comes_back() -> None:
    assert await ask(Scripted({"running": True})) == {"running": True}


@pytest.mark.parametrize(
    ("answer", "message", "permanent"),
    [
        (Scripted(b"gone", 503), r"http://127.0.0.1:\d+/status answered status 503, not 200: gone", False),
        (Scripted(b"", 404), "answered status 404, not 200: without a body", True),
        (Scripted([1]), "answered a list of 1; expected an object with running", False),
        (Scripted(b"<p>hello\x00"), "answered no JSON: .* at line 1, column 1: <p>hello\ufffd; expected an object with running", False),
    ],
)
async def test_what_came_and_what_was_expected_is_told(answer: Scripted, message: str, *, permanent: bool) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        await ask(answer)
    assert caught.value.permanent is permanent


async def test_silence_is_told() -> None:
    with pytest.raises(SourceError, match="did not answer in time"):
        await ask(Scripted({}, delay_s=5), timeout_s=0.05)


async def test_an_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_json, "MOST_BYTES", 1000)
    with pytest.raises(SourceError, match="answered more than 1,000 bytes"):
        await ask(Scripted(b"x" * 5000))


@pytest.mark.parametrize("url", ["ftp://x/", "nonsense", "http://", "http://[::1"])
async def test_an_address_that_is_none_is_told(url: str) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        with pytest.raises(SourceError) as caught:
            await fetch_object(http, url, "anything")
    assert caught.value.permanent


def test_secrets_are_not_told() -> None:
    assert redacted("https://u:p@h/x?api_key=1&apiSecret=2&a=3#frag") == "https://u:***@h/x?api_key=***&apiSecret=***&a=3"
    assert redacted("http://:p@h/") == "http://:***@h/"
    assert redacted("http://h/" + "x" * 500).endswith("…")
    assert redacted("http://[bad") == "the address"
