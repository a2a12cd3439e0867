"""What became of rows and of lines that were handed in."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field


class RefusalOut(BaseModel):
    """A value that was not kept (``column`` set; its row was), or a row that was not (``column`` null)."""

    row: int
    table: str
    column: str | None
    value: str
    reason: str
    message: str


class ReceiptOut(BaseModel):
    """What became of a delivery; it is durable."""

    accepted: int
    duplicate: bool
    refused: list[RefusalOut] = Field(description="The first of what is not in the table and column that it was meant for.")
    refused_total: int
    quarantined: int = Field(description="How many of these (unknown_table, unknown_column) are kept in quarantine.")
    noted: dict[str, int] = Field(description="Reason to number of values kept as null or marked.")


class LineRefusalOut(RefusalOut):
    """A value or a line that was not kept; ``line`` counts from 1."""

    line: int


class LinesRefusedOut(BaseModel):
    """Why lines were refused, in the words of InfluxDB and QuestDB: ``code``, ``message`` and ``line``, which counts from 1."""

    code: str
    message: str
    line: int | None = None
    accepted: int = 0
    refused_total: int = 0
    refused: list[LineRefusalOut] = Field(default_factory=list[LineRefusalOut], description="The first refusals.")


class QuestDBSettingsOut(BaseModel):
    """What QuestDB's clients ask before they write."""

    config: dict[str, Any]
