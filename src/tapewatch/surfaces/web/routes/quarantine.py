"""``/api/quarantine``: how rows could be declared that nobody has declared, and taking them in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from tapewatch.errors import ConfigError
from tapewatch.surfaces.web.errors import RequestRefused
from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.schemas.errors import ErrorOut
from tapewatch.surfaces.web.schemas.quarantine import AdoptBody, MovedOut, ProposalOut

_ERRORS: dict[int | str, dict[str, Any]] = {status: {"model": ErrorOut} for status in (400, 503)}
_TABLE = "Table that the rows came for."
_NAME = "Another name for the table that takes them."


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["write"])

    @routes.get("/api/quarantine", response_model=ProposalOut, responses=_ERRORS)
    async def propose(table: Annotated[str, Query(description=_TABLE)], name: Annotated[str, Query(description=_NAME)] = "") -> ProposalOut:
        """How what waits for a table could be declared."""
        try:
            found = await parts.adoption.propose(table, name)
        except ConfigError as error:
            raise RequestRefused(400, error.code, str(error)) from error
        return ProposalOut.model_validate(asdict(found))

    @routes.post("/api/quarantine/adopt", response_model=MovedOut, responses=_ERRORS)
    async def adopt(body: AdoptBody) -> MovedOut:
        """Declare a table until the next start, and move what waits for it; the settings file declares it for good."""
        try:
            moved = await parts.adoption.adopt(body.source, body.definition.table(body.name))
        except ConfigError as error:
            raise RequestRefused(400, error.code, str(error)) from error
        reasons = [f"{one.column or 'row'} {one.value}: {one.message}" for one in moved.refusals]
        return MovedOut(table=moved.table, rows=moved.rows, waiting=moved.waiting, stayed=moved.stayed, reasons=reasons)

    return routes
