"""Asks for the token of the settings: programs send it in a header, browsers bring it once in the address and keep a cookie."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import html
from collections.abc import Mapping, Sequence
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tapewatch.surfaces.web.errors import error_response
from tapewatch.surfaces.web.guard.sender import ANYBODY, Sender, SourceTokens, remember

OPEN_PATHS = frozenset({"/health", "/ready", "/ping", "/settings"})
"""Answered without a token: for the tools that restart servers, and for clients that ask for nothing but what a server understands."""
PARAMETER = "token"
_COOKIE_AGE_S = 30 * 24 * 3600
_SIGN_IN = "This server asks for its token: open the address that it printed when it started, with ?token=… in it, once."
_ONLY_ROWS = "this token lets in rows of one source; for anything else send the server's own"


class TokenGuard:
    """ASGI middleware: 401 without the token. The cookie holds a value derived from the token, never the token.

    A token of one source opens only the paths where rows are handed in; who came with which is noted for them.

    Args:
        app: What is guarded.
        token: The token of the settings; empty for none, and then everything passes.
        sources: Tokens of single sources.
        write_paths: Paths where rows are handed in; one that ends in ``/`` stands for all below it.
    """

    def __init__(self, app: ASGIApp, *, token: str, sources: SourceTokens, write_paths: Sequence[str] = ()) -> None:
        self._app = app
        self._sources = sources
        self._write_paths = frozenset(write_paths)
        self._write_folders = tuple(path for path in write_paths if path.endswith("/"))
        self._token = token.encode()
        self._cookie_value = hmac.new(self._token, b"tapewatch browser", hashlib.sha256).hexdigest()
        # Cookies are shared by all ports of a host: the name tells servers with different tokens apart.
        self._cookie_name = f"tapewatch_{hashlib.sha256(self._cookie_value.encode()).hexdigest()[:8]}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] not in {"http", "websocket"} or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        sender = self._sender(headers)
        remember(scope, sender)
        if sender.source is not None and not self._takes_rows(scope["path"]):
            await error_response(403, "refused", _ONLY_ROWS)(scope, receive, send)
            return
        if not self._token and sender == ANYBODY and self._sources.sources and _given(headers) and self._takes_rows(scope["path"]):
            # a mistyped token must not turn its sender into somebody else, without the limits of its source
            await self._refusal(headers, is_page=False)(scope, receive, send)
            return
        if not self._token or sender.source is not None:
            await self._app(scope, receive, send)
            return
        is_page = scope["type"] == "http" and scope["method"] == "GET" and not scope["path"].startswith("/api/")
        given = dict(parse_qsl(scope["query_string"].decode("latin-1"))).get(PARAMETER) if is_page else None
        if given is not None and self._is_token(given.encode()):
            await self._welcome(scope, headers)(scope, receive, send)
        elif self._knows(headers):
            await self._app(scope, receive, send)
        else:
            await self._refusal(headers, is_page=is_page)(scope, receive, send)

    def _sender(self, headers: Headers) -> Sender:
        given = _given(headers)
        if given is None:
            return ANYBODY
        if self._token and self._is_token(given):
            return Sender(is_trusted=True)
        return Sender(self._sources.source_of(given))

    def _takes_rows(self, path: str) -> bool:
        return path in self._write_paths or path.startswith(self._write_folders)

    def _knows(self, headers: Headers) -> bool:
        given = _given(headers)
        if given is not None:
            return self._is_token(given)
        return hmac.compare_digest(_cookies(headers).get(self._cookie_name, "").encode("latin-1"), self._cookie_value.encode())

    def _is_token(self, given: bytes) -> bool:
        return hmac.compare_digest(given, self._token)

    def _welcome(self, scope: Scope, headers: Headers) -> Response:
        """Set the cookie and lead to the same page without the token in its address."""
        rest = [(name, value) for name, value in parse_qsl(scope["query_string"].decode("latin-1")) if name != PARAMETER]
        target = "/" + scope["path"].lstrip("/") + (f"?{urlencode(rest)}" if rest else "")
        if headers.get("sec-fetch-site") == "cross-site":
            # After a click elsewhere the browser would not send a strict cookie along a redirect; it does from a page of ours.
            response: Response = HTMLResponse(f'<!doctype html><meta http-equiv="refresh" content="0;url={html.escape(target)}">')
        else:
            response = RedirectResponse(target, 303)
        response.headers["Cache-Control"] = "no-store"
        response.set_cookie(
            self._cookie_name,
            self._cookie_value,
            max_age=_COOKIE_AGE_S,
            secure=scope["scheme"] == "https",
            httponly=True,
            samesite="strict",
        )
        return response

    def _refusal(self, headers: Headers, *, is_page: bool) -> Response:
        challenge = {"WWW-Authenticate": 'Bearer realm="tapewatch"', "Cache-Control": "no-store"}
        if is_page and "text/html" in headers.get("accept", ""):
            page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>tapewatch</title><p>{html.escape(_SIGN_IN)}</p></html>'
            return HTMLResponse(page, 401, challenge)
        sent = "the token that was sent is not this server's" if "authorization" in headers else "this server asks for its token"
        return error_response(401, "token_needed", f"{sent}; send it as Authorization: Bearer TOKEN", challenge)


def _given(headers: Headers) -> bytes | None:
    """The token of a request, however it is carried; None for a scheme that carries none."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer" | "token":  # InfluxDB's clients write Token
            return given.strip().encode("latin-1")
        case "basic":
            return _password(given)
        case _:
            return None


def _password(given: str) -> bytes:
    """The password of Basic credentials, which is the token; the name of the user is free. Empty for what is none."""
    try:
        return base64.b64decode(given.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _cookies(headers: Headers) -> Mapping[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}
