"""Feeds: is every stream fresh, whole and in time?"""

from __future__ import annotations

from tapewatch.model.query import Function, Measure, Mode
from tapewatch.model.table import Thresholds
from tapewatch.surfaces.dashboards.feeding import FEED as EMPTY
from tapewatch.surfaces.dashboards.feeding import FEED_LEAD
from tapewatch.surfaces.dashboards.panel import Dashboard, Panel, PanelKind, PanelQuery, Question, Stage, distribution

_STREAM = ("env", "host", "venue", "symbol", "channel")
_BROKEN = Thresholds(1, None)


def _sum(column: str, thresholds: Thresholds | None = None) -> Measure:
    return Measure(Function.SUM, column, alias=column, thresholds=thresholds)


def _max(column: str) -> Measure:
    return Measure(Function.MAX, column, alias=column)


AHEAD = Panel(
    "ahead",
    "Which venue is ahead",
    PanelKind.TABLE,
    "Whose price of the same market moves first over the last ten minutes: by the venues' own times as far as their clocks are known, "
    "and by arrival here.",
    24,
    6,
    FEED_LEAD,
    PanelQuery(
        "feed_lead",
        mode=Mode.LATEST,
        columns=(
            "venue",
            "symbol",
            "peer",
            "standing",
            "lead_ms",
            "lead_error_ms",
            "here_ms",
            "here_error_ms",
            "correlation",
            "evidence",
            "ts",
        ),
        group_by=("env", "host", "venue", "symbol", "peer", "peer_symbol"),
    ),
    options={"links": ["venue", "symbol"], "age_columns": ["ts"], "sort": "-correlation"},
)

