"""Bounds on a request: bytes of its body as sent, seconds until the body is here, seconds until it is answered."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tapewatch.surfaces.web.errors import RequestRefused, error_response, response_to

BODY_S = 30.0
"""Seconds within which the whole body must have arrived."""
ANSWER_S = 60.0
"""Seconds within which a request is answered; questions and writes have shorter limits of their own."""


def too_large(limit_bytes: int, what: str = "the body") -> RequestRefused:
    """The refusal of a body beyond the limit; names the limit."""
    message = (
        f"{what} is larger than {limit_bytes} bytes, the limit of this server; "
        "send smaller batches, or raise max_body_bytes in the settings"
    )
    return RequestRefused(413, "body_too_large", message)


class RequestLimits:
    """ASGI middleware: 413 for a body beyond the limit, declared or streamed; 408 for a slow body; 503 for no answer in time.

    Args:
        app: What is guarded.
        max_body_bytes: Largest body, as sent.
        body_s: Seconds for the whole body.
        answer_s: Seconds for the whole request.
    """

    def __init__(self, app: ASGIApp, *, max_body_bytes: int, body_s: float = BODY_S, answer_s: float = ANSWER_S) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._body_s = body_s
        self._answer_s = answer_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the class."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdigit() and int(declared) > self._max_body_bytes:
            await response_to(too_large(self._max_body_bytes))(scope, receive, send)
            return
        exchange = _Exchange(receive, send, self._max_body_bytes, asyncio.get_running_loop().time() + self._body_s, self._body_s)
        try:
            async with asyncio.timeout(self._answer_s):
                await self._app(scope, exchange.receive, exchange.send)
        except TimeoutError:
            if exchange.has_answered:
                raise
            message = f"no answer within {self._answer_s:g} s; the server or its store is overloaded, try again"
            await error_response(503, "timed_out", message, {"Retry-After": "1"})(scope, receive, send)


class _Exchange:
    """One request's two channels, counted and timed."""

    def __init__(self, receive: Receive, send: Send, max_body_bytes: int, deadline_s: float, body_s: float) -> None:
        self._receive = receive
        self._send = send
        self._max_body_bytes = max_body_bytes
        self._deadline_s = deadline_s
        self._body_s = body_s
        self._received_bytes = 0
        self._is_complete = False
        self.has_answered = False

    async def receive(self) -> Message:
        if self._is_complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline_s):
                message = await self._receive()
        except TimeoutError:
            message = f"the body did not arrive within {self._body_s:g} s"
            raise RequestRefused(408, "body_too_slow", message, {"Connection": "close"}) from None
        if message["type"] == "http.request":
            self._received_bytes += len(message.get("body", b""))
            self._is_complete = not message.get("more_body", False)
            if self._received_bytes > self._max_body_bytes:
                raise too_large(self._max_body_bytes)
        return message

    async def send(self, message: Message) -> None:
        self.has_answered = True
        await self._send(message)
