"""The answer as every surface gets it: columns with units, verdicts, source, age and newest row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import orjson

from tapewatch.model.query import RATE_SECONDS, Function, Measure, Query
from tapewatch.model.rows import NULL_FLAG, NULL_TIME, Coded, TypedColumn
from tapewatch.model.sketch import GAMMA
from tapewatch.model.table import Column, FlagRule, Kind, State, Status, Table, Thresholds
from tapewatch.query.group import Retired
from tapewatch.query.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch of a series without rows where rows were expected."""

    start_us: int
    end_us: int
    why: str


@dataclass(frozen=True, slots=True)
class FrameColumn:
    """One column of an answer, with all that is needed to show it.

    Attributes:
        name: Its name in the answer.
        kind: Of the values.
        unit: Name of the unit.
        sentence: What it is, from the catalogue.
        values: As in `tapewatch.model.rows.RowBatch`.
        thresholds: Where numbers stop being fine; drawn by charts.
        flag_rule: For flags.
        states: For states, best first.
        status: Verdict per cell, where the page shows one; None else.
        notes: Position of a null to the reason why.
        of: The table's column that it shows or is computed from; empty for a count of rows.
        by_clock: Whether its values were measured with the wall clock of a host, and carry that clock's error.
    """

    name: str
    kind: Kind
    unit: str
    sentence: str
    values: TypedColumn
    thresholds: Thresholds | None = None
    flag_rule: FlagRule | None = None
    states: tuple[State, ...] = ()
    status: tuple[Status | None, ...] | None = None
    notes: dict[int, str] = field(default_factory=dict[int, str])
    of: str = ""
    by_clock: bool = False

    def to_json(self) -> dict[str, Any]:
        """The column as plain data; nulls are None."""
        data: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "unit": self.unit,
            "sentence": self.sentence,
            "values": plain(self.values, self.kind),
        }
        if self.thresholds is not None:
            data["thresholds"] = {"degraded": self.thresholds.degraded, "down": self.thresholds.down, "above": self.thresholds.above}
        if self.flag_rule is not None:
            data["bad"] = self.flag_rule.bad
        if self.states:
            data["states"] = [{"name": state.name, "status": state.status} for state in self.states]
        if self.status is not None:
            data["status"] = self.status
        if self.kind is Kind.SKETCH:
            data["gamma"] = GAMMA
        if self.of:
            data["of"] = self.of
        if self.by_clock:
            data["by_clock"] = True
        if self.notes:
            data["notes"] = {str(row): reason for row, reason in self.notes.items()}
        return data


@dataclass(frozen=True, slots=True)
class FrameSeries:
    """One series of an answer: who reports it, how it is judged, where it has holes; and whether tapewatch itself is what it is about."""

    verdict: Verdict
    holes: tuple[Hole, ...] = ()
    is_own: bool = False

    def to_json(self) -> dict[str, Any]:
        """The series as plain data."""
        verdict = self.verdict
        return {
            "key": verdict.key,
            "sources": verdict.sources,
            "status": verdict.status,
            "reason": verdict.reason,
            "since_us": verdict.since_us,
            "newest_us": verdict.newest_us,
            "expected_us": verdict.expected_us,
            "stale": verdict.is_stale,
            "about": verdict.about,
            "own": self.is_own,
            "holes": [{"start_us": hole.start_us, "end_us": hole.end_us, "why": hole.why} for hole in self.holes],
        }


