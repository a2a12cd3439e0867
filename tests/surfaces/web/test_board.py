"""The status board: verdicts summed up per dashboard, under the page's variables, at most a second old."""

from dataclasses import replace

from tapewatch.clock import ManualClock
from tapewatch.model.table import Status
from tapewatch.query import clocks
from tapewatch.query.clocks import HostClocks
from tapewatch.query.group import Retired
from tapewatch.query.verdict import Verdict
from tapewatch.surfaces.dashboards import DASHBOARDS
from tapewatch.surfaces.web.board import StatusBoard
from tapewatch.surfaces.web.live.asked import VERDICTS, Asked
from tapewatch.surfaces.web.live.messages import Window
from tests.rows import CATALOG, NOW_US, S, accepted

WRONG = Verdict("exchange", {"env": "live", "venue": "okx"}, ("bot",), Status.DOWN, "not connected", NOW_US - S, NOW_US, S, False)
FINE = replace(WRONG, key={"env": "paper", "venue": "kraken"}, status=Status.UP, reason="")
RETIRED = Retired("feed", {"env": "live", "venue": "okx", "symbol": "LUNA/USD"}, ("bot",), NOW_US - 9 * S, NOW_US - S, "by hand: delisted")
NEW = replace(WRONG, table="feed", status=Status.UNKNOWN, reason="its spacing is not known yet")


class Judge:
    """Gives what it is told, and counts how often it is asked."""

    def __init__(self, clock: ManualClock, *verdicts: Verdict) -> None:
        self.found = list(verdicts)
        self.asked = 0
        self.clocks = HostClocks(clock)

    def verdicts(self) -> list[Verdict]:
        self.asked += 1
        return self.found

    def all_retired(self) -> list[Retired]:
        return [RETIRED]


def board_of(*verdicts: Verdict) -> tuple[StatusBoard, Judge, ManualClock]:
    clock = ManualClock(NOW_US)
    judge = Judge(clock, *verdicts)
    return StatusBoard(judge, DASHBOARDS, clock, host="h1", store_state=lambda: {"state": "ok"}), judge, clock


def test_a_dashboard_has_the_worst_status_of_its_tables_and_counts_what_is_wrong() -> None:
    board, _, _ = board_of(WRONG, replace(WRONG, status=Status.DEGRADED), NEW, FINE)
    statuses = board.statuses()
    assert statuses["exchange"] == {"status": "down", "wrong": 2}
    assert statuses["feeds"] == {"status": "unknown", "wrong": 0}
    assert statuses["overview"] == {"status": "down", "wrong": 2}
    assert statuses["health"] == {"status": "unknown", "wrong": 0}
    assert board_of(FINE)[0].statuses()["exchange"] == {"status": "up", "wrong": 0}


def test_a_summary_of_all_counts_tables_that_no_panel_of_it_asks() -> None:
    board, _, _ = board_of(replace(WRONG, table="collector_run"))
    assert board.statuses()["overview"]["wrong"] == 1


def test_verdicts_are_judged_again_only_when_they_have_aged() -> None:
    board, judge, clock = board_of(WRONG)
    assert board.verdicts == (WRONG,)
    clock.advance(1.5)
    board.statuses()
    assert judge.asked == 1
    clock.advance(1)
    assert board.verdicts == (WRONG,)
    assert judge.asked == 2
    clock.jump(-3600)
    board.statuses()
    assert judge.asked == 3


def test_a_panel_of_verdicts_follows_the_variables_and_says_where_to_look() -> None:
    board, _, _ = board_of(WRONG, replace(WRONG, key={"env": "live", "venue": "bybit"}), NEW)
    frame = board.frame(Asked("", VERDICTS, Window(last_us=60 * S), {"venue": ("okx",), "symbol": ("BTC/USD",)}))
    assert [series.verdict.key["venue"] for series in frame.series] == ["okx", "okx"]
    assert frame.to_json()["columns"][-1]["values"] == ["exchange", "feeds"]
    assert (frame.start_us, frame.end_us) == (NOW_US - 60 * S, NOW_US)


def test_what_tapewatch_says_of_itself_and_its_own_host_is_told_apart() -> None:
    own = replace(FINE, table="host", key={"env": "live", "host": "h1"})
    runs = replace(FINE, table="collector_run", key={"env": "live", "host": "h1", "collector": "host"})
    other = replace(own, key={"env": "live", "host": "h2"})
    board, _, _ = board_of(own, runs, other, WRONG)
    assert board.statuses()["overview"]["status"] == "down"
    assert board_of(own, runs)[0].statuses()["overview"]["status"] == "unknown", "nobody watches the desk"
    assert board_of(own, runs)[0].statuses()["health"]["status"] == "up"
    frame = board.frame(Asked("", VERDICTS, Window(last_us=60 * S), {}))
    assert [series.is_own for series in frame.series] == [True, True, False, False]


def test_every_watched_table_of_the_catalogue_leads_to_a_dashboard_that_shows_it() -> None:
    board, _, _ = board_of()
    shown = {table for dashboard in DASHBOARDS for table in dashboard.tables}
    for table in shown:
        home = board.dashboard_of(table)
        assert home == "" or table in next(dashboard.tables for dashboard in DASHBOARDS if dashboard.id == home)
    assert board.dashboard_of("exchange") == "exchange"
    assert board.dashboard_of("no_such_table") == ""


def test_what_this_host_said_of_its_clock_is_forgotten_when_it_is_old() -> None:
    board, judge, clock = board_of()
    rows = [{"host": "h1", "clock_synchronised": False, "clock_error_ms": 40.0}, {"host": "h2", "clock_synchronised": True}]
    judge.clocks(accepted("host", rows))
    assert board.body()["clock"] == {"synchronised": False, "error_ms": 40.0}
    board.observe(accepted("exchange", [{"venue": "okx"}]))
    assert board.body()["ingest"]["newest_us"] == NOW_US
    clock.advance(clocks.FRESH_S + 1)
    assert board.body()["clock"] == {"synchronised": None, "error_ms": None}
    assert set(CATALOG["host"].column) >= {"clock_synchronised", "clock_error_ms"}


def test_what_is_retired_stands_beside_the_verdicts_and_makes_no_dashboard_red() -> None:
    board, _, _ = board_of(FINE)
    asked = Asked("k", VERDICTS, Window(last_us=60 * S), {})
    assert board.frame(asked).retired == (RETIRED,)
    assert board.frame(replace(asked, variables={"venue": ("kraken",)})).retired == ()
    assert board.statuses()["overview"] == {"status": Status.UP, "wrong": 0}


def test_the_page_of_one_thing_shows_only_what_has_its_tag() -> None:
    other = replace(WRONG, table="host", key={"env": "live", "host": "h2"})
    board, _, _ = board_of(WRONG, other)
    asked = Asked("key", VERDICTS, Window(last_us=60 * S), {"venue": ("okx",)})
    assert [one.verdict for one in board.frame(asked).series] == [WRONG, other]
    assert [one.verdict for one in board.frame(replace(asked, subject="venue")).series] == [WRONG]


def test_pages_of_one_thing_have_no_status_and_are_nobodys_home() -> None:
    board, _, _ = board_of(WRONG)
    assert set(board.statuses()) == {one.id for one in DASHBOARDS if not one.subject}
    assert {board.dashboard_of(table) for table in CATALOG} <= {"", *board.statuses()}
