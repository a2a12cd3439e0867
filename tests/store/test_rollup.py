"""Which summaries answer which questions."""

from __future__ import annotations

import pytest

from tapewatch.model.query import Comparison, Filter, Function, Measure, Query
from tapewatch.model.rows import NULL_TIME
from tapewatch.store import rollup
from tapewatch.testing.stores.questions import SECOND
from tapewatch.testing.stores.tables import SAMPLE, T0

HOUR = 3_600 * SECOND
END = T0 + 24 * HOUR
HELD = [rollup.Coverage(tier, NULL_TIME, END) for tier in rollup.TIERS]
AVERAGE = (Measure(Function.AVG, "level"),)
ONE = (Filter("venue", Comparison.EQ, ("kraken",)),)
ALL_BUT_ONE = (Filter("venue", Comparison.NE, ("kraken",)),)


def label(query: Query, rows: float) -> str:
    found = rollup.pick(query, SAMPLE, HELD, rows_per_s=rows / (24 * 3_600))
    return "raw" if found is None else found.tier.label


@pytest.mark.parametrize(
    ("filters", "rows", "found"),
    [((), 90_000, "raw"), ((), 110_000, "10min"), (ONE, 1_500_000, "raw"), (ONE, 1_700_000, "10min"), (ALL_BUT_ONE, 110_000, "10min")],
)
def test_a_range_of_few_rows_is_answered_by_reading_them(filters: tuple[Filter, ...], rows: float, found: str) -> None:
    assert label(Query("sample", T0, END, measures=AVERAGE, filters=filters), rows) == found


def test_quantiles_are_exact_for_longer() -> None:
    median = Measure(Function.QUANTILE, "latency_ms_sketch", 0.5)
    assert [label(Query("sample", T0, END, measures=(median,)), rows) for rows in (490_000, 510_000)] == ["raw", "10min"]


def test_rows_that_are_gone_are_not_asked_however_few_they_were() -> None:
    query = Query("sample", T0, END, measures=AVERAGE)
    found = rollup.pick(query, SAMPLE, HELD, rows_per_s=0.0, raw_since_us=T0 + HOUR)
    assert found is not None
