"""An answered question."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field, WithJsonSchema

from tapewatch.surfaces.web.schemas.words import KindWord, StatusWord


class ThresholdsOut(BaseModel):
    """Where a number stops being fine."""

    degraded: float | None
    down: float | None
    above: bool


class StateOut(BaseModel):
    """A word of a state column and the status it means."""

    name: str
    status: StatusWord


class ColumnOut(BaseModel):
    """One column of a frame; values stand row by row."""

    name: str
    kind: KindWord
    unit: str
    sentence: str
    values: list[Any]
    status: list[StatusWord | None] | None = None
    thresholds: ThresholdsOut | None = None
    bad: bool | None = None
    states: list[StateOut] | None = None
    gamma: float | None = Field(
        default=None,
        description="For distributions: a value counts under index i when it lies in (gamma^(i-1), gamma^i]; below 1e-6 it is 0.",
    )
    of: str = Field(default="", description="The table's column that it shows or is computed from.")
    by_clock: bool = Field(default=False, description="Whether values were measured with a host's wall clock and carry its error.")
    notes: dict[str, str] | None = Field(default=None, description="Row index to the reason why its value is null or marked.")


class HoleOut(BaseModel):
    """A stretch without rows where rows were expected."""

    start_us: int
    end_us: int
    why: str


class SeriesOut(BaseModel):
    """One series of a frame and its verdict."""

    key: dict[str, str]
    sources: list[str]
    status: StatusWord
    reason: str
    since_us: int | None
    newest_us: int | None
    expected_us: int | None
    stale: bool
    about: str = Field(description="The number past its line, when that is the worst finding; empty when it is the series itself.")
    own: bool = Field(description="Whether it is about tapewatch itself and its host.")
    holes: list[HoleOut]


class RetiredOut(BaseModel):
    """A series that has stopped for good: out of verdicts and newest rows until it speaks again."""

    table: str
    key: dict[str, str]
    sources: list[str]
    newest_us: int
    retired_us: int
    why: str


class FrameOut(BaseModel):
    """An answer, column-wise. Times are microseconds since 1970, UTC; ranges and buckets are half-open."""

    table: str
    columns: list[ColumnOut]
    rows: int
    series: list[SeriesOut]
    start_us: int = Field(description="Begin of what is shown: as asked, or with the bucket of a summary, where its rows are gone.")
    end_us: int = Field(description="End of it, exclusive, likewise.")
    bucket_us: int | None
    newest_us: int | None
    as_of_us: int
    query_ms: float
    rows_behind: int | None
    tier: str
    truncated: bool
    cursor: str | None
    state: Annotated[str, WithJsonSchema({"type": "string", "enum": ["live", "last_good"]})]
    error: str | None
    unsynchronised: dict[str, float | None] = Field(description="Hosts whose clock is not synchronised, and its largest error in ms.")
    retired: list[RetiredOut] = Field(description="Series that have stopped for good; neither among ``series`` nor among newest rows.")
    spark: FrameOut | None