@dataclass(frozen=True, slots=True)
class Frame:
    """One answered question.

    Attributes:
        table: Table that was asked.
        columns: Bucket, group-by tags, measures; or the asked columns.
        rows: Number of rows.
        series: Every series the answer is about, those without rows in the range included.
        start_us: Range shown, inclusive: as asked, or from the bucket on that holds the start, where the rows of it are gone.
        end_us: Range shown, exclusive, likewise.
        bucket_us: Width of a bucket; None without buckets.
        newest_us: Newest ``ts`` behind the answer.
        as_of_us: When it was answered, server time.
        query_ms: Milliseconds in the store.
        rows_behind: Stored rows that were read.
        tier: ``raw`` or the rollup that answered.
        is_truncated: Whether the limit cut it.
        cursor: Where the next page begins.
        state: ``live``, or ``last_good`` when the store is away and this is what was known.
        error: Why it is not live.
        spark: A second, bucketed answer for the small curves of tables and tiles.
        unsynchronised: Hosts that measured it whose clock is not synchronised, with its largest error in ms, if known.
        retired: Series that have stopped for good; in neither ``series`` nor the rows of an answer of newest rows.
    """

    table: str
    columns: tuple[FrameColumn, ...]
    rows: int
    series: tuple[FrameSeries, ...]
    start_us: int
    end_us: int
    bucket_us: int | None
    newest_us: int | None
    as_of_us: int
    query_ms: float
    rows_behind: int | None = None
    tier: str = "raw"
    is_truncated: bool = False
    cursor: str | None = None
    state: str = "live"
    error: str | None = None
    spark: Frame | None = None
    unsynchronised: Mapping[str, float | None] = field(default_factory=dict[str, "float | None"])
    retired: tuple[Retired, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The frame as plain data."""
        return {
            "table": self.table,
            "columns": [column.to_json() for column in self.columns],
            "rows": self.rows,
            "series": [series.to_json() for series in self.series],
            "start_us": self.start_us,
            "end_us": self.end_us,
            "bucket_us": self.bucket_us,
            "newest_us": self.newest_us,
            "as_of_us": self.as_of_us,
            "query_ms": round(self.query_ms, 3),
            "rows_behind": self.rows_behind,
            "tier": self.tier,
            "truncated": self.is_truncated,
            "cursor": self.cursor,
            "state": self.state,
            "error": self.error,
            "unsynchronised": dict(self.unsynchronised),
            "retired": [_retired_to_json(one) for one in self.retired],
            "spark": self.spark.to_json() if self.spark else None,
        }

    def encode(self) -> bytes:
        """The frame as JSON bytes; NaN and infinity become null."""
        return orjson.dumps(self.to_json(), option=orjson.OPT_SERIALIZE_NUMPY)

    def column(self, name: str) -> FrameColumn:
        """A column by name.

        Raises:
            KeyError: There is none of this name.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def _retired_to_json(one: Retired) -> dict[str, Any]:
    return {
        "table": one.table,
        "key": one.key,
        "sources": one.sources,
        "newest_us": one.newest_us,
        "retired_us": one.retired_us,
        "why": one.why,
    }


def plain(values: TypedColumn, kind: Kind) -> Any:  # noqa: ANN401 - a list or an array, whichever JSON takes faster
    """Values in a form that JSON takes: nulls are None, words are words, flags are booleans."""
    if isinstance(values, Coded):
        return values.words().tolist()
    if kind is Kind.FLAG:
        return [None if value == NULL_FLAG else bool(value) for value in values.tolist()]
    if kind is Kind.TIME:
        found = values.tolist()
        return [None if value == NULL_TIME else value for value in found] if (values == NULL_TIME).any() else found
    if values.dtype == np.object_:
        return [None if value is None else {str(index): count for index, count in value.items()} for value in values.tolist()]
    return np.ascontiguousarray(values)


BUCKET = Column("bucket", Kind.TIME, "Start of the bucket, UTC; the bucket is half-open.", nullable=False)


def describe(query: Query, table: Table, name: str) -> Column:
    """The definition of an answer's column: of the table's own column, or derived for a measure."""
    if name == "bucket":
        return BUCKET
    for measure in query.measures:
        if measure.name == name:
            return _describe_measure(measure, table)
    return table.column[name]


def _describe_measure(measure: Measure, table: Table) -> Column:
    column = table.column.get(measure.column)
    if measure.function is Function.RATIO:
        return _describe_ratio(measure, table)
    if column is None or measure.function is Function.COUNT:
        return Column(_safe(measure.name), Kind.GAUGE, "Number of rows.", unit="count", thresholds=measure.thresholds)
    keeps_kind = {Function.FIRST, Function.LAST, Function.WORST, Function.MIN, Function.MAX}
    if measure.function in keeps_kind and column.kind in {Kind.FLAG, Kind.STATE, Kind.TIME, Kind.TEXT, Kind.ID, Kind.TAG}:
        return replace(column, thresholds=None)
    if measure.function is Function.BUCKETS:
        return replace(column, kind=Kind.SKETCH)
    rate = "bytes_per_s" if column.unit == "bytes" and measure.argument is None else RATE_SECONDS.get(measure.argument, "per_s")
    unit = {Function.RATE: rate, Function.TIME_IN_STATE: "s"}.get(measure.function, "ratio" if column.kind is Kind.FLAG else column.unit)
    same_meaning = measure.function in {Function.AVG, Function.MIN, Function.MAX, Function.FIRST, Function.LAST, Function.QUANTILE}
    thresholds = measure.thresholds or (column.thresholds if same_meaning else None)
    return Column(_safe(measure.name), Kind.GAUGE, column.sentence, unit=unit, thresholds=thresholds)


def _describe_ratio(measure: Measure, table: Table) -> Column:
    numerator, denominator = (_describe_measure(part, table) for part in measure.over)
    unit = "ratio" if numerator.unit == denominator.unit else "none"
    sentence = f"{numerator.sentence.rstrip('.')} divided by {denominator.sentence[0].lower()}{denominator.sentence[1:]}"
    return Column(_safe(measure.name), Kind.GAUGE, sentence, unit=unit, thresholds=measure.thresholds)


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in name.lower()).strip("_") or "value"


