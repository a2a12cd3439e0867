"""Ways to connect a source, and what was found near."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from tapewatch.sources.nearby.base import State
from tapewatch.surfaces.web.schemas.words import word


class WayOut(BaseModel):
    """Something to copy that connects something."""

    title: str
    sentence: str
    language: str
    code: str


class NeighbourOut(BaseModel):
    """What is known of one kind of system on this host."""

    name: str
    title: str
    ports: list[int] = Field(description="Where it was asked.")
    state: Annotated[str, word(State)] = Field(description="What the most telling address said.")
    address: str
    evidence: str
    remark: str = Field(description="What cannot be done with it, and why; empty unless it was found.")
    offers: list[WayOut]


class ConnectOut(BaseModel):
    """What stands beside tapewatch on this host, and the ways in."""

    is_on: bool = Field(description="Whether the settings allow to look around on this host.")
    at_us: int | None = Field(description="When it was asked.")
    took_ms: float | None
    settings_file: str | None = Field(
        description="The file that tables of settings belong into; null when the server was started without one."
    )
    neighbours: list[NeighbourOut]
    ways: list[WayOut]
