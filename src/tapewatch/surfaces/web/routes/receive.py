"""Rows in: every receiver under its own paths, one answer for all."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from tapewatch.errors import SourceError
from tapewatch.ingest.receipt import Receipt
from tapewatch.sources.base import Received, Receiver, Refusal
from tapewatch.surfaces.web.bodies import read_body
from tapewatch.surfaces.web.errors import RequestRefused
from tapewatch.surfaces.web.guard.sender import SourceTokens, sender_of
from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.routes.examples import BODIES
from tapewatch.surfaces.web.schemas.errors import ErrorOut
from tapewatch.surfaces.web.schemas.receipt import ReceiptOut

_THREAD_BYTES = 128 * 1024
"""A body from this size on is decoded in a thread."""
_PINGS = "/api/ping/"
_ANSWERS: dict[int | str, dict[str, Any]] = {
    **{status: {"model": ErrorOut} for status in (400, 401, 403, 413, 429, 503)},
    422: {"model": ReceiptOut, "description": "Nothing was kept; the reasons are inside."},
}
ANSWERED_APART = frozenset({"questdb_lines", "influx_lines"})
"""Receivers whose clients expect other answers; they have a route file of their own."""
_PATH_NAME = re.compile(r"\{(\w+)\}")


def paths(parts: WebParts) -> list[str]:
    """Where rows are handed in; one that ends in ``/`` stands for all below it."""
    return [path.partition("{")[0] for receiver in parts.receivers for path in receiver.paths]


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["write"])
    tokens = SourceTokens(parts.source_tokens)
    for receiver in parts.receivers:
        for path in receiver.paths if receiver.name not in ANSWERED_APART else ():
            methods = ["GET", "POST"] if path.startswith(_PINGS) else ["POST"]
            for method in methods:
                _add(routes, parts, tokens, receiver, path, method)
    return routes


def _add(routes: APIRouter, parts: WebParts, tokens: SourceTokens, receiver: Receiver, path: str, method: str) -> None:
    async def receive(request: Request) -> Response:
        body = await read_body(request, parts.max_body_bytes)
        sender = sender_of(request.scope)
        received = await decoded(receiver, request, body)
        return answer(await parts.intake.accept(tokens.signed(received.delivery, sender, len(body)), received.refusals))

    routes.add_api_route(
        path,
        receive,
        methods=[method],
        name=f"{receiver.name} {method.lower()}",
        response_model=ReceiptOut,
        description=first_line(receiver),
        responses=_ANSWERS,
        openapi_extra=documented(receiver, path, method),
    )


async def decoded(receiver: Receiver, request: Request, body: bytes) -> Received:
    """What a receiver makes of a body; a large one is decoded in a thread.

    Raises:
        RequestRefused: 400, it cannot be read at all.
    """
    sender = sender_of(request.scope)
    said = {} if sender.source is None else {"source": sender.source}  # for senders that do not name themselves
    query = {**said, **request.query_params}
    arguments = (body, request.headers.get("content-type", ""), query, dict(request.path_params))
    try:
        if len(body) >= _THREAD_BYTES:
            return await asyncio.to_thread(receiver.receive, *arguments)
        return receiver.receive(*arguments)
    except SourceError as error:
        raise RequestRefused(400, "unreadable_body", str(error)) from error


def answer(receipt: Receipt) -> Response:
    """200 with what was kept, in its table or in quarantine; 422 with the same record when nothing was."""
    body = {
        "accepted": receipt.accepted,
        "duplicate": receipt.duplicate,
        "refused": [told(refusal) for refusal in receipt.refused],
        "refused_total": receipt.refused_total,
        "quarantined": receipt.quarantined,
        "noted": receipt.noted,
    }
    is_empty = receipt.accepted == receipt.quarantined == 0 and receipt.refused_total > 0 and not receipt.duplicate
    return Response(orjson.dumps(body), 422 if is_empty else 200, {"Cache-Control": "no-store"}, "application/json")


def told(refusal: Refusal) -> dict[str, Any]:
    """A refusal as a record of an answer."""
    return {
        "row": refusal.row,
        "table": refusal.table,
        "column": refusal.column,
        "value": refusal.value,
        "reason": refusal.reason,
        "message": refusal.message,
    }


def first_line(receiver: Receiver) -> str:
    """What a receiver says of itself."""
    return (type(receiver).__doc__ or receiver.name).strip().splitlines()[0]


def documented(receiver: Receiver, path: str, method: str) -> dict[str, Any]:
    """Parameters and examples for the description, which a raw body does not give by itself."""
    found: dict[str, Any] = {
        "parameters": [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in _PATH_NAME.findall(path)]
    }
    known = BODIES.get(receiver.name)
    if known is not None:
        found["parameters"] += [
            {"name": name, "in": "query", "required": False, "description": sentence, "schema": {"type": "string"}}
            for name, sentence in known.parameters.items()
        ]
        if method == "POST" and known.examples:
            found["requestBody"] = {
                "content": {
                    kind: {"schema": {}, "examples": {title: {"value": value} for title, value in examples.items()}}
                    for kind, examples in known.examples.items()
                }
            }
    return found
