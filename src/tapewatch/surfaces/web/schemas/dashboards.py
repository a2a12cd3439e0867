"""Dashboards and their panels."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from tapewatch.surfaces.dashboards.panel import Stage
from tapewatch.surfaces.web.schemas.words import word


class SnippetOut(BaseModel):
    """One way to feed an empty panel."""

    language: str
    code: str


class EmptyOut(BaseModel):
    """What a panel says before anything arrived."""

    sentence: str
    snippets: list[SnippetOut]
    is_fine: bool = Field(description="Whether nothing is good news.")


class PanelOut(BaseModel):
    """One picture on a dashboard."""

    id: str
    title: str
    kind: str
    sentence: str
    width: int
    height: int
    empty: EmptyOut
    query: dict[str, Any] | None
    unit: str | None
    last_s: int | None = Field(description="A look back of its own in seconds, whatever the page's range.")
    options: dict[str, Any]


class QuestionOut(BaseModel):
    """What a trader asks of a page, and the ids of the panels that answer it."""

    stage: Annotated[str, word(Stage)]
    text: str
    answered_by: list[str]


class DashboardOut(BaseModel):
    """One page."""

    id: str
    title: str
    sentence: str
    variables: list[str]
    subject: str | None = Field(description="The tag of which this page shows one value; null for a page of the rail.")
    within: list[str] = Field(description="Tags that must be chosen too, where the subject alone is no one thing.")
    variable_tables: dict[str, str]
    questions: list[QuestionOut] = Field(description="In reading order: verdict, change, worst; empty for a page without headings.")
    panels: list[PanelOut]


class DashboardsOut(BaseModel):
    """All dashboards in the order of the rail."""

    dashboards: list[DashboardOut]
    marks: DashboardOut = Field(description="Not a page: each panel asks for one kind of event that charts mark.")
    token_needed: bool = Field(description="Whether programs have to send a token.")
