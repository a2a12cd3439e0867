"""What can be said about one series: how old its newest row is, and what its judged values mean; the worst of it counts."""

from __future__ import annotations

from tapewatch.model.table import Column, Identity, Kind, Status, Table
from tapewatch.query.deafness import Deafness
from tapewatch.query.group import is_worse
from tapewatch.query.known import Judged, Series
from tapewatch.query.steady import passed_us
from tapewatch.query.verdict import FINE, Finding, duration, judge_age, judge_flag, judge_number, judge_state


def about(table: Table, series: Series, now_s: float, deafness: Deafness) -> tuple[Finding, int | None]:
    """The worst finding about a series of a table at a moment of the monotonic clock, and since when (microseconds, if known)."""
    found: tuple[Finding, int | None] = (FINE, None)
    if table.identity is Identity.MEASUREMENT:
        found = (_silence(series, now_s, deafness), series.newest_us)
    elif series.judged:
        found = (FINE, next(iter(series.judged.values())).since_us)
    for column in series.suspects:
        held = series.judged[column.name]
        finding = _value(table, column, held, series, now_s)
        if is_worse(finding, found[0]):
            found = (finding, held.since_us)
    return found


def _silence(series: Series, now_s: float, deafness: Deafness) -> Finding:
    """Judge how old the newest row of a series is, but for the time in which no row of it could be heard."""
    age_us = passed_us(series.newest_s, now_s)
    finding = judge_age(age_us, series.expected_us)
    if finding is FINE:
        return FINE
    deaf_us = deafness.within_us(series.newest_s, now_s)
    if not deaf_us or judge_age(age_us - deaf_us, series.expected_us) is not FINE:
        return finding
    return Finding(Status.UNKNOWN, f"last row {duration(age_us)} ago, but tapewatch itself took no rows for {duration(deaf_us)} of it")


def _value(table: Table, column: Column, held: Judged, series: Series, now_s: float) -> Finding:
    value = held.value
    match column.kind:
        case Kind.FLAG:
            return judge_flag(value if isinstance(value, bool) else None, column.flag_rule, passed_us(held.since_s, now_s), column)
        case Kind.STATE:
            finding = judge_state(value if isinstance(value, str) else None, column)
            if finding.status is not Status.UP and column.name == table.stream_verdict and series.evidence:
                return Finding(finding.status, f"{value}: {series.evidence}")
            return finding
        case _:
            return judge_number(value if isinstance(value, float) else None, column.thresholds, column, passed_us(held.since_s, now_s))
