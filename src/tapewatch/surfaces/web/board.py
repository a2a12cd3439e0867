"""The state of everything in one small record: worst status per dashboard, store, ingest and clock. Sent every second."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from tapewatch.clock import US_PER_S, Clock
from tapewatch.model.rows import RowBatch
from tapewatch.model.table import Status
from tapewatch.model.tables import self as own
from tapewatch.query.clocks import HostClocks
from tapewatch.query.frame import Frame, verdict_frame
from tapewatch.query.group import Retired
from tapewatch.query.verdict import Verdict
from tapewatch.surfaces.dashboards.panel import Dashboard
from tapewatch.surfaces.web.live.asked import VERDICTS, Asked

FRESH_US = 2 * US_PER_S
"""Verdicts older than this are judged again before they are shown."""
OWN_TABLES = frozenset({"host", *(table.name for table in own.TABLES)})
"""What tapewatch writes about itself and the host it runs on."""


class Judge(Protocol):
    """What the board needs of `tapewatch.query.series.SeriesBook`."""

    @property
    def clocks(self) -> HostClocks:
        """What hosts say of their clocks."""
        ...

    def verdicts(self) -> list[Verdict]:
        """Judge every series, worst first."""
        ...

    def all_retired(self) -> list[Retired]:
        """Every watched series that has stopped for good."""
        ...


class StatusBoard:
    """Judges all series at most once a second for the tick, the rail and the panels of verdicts; an observer of accepted rows.

    Args:
        book: Judges.
        dashboards: In the order of the rail.
        clock: The time.
        host: The name of this host in rows of table ``host``, whose clock is reported.
        store_state: Gives ``state`` (ok or down), ``is_full``, ``since_us`` and ``message`` of the store.
        is_simulated: Whether what is watched is simulated.
    """

    def __init__(
        self,
        book: Judge,
        dashboards: Sequence[Dashboard],
        clock: Clock,
        *,
        host: str,
        store_state: Callable[[], Mapping[str, Any]],
        is_simulated: bool = False,
    ) -> None:
        self._book = book
        self._dashboards = dashboards
        self._clock = clock
        self._host = host
        self._store_state = store_state
        self.is_simulated = is_simulated
        self._homes: dict[str, str] = {}
        self._verdicts: tuple[Verdict, ...] = ()
        self._judged_us = 0
        self._newest_us: int | None = None

    def observe(self, batch: RowBatch) -> None:
        """Note when the newest row came."""
        if batch.count:
            self._newest_us = max(self._newest_us or 0, int(batch.array("received_at").max()))

    def judge(self) -> None:
        """Judge every series now; may run in a thread."""
        judged_us = self._clock.now_us()
        self._verdicts = tuple(self._book.verdicts())
        self._judged_us = judged_us

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """All verdicts, worst first, not older than `FRESH_US`."""
        if not 0 <= self._clock.now_us() - self._judged_us <= FRESH_US:
            self.judge()
        return self._verdicts

    def body(self) -> dict[str, Any]:
        """The record, without its ``op``."""
        clock = self._book.clocks.of(self._host)
        return {
            "server_time_us": self._clock.now_us(),
            "dashboards": self.statuses(),
            "store": dict(self._store_state()),
            "ingest": {"newest_us": self._newest_us},
            "clock": {"synchronised": clock.synchronised, "error_ms": clock.error_ms},
            "simulated": self.is_simulated,
        }

    def statuses(self) -> dict[str, dict[str, Any]]:
        """Per dashboard of the rail the worst status of the series it shows, ``unknown`` without any, and how many are degraded or down."""
        by_table: dict[str, list[Verdict]] = {}
        for verdict in self.verdicts:
            by_table.setdefault(verdict.table, []).append(verdict)
        boards = [board for board in self._dashboards if not board.subject]
        found = {board.id: _summary(self._shown_on(board, by_table)) for board in boards}
        if all(map(self._is_own, self.verdicts)):  # a desk that nobody watches is not known to be well
            for board in boards:
                if shows_verdicts(board) and found[board.id]["status"] is Status.UP:
                    found[board.id]["status"] = Status.UNKNOWN
        return found

    def _shown_on(self, dashboard: Dashboard, by_table: Mapping[str, Sequence[Verdict]]) -> Iterable[Verdict]:
        tables = by_table if shows_verdicts(dashboard) else dashboard.tables
        return (verdict for table in tables for verdict in by_table.get(table, ()))

    def frame(self, asked: Asked) -> Frame:
        """The verdicts as a panel shows them, under its variables."""
        about = [verdict for verdict in self.verdicts if not asked.subject or verdict.key.get(asked.subject)]
        chosen = [verdict for verdict in about if _is_chosen(verdict, asked.variables)]
        now_us = self._clock.now_us()
        start_us, end_us = asked.window.at(now_us)
        homes = [self.dashboard_of(verdict.table) for verdict in chosen]
        retired = [one for one in self._book.all_retired() if _is_chosen(one, asked.variables)]
        told = {"start_us": start_us, "end_us": end_us, "as_of_us": self._judged_us}
        return verdict_frame(chosen, homes, **told, is_own=self._is_own, retired=retired)

    def _is_own(self, verdict: Verdict) -> bool:
        return verdict.table in OWN_TABLES and verdict.key.get("host") == self._host

    def dashboard_of(self, table: str) -> str:
        """Where to look for a table: the dashboard with most panels of it that is not a summary of all; empty when none has it."""
        if table not in self._homes:
            counts = {
                board.id: sum(panel.query is not None and panel.query.table == table for panel in board.panels)
                for board in self._dashboards
                if not shows_verdicts(board) and not board.subject
            }
            best = max(counts, key=lambda name: counts[name], default="")
            self._homes[table] = best if counts.get(best) else ""
        return self._homes[table]


def shows_verdicts(dashboard: Dashboard) -> bool:
    """Whether a dashboard sums up all series."""
    return any(panel.query is None and panel.options.get("source") == VERDICTS for panel in dashboard.panels)


def _is_chosen(verdict: Verdict | Retired, variables: Mapping[str, Sequence[str]]) -> bool:
    return all(verdict.key[tag] in values for tag, values in variables.items() if tag in verdict.key)


def _summary(verdicts: Iterable[Verdict]) -> dict[str, Any]:
    found = list(verdicts)
    worst = max((verdict.status for verdict in found), key=lambda status: status.rank, default=Status.UNKNOWN)
    return {"status": worst, "wrong": sum(verdict.status.rank >= Status.DEGRADED.rank for verdict in found)}
