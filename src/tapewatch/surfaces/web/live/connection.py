"""One WebSocket: reading what the browser asks, sending what waits for it, cutting it off when it takes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

from tapewatch.errors import QueryTooLarge
from tapewatch.surfaces.web.errors import error_response
from tapewatch.surfaces.web.live.client import LiveClient
from tapewatch.surfaces.web.live.hub import Hub

ABORT = "tapewatch.abort"
"""ASGI extension: closes the connection at once, without waiting for the other side to read."""
STRAIGHT = "tapewatch.straight"
"""ASGI extension: sends a text if the connection takes it at once; gives False when it does not."""


@lru_cache(maxsize=8)
def packet(text: str) -> bytes:
    """A text as the whole WebSocket frame that a server sends: the same for everybody, and made once for all who are sent it in a row."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False)


class LiveProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol, whose application may also cut the connection and send what many are sent.

    A peer that never reads would keep a connection open for ever; and a message that is framed anew for each of a thousand connections,
    through every layer between, takes longer than all the work that led to it.
    """

    def handle_connect(self, event: Request) -> None:
        """See `WebSocketsSansIOProtocol.handle_connect`."""
        super().handle_connect(event)
        if self.response.status_code == 101:  # noqa: PLR2004 - switching protocols: there is a scope
            extensions = cast("dict[str, Any]", self.scope.setdefault("extensions", {}))
            extensions[ABORT] = self.transport.abort
            extensions[STRAIGHT] = self.send_straight

    def send_straight(self, text: str) -> bool:
        """Send a text if nothing waits to be taken by the other side; False when something does, or when the connection ends."""
        if self.disconnected or self.close_sent or self.transport.is_closing() or not self.writable.is_set():
            return False
        self.transport.write(packet(text))
        return True


async def serve(websocket: WebSocket, hub: Hub) -> None:
    """Serve one connection until either side ends it."""
    extensions = websocket.scope.get("extensions", {})
    abort = cast("Callable[[], None] | None", extensions.get(ABORT))
    straight = cast("Callable[[str], bool] | None", extensions.get(STRAIGHT))
    try:
        client = hub.join(abort or _cancel(asyncio.current_task()), straight)
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
