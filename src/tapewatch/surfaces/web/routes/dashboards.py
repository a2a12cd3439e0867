"""``/api/dashboards``: the pages as data."""

from __future__ import annotations

import orjson
from fastapi import APIRouter, Response

from tapewatch.surfaces.dashboards.marks import MARKS
from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.schemas.dashboards import DashboardsOut


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["read"])
    body = orjson.dumps(
        {
            "dashboards": [dashboard.to_json() for dashboard in parts.dashboards],
            "marks": MARKS.to_json(),
            "token_needed": bool(parts.token),
        }
    )

    @routes.get("/api/dashboards", response_model=DashboardsOut)
    async def read_dashboards() -> Response:
        """Every dashboard with its panels, in the order of the rail."""
        return Response(body, media_type="application/json", headers={"Cache-Control": "no-cache"})

    return routes
