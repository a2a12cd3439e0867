"""A panel and a dashboard as data: the web, Grafana and the console render the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tapewatch.clock import US_PER_S
from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode, Query
from tapewatch.model.tables import TABLES
from tapewatch.query.plan import bucket_for
from tapewatch.query.wire import query_to_json

SPARK_POINTS = 60
_TAGS = {table.name: (*table.tags, "source") for table in TABLES}


class PanelKind(StrEnum):
    """How a panel is drawn."""

    LINE = "line"
    STAT = "stat"
    TABLE = "table"
    TIMELINE = "timeline"
    HEATMAP = "heatmap"
    HISTOGRAM = "histogram"
    MARKS = "marks"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Snippet:
    """One way to feed an empty panel; ``language`` is python, curl or toml, ``code`` works as it stands."""

    language: str
    code: str


@dataclass(frozen=True, slots=True)
class Empty:
    """What a panel says before anything arrived: what is missing, and how to feed it; ``is_fine`` where nothing is good news."""

    sentence: str
    snippets: tuple[Snippet, ...] = ()
    is_fine: bool = False


@dataclass(frozen=True, slots=True)
class PanelQuery:
    """A question without its range, which comes from the page.

    Attributes:
        table: Which table.
        measures: For aggregates.
        group_by: Tags.
        mode: Shape of the answer.
        columns: For latest and rows.
        is_bucketed: Whether time is cut into buckets that fit the picture.
        bucket_s: Narrowest bucket in seconds; sums per bucket keep a width that people can read.
        filters: Beside those of the page's variables.
        order_by: As in `tapewatch.model.query.Query`.
        limit: Most rows.
        last_s: A look back of its own, in seconds, instead of the page's range; its title must say so.
    """

    table: str
    measures: tuple[Measure, ...] = ()
    group_by: tuple[str, ...] = ()
    mode: Mode = Mode.AGGREGATE
    columns: tuple[str, ...] = ()
    is_bucketed: bool = False
    bucket_s: int = 1
    filters: tuple[Filter, ...] = ()
    order_by: str = ""
    limit: int | None = None
    last_s: int | None = None

    def question(self, start_us: int, end_us: int, variables: Mapping[str, Sequence[str]], points: int) -> Query:
        """The question for a range and the page's variables (tag to allowed values; an empty list means all)."""
        begin_us = start_us if self.last_s is None else end_us - self.last_s * US_PER_S
        known = _TAGS.get(self.table, ())
        chosen = tuple(Filter(tag, Comparison.IN, tuple(values)) for tag, values in sorted(variables.items()) if values and tag in known)
        bucket_us = max(bucket_for(end_us - begin_us, points), self.bucket_s * US_PER_S) if self.is_bucketed else None
        if bucket_us is not None:
            # whole buckets only: a half bucket at the left edge would read as a fall
            begin_us -= begin_us % bucket_us
        return Query(
            table=self.table,
            start_us=begin_us,
            end_us=end_us,
            mode=self.mode,
            measures=self.measures,
            columns=self.columns,
            group_by=self.group_by,
            bucket_us=bucket_us,
            filters=(*self.filters, *chosen),
            order_by=self.order_by,
            limit=self.limit,
        )

    def to_json(self) -> dict[str, Any]:
        """The question's template as plain data."""
        data = query_to_json(self.question(0, US_PER_S, {}, 1), with_range=False)
        data.pop("bucket_s", None)
        if self.is_bucketed:
            data["bucket_s"] = "auto"
        return data


def distribution(table: str, column: str, key: tuple[str, ...]) -> PanelQuery:
    """How the values of a column are distributed over the range, with the quantiles that people ask for."""
    shares = (0.5, 0.95, 0.99)
    quantiles = (Measure(Function.QUANTILE, column, share, alias=f"p{share * 100:.0f}") for share in shares)
    return PanelQuery(table, (Measure(Function.BUCKETS, column, alias="distribution"), *quantiles), key)


