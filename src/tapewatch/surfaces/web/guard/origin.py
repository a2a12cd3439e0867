"""Refuses what a page of another origin asks a browser to do here: writing, pinging, or opening the live connection."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from tapewatch.surfaces.web.errors import error_response

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OWN_SITES = frozenset({"same-origin", "none"})
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_WRITING_GETS = "/api/ping/"


class OriginGuard:
    """ASGI middleware: browsers name the page that asks (``Origin``, ``Sec-Fetch-Site``); programs name none and pass.

    Reading by a page elsewhere is already impossible: no answer carries a CORS header.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] in {"http", "websocket"} and _changes_something(scope):
            stranger = foreign_page(Headers(scope=scope))
            if stranger:
                message = f"a page of {stranger} may not do this here; open tapewatch itself, or send the request from a program"
                await error_response(403, "origin_refused", message)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _changes_something(scope: Scope) -> bool:
    return scope["type"] == "websocket" or scope["method"] not in _SAFE or scope["path"].startswith(_WRITING_GETS)


def foreign_page(headers: Headers) -> str:
    """The origin of the asking page when it is another one than the server's own; empty when it is not, or when no browser asks."""
    origin = headers.get("origin")
    if origin is not None:
        parts = urlsplit(origin)
        default = _DEFAULT_PORTS.get(parts.scheme, "")
        own = headers.get("host", "").lower().removesuffix(default)
        is_own = parts.scheme in _DEFAULT_PORTS and parts.netloc.lower().removesuffix(default) == own
        return "" if is_own else origin or "an unnamed origin"
    site = headers.get("sec-fetch-site", "none")
    return "" if site in _OWN_SITES else f"another site ({site})"
