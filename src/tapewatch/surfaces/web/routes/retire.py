"""``/api/retire``: series that have stopped for good, by hand, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter

from tapewatch.query.retirements import Silence
from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.schemas.errors import ErrorOut
from tapewatch.surfaces.web.schemas.retire import RetireBody, RetireOut

_ERRORS: dict[int | str, dict[str, Any]] = {status: {"model": ErrorOut} for status in (400, 503)}


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["write"])

    @routes.post("/api/retire", response_model=RetireOut, responses=_ERRORS)
    async def retire(body: RetireBody) -> RetireOut:
        """Leave series out of verdicts and newest rows until they speak again."""
        found = parts.retirements.retire(body.table, body.tags, body.why)
        await parts.write_silences(found)
        return _told(found)

    @routes.post("/api/retire/back", response_model=RetireOut, responses=_ERRORS)
    async def bring_back(body: RetireBody) -> RetireOut:
        """Judge retired series again although they have not spoken."""
        found = parts.retirements.bring_back(body.table, body.tags)
        await parts.write_silences(found)
        return _told(found)

    def _told(found: Sequence[Silence]) -> RetireOut:
        names = {one.table: (*parts.catalog[one.table].tags, "source") for one in found}
        series = [dict(zip(names[one.table], (*one.series.key, one.series.source), strict=True)) for one in found]
        return RetireOut(series=series)

    return routes
