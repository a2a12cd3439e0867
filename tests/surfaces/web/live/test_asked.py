"""What a topic asks for a window that moves."""

import pytest

from tapewatch.clock import US_PER_S
from tapewatch.model.query import Mode, Query
from tapewatch.surfaces.dashboards import DASHBOARDS
from tapewatch.surfaces.web.live.asked import MOST_AHEAD_US, asked_for
from tapewatch.surfaces.web.live.messages import Range, Subscribe

NOW_US = 1_800_000_000 * US_PER_S
BOARDS = {board.id: board for board in DASHBOARDS}


def asked(dashboard: str, panel: str) -> Query:
    """The question for the last five minutes."""
    query = asked_for(Subscribe(id="a", dashboard=dashboard, panel=panel, range=Range(last_s=300)), BOARDS, NOW_US).query(NOW_US)
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
