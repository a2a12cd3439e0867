"""What charts mark: each kind of event is found in the rows that tell of it, with its exact time."""

from typing import Any

import pytest

from tapewatch.clock import US_PER_S
from tapewatch.model.query import Comparison, Filter, Mode, Query
from tapewatch.model.rows import Coded, RowBatch
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Stored
from tapewatch.surfaces.dashboards import DASHBOARDS
from tapewatch.surfaces.dashboards.marks import MARKS
from tapewatch.surfaces.web.live.asked import touches
from tapewatch.testing.stores.tables import batch, plain
from tests.rows import CATALOG

T0 = 1_700_000_040 * US_PER_S
SPAN_US = 3600 * US_PER_S
PANELS = {panel.id: panel for panel in MARKS.panels}


def question(kind: str) -> Query:
    found = PANELS[kind].question(T0, T0 + SPAN_US, {}, 240)
    assert found is not None
    return found


def asked(kind: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    query = question(kind)
    store = MemoryStore()
    table = CATALOG[query.table]
    store.create(table)
    store.append([Stored((batch(table, rows),), None)])
    return plain(store.scan(query))


def feed(at_s: int, **values: Any) -> dict[str, Any]:
    return {"ts": T0 + at_s * US_PER_S, "venue": "kraken", "interval_s": 5.0, **values}


@pytest.mark.parametrize(
    ("kind", "column"),
    [("gaps", "gaps"), ("resyncs", "resyncs"), ("mismatches", "checksum_mismatches"), ("reconnects", "reconnects")],
)
def test_only_intervals_in_which_something_happened_are_told_and_exactly_when(kind: str, column: str) -> None:
    lines = asked(kind, feed(3, **{column: 0.0}), feed(8, **{column: 2.0}), feed(13), feed(603, **{column: 1.0}))
    assert [(line["at"] - T0, line[column], line["within_s"]) for line in lines] == [(8 * US_PER_S, 2.0, 5.0), (603 * US_PER_S, 1.0, 5.0)]


def test_a_start_is_as_long_ago_as_its_first_row_says() -> None:
    rows = [{"ts": T0 + (100 + i) * US_PER_S, "uptime_s": 4.0 + i} for i in range(0, 300, 5)]
    before = [{"ts": T0 + i * US_PER_S, "uptime_s": 9_000.0 + i} for i in range(0, 100, 5)]
    for kind in ("host_start", "process_start", "daemon_start", "service_start"):
        lines = asked(kind, *before, *rows)
        starts = {line["first_at"] - round(line["uptime_s"] * US_PER_S) for line in lines}
        assert starts == {T0 + 96 * US_PER_S}, kind


def test_a_loss_is_told_with_the_time_that_its_rows_name() -> None:
    lost_us = T0 + 77 * US_PER_S
    lines = asked("lost", {"ts": T0}, *({"ts": lost_us + i * US_PER_S, "disconnected_at": lost_us} for i in range(1, 40)))
    assert {line["at"] for line in lines} == {lost_us}


def test_options_name_what_the_answer_has() -> None:
    for panel in MARKS.panels:
        assert panel.query is not None
        given = {measure.name for measure in panel.query.measures}
        for option in ("at", "minus", "within"):
            assert panel.options.get(option) in {None, *given}, panel.id
        assert set(panel.options["needs"]) <= set(panel.query.group_by), panel.id


def test_marks_are_no_page() -> None:
    assert MARKS not in DASHBOARDS
    assert MARKS.id not in {board.id for board in DASHBOARDS}


@pytest.mark.parametrize(("values", "is_touched"), [([0.0, 0.0], False), ([0.0, 1.0], True), ([float("nan"), 0.0], False)])
def test_rows_without_an_event_leave_its_marks_as_they_are(values: list[float], is_touched: bool) -> None:  # noqa: FBT001 - a case
    rows = batch(CATALOG["feed"], [feed(i, gaps=value) for i, value in enumerate(values)])
    assert (touches(question("gaps"), rows, is_moving=True) is not None) == is_touched


def test_a_filter_on_a_column_that_a_batch_has_not_is_not_looked_at() -> None:
    query = Query("feed", T0, T0 + SPAN_US, mode=Mode.ROWS, filters=(Filter("gaps", Comparison.GT, (0,)),))
    rows = batch(CATALOG["feed"], [feed(1)])
    columns = {name: values for name, values in rows.columns.items() if name != "gaps"}
    assert touches(query, RowBatch("feed", 1, columns), is_moving=True) is not None
    assert isinstance(columns["venue"], Coded)


@pytest.mark.parametrize(("values", "is_touched"), [([None, None], False), ([None, T0], True)])
def test_connections_that_stand_leave_the_marks_of_losses_as_they_are(values: list[int | None], is_touched: bool) -> None:  # noqa: FBT001 - a case
    rows = batch(CATALOG["exchange"], [{"ts": T0 + i, "disconnected_at": value} for i, value in enumerate(values)])
    assert (touches(question("lost"), rows, is_moving=True) is not None) == is_touched
