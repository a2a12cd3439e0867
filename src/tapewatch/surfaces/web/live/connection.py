"""One WebSocket: reading what the browser asks, sending what waits for it, cutting it off when it takes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from tapewatch.errors import QueryTooLarge
from tapewatch.surfaces.web.errors import error_response
from tapewatch.surfaces.web.live.client import LiveClient
from tapewatch.surfaces.web.live.hub import Hub

ABORT = "tapewatch.abort"
"""ASGI extension: closes the connection at once, without waiting for the other side to read."""


class AbortableProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, whose application may cut the connection: a peer that never reads would keep it open for ever."""

    def handle_connect(self, event: Request) -> None:
        """See `WebSocketsSansIOProtocol.handle_connect`."""
        super().handle_connect(event)
        if self.response.status_code == 101:  # noqa: PLR2004 - switching protocols: there is a scope
            extensions = cast("dict[str, Any]", self.scope.setdefault("extensions", {}))
            extensions[ABORT] = self.transport.abort


async def serve(websocket: WebSocket, hub: Hub) -> None:
    """Serve one connection until either side ends it."""
    abort = cast("Callable[[], None] | None", websocket.scope.get("extensions", {}).get(ABORT))
    try:
        client = hub.join(abort or _cancel(asyncio.current_task()))
    except QueryTooLarge as error:
        await websocket.send_denial_response(error_response(503, error.code, str(error), {"Retry-After": "10"}))
        return
    try:
        await websocket.accept()
        await _both(_read(websocket, client, hub), client.pump(websocket.send_text, hub.pushed))
    except WebSocketDisconnect:
        pass
    finally:
        hub.leave(client)


def _cancel(task: asyncio.Task[Any] | None) -> Callable[[], None]:
    def cancel() -> None:
        if task:
            task.cancel()

    return cancel


async def _read(websocket: WebSocket, client: LiveClient, hub: Hub) -> None:
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        hub.handle(client, message.get("text") or message.get("bytes") or b"")
        await client.room()


async def _both(read: Any, send: Any) -> None:  # noqa: ANN401 - coroutines without a result
    """Run both until one of them ends; raise what it raised."""
    tasks = [asyncio.create_task(read), asyncio.create_task(send)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in found:
        if isinstance(outcome, Exception):
            raise outcome
