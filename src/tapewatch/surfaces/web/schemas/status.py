"""How the server and what it watches are."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, WithJsonSchema

from tapewatch.surfaces.web.schemas.words import StatusWord


class DashboardStatusOut(BaseModel):
    """Worst status of the series that a dashboard shows, and how many are degraded or down."""

    status: StatusWord
    wrong: int


class StoreStateOut(BaseModel):
    """Whether the store takes rows."""

    state: Annotated[str, WithJsonSchema({"type": "string", "enum": ["ok", "down"]})]
    is_full: bool = Field(default=False, description="Whether it is down because its disk is full: it can be read.")
    since_us: int | None = None
    message: str | None = None


class IngestOut(BaseModel):
    """When the newest row came."""

    newest_us: int | None


class HostClockOut(BaseModel):
    """What this host says of its clock."""

    synchronised: bool | None
    error_ms: float | None


class StatusOut(BaseModel):
    """The state of everything; also sent live every second."""

    server_time_us: int
    dashboards: dict[str, DashboardStatusOut]
    store: StoreStateOut
    ingest: IngestOut
    clock: HostClockOut
    simulated: bool


class HealthOut(BaseModel):
    """Whether the server is well; the reasons when it is not. In the words of InfluxDB's clients, which ask here too."""

    name: str
    status: Annotated[str, WithJsonSchema({"type": "string", "enum": ["pass", "fail"]})]
    message: str
    reasons: list[str]
