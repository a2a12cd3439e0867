"""``/api/query``: one question, one frame."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from tapewatch.query.wire import query_from_address, query_from_json
from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.schemas.errors import ErrorOut
from tapewatch.surfaces.web.schemas.frame import FrameOut
from tapewatch.surfaces.web.schemas.question import QueryBody

PARAMETERS: tuple[tuple[str, str, str, bool], ...] = (
    ("table", "Which table.", "exchange", False),
    ("measure", "What to compute, such as avg(latency_ms), p99(latency_ms), count(); may be repeated.", "avg(latency_ms)", True),
    ("by", "Tags to group by, joined by commas.", "venue", True),
    ("bucket", "Width of a time bucket, such as 10s, or auto.", "auto", False),
    ("last", "Length of a range that ends now, such as 15min, 1h, 7d.", "1h", False),
    ("start", "Start of the range, ISO 8601 with an offset.", "2026-01-02T03:00:00Z", False),
    ("end", "End of the range, exclusive.", "2026-01-02T04:00:00Z", False),
    ("where", "Only rows with one of these values: column:value,value; may be repeated.", "venue:kraken,binance", True),
    ("mode", "aggregate, latest or rows; latest when no measure is given.", "latest", False),
    ("column", "For latest and rows: which columns, joined by commas.", "venue,latency_ms", True),
    ("order", "A column of the answer, with - in front for largest first.", "-avg_latency_ms", False),
    ("limit", "Most rows.", "100", False),
    ("cursor", "For rows: the cursor of the page before.", "", False),
    ("shift", "Ask for the same range this much earlier, such as 24h.", "24h", False),
)
"""Name, sentence, example, and whether it may be repeated."""


def _documented() -> dict[str, Any]:
    return {
        "parameters": [
            {
                "name": name,
                "in": "query",
                "required": name == "table",
                "description": sentence,
                "schema": {"type": "array", "items": {"type": "string"}} if repeats else {"type": "string"},
                **({"example": [example] if repeats else example} if example else {}),
            }
            for name, sentence, example, repeats in PARAMETERS
        ]
    }


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["read"])
    errors: dict[int | str, dict[str, Any]] = {400: {"model": ErrorOut}, 503: {"model": ErrorOut}}

    @routes.get("/api/query", response_model=FrameOut, responses=errors, openapi_extra=_documented())
    async def ask_by_address(request: Request) -> Response:
        """Ask one question in an address: ``?table=exchange&measure=avg(latency_ms)&by=venue&bucket=auto&last=1h``."""
        given: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            given.setdefault(name, []).append(value)
        answer = await parts.engine.answer(query_from_address(given, parts.clock.now_us()))
        return Response(answer, media_type="application/json", headers={"Cache-Control": "no-store"})

    @routes.post("/api/query", response_model=FrameOut, responses=errors)
    async def ask(question: QueryBody) -> Response:
        """Ask one question as a record."""
        data = question.model_dump(exclude_none=True)
        answer = await parts.engine.answer(query_from_json(data, parts.clock.now_us()))
        return Response(answer, media_type="application/json", headers={"Cache-Control": "no-store"})

    return routes
