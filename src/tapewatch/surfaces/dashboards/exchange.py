"""Exchange: are the venues reachable, how fast, and since when not?"""

from __future__ import annotations

from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode
from tapewatch.model.table import Thresholds
from tapewatch.surfaces.dashboards.feeding import EXCHANGE as EMPTY
from tapewatch.surfaces.dashboards.panel import Dashboard, Panel, PanelKind, PanelQuery, Question, Stage, distribution, newest

_BY_VENUE = ("env", "venue")
_BY_MEASURER = ("env", "venue", "host")
"""Two hosts may see the same venue differently: what is true now is told for each."""

EXCHANGE = Dashboard(
    "exchange",
    "Exchange",
    "Are the venues reachable, how fast, and since when not?",
    ("env", "host", "venue"),
    (
        Panel(
            "status",
            "Connection status",
            PanelKind.STAT,
            "Newest connection state of each venue.",
            12,
            4,
            EMPTY,
            newest("exchange", _BY_MEASURER, "connected"),
            options={"true_word": "connected", "false_word": "disconnected"},
        ),
        Panel(
            "latency_now",
            "Current latency",
            PanelKind.STAT,
            "Newest round trip to each venue.",
            12,
            4,
            EMPTY,
            newest("exchange", _BY_MEASURER, "latency_ms"),
            PanelQuery("exchange", (Measure(Function.MAX, "latency_ms", alias="latency_ms"),), _BY_MEASURER, is_bucketed=True),
        ),
        Panel(
            "reconnects",
            "Reconnects in range",
            PanelKind.STAT,
            "Reconnects of each venue within the page's range; restarts of the measuring process do not count.",
            12,
            3,
            EMPTY,
            PanelQuery(
                "exchange", (Measure(Function.DELTA, "reconnects", alias="reconnects", thresholds=Thresholds(5, 20)),), _BY_MEASURER
            ),
        ),
        Panel(
            "rate_limit",
            "Rate limit used",
            PanelKind.STAT,
            "Newest share of each venue's request budget in use; a venue that tells none shows a dash.",
            12,
            3,
            EMPTY,
            newest("exchange", _BY_MEASURER, "rate_limit_ratio"),
            PanelQuery("exchange", (Measure(Function.MAX, "rate_limit_ratio", alias="rate_limit_ratio"),), _BY_MEASURER, is_bucketed=True),
        ),
        Panel(
            "downtime",
            "Connected over time",
            PanelKind.TIMELINE,
            "Worst connection state of each venue in each stretch of time.",
            24,
            5,
            EMPTY,
            PanelQuery("exchange", (Measure(Function.WORST, "connected", alias="connected"),), _BY_VENUE, is_bucketed=True),
            options={"true_word": "connected", "false_word": "disconnected"},
        ),
        Panel(
            "latency",
            "Latency over time",
            PanelKind.LINE,
            "Largest round trip to each venue in each stretch of time.",
            12,
            7,
            EMPTY,
            PanelQuery("exchange", (Measure(Function.MAX, "latency_ms", alias="latency_ms"),), _BY_MEASURER, is_bucketed=True),
        ),
        Panel(
            "reconnect_events",
            "Reconnects over time",
            PanelKind.LINE,
            "Reconnects of each venue in each stretch of time.",
            12,
            7,
            EMPTY,
            PanelQuery(
                "exchange",
                (Measure(Function.DELTA, "reconnects", alias="reconnects", thresholds=Thresholds(1, 3)),),
                _BY_MEASURER,
                is_bucketed=True,
                bucket_s=10,
            ),
            options={"style": "bars"},
        ),
        Panel(
            "round_trips",
            "Round trips, distribution in range",
            PanelKind.HISTOGRAM,
            "Share of the measurements by round trip to each venue.",
            24,
            6,
            EMPTY,
            distribution("exchange", "latency_ms", _BY_MEASURER),
            options={"value": "distribution", "quantiles": ["p50", "p95", "p99"]},
        ),
        Panel(
            "last_message",
            "Last message",
            PanelKind.TABLE,
            "Every venue with its state, the age of its last message and its use of the rate limit.",
            16,
            7,
            EMPTY,
            PanelQuery(
                "exchange",
                mode=Mode.LATEST,
                columns=(
                    "venue",
                    "host",
                    "connected",
                    "last_message_at",
                    "disconnected_at",
                    "latency_ms",
                    "reconnects",
                    "rate_limit_ratio",
                ),
                group_by=("env", "host", "venue"),
            ),
            PanelQuery("exchange", (Measure(Function.MAX, "latency_ms", alias="latency_ms"),), ("env", "host", "venue"), is_bucketed=True),
            options={
                "age_columns": ["last_message_at", "disconnected_at"],
                "links": ["venue", "host"],
                "sort": "status",
                "true_word": "connected",
                "false_word": "disconnected",
            },
        ),
        Panel(
            "downtime_s",
            "Downtime in range",
            PanelKind.TABLE,
            "Seconds that each host knew each venue to be disconnected within the page's range.",
            8,
            7,
            EMPTY,
            PanelQuery(
                "exchange",
                (
                    Measure(Function.TIME_IN_STATE, "connected", "false", alias="disconnected_s"),
                    Measure(Function.TIME_IN_STATE, "connected", "true", alias="connected_s"),
                ),
                _BY_MEASURER,
                filters=(Filter("connected", Comparison.NOT_NULL),),
                order_by="-disconnected_s",
            ),
            options={"links": ["venue", "host"]},
        ),
    ),
    questions=(
        Question(Stage.VERDICT, "Is every venue reachable right now, and how fast?", ("status", "latency_now", "reconnects", "rate_limit")),
        Question(Stage.CHANGE, "Since when not, and did it become slower?", ("downtime", "latency", "reconnect_events", "round_trips")),
        Question(Stage.WORST, "Which venue is worst, and how long was it away?", ("last_message", "downtime_s")),
    ),
)