def newest(table: str, key: tuple[str, ...], column: str) -> PanelQuery:
    """One value of the newest row of each series: null when that row has none, never the last one that had."""
    return PanelQuery(table, mode=Mode.LATEST, columns=(*key, column), group_by=key)


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture on a dashboard.

    Attributes:
        id: Unique in its dashboard; part of addresses.
        title: In sentence case.
        kind: How it is drawn.
        sentence: What it shows, for the tooltip and documents.
        width: Columns of 24.
        height: Rows of 40 px.
        empty: What it says before anything arrived.
        query: What it asks; None for a panel that shows the verdicts.
        spark: A bucketed question by the same tags for small curves.
        unit: Overrides the unit of the measures.
        options: For its kind: see ``ui/src/panels``.
    """

    id: str
    title: str
    kind: PanelKind
    sentence: str
    width: int
    height: int
    empty: Empty
    query: PanelQuery | None = None
    spark: PanelQuery | None = None
    unit: str = ""
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def question(self, start_us: int, end_us: int, variables: Mapping[str, Sequence[str]], points: int) -> Query | None:
        """What the panel asks for a range; None for a panel of verdicts."""
        return self.query.question(start_us, end_us, variables, points) if self.query else None

    def spark_question(self, start_us: int, end_us: int, variables: Mapping[str, Sequence[str]]) -> Query | None:
        """The question behind the small curves; None when it has none."""
        return self.spark.question(start_us, end_us, variables, SPARK_POINTS) if self.spark else None

    def to_json(self) -> dict[str, Any]:
        """The panel as plain data."""
        return {
            "id": self.id,
            "title": self.title,
            "kind": self.kind,
            "sentence": self.sentence,
            "width": self.width,
            "height": self.height,
            "empty": {
                "sentence": self.empty.sentence,
                "snippets": [{"language": snippet.language, "code": snippet.code} for snippet in self.empty.snippets],
                "is_fine": self.empty.is_fine,
            },
            "query": self.query.to_json() if self.query else None,
            "unit": self.unit or None,
            "last_s": self.query.last_s if self.query else None,
            "options": dict(self.options),
        }


class Stage(StrEnum):
    """The three steps in which a page is read, from the top."""

    VERDICT = "verdict"
    CHANGE = "change"
    WORST = "worst"


@dataclass(frozen=True, slots=True)
class Question:
    """What a trader asks of a page, and the panels that answer it; its text stands above them.

    Attributes:
        stage: Where in the reading it belongs.
        text: In the trader's words, with a question mark.
        answered_by: Ids of panels, in reading order.
    """

    stage: Stage
    text: str
    answered_by: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The question as plain data."""
        return {"stage": self.stage, "text": self.text, "answered_by": list(self.answered_by)}


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page: read top-down as verdict, change, worst.

    Attributes:
        id: Part of the address.
        title: One or two words.
        sentence: The question it answers.
        variables: Tags that the page offers as filters, ``env`` first.
        panels: In reading order.
        subject: The tag of which this page shows one value; empty for a page of the rail.
        within: Tags that must be chosen too, where the subject alone is no one thing.
        questions: What the panels answer, in reading order; empty for a page without headings.
    """

    id: str
    title: str
    sentence: str
    variables: tuple[str, ...]
    panels: tuple[Panel, ...]
    subject: str = ""
    within: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The dashboard as plain data."""
        return {
            "id": self.id,
            "title": self.title,
            "sentence": self.sentence,
            "variables": list(self.variables),
            "subject": self.subject or None,
            "within": list(self.within),
            "variable_tables": {tag: self.table_of(tag) for tag in self.variables},
            "questions": [question.to_json() for question in self.questions],
            "panels": [panel.to_json() for panel in self.panels],
        }

    def table_of(self, tag: str) -> str:
        """The first table of its panels that has a tag: where its values are looked up; empty when none has it."""
        return next((panel.query.table for panel in self.panels if panel.query and tag in _TAGS.get(panel.query.table, ())), "")

    @property
    def tables(self) -> frozenset[str]:
        """Tables that its panels ask."""
        return frozenset(panel.query.table for panel in self.panels if panel.query)
