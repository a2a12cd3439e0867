"""``/api/values``: what a tag can be chosen from."""

from __future__ import annotations

from fastapi import APIRouter

from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.schemas.catalog import ValuesOut
from tapewatch.surfaces.web.schemas.errors import ErrorOut


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["read"])

    @routes.get("/api/values", responses={400: {"model": ErrorOut}})
    async def read_values(table: str, column: str) -> ValuesOut:
        """The values of a tag among the series that are alive, sorted."""
        return ValuesOut(values=parts.engine.values(table, column))

    return routes