VERDICT_COLUMNS: Sequence[Column] = (
    Column("status", Kind.STATE, "The verdict.", states=tuple(State(status, status) for status in Status)),
    Column("subject", Kind.TEXT, "What is judged: the table and the tags of the series."),
    Column("reason", Kind.TEXT, "Why, in one sentence."),
    Column("since_us", Kind.TIME, "When this began, as far as known."),
    Column("newest_us", Kind.TIME, "Newest row of the series."),
    Column("dashboard", Kind.TEXT, "Where to look."),
)


def verdict_frame(
    verdicts: Sequence[Verdict],
    dashboards: Sequence[str],
    *,
    start_us: int,
    end_us: int,
    as_of_us: int,
    is_own: Callable[[Verdict], bool] = lambda _: False,
    retired: Sequence[Retired] = (),
    limit: int = 200,
) -> Frame:
    """All verdicts as a frame of table ``verdicts``, in the order given (worst first).

    Args:
        verdicts: The judged series.
        dashboards: For each verdict the id of the dashboard to look at.
        start_us: Range of the page.
        end_us: Range of the page.
        as_of_us: Server time.
        is_own: Whether a verdict is about tapewatch itself and its host.
        retired: Series that are left out.
        limit: Rows shown; ``series`` has all, so that the number wrong is right.
    """
    names = subjects(verdicts)
    shown = [(verdict, dashboard) for verdict, dashboard in zip(verdicts, dashboards, strict=True) if verdict.status is not Status.UP][
        :limit
    ]
    values: tuple[TypedColumn, ...] = (
        Coded.of([verdict.status for verdict, _ in shown]),
        Coded.of([names[id(verdict)] for verdict, _ in shown]),
        Coded.of([verdict.reason for verdict, _ in shown]),
        _times([verdict.since_us for verdict, _ in shown]),
        _times([verdict.newest_us for verdict, _ in shown]),
        Coded.of([dashboard for _, dashboard in shown]),
    )
    columns = tuple(
        FrameColumn(column.name, column.kind, column.unit, column.sentence, value, states=column.states)
        for column, value in zip(VERDICT_COLUMNS, values, strict=True)
    )
    statuses = tuple(verdict.status for verdict, _ in shown)
    newest_us = max((verdict.newest_us for verdict in verdicts if verdict.newest_us is not None), default=None)
    return Frame(
        table="verdicts",
        columns=(replace(columns[0], status=statuses), *columns[1:]),
        rows=len(shown),
        series=tuple(FrameSeries(verdict, is_own=is_own(verdict)) for verdict in verdicts),
        start_us=start_us,
        end_us=end_us,
        bucket_us=None,
        newest_us=newest_us,
        as_of_us=as_of_us,
        query_ms=0.0,
        is_truncated=len(shown) == limit,
        retired=tuple(retired),
    )


def subject(verdict: Verdict) -> str:
    """Name a series for people: ``exchange kraken`` or ``feed kraken BTC/USD trade``; the host only where nothing else names it."""
    words = [value for tag, value in verdict.key.items() if tag not in {"env", "host"} and value]
    return " ".join([verdict.table.replace("_", " "), *(words or [verdict.key.get("host", "")])]).strip()


def subjects(verdicts: Sequence[Verdict]) -> dict[int, str]:
    """Names by the verdict's `id`; the host is added where two hosts watch the same thing, then the environment."""
    names = {id(verdict): subject(verdict) for verdict in verdicts}
    for tag, words in (("host", "on"), ("env", "in")):
        counts = Counter(names.values())
        for verdict in verdicts:
            if counts[names[id(verdict)]] > 1 and verdict.key.get(tag):
                names[id(verdict)] += f" {words} {verdict.key[tag]}"
    return names


def _times(values: Sequence[int | None]) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([NULL_TIME if value is None else value for value in values], np.int64)
