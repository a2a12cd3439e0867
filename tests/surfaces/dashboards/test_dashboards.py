import json

import pytest

from tapewatch.model.catalog import Catalog
from tapewatch.model.query import Function, Mode, check
from tapewatch.model.unit import UNIT_BY_NAME
from tapewatch.query.wire import query_from_json
from tapewatch.surfaces.dashboards import DASHBOARDS
from tapewatch.surfaces.dashboards.panel import Dashboard, Panel, Stage

S = 1_000_000
CATALOG = Catalog()
OF_RAIL = [pytest.param(board, id=board.id) for board in DASHBOARDS if not board.subject]
PANELS = [pytest.param(board, panel, id=f"{board.id}-{panel.id}") for board in DASHBOARDS for panel in board.panels]


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_every_panel_asks_what_its_table_can_answer(board: Dashboard, panel: Panel) -> None:
    variables = {tag: ["x"] for tag in board.variables}
    asked = [panel.question(0, 3600 * S, variables, 300), panel.spark_question(0, 3600 * S, variables)]
    for query in asked:
        if query is not None:
            check(query, CATALOG[query.table])


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_every_panel_fits_the_grid_and_says_what_it_is(board: Dashboard, panel: Panel) -> None:
    assert 1 <= panel.width <= 24
    assert panel.height >= 2
    assert panel.sentence.endswith(".")
    assert panel.empty.sentence.endswith(".")
    assert not panel.unit or panel.unit in UNIT_BY_NAME
    assert (panel.query is None) == (panel.options.get("source") == "verdicts")


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_columns_named_in_options_are_in_the_answer(board: Dashboard, panel: Panel) -> None:
    if panel.query is None:
        return
    given = {"bucket", *panel.query.group_by, *panel.query.columns, *(measure.name for measure in panel.query.measures)}
    for option in ("x", "y", "value"):
        assert panel.options.get(option) in {None, *given}
    for option in ("age_columns", "links", "quantiles"):
        assert set(panel.options.get(option, [])) <= given


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.id)
def test_rows_of_a_dashboard_fill_the_grid(board: Dashboard) -> None:
    used = 0
    for panel in board.panels:
        used = panel.width if used + panel.width > 24 else used + panel.width
        assert used <= 24
    assert len({panel.id for panel in board.panels}) == len(board.panels)
    json.dumps(board.to_json())


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_the_template_of_a_panel_is_a_question_that_can_be_asked(board: Dashboard, panel: Panel) -> None:
    template = panel.to_json()["query"]
    if template is not None:
        query = query_from_json(template, 3600 * S)
        check(query, CATALOG[query.table])


def test_a_variable_filters_only_panels_whose_table_has_it() -> None:
    (board,) = [board for board in DASHBOARDS if board.id == "health"]
    by_id = {panel.id: panel for panel in board.panels}
    daemon = by_id["daemons"].question(0, 3600 * S, {"daemon": ["ccxt"], "host": []}, 300)
    host = by_id["cpu"].question(0, 3600 * S, {"daemon": ["ccxt"], "host": []}, 300)
    assert daemon is not None
    assert host is not None
    assert [item.column for item in daemon.filters] == ["daemon"]
    assert host.filters == ()


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_paper_and_live_are_never_mixed_in_one_line_or_tile(board: Dashboard, panel: Panel) -> None:
    for query in (panel.query, panel.spark):
        if query is not None and query.group_by and "env" in board.variables and query.table not in {"self", "storage_stats"}:
            assert "env" in query.group_by


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_value_of_now_is_that_of_the_newest_row_also_when_that_row_has_none(board: Dashboard, panel: Panel) -> None:
    query = panel.query
    if query is not None and not query.is_bucketed and query.table != "self":  # a row of self has one value, and always has it
        assert not [measure for measure in query.measures if measure.function is Function.LAST]


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_a_small_curve_belongs_to_the_same_series_as_its_value(board: Dashboard, panel: Panel) -> None:
    if panel.query is not None and panel.spark is not None:
        assert set(panel.query.group_by) == set(panel.spark.group_by)


@pytest.mark.parametrize(("board", "panel"), PANELS)
def test_what_two_hosts_see_of_the_same_thing_is_not_added_up(board: Dashboard, panel: Panel) -> None:
    """Two hosts that saw a venue away for a minute did not see it away for two; two that lost a message lost one."""
    query = panel.query
    if query is None or query.table not in {"exchange", "feed"} or query.mode is not Mode.AGGREGATE:
        return
    functions = {measure.function for measure in query.measures}
    if functions & {Function.TIME_IN_STATE, Function.SUM, Function.RATE, Function.DELTA}:
        assert "host" in query.group_by


@pytest.mark.parametrize("board", [board for board in DASHBOARDS if board.subject], ids=lambda board: board.id)
def test_the_page_of_one_thing_can_be_filtered_by_it_and_shows_nothing_that_cannot(board: Dashboard) -> None:
    assert board.variables[0] == board.subject
    assert board.table_of(board.subject), "its values can be looked up"
    for panel in board.panels:
        query = panel.question(0, 3600 * S, {tag: ["x"] for tag in (*board.within, board.subject)}, 300)
        filtered = set() if query is None else {item.column for item in query.filters}
        assert query is None or board.subject in filtered or (board.within and filtered >= set(board.within)), panel.id


def test_pages_of_one_thing_come_after_those_of_the_rail() -> None:
    assert [bool(board.subject) for board in DASHBOARDS] == sorted(bool(board.subject) for board in DASHBOARDS)
    assert len({board.subject for board in DASHBOARDS if board.subject}) == sum(bool(board.subject) for board in DASHBOARDS)


@pytest.mark.parametrize("board", OF_RAIL)
def test_a_page_is_read_as_verdict_then_change_then_worst(board: Dashboard) -> None:
    steps = [question.stage for question in board.questions]
    order = list(Stage)
    assert set(steps) == set(order), "each of the three is asked"
    assert steps == sorted(steps, key=order.index)


@pytest.mark.parametrize("board", OF_RAIL)
def test_every_panel_answers_exactly_one_question_and_stands_in_the_order_of_the_questions(board: Dashboard) -> None:
    named = [panel_id for question in board.questions for panel_id in question.answered_by]
    assert named == [panel.id for panel in board.panels]
    for question in board.questions:
        assert question.text.endswith("?")
        assert question.answered_by


@pytest.mark.parametrize("board", OF_RAIL)
def test_panels_below_a_question_leave_no_hole_in_the_grid(board: Dashboard) -> None:
    by_id = {panel.id: panel for panel in board.panels}
    for question in board.questions:
        panels = [by_id[name] for name in question.answered_by]
        cells = sum(panel.width * panel.height for panel in panels)
        used, tall, whole = 0, 0, 0
        for panel in panels:
            if used + panel.width > 24:
                whole, used, tall = whole + tall, 0, 0
            used, tall = used + panel.width, max(tall, panel.height)
        assert cells == 24 * (whole + tall), question.text
