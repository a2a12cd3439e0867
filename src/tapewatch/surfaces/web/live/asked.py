"""What a topic asks: one panel, one free question or the verdicts, under one window and one set of variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from tapewatch.errors import QueryError
from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode, Query
from tapewatch.model.rows import NULL_TIME, Coded, RowBatch
from tapewatch.model.table import Table
from tapewatch.query.envelope import enveloped
from tapewatch.query.run import MOST_AHEAD_US
from tapewatch.query.wire import query_from_json
from tapewatch.store.base import LOOK_BACK_US
from tapewatch.surfaces.dashboards.panel import Dashboard, Panel, PanelKind
from tapewatch.surfaces.web.live.messages import Subscribe, Window

VERDICTS = "verdicts"
_POINTS_PER_COLUMN = 30
_MOST_POINTS = 720
_NAME_BYTES = 32 * 1024
_COMPARED: Mapping[Comparison, Callable[[Any, Any], npt.NDArray[np.bool_]]] = {
    Comparison.LT: np.less,
    Comparison.LE: np.less_equal,
    Comparison.GT: np.greater,
    Comparison.GE: np.greater_equal,
}
_LOOKING_BACK = frozenset({Function.RATE, Function.DELTA, Function.TIME_IN_STATE})


@dataclass(frozen=True, slots=True)
class Asked:
    """The subject of a topic.

    Attributes:
        key: The same text for every subscription that is to see the same, whichever panel of whichever dashboard it is.
        table: Table asked; `VERDICTS` for the verdicts.
        window: The stretch of time shown.
        variables: Tag to allowed values.
        question: Builds the question for a start and an end; None for the verdicts.
        spark: Builds the question behind small curves; None when there are none.
        subject: For verdicts: only series that have this tag; empty for all.
        is_chart: Whether its numbers are drawn over time, with the extremes of each bucket.
    """

    key: str
    table: str
    window: Window
    variables: Mapping[str, Sequence[str]]
    question: Callable[[int, int], Query] | None = None
    spark: Callable[[int, int], Query | None] | None = None
    subject: str = ""
    is_chart: bool = False

    def query(self, now_us: int, catalog: Mapping[str, Table]) -> Query | None:
        """The question as of now, on whole buckets; None for the verdicts."""
        if self.question is None:
            return None
        query = self.question(*self.window.at(now_us))
        if self.is_chart and query.table in catalog:
            query = enveloped(query, catalog[query.table])
        is_moving = self.window.last_us is not None
        if query.mode is Mode.AGGREGATE and query.bucket_us is None:
            return query  # to the moment: a state that lasts would be counted into the future
        if query.bucket_us is not None:
            bucket_us = query.bucket_us
            last_us = query.end_us if is_moving else query.end_us - 1
            return replace(query, start_us=query.start_us // bucket_us * bucket_us, end_us=(last_us // bucket_us + 1) * bucket_us)
        return replace(query, end_us=query.end_us + MOST_AHEAD_US) if is_moving else query

    def spark_query(self, now_us: int) -> Query | None:
        """The question behind the small curves, if any."""
        return self.spark(*self.window.at(now_us)) if self.spark else None


def asked_for(message: Subscribe, dashboards: Mapping[str, Dashboard], now_us: int) -> Asked:
    """What a subscription asks for.

    Raises:
        QueryError: There is no such dashboard or panel, or the question cannot be read.
    """
    window = Window.of(message.range)
    variables = {tag: tuple(sorted(set(values))) for tag, values in sorted(message.vars.items()) if values}
    if message.query is not None:
        return _free(message.query, window, now_us)
    dashboard = dashboards.get(message.dashboard)
    if dashboard is None:
        raise QueryError(f"there is no dashboard {message.dashboard!r}; there are {', '.join(dashboards)}", position="dashboard")
    panel = next((panel for panel in dashboard.panels if panel.id == message.panel), None)
    if panel is None:
        known = ", ".join(panel.id for panel in dashboard.panels)
        raise QueryError(f"dashboard {dashboard.id} has no panel {message.panel!r}; it has {known}", position="panel")
    return _panel(dashboard, panel, window, variables)


def _panel(dashboard: Dashboard, panel: Panel, window: Window, variables: Mapping[str, Sequence[str]]) -> Asked:
    template = panel.query
    if template is None:
        if panel.options.get("source") != VERDICTS:
            raise QueryError(f"panel {panel.id} of {dashboard.id} shows no data", position="panel")
        key = _key(VERDICTS, [dashboard.subject, window, variables])
        return Asked(key, VERDICTS, window, variables, subject=dashboard.subject)
    points = min(_MOST_POINTS, panel.width * _POINTS_PER_COLUMN)

    def question(start_us: int, end_us: int) -> Query:
        return template.question(start_us, end_us, variables, points)

    def spark(start_us: int, end_us: int) -> Query | None:
        return panel.spark_question(start_us, end_us, variables)

    is_chart = panel.kind is PanelKind.LINE
    # by what is asked: a variable that its table does not have makes no other answer
    key = _key("panel", [window, is_chart, *(asked(*window.at(0)) for asked in (question, spark))])
    return Asked(key, template.table, window, variables, question, spark if panel.spark else None, is_chart=is_chart)


def _free(data: Mapping[str, object], window: Window, now_us: int) -> Asked:
    template = {name: value for name, value in data.items() if name != "range"}

    def question(start_us: int, end_us: int) -> Query:
        return query_from_json({**template, "range": {"start_us": start_us, "end_us": end_us}}, end_us)

    table = question(*window.at(now_us)).table
    return Asked(_key("query", [template, window]), table, window, {}, question, is_chart=True)


def _key(kind: str, parts: list[object]) -> str:
    key = orjson.dumps([kind, *parts], option=orjson.OPT_SORT_KEYS)
    if len(key) > _NAME_BYTES:
        raise QueryError(f"the question has {len(key)} bytes; {_NAME_BYTES} are allowed")
    return key.decode()


def touches(query: Query, batch: RowBatch, *, is_moving: bool) -> int | None:
    """The earliest moment (in the answer's time) at which a batch changes the answer; None when it cannot.

    Tag filters are compared with the batch's words, filters on numbers and times with those of the batch; others are not looked at. A
    moving window has no end yet.
    """
    for item in query.filters:
        column = batch.columns.get(item.column)
        if isinstance(column, Coded) and not _may_match(item, column.values):
            return None
        if isinstance(column, np.ndarray) and not _may_pass(item, column):
            return None
    times = batch.array("ts") + query.shift_us
    # a row a little before the range is what the first one in it is compared with
    first_us = query.start_us - (LOOK_BACK_US if any(map(_looks_back, query.measures)) else 0)
    inside = times >= first_us if is_moving else (times >= first_us) & (times < query.end_us)
    return max(query.start_us, int(np.min(times[inside]))) if inside.any() else None


def _looks_back(measure: Measure) -> bool:
    return measure.function in _LOOKING_BACK or any(map(_looks_back, measure.over))


def _may_pass(item: Filter, values: npt.NDArray[Any]) -> bool:
    """Whether some of a batch's numbers or times may pass."""
    if item.comparison in _COMPARED:
        return bool(_COMPARED[item.comparison](values, item.values[0]).any())
    if item.comparison is Comparison.NOT_NULL and values.dtype == np.int64:
        return bool((values != NULL_TIME).any())
    return True


def _may_match(item: Filter, words: Sequence[str]) -> bool:
    if item.comparison in {Comparison.IN, Comparison.EQ}:
        return any(word in item.values for word in words)
    if item.comparison in {Comparison.NOT_IN, Comparison.NE}:
        return any(word not in item.values for word in words)
    return True
