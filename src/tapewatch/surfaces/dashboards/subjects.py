"""The pages of one thing: all that is known of one venue, symbol, host or collector. Links lead here, not the rail."""

from __future__ import annotations

from dataclasses import replace

from tapewatch.model.query import Function, Measure
from tapewatch.surfaces.dashboards.exchange import EXCHANGE
from tapewatch.surfaces.dashboards.feeding import COLLECTORS, VERDICTS
from tapewatch.surfaces.dashboards.feeds import FEEDS
from tapewatch.surfaces.dashboards.health import HEALTH
from tapewatch.surfaces.dashboards.panel import Dashboard, Panel, PanelKind, PanelQuery
from tapewatch.surfaces.dashboards.pipeline import PIPELINE
from tapewatch.surfaces.dashboards.stream import STREAM
from tapewatch.surfaces.dashboards.system import SYSTEM


def _from(board: Dashboard, *ids: str) -> tuple[Panel, ...]:
    """Panels as another page has them: what they show is filtered by the page's subject."""
    by_id = {panel.id: panel for panel in board.panels}
    return tuple(replace(by_id[name], id=f"{board.id}_{name}") for name in ids)


_VERDICT = Panel(
    "verdict",
    "Right now",
    PanelKind.TEXT,
    "How many series of this page are wrong, and the worst of them.",
    24,
    2,
    VERDICTS,
    options={"source": "verdicts"},
)
_WRONG = Panel(
    "wrong",
    "Worst first",
    PanelKind.TABLE,
    "Every series of this page that is not up, with the reason and since when.",
    24,
    5,
    VERDICTS,
    options={"source": "verdicts", "age_columns": ["since_us", "newest_us"], "all_fine": "Nothing is wrong now."},
)

VENUE = Dashboard(
    "venue",
    "Venue",
    "Is this venue connected, fresh and whole, and since when not?",
    ("venue", "env", "host", "symbol"),
    (
        _VERDICT,
        *_from(EXCHANGE, "status", "latency_now", "downtime", "latency"),
        *_from(FEEDS, "latency", "verdicts", "latencies"),
        _WRONG,
        *_from(FEEDS, "ahead", "streams"),
        *_from(PIPELINE, "worst"),
    ),
    subject="venue",
)
SYMBOL = Dashboard(
    "symbol",
    "Symbol",
    "Is this symbol fresh and whole on every venue?",
    ("symbol", "env", "venue"),
    (_VERDICT, *_from(FEEDS, "verdicts", "latency", "rate"), _WRONG, *_from(FEEDS, "ahead", "streams"), *_from(PIPELINE, "worst")),
    subject="symbol",
)
HOST = Dashboard(
    "host",
    "Host",
    "What does this host do, and what does it see?",
    ("host", "env", "venue"),
    (
        _VERDICT,
        *_from(HEALTH, "host_now", "cpu", "memory", "disk", "network", "network_sent"),
        _WRONG,
        *_from(HEALTH, "processes", "process_memory"),
        *_from(SYSTEM, "collectors"),
        *_from(EXCHANGE, "last_message", "downtime_s"),
    ),
    subject="host",
)
COLLECTOR = Dashboard(
    "collector",
    "Collector",
    "Does this collector run, how long does it take, and what does it give?",
    ("collector", "env", "host"),
    (
        _VERDICT,
        *_from(SYSTEM, "collectors"),
        Panel(
            "runs",
            "Runs over time",
            PanelKind.TIMELINE,
            "Whether any run failed in each stretch of time.",
            24,
            4,
            COLLECTORS,
            PanelQuery("collector_run", (Measure(Function.WORST, "ok", alias="ok"),), ("env", "host", "collector"), is_bucketed=True),
            options={"true_word": "ok", "false_word": "failed"},
        ),
        Panel(
            "duration",
            "Duration",
            PanelKind.LINE,
            "Longest run in each stretch of time.",
            12,
            7,
            COLLECTORS,
            PanelQuery(
                "collector_run",
                (Measure(Function.MAX, "duration_ms", alias="duration_ms"),),
                ("env", "host", "collector"),
                is_bucketed=True,
                bucket_s=10,
            ),
        ),
        Panel(
            "gave",
            "Rows",
            PanelKind.LINE,
            "Most rows that a run gave in each stretch of time.",
            12,
            7,
            COLLECTORS,
            PanelQuery(
                "collector_run",
                (Measure(Function.MAX, "rows", alias="rows"),),
                ("env", "host", "collector"),
                is_bucketed=True,
                bucket_s=10,
            ),
        ),
    ),
    subject="collector",
)
SUBJECTS: tuple[Dashboard, ...] = (STREAM, VENUE, SYMBOL, COLLECTOR, HOST)
"""The more telling first: what is named by several of them is led to the first."""
