"""Stream: one stream of one venue, how it speaks against how it usually does, and who is ahead of it."""

from __future__ import annotations

from tapewatch.model.query import Function, Measure, Mode
from tapewatch.model.table import Thresholds
from tapewatch.surfaces.dashboards.feeding import FEED as EMPTY
from tapewatch.surfaces.dashboards.feeds import AHEAD
from tapewatch.surfaces.dashboards.panel import Dashboard, Panel, PanelKind, PanelQuery, distribution, newest

_STREAM = ("env", "host", "venue", "symbol", "channel")
_WEEK_S = 7 * 24 * 3600
_HOUR_S = 3600
_BROKEN = Thresholds(1, None)

_SILENCES = (
    Measure(Function.MAX, "silence_max_ms", alias="longest_ms"),
    Measure(Function.MAX, "expected_ms", alias="limit_ms"),
    Measure(Function.MAX, "usual_p999_ms", alias="usual_longest_ms"),
    Measure(Function.AVG, "silence_p50_ms", alias="median_ms"),
    Measure(Function.AVG, "usual_p50_ms", alias="usual_median_ms"),
)
"""What came, and what is usual, as learned for the hour of the week."""

_EVENTS = ("gaps", "missing", "duplicates", "reorders", "resyncs", "checksum_mismatches", "reconnects")


def _now(name: str, title: str, sentence: str, column: str) -> Panel:
    return Panel(name, title, PanelKind.STAT, sentence, 6, 3, EMPTY, newest("feed", _STREAM, column))


STREAM = Dashboard(
    "stream",
    "Stream",
    "Does this stream speak as it usually does at this hour?",
    ("channel", "venue", "symbol", "env", "host"),
    (
        _now("verdict", "Right now", "Newest verdict of the stream.", "verdict"),
        _now("age", "Age", "Time since its last message, in its newest row.", "age_ms"),
        _now("limit", "Silence that is usual", "Longest silence that is usual at this hour of the week, as learned.", "expected_ms"),
        _now("p99", "Latency, 99th percentile", "Of the newest interval, above the best seen.", "latency_p99_ms"),
        Panel(
            "verdicts",
            "Verdicts over time",
            PanelKind.TIMELINE,
            "Worst verdict in each stretch of time.",
            24,
            3,
            EMPTY,
            PanelQuery("feed", (Measure(Function.WORST, "verdict", alias="verdict"),), _STREAM, is_bucketed=True, bucket_s=5),
        ),
        Panel(
            "silences",
            "Silences against what is usual",
            PanelKind.LINE,
            "Longest and median silence, and those usual at the hour of the week as learned: 99.9 % stay under the usual longest; beyond "
            "the limit the stream is late.",
            24,
            7,
            EMPTY,
            PanelQuery("feed", _SILENCES, _STREAM, is_bucketed=True, bucket_s=5),
            options={"axis": "log"},
        ),
        Panel(
            "week",
            "Silences of the last 7 days, by hour",
            PanelKind.LINE,
            "The same for every hour of the week, whatever the page's range.",
            24,
            7,
            EMPTY,
            PanelQuery("feed", _SILENCES, _STREAM, is_bucketed=True, bucket_s=_HOUR_S, last_s=_WEEK_S),
            options={"axis": "log"},
        ),
        Panel(
            "latencies",
            "Latency, distribution in range",
            PanelKind.HISTOGRAM,
            "Share of messages by latency above the best seen, from merged sketches with 1 % relative error.",
            12,
            7,
            EMPTY,
            distribution("feed", "latency_ms_sketch", _STREAM),
            options={"value": "distribution", "quantiles": ["p50", "p95", "p99"]},
        ),
        Panel(
            "latency",
            "Latency over time",
            PanelKind.LINE,
            "Median and 99th percentile of latency above the best seen.",
            12,
            7,
            EMPTY,
            PanelQuery(
                "feed",
                tuple(Measure(Function.QUANTILE, "latency_ms_sketch", share, alias=f"p{share * 100:.0f}_ms") for share in (0.99, 0.5)),
                _STREAM,
                is_bucketed=True,
                bucket_s=5,
            ),
            unit="ms",
        ),
        Panel(
            "rate",
            "Messages",
            PanelKind.LINE,
            "Messages per second.",
            12,
            6,
            EMPTY,
            PanelQuery("feed", (Measure(Function.RATE, "messages", alias="messages"),), _STREAM, is_bucketed=True, bucket_s=10),
        ),
        Panel(
            "sequence",
            "Sequence events",
            PanelKind.LINE,
            "Gaps, what is missing in them, and all else that broke the sequence; nothing is drawn of what cannot be seen by.",
            12,
            6,
            EMPTY,
            PanelQuery(
                "feed",
                tuple(Measure(Function.SUM, column, alias=column, thresholds=_BROKEN if column == "gaps" else None) for column in _EVENTS),
                _STREAM,
                is_bucketed=True,
                bucket_s=10,
            ),
            options={"style": "bars", "all_null": "The venue numbers nothing here, and nothing else that can be counted happened."},
        ),
        AHEAD,
        Panel(
            "row",
            "Newest row",
            PanelKind.TABLE,
            "The verdict and the evidence for it, by each host that measures.",
            24,
            4,
            EMPTY,
            PanelQuery(
                "feed",
                mode=Mode.LATEST,
                columns=(
                    "host",
                    "verdict",
                    "evidence",
                    "age_ms",
                    "expected_ms",
                    "messages",
                    "clock_offset_ms",
                    "clock_offset_error_ms",
                    "ts",
                ),
                group_by=_STREAM,
            ),
            options={"links": ["host"], "age_columns": ["ts"]},
        ),
    ),
    subject="channel",
    within=("venue", "symbol"),
)
