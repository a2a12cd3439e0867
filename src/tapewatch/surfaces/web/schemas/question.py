"""A question as it is asked."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, WithJsonSchema

from tapewatch.model.query import Comparison, Function, Mode
from tapewatch.surfaces.web.schemas.strict import Strict
from tapewatch.surfaces.web.schemas.words import word


class RangeBody(Strict):
    """The last ``last_s`` seconds, or from ``start_us`` to ``end_us``, or from ``start`` to ``end`` in ISO 8601 with an offset."""

    last_s: float | None = None
    start_us: int | None = None
    end_us: int | None = None
    start: str | None = None
    end: str | None = None


class MeasureBody(Strict):
    """One computed column."""

    function: Annotated[str, word(Function)]
    column: str = ""
    argument: str | float | None = Field(default=None, description="The fraction of a quantile, or the word of time_in_state.")
    over: list[MeasureBody] = Field(default_factory=list["MeasureBody"], description="For a ratio: numerator and denominator.")
    alias: str = ""


class FilterBody(Strict):
    """Rows whose column compares so with the values."""

    column: str
    comparison: Annotated[str, word(Comparison)] = "in"
    values: list[str | float | bool] = Field(default_factory=list[str | float | bool])


class QueryBody(Strict):
    """One question to one table over a half-open range of time."""

    table: str
    range: RangeBody = Field(default_factory=RangeBody, description="Which stretch of time; the last hour when nothing is given.")
    mode: Annotated[str, word(Mode)] = "aggregate"
    measures: list[MeasureBody] = Field(default_factory=list[MeasureBody])
    columns: list[str] = Field(default_factory=list[str])
    group_by: list[str] = Field(default_factory=list[str])
    bucket_s: float | Annotated[str, WithJsonSchema({"const": "auto"})] | None = Field(
        default=None, description='Width of a time bucket in seconds, or "auto".'
    )
    filters: list[FilterBody] = Field(default_factory=list[FilterBody])
    order_by: str = Field(default="", description="A column of the answer, with - in front for largest first.")
    limit: int | None = None
    cursor: str | None = Field(default=None, description="For mode rows: the cursor of the page before.")
    shift_s: float = Field(default=0, description="Ask for the same range this many seconds earlier.")
