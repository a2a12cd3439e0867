"""Lines in: the paths and the answers that clients of QuestDB and InfluxDB expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from tapewatch.errors import StoreUnavailable, TapewatchError, TooFast
from tapewatch.ingest.receipt import Receipt
from tapewatch.model.rows import BodyMark, Delivery
from tapewatch.sources.base import Received, Receiver, Refusal
from tapewatch.sources.receivers.line_protocol import QuestDBLines
from tapewatch.sources.receivers.line_protocol.kinds import fit
from tapewatch.surfaces.web.bodies import read_body
from tapewatch.surfaces.web.errors import RequestRefused, response_to
from tapewatch.surfaces.web.guard.sender import SourceTokens, sender_of
from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.routes.receive import ANSWERED_APART, decoded, documented, first_line, told
from tapewatch.surfaces.web.schemas.receipt import LinesRefusedOut, QuestDBSettingsOut

VERSIONS = (1, 2, 3)
"""Versions of QuestDB's line protocol: text alone, with binary doubles and arrays, with decimals."""

_LONGEST_NAME_BYTES = 127
_NO_STORE = {"Cache-Control": "no-store"}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    204: {"description": "The lines are durable."},
    400: {"model": LinesRefusedOut, "description": "Lines were refused; the body tells which."},
}


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["write"])
    tokens = SourceTokens(parts.source_tokens)
    for receiver in parts.receivers:
        if receiver.name in ANSWERED_APART:
            _add(routes, parts, tokens, receiver)

    @routes.get("/settings", response_model=QuestDBSettingsOut)
    async def read_settings() -> Response:
        """Which versions of the line protocol are understood, as QuestDB's clients ask before they write."""
        config = {"line.proto.support.versions": list(VERSIONS), "cairo.max.file.name.length": _LONGEST_NAME_BYTES}
        body = {"config": config, "preferences.version": 0, "preferences": {}}
        return Response(orjson.dumps(body), 200, _NO_STORE, "application/json")

    @routes.head("/ping", include_in_schema=False)
    @routes.get("/ping", status_code=204, response_class=Response)
    async def ping() -> Response:
        """204 while the server answers, as InfluxDB's clients ask."""
        return Response(
            status_code=204, headers={**_NO_STORE, "X-Influxdb-Version": f"tapewatch-{parts.version}", "X-Influxdb-Build": "OSS"}
        )

    return routes


def _add(routes: APIRouter, parts: WebParts, tokens: SourceTokens, receiver: Receiver) -> None:
    is_whole = receiver.name == QuestDBLines.name

    async def write(request: Request) -> Response:
        try:
            body = await read_body(request, parts.max_body_bytes)
            received = await decoded(receiver, request, body)
            delivery = tokens.signed(_delivery(parts, received), sender_of(request.scope), len(body))
            receipt = await parts.intake.accept(delivery, received.refusals, whole=is_whole)
        except (TapewatchError, RequestRefused) as error:
            return _failed(error, is_whole=is_whole)
        return _answer(receipt, is_whole=is_whole)

    for path in receiver.paths:
        routes.add_api_route(
            path,
            write,
            methods=["POST"],
            name=receiver.name,
            status_code=204,
            response_class=Response,
            description=first_line(receiver),
            responses={**_ANSWERS, (503 if is_whole else 429): {"description": "Busy: send again after the seconds of Retry-After."}},
            openapi_extra=documented(receiver, path, "POST"),
        )


def _delivery(parts: WebParts, received: Received) -> Delivery:
    """The rows in the form of their tables; a body that can be recognised carries its mark."""
    batches = tuple(fit(batch, parts.catalog.get(batch.table)) for batch in received.delivery.batches)
    mark = None if received.digest is None else BodyMark(received.digest, parts.clock.steady_us())
    return replace(received.delivery, batches=batches, mark=mark)


def _answer(receipt: Receipt, *, is_whole: bool) -> Response:
    """204, or 400 with what was refused; what waits in quarantine is no fault of the sender."""
    faults = [refusal for refusal in receipt.refused if not refusal.is_held]
    count = receipt.refused_total - receipt.held_total
    if not count:
        return Response(status_code=204, headers=_NO_STORE)
    first = faults[0] if faults else None
    where = "" if first is None else _where(first)
    kept = "nothing of the body was kept" if is_whole else f"partial write: {receipt.accepted} rows were kept"
    message = f"{kept}, {count} {'value or line was' if count == 1 else 'values or lines were'} refused. {where}".strip()
    body: dict[str, Any] = {"code": "invalid", "message": message, "line": None if first is None else first.row + 1}
    body |= {
        "accepted": receipt.accepted,
        "refused_total": count,
        "refused": [{**told(refusal), "line": refusal.row + 1} for refusal in faults],
    }
    return Response(orjson.dumps(body), 400, _NO_STORE, "application/json")


def _where(refusal: Refusal) -> str:
    place = f"line {refusal.row + 1}, table {refusal.table}" + ("" if refusal.column is None else f", column {refusal.column}")
    return f"The first: {place}: {refusal.reason}: {refusal.message}"


def _failed(error: TapewatchError | RequestRefused, *, is_whole: bool) -> Response:
    """The one form of every error, with what these clients look for beside it.

    A client of QuestDB resends after 503 and loses its lines after 429; one of InfluxDB waits after both as long as it is told.
    """
    answer = response_to(error)
    found: Mapping[str, Any] = orjson.loads(bytes(answer.body))
    code = "invalid" if answer.status_code == HTTPStatus.BAD_REQUEST else found["error"]["code"]
    status = answer.status_code
    if isinstance(error, StoreUnavailable | TooFast):
        status, code = (HTTPStatus.SERVICE_UNAVAILABLE, code) if is_whole else (HTTPStatus.TOO_MANY_REQUESTS, "too many requests")
    headers = {name: value for name, value in answer.headers.items() if name in {"retry-after", "cache-control"}}
    return Response(orjson.dumps({**found, "code": code, "message": found["error"]["message"]}), status, headers, "application/json")
