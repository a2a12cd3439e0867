"""``/api/connect``: what stands beside tapewatch on this host, and the ways in."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response

from tapewatch.sources.nearby.base import Neighbour
from tapewatch.surfaces.ways import WAYS
from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.schemas.connect import ConnectOut, NeighbourOut, WayOut

_AGAIN = "Ask anew instead of giving an answer of the last minute again; still at most every five seconds."


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["read"])
    ways = [WayOut.model_validate(asdict(way)) for way in WAYS]

    @routes.get("/api/connect")
    async def read_connect(response: Response, *, again: Annotated[bool, Query(description=_AGAIN)] = False) -> ConnectOut:
        """What listens at usual ports of this host, and what connects it; nothing beyond this host is ever asked."""
        response.headers["Cache-Control"] = "no-store"
        look = await parts.nearby.look(again=again)
        return ConnectOut(
            is_on=parts.nearby.is_on,
            at_us=look.at_us if look else None,
            took_ms=look.took_ms if look else None,
            settings_file=parts.settings_file or None,
            neighbours=[_told(one) for one in look.neighbours] if look else [],
            ways=ways,
        )

    return routes


def _told(neighbour: Neighbour) -> NeighbourOut:
    ports = [door.port for door in neighbour.kind.doors]
    offers = [WayOut.model_validate(asdict(offer)) for offer in neighbour.offers]
    answer = neighbour.answer
    return NeighbourOut(
        name=neighbour.kind.name,
        title=neighbour.kind.title,
        ports=ports,
        state=answer.state,
        address=answer.address,
        evidence=answer.evidence,
        remark=neighbour.remark,
        offers=offers,
    )
