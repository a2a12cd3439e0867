"""Marks: what happened, drawn on the charts of everything that it may explain.

Each kind asks for the few rows that tell of it, so that nothing is read or sent while nothing happens. Its options say where it stands:
``at`` is the column of the time, less the seconds of ``minus``; ``within`` the column with the seconds in which it happened before that;
``needs`` the tags that a line of a chart must share with it, beside all others that both have.
"""

from __future__ import annotations

from tapewatch.model.query import Comparison, Filter, Function, Measure
from tapewatch.surfaces.dashboards.panel import Dashboard, Empty, Panel, PanelKind, PanelQuery

YOUNG_S = 120.0
"""Rows of what has started within so many seconds tell when it did."""
_WIDTH = 12
"""As wide as a usual chart: its points are the stretches within which marks of one kind and subject are told together."""
_NONE = Empty("Nothing of this kind has happened.", is_fine=True)
_FIRST, _LAST = Measure(Function.MIN, "ts", alias="first_at"), Measure(Function.MAX, "ts", alias="at")


def _mark(name: str, title: str, sentence: str, query: PanelQuery, **options: str | list[str]) -> Panel:
    return Panel(name, title, PanelKind.MARKS, sentence, _WIDTH, 2, _NONE, query, options=options)


def _events(name: str, title: str, sentence: str, column: str, *others: Measure, function: Function = Function.SUM) -> Panel:
    """Rows of streams that count at least one event in ``column``; what all streams of a connection count alike is not added up."""
    measures = (
        _LAST,
        _FIRST,
        Measure(function, column, alias=column),
        *others,
        Measure(Function.FIRST, "interval_s", alias="within_s"),
    )
    happened = (Filter(column, Comparison.GT, (0,)),)
    query = PanelQuery("feed", measures, ("env", "host", "venue"), is_bucketed=True, filters=happened)
    return _mark(name, title, sentence, query, at="at", within="within_s", needs=["venue"])


def _start(table: str, name: str, sentence: str, *needs: str) -> Panel:
    """Rows of what has just started; a start is as long ago as its first row says."""
    measures = (Measure(Function.MIN, "ts", alias="first_at"), Measure(Function.FIRST, "uptime_s", alias="uptime_s"))
    is_young = (Filter("uptime_s", Comparison.GT, (0,)), Filter("uptime_s", Comparison.LT, (YOUNG_S,)))
    tags = ("env", *dict.fromkeys(("host", name) if table != "service_health" else (name,)))
    query = PanelQuery(table, measures, tags, is_bucketed=True, filters=is_young)
    return _mark(f"{name}_start", f"{name.capitalize()} started", sentence, query, at="first_at", minus="uptime_s", needs=list(needs))


MARKS = Dashboard(
    "marks",
    "Marks",
    "What happened that may explain a change?",
    ("env", "host", "venue", "symbol", "channel", "process", "daemon", "service"),
    (
        _events(
            "gaps",
            "Gap",
            "A hole in the venue's own sequence.",
            "gaps",
            Measure(Function.SUM, "missing", alias="missing"),
            Measure(Function.MAX, "gap_ms", alias="gap_ms"),
        ),
        _events("resyncs", "Resync", "A book that was fetched anew.", "resyncs"),
        _events("mismatches", "Checksum mismatch", "A kept book that differed from the venue's checksum.", "checksum_mismatches"),
        _events("reconnects", "Reconnect", "A feed's connection that was made anew.", "reconnects", function=Function.MAX),
        _mark(
            "lost",
            "Connection lost",
            "The connection to a venue was lost.",
            PanelQuery(
                "exchange",
                (Measure(Function.MAX, "disconnected_at", alias="at"),),
                ("env", "host", "venue"),
                is_bucketed=True,
                filters=(Filter("disconnected_at", Comparison.NOT_NULL),),
            ),
            at="at",
            needs=["venue"],
        ),
        _start("host", "host", "A host has started."),
        _start("process", "process", "A watched process has started.", "host"),
        _start("daemon", "daemon", "A market-data daemon has started.", "daemon"),
        _start("service_health", "service", "A service has started.", "service"),
    ),
)
"""Not a page: the live link answers its panels like those of one."""
