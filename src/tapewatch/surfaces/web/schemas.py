"""The records of the HTTP interface, for its description (``/openapi.json``) and for strict reading of questions."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from tapewatch.model.query import Comparison, Function, Mode
from tapewatch.model.table import Kind, Status
from tapewatch.settings import TableSettings
from tapewatch.sources.nearby.base import State
from tapewatch.surfaces.dashboards.panel import Stage


def _word(words: type[StrEnum]) -> WithJsonSchema:
    """One of the words of an enumeration; `tapewatch.query.wire` refuses others by name."""
    return WithJsonSchema({"type": "string", "enum": [str(word) for word in words]})


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class RangeBody(_Strict):
    """The last ``last_s`` seconds, or from ``start_us`` to ``end_us``, or from ``start`` to ``end`` in ISO 8601 with an offset."""

    last_s: float | None = None
    start_us: int | None = None
    end_us: int | None = None
    start: str | None = None
    end: str | None = None


class MeasureBody(_Strict):
    """One computed column."""

    function: Annotated[str, _word(Function)]
    column: str = ""
    argument: str | float | None = Field(default=None, description="The fraction of a quantile, or the word of time_in_state.")
    over: list[MeasureBody] = Field(default_factory=list["MeasureBody"], description="For a ratio: numerator and denominator.")
    alias: str = ""


class FilterBody(_Strict):
    """Rows whose column compares so with the values."""

    column: str
    comparison: Annotated[str, _word(Comparison)] = "in"
    values: list[str | float | bool] = Field(default_factory=list[str | float | bool])


class QueryBody(_Strict):
    """One question to one table over a half-open range of time."""

    table: str
    range: RangeBody = Field(default_factory=RangeBody, description="Which stretch of time; the last hour when nothing is given.")
    mode: Annotated[str, _word(Mode)] = "aggregate"
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


StatusWord = Annotated[str, _word(Status)]
KindWord = Annotated[str, _word(Kind)]


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


class RetireBody(_Strict):
    """Which series have stopped for good, or are to be judged again: those of a table that have these values of its tags."""

    table: str
    tags: dict[str, str] = Field(description="Tag, or source, to its value; at least one.")
    why: str = Field(default="", max_length=200, description="What people read beside it.")


class RetireOut(BaseModel):
    """The series that were meant."""

    series: list[dict[str, str]] = Field(description="Their tags and source.")


class MovedOut(BaseModel):
    """What became of rows in quarantine."""

    table: str
    rows: int = Field(description="Rows that the table took.")
    waiting: int = Field(description="Of these, rows whose other columns still wait.")
    stayed: int = Field(description="Rows that stay because something of them would have been refused.")
    reasons: list[str] = Field(description="Why, for some of them.")


class ErrorInside(BaseModel):
    """What went wrong."""

    code: str
    message: str


class ErrorOut(BaseModel):
    """The one form of every error."""

    error: ErrorInside


class ValuesOut(BaseModel):
    """Values of a tag, for a choice."""

    values: list[str]


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

    stage: Annotated[str, _word(Stage)]
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
    state: Annotated[str, _word(State)] = Field(description="What the most telling address said.")
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


class HealthOut(BaseModel):
    """Whether the server is well; the reasons when it is not. In the words of InfluxDB's clients, which ask here too."""

    name: str
    status: Annotated[str, WithJsonSchema({"type": "string", "enum": ["pass", "fail"]})]
    message: str
    reasons: list[str]


class BackupBody(_Strict):
    """Where a backup is to be written."""

    directory: str


class BackupFileOut(BaseModel):
    """One file of a backup."""

    name: str
    bytes: int
    sha256: str


class ManifestOut(BaseModel):
    """What a backup holds; also in its ``manifest.json``."""

    store: str
    format: int
    tapewatch: str
    taken_at: str
    rows: int
    rows_by_table: dict[str, int]
    files: list[BackupFileOut]


class BackupOut(BaseModel):
    """How the last backup went, or goes."""

    state: Annotated[str, WithJsonSchema({"type": "string", "enum": ["none", "running", "done", "failed"]})]
    directory: str | None = None
    since_us: int | None = None
    took_s: float | None = None
    message: str | None = None
    manifest: ManifestOut | None = None
