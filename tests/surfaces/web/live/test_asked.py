"""What a topic asks for a window that moves."""

import pytest

from tapewatch.clock import US_PER_S
from tapewatch.model.query import Mode, Query
from tapewatch.query.run import MOST_AHEAD_US
from tapewatch.surfaces.dashboards import DASHBOARDS
from tapewatch.surfaces.web.live.asked import asked_for
from tapewatch.surfaces.web.live.messages import Range, Subscribe
from tests.rows import CATALOG

NOW_US = 1_800_000_000 * US_PER_S
BOARDS = {board.id: board for board in DASHBOARDS}


def asked(dashboard: str, panel: str) -> Query:
    """The question for the last five minutes."""
    query = asked_for(Subscribe(id="a", dashboard=dashboard, panel=panel, range=Range(last_s=300)), BOARDS, NOW_US).query(NOW_US, CATALOG)
    assert query is not None
    return query


def test_newest_rows_are_also_looked_for_ahead_of_now() -> None:
    assert asked("exchange", "last_message").end_us == NOW_US + MOST_AHEAD_US


@pytest.mark.parametrize(("dashboard", "panel"), [(board.id, panel.id) for board in DASHBOARDS for panel in board.panels if panel.query])
def test_nothing_is_summed_up_beyond_now(dashboard: str, panel: str) -> None:
    """A state that lasts would be counted into the future: a venue that has just been lost would be down for a minute."""
    query = asked(dashboard, panel)
    if query.mode is Mode.AGGREGATE:
        assert query.end_us <= NOW_US + (query.bucket_us or 0)


def key(panel: str, dashboard: str = "overview", **variables: list[str]) -> str:
    message = Subscribe(id="a", dashboard=dashboard, panel=panel, range=Range(last_s=300), vars=variables)
    return asked_for(message, BOARDS, NOW_US).key


def test_panels_that_ask_the_same_are_computed_once() -> None:
    assert key("verdict", venue=["okx"]) == key("worst", venue=["okx"])
    assert key("hosts", venue=["okx"]) == key("hosts", venue=["kraken"]) == key("hosts")


def test_panels_that_ask_something_else_are_not() -> None:
    assert (
        len({key("venues"), key("venues", venue=["okx"]), key("venues", venue=["kraken"]), key("changes"), key("worst"), key("hosts")}) == 6
    )
    other = Subscribe(id="a", dashboard="overview", panel="venues", range=Range(last_s=900))
    assert asked_for(other, BOARDS, NOW_US).key != key("venues")
    fixed = Subscribe(id="a", dashboard="overview", panel="venues", range=Range(start_us=-300 * US_PER_S, end_us=0))
    assert asked_for(fixed, BOARDS, NOW_US).key != key("venues")


def test_no_two_panels_with_different_questions_have_one_key() -> None:
    found: dict[str, Query] = {}
    for board in DASHBOARDS:
        for panel in board.panels:
            if panel.query:
                query = asked(board.id, panel.id)
                assert found.setdefault(key(panel.id, board.id), query) == query
