"""``/api/live``: the live connection of a tab, as a WebSocket or, where none gets through, as events and requests."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response, WebSocket
from fastapi.responses import StreamingResponse

from tapewatch.surfaces.web.errors import RequestRefused
from tapewatch.surfaces.web.live.connection import serve
from tapewatch.surfaces.web.live.events import Channels
from tapewatch.surfaces.web.live.messages import MOST_MESSAGE_BYTES
from tapewatch.surfaces.web.parts import WebParts

_UNBUFFERED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
"""A proxy that collects an answer before it passes it on would hold back what is live."""


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(include_in_schema=False)
    channels = Channels(parts.hub)

    @routes.websocket("/api/live")
    async def live(websocket: WebSocket) -> None:
        await serve(websocket, parts.hub)

    @routes.get("/api/live/events")
    async def events() -> StreamingResponse:
        return StreamingResponse(channels.join(), media_type="text/event-stream", headers=_UNBUFFERED)

    @routes.post("/api/live/events/{channel}")
    async def hear(request: Request, channel: str) -> Response:
        text = await request.body()
        if len(text) > MOST_MESSAGE_BYTES:
            raise RequestRefused(413, "too_large", f"a message of {len(text)} bytes is larger than the {MOST_MESSAGE_BYTES} allowed")
        if not await channels.hear(channel, text):
            raise RequestRefused(404, "not_found", "this stream of events has ended; open GET /api/live/events again")
        return Response(status_code=204, headers={"Cache-Control": "no-store"})

    return routes
