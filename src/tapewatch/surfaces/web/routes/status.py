"""``/api/status``: the state of everything in one small record."""

from __future__ import annotations

import asyncio

import orjson
from fastapi import APIRouter, Response

from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.schemas.status import StatusOut


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["read"])

    @routes.get("/api/status", response_model=StatusOut)
    async def read_status() -> Response:
        """Worst status and number wrong per dashboard, the store, ingest and this host's clock."""
        body = await asyncio.to_thread(parts.board.body)
        return Response(orjson.dumps(body), media_type="application/json", headers={"Cache-Control": "no-store"})

    return routes
