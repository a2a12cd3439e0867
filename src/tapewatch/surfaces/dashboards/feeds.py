"""Feeds: is every stream fresh, whole and in time?"""

from __future__ import annotations

from tapewatch.model.query import Function, Measure, Mode
from tapewatch.model.table import Thresholds
from tapewatch.surfaces.dashboards.feeding import FEED as EMPTY
from tapewatch.surfaces.dashboards.panel import Dashboard, Panel, PanelKind, PanelQuery

_STREAM = ("env", "host", "venue", "symbol", "channel")
_BROKEN = Thresholds(1, None)


def _sum(column: str, thresholds: Thresholds | None = None) -> Measure:
    return Measure(Function.SUM, column, alias=column, thresholds=thresholds)


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
            12,
            7,
            EMPTY,
            PanelQuery("feed", mode=Mode.LATEST, columns=("venue", "symbol", "channel", "verdict", "age_ms"), group_by=_STREAM),
            options={"x": "symbol", "y": "venue", "value": "verdict"},
        ),
        Panel(
            "broken",
            "Broken sequences in range",
            PanelKind.TABLE,
            "Gaps, duplicates, reorders and checksum mismatches by venue within the page's range; a dash where the venue counts nothing.",
            12,
            7,
            EMPTY,
            PanelQuery(
                "feed",
                (
                    _sum("messages"),
                    _sum("gaps", _BROKEN),
                    _sum("duplicates", _BROKEN),
                    _sum("reorders", _BROKEN),
                    _sum("checksum_mismatches", _BROKEN),
                    _sum("reconnects", _BROKEN),
                ),
                ("env", "host", "venue", "channel"),
            ),
            options={"links": ["venue", "channel"], "sort": "status"},
        ),
        Panel(
            "verdicts",
            "Verdicts over time",
            PanelKind.TIMELINE,
            "Worst verdict of each venue's channels in each stretch of time.",
            24,
            6,
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
            options={"links": ["venue", "symbol", "channel"], "sort": "status", "age_columns": ["ts"]},
        ),
    ),
)
