"""Asks a watched system for JSON over HTTP and says precisely what came when it is not what was expected."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from tapewatch.errors import SourceError
from tapewatch.sources.json_body import decode, describe
from tapewatch.sources.shown import shown

if TYPE_CHECKING:
    import httpx2

MOST_BYTES = 8_000_000
"""Longest answer that is read."""

_OK = 200
_REFUSED = frozenset({400, 401, 403, 404, 405, 410})
_SECRET = re.compile(r"token|key|secret|passw|signature|auth", re.IGNORECASE)


def open_http(timeout_s: float) -> httpx2.AsyncClient:
    """A client for all collectors of a process; loaded only where one of them asks over HTTP."""
    import httpx2

    logging.getLogger("httpx2").setLevel(logging.WARNING)  # at INFO it logs every address, with the password in it
    return httpx2.AsyncClient(timeout=timeout_s)


class SharedHttp:
    """Opens the client when the first collector asks, and closes it with the process.

    Args:
        timeout_s: Seconds for each step of a request.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._client: httpx2.AsyncClient | None = None

    def __call__(self) -> httpx2.AsyncClient:
        """The one client."""
        if self._client is None:
            self._client = open_http(self._timeout_s)
        return self._client

    async def close(self) -> None:
        """Close it, if it was ever opened."""
        if self._client is not None:
            await self._client.aclose()


async def fetch_object(http: httpx2.AsyncClient, url: str, expected: str, *, body: str = "", token: str = "") -> dict[str, Any]:
    """Ask for a JSON object.

    Args:
        http: Client with its time limits.
        url: Address; a name and password in it are sent, never told.
        expected: What the object should hold, in words, for the message.
        body: JSON to POST; empty for a GET.
        token: Bearer token; empty for none.

    Raises:
        SourceError: No answer, another status than 200, no JSON, or JSON that is no object; permanent where a retry cannot help.
    """
    told = redacted(url)
    answer = await _fetch(http, url, told, body, token)
    try:
        found = decode(answer)
    except SourceError as error:
        raise SourceError(f"{told} answered {error}: {shown(answer[:200].decode(errors='replace'))}; expected {expected}") from error
    if not isinstance(found, dict):
        raise SourceError(f"{told} answered {describe(found)}; expected {expected}")
    return cast("dict[str, Any]", found)


async def _fetch(http: httpx2.AsyncClient, url: str, told: str, body: str, token: str) -> bytes:
    import httpx2

    headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if body else {})}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        async with http.stream("POST" if body else "GET", url, headers=headers, content=body or None) as response:
            answer = bytearray()
            async for part in response.aiter_bytes():
                answer += part
                if len(answer) > MOST_BYTES:
                    raise SourceError(f"{told} answered more than {MOST_BYTES:,} bytes")
            if response.status_code != _OK:
                words = shown(answer[:200].decode(errors="replace"))
                raise SourceError(
                    f"{told} answered status {response.status_code}, not 200: {words or 'without a body'}",
                    permanent=response.status_code in _REFUSED,
                )
            return bytes(answer)
    except httpx2.TimeoutException as error:
        raise SourceError(f"{told} did not answer in time") from error
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        raise SourceError(f"{told} is no address that can be asked: {error}", permanent=True) from error
    except httpx2.HTTPError as error:
        raise SourceError(f"{told} could not be asked: {str(error) or type(error).__name__}") from error


def redacted(url: str) -> str:
    """An address without its password and without values that look like secrets.

    >>> redacted("http://bot:hunter2@desk:8080/status?token=abc&venue=okx")
    'http://bot:***@desk:8080/status?token=***&venue=okx'
    """
    try:
        parts = urlsplit(url)
        place = parts.netloc.rpartition("@")[2]
        user = f"{quote(parts.username or '')}{':***' if parts.password else ''}@" if parts.username or parts.password else ""
        pairs = [(name, "***" if _SECRET.search(name) else value) for name, value in parse_qsl(parts.query, keep_blank_values=True)]
    except ValueError:
        return "the address"
    return shown_address(urlunsplit((parts.scheme, user + place, parts.path, urlencode(pairs, safe="*"), "")))


def shown_address(url: str) -> str:
    """An address, printable and at most 200 characters long."""
    text = "".join(sign if sign.isprintable() else "\ufffd" for sign in url)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


_LONGEST = 200
