"""Rows outside the catalogue, and their adoption."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from tapewatch.settings import TableSettings


class ProposalOut(BaseModel):
    """How a table could be declared that rows in quarantine wait for."""

    table: str = Field(description="Name of the table that would be declared.")
    toml: str = Field(description="Its lines for the settings file.")
    rows: int = Field(description="Rows in quarantine that it was read from.")
    columns: list[str] = Field(description="Columns that it declares.")
    extends: bool = Field(description="Whether the table is declared already and only gets these columns.")
    left_out: dict[str, str] = Field(description="Columns that cannot be declared, with the reason.")


class AdoptBody(BaseModel):
    """Which rows to take out of quarantine, and the table that takes them."""

    model_config = ConfigDict(extra="forbid")
    source: str = Field(description="Table that the rows came for.")
    name: str = Field(description="Table that takes them.")
    definition: TableSettings = Field(description="Its declaration, as in the settings.")


class MovedOut(BaseModel):
    """What became of rows in quarantine."""

    table: str
    rows: int = Field(description="Rows that the table took.")
    waiting: int = Field(description="Of these, rows whose other columns still wait.")
    stayed: int = Field(description="Rows that stay because something of them would have been refused.")
    reasons: list[str] = Field(description="Why, for some of them.")
