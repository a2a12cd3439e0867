"""Overview: is anything wrong, what, and since when?"""

from __future__ import annotations

from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode
from tapewatch.surfaces.dashboards.feeding import EXCHANGE, FEED, HOST, PIPELINE, SELF, VERDICTS
from tapewatch.surfaces.dashboards.panel import Dashboard, Panel, PanelKind, PanelQuery, Question, Stage, newest

_ROWS = (Filter("component", Comparison.IN, ("ingest",)), Filter("metric", Comparison.IN, ("rows_per_s",)))
_STREAM = ("env", "host", "venue", "symbol", "channel")

OVERVIEW = Dashboard(
    "overview",
    "Overview",
    "Is anything wrong, what, and since when?",
    ("env", "venue"),
    (
        Panel(
            "verdict",
            "Right now",
            PanelKind.TEXT,
            "How many of the watched series are wrong, and the worst of them.",
            24,
            2,
            VERDICTS,
            options={"source": "verdicts"},
        ),
        Panel(
            "venues",
            "Venues",
            PanelKind.STAT,
            "Newest connection state of each venue.",
            10,
            4,
            EXCHANGE,
            newest("exchange", ("env", "venue", "host"), "connected"),
            options={"true_word": "connected", "false_word": "disconnected"},
        ),
        Panel(
            "rows",
            "Rows taken",
            PanelKind.STAT,
            "Rows that tapewatch accepted per second.",
            4,
            4,
            SELF,
            PanelQuery("self", (Measure(Function.LAST, "value", alias="rows_per_s"),), filters=_ROWS),
            PanelQuery("self", (Measure(Function.MAX, "value", alias="rows_per_s"),), is_bucketed=True, bucket_s=5, filters=_ROWS),
            unit="per_s",
        ),
        Panel(
            "hosts",
            "Hosts",
            PanelKind.TABLE,
            "Newest load of each host.",
            10,
            4,
            HOST,
            PanelQuery(
                "host", mode=Mode.LATEST, columns=("host", "cpu_ratio", "memory_ratio", "disk_ratio", "ts"), group_by=("env", "host")
            ),
            options={"links": ["host"], "sort": "status", "age_columns": ["ts"]},
        ),
        Panel(
            "changes",
            "Connected over time",
            PanelKind.TIMELINE,
            "Worst connection state of each venue in each stretch of time.",
            12,
            7,
            EXCHANGE,
            PanelQuery("exchange", (Measure(Function.WORST, "connected", alias="connected"),), ("env", "venue"), is_bucketed=True),
            options={"true_word": "connected", "false_word": "disconnected"},
        ),
        Panel(
            "pipeline",
            "Pipeline latency",
            PanelKind.LINE,
            "Largest processing latency by venue and kind of data in each stretch of time.",
            12,
            7,
            PIPELINE,
            PanelQuery(
                "pipeline",
                (Measure(Function.MAX, "latency_ms", alias="latency_ms"),),
                ("env", "venue", "data_type"),
                is_bucketed=True,
                bucket_s=10,
            ),
        ),
        Panel(
            "worst",
            "Worst first",
            PanelKind.TABLE,
            "Every series that is not up, with the reason and since when.",
            24,
            7,
            VERDICTS,
            options={"source": "verdicts", "age_columns": ["since_us", "newest_us"], "all_fine": "Nothing is wrong now."},
        ),
        Panel(
            "feeds",
            "Streams now",
            PanelKind.HEATMAP,
            "Newest verdict of each stream: worst channel of each venue and symbol.",
            24,
            6,
            FEED,
            PanelQuery("feed", mode=Mode.LATEST, columns=("venue", "symbol", "channel", "verdict", "age_ms"), group_by=_STREAM),
            options={"x": "symbol", "y": "venue", "value": "verdict"},
        ),
    ),
    questions=(
        Question(Stage.VERDICT, "Is anything wrong right now?", ("verdict", "venues", "rows", "hosts")),
        Question(Stage.CHANGE, "What changed, and when?", ("changes", "pipeline")),
        Question(Stage.WORST, "What is worst, and since when?", ("worst", "feeds")),
    ),
)