FEEDS = Dashboard(
    "feeds",
    "Feeds",
    "Is every stream fresh, whole and in time?",
    ("env", "venue", "symbol", "channel"),
    (
        Panel(
            "matrix",
            "Streams now",
            PanelKind.HEATMAP,
            "Newest verdict of each stream: worst channel of each venue and symbol.",
            24,
            6,
            EMPTY,
            PanelQuery("feed", mode=Mode.LATEST, columns=("venue", "symbol", "channel", "verdict", "age_ms"), group_by=_STREAM),
            options={"x": "symbol", "y": "venue", "value": "verdict"},
        ),
        Panel(
            "verdicts",
            "Verdicts over time",
            PanelKind.TIMELINE,
            "Worst verdict of each venue's channels in each stretch of time.",
            24,
            7,
            EMPTY,
            PanelQuery(
                "feed", (Measure(Function.WORST, "verdict", alias="verdict"),), ("env", "venue", "channel"), is_bucketed=True, bucket_s=5
            ),
        ),
        Panel(
            "latency",
            "Latency, 99th percentile",
            PanelKind.LINE,
            "99th percentile of latency above the best seen, by venue, from merged sketches.",
            12,
            7,
            EMPTY,
            PanelQuery(
                "feed",
                (Measure(Function.QUANTILE, "latency_ms_sketch", 0.99, alias="latency_p99_ms", thresholds=Thresholds(300, 500)),),
                ("env", "venue"),
                is_bucketed=True,
                bucket_s=5,
            ),
            unit="ms",
        ),
        Panel(
            "latency_map",
            "Latency map",
            PanelKind.HEATMAP,
            "Median latency above the best seen, by venue and channel over time.",
            12,
            7,
            EMPTY,
            PanelQuery(
                "feed",
                (Measure(Function.QUANTILE, "latency_ms_sketch", 0.5, alias="latency_p50_ms"),),
                ("env", "venue", "channel"),
                is_bucketed=True,
                bucket_s=5,
            ),
            unit="ms",
            options={"x": "bucket", "y": "venue", "value": "latency_p50_ms"},
        ),
        Panel(
            "latencies",
            "Latency, distribution in range",
            PanelKind.HISTOGRAM,
            "Share of messages by latency above the best seen, by venue, from merged sketches with 1 % relative error.",
            24,
            7,
            EMPTY,
            distribution("feed", "latency_ms_sketch", ("env", "venue")),
            options={"value": "distribution", "quantiles": ["p50", "p95", "p99"]},
        ),
        Panel(
            "sequence",
            "Sequence events",
            PanelKind.LINE,
            "Gaps of each venue in each stretch of time.",
            12,
            6,
            EMPTY,
            PanelQuery("feed", (_sum("gaps", _BROKEN),), ("env", "host", "venue"), is_bucketed=True, bucket_s=10),
            options={"style": "bars"},
        ),
        Panel(
            "rate",
            "Messages",
            PanelKind.LINE,
            "Messages per second by venue.",
            12,
            6,
            EMPTY,
            PanelQuery(
                "feed", (Measure(Function.RATE, "messages", alias="messages"),), ("env", "host", "venue"), is_bucketed=True, bucket_s=10
            ),
        ),
        Panel(
            "clocks",
            "Clock offset",
            PanelKind.LINE,
            "This host's clock minus each venue's; where the venue is not asked for its time, with the shortest way in it.",
            12,
            6,
            EMPTY,
            PanelQuery(
                "feed",
                (Measure(Function.LAST, "clock_offset_ms", alias="clock_offset_ms"),),
                ("env", "host", "venue"),
                is_bucketed=True,
                bucket_s=10,
            ),
            unit="ms",
        ),
        Panel(
            "delays",
            "What lies in the latency, in range",
            PanelKind.TABLE,
            "Shortest way, error of the clock offset, rhythm of a venue that batches, longest backlog, and what the collector itself did.",
            12,
            6,
            EMPTY,
            PanelQuery(
                "feed",
                (
                    Measure(Function.MIN, "way_ms", alias="way_ms"),
                    _max("clock_offset_error_ms"),
                    _max("batch_ms"),
                    _max("backlog_ms"),
                    _max("own_delay_ms"),
                ),
                ("env", "host", "venue"),
            ),
            options={"links": ["venue"]},
        ),
        Panel(
            "streams",
            "Every stream, worst first",
            PanelKind.TABLE,
            "Every stream with its verdict and the evidence for it.",
            24,
            10,
            EMPTY,
            PanelQuery(
                "feed",
                mode=Mode.LATEST,
                columns=(
                    "venue",
                    "symbol",
                    "channel",
                    "verdict",
                    "evidence",
                    "age_ms",
                    "expected_ms",
                    "messages",
                    "latency_p50_ms",
                    "latency_p99_ms",
                    "backlog_ms",
                    "ts",
                ),
                group_by=_STREAM,
            ),
            PanelQuery("feed", (_sum("messages"),), _STREAM, is_bucketed=True, bucket_s=5),
            options={"links": ["host", "venue", "symbol", "channel"], "sort": "status", "age_columns": ["ts"]},
        ),
        Panel(
            "broken",
            "Broken sequences in range",
            PanelKind.TABLE,
            "What was lost, came twice, late or wrong, by venue and channel within the page's range; a dash where nothing can be seen by.",
            24,
            7,
            EMPTY,
            PanelQuery(
                "feed",
                (
                    _sum("messages"),
                    _sum("gaps", _BROKEN),
                    _sum("missing", _BROKEN),
                    _max("gap_ms"),
                    _sum("duplicates", _BROKEN),
                    _sum("reorders", _BROKEN),
                    _sum("checksum_mismatches", _BROKEN),
                    _sum("snapshot_mismatches", _BROKEN),
                    _sum("crossed", _BROKEN),
                    _sum("out_of_band", _BROKEN),
                    _sum("reconnects", _BROKEN),
                ),
                ("env", "host", "venue", "channel"),
            ),
            options={"links": ["host", "venue", "channel"], "sort": "status"},
        ),
        AHEAD,
    ),
    questions=(
        Question(Stage.VERDICT, "Is every stream fresh right now?", ("matrix",)),
        Question(
            Stage.CHANGE,
            "Since when not, and do messages come later, fewer or with gaps?",
            ("verdicts", "latency", "latency_map", "latencies", "sequence", "rate"),
        ),
        Question(Stage.CHANGE, "Can these latencies be believed?", ("clocks", "delays")),
        Question(Stage.WORST, "Which stream is worst, what proves it, and what was lost?", ("streams", "broken")),
        Question(Stage.WORST, "Whose prices move first?", ("ahead",)),
    ),
)
