"""``/api/live``: the live connection of a tab."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from tapewatch.surfaces.web.live.connection import serve
from tapewatch.surfaces.web.parts import WebParts


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter()

    @routes.websocket("/api/live")
    async def live(websocket: WebSocket) -> None:
        await serve(websocket, parts.hub)

    return routes
