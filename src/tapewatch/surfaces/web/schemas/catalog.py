"""Tables, their columns, units and values."""

from __future__ import annotations

from pydantic import BaseModel, Field

from tapewatch.surfaces.web.schemas.frame import StateOut, ThresholdsOut
from tapewatch.surfaces.web.schemas.words import KindWord


class ValuesOut(BaseModel):
    """Values of a tag, for a choice."""

    values: list[str]


class CatalogColumnOut(BaseModel):
    """One column of a table."""

    name: str
    kind: KindWord
    unit: str
    sentence: str
    nullable: bool
    minimum: float | None
    maximum: float | None
    functions: list[str] = Field(description="Functions of a measure that take this column.")
    states: list[StateOut]
    thresholds: ThresholdsOut | None


class TableOut(BaseModel):
    """One table."""

    name: str
    sentence: str
    retention: str
    columns: list[CatalogColumnOut]


class UnitOut(BaseModel):
    """One unit: how a number of it is written."""

    name: str
    suffix: str
    decimals: int
    scale: str
    per_unit_s: float


class CatalogOut(BaseModel):
    """All tables and units."""

    tables: list[TableOut]
    units: dict[str, UnitOut]
