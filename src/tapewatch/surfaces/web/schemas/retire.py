"""Series that have stopped for good."""

from __future__ import annotations

from pydantic import BaseModel, Field

from tapewatch.surfaces.web.schemas.strict import Strict


class RetireBody(Strict):
    """Which series have stopped for good, or are to be judged again: those of a table that have these values of its tags."""

    table: str
    tags: dict[str, str] = Field(description="Tag, or source, to its value; at least one.")
    why: str = Field(default="", max_length=200, description="What people read beside it.")


class RetireOut(BaseModel):
    """The series that were meant."""

    series: list[dict[str, str]] = Field(description="Their tags and source.")
