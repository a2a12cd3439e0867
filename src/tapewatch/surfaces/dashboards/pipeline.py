"""Pipeline: does every data pipeline write what it should, in time and without holes?"""

from __future__ import annotations

from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode
from tapewatch.model.table import Thresholds
from tapewatch.surfaces.dashboards.feeding import PIPELINE as EMPTY
from tapewatch.surfaces.dashboards.feeding import STORAGE
from tapewatch.surfaces.dashboards.panel import Dashboard, Panel, PanelKind, PanelQuery

_RECORDS = Measure(Function.SUM, "records", alias="records")


def _of(*types: str) -> tuple[Filter, ...]:
    return (Filter("data_type", Comparison.IN, types),)


PIPELINE = Dashboard(
    "pipeline",
    "Pipeline",
    "Does every data pipeline write what it should, in time and without holes?",
    ("env", "venue", "symbol", "data_type"),
    (
        Panel(
            "records",
            "Records in range",
            PanelKind.STAT,
            "Records written within the page's range.",
            6,
            3,
            EMPTY,
            PanelQuery("pipeline", (_RECORDS,)),
            PanelQuery("pipeline", (_RECORDS,), is_bucketed=True, bucket_s=30),
        ),
        Panel(
            "bytes",
            "Bytes in range",
            PanelKind.STAT,
            "Bytes written within the page's range.",
            6,
            3,
            EMPTY,
            PanelQuery("pipeline", (Measure(Function.SUM, "bytes", alias="bytes"),)),
            PanelQuery("pipeline", (Measure(Function.SUM, "bytes", alias="bytes"),), is_bucketed=True, bucket_s=30),
        ),
        Panel(
            "latency_now",
            "Average latency in range",
            PanelKind.STAT,
            "Mean processing latency within the page's range.",
            6,
            3,
            EMPTY,
            PanelQuery("pipeline", (Measure(Function.AVG, "latency_ms", alias="latency_ms"),)),
            PanelQuery("pipeline", (Measure(Function.MAX, "latency_ms", alias="latency_ms"),), is_bucketed=True, bucket_s=10),
        ),
        Panel(
            "gap_share",
            "Intervals with a gap",
            PanelKind.STAT,
            "Share of the intervals within the page's range in which data is missing.",
            6,
            3,
            EMPTY,
            PanelQuery("pipeline", (Measure(Function.AVG, "gap", alias="gap", thresholds=Thresholds(0.001, 0.1)),)),
        ),
        Panel(
            "latency",
            "Latency over time",
            PanelKind.LINE,
            "Largest processing latency by venue and kind of data in each stretch of time.",
            12,
            7,
            EMPTY,
            PanelQuery(
                "pipeline",
                (Measure(Function.MAX, "latency_ms", alias="latency_ms"),),
                ("env", "venue", "data_type"),
                is_bucketed=True,
                bucket_s=10,
            ),
        ),
        Panel(
            "gaps",
            "Gaps over time",
            PanelKind.LINE,
            "Longest gap by venue and kind of data in each stretch of time.",
            12,
            7,
            EMPTY,
            PanelQuery(
                "pipeline",
                (Measure(Function.MAX, "gap_s", alias="gap_s"),),
                ("env", "venue", "data_type"),
                is_bucketed=True,
                bucket_s=10,
            ),
            options={"style": "bars", "all_null": "No interval in this range has a gap."},
        ),
        Panel(
            "open_interest",
            "Open interest records",
            PanelKind.LINE,
            "Open-interest records per hour by venue.",
            8,
            6,
            EMPTY,
            PanelQuery(
                "pipeline",
                (Measure(Function.RATE, "records", 3600, alias="records"),),
                ("env", "venue"),
                is_bucketed=True,
                bucket_s=60,
                filters=_of("open_interest", "oi"),
            ),
        ),
        Panel(
            "funding",
            "Funding records",
            PanelKind.LINE,
            "Funding-rate records per hour by venue.",
            8,
            6,
            EMPTY,
            PanelQuery(
                "pipeline",
                (Measure(Function.RATE, "records", 3600, alias="records"),),
                ("env", "venue"),
                is_bucketed=True,
                bucket_s=60,
                filters=_of("funding", "funding_rate"),
            ),
        ),
        Panel(
            "liquidations",
            "Liquidation records",
            PanelKind.LINE,
            "Liquidation records per minute by venue.",
            8,
            6,
            EMPTY,
            PanelQuery(
                "pipeline",
                (Measure(Function.RATE, "records", 60, alias="records"),),
                ("env", "venue"),
                is_bucketed=True,
                bucket_s=60,
                filters=_of("liquidation", "liquidations"),
            ),
        ),
        Panel(
            "growth",
            "Bytes written",
            PanelKind.LINE,
            "Bytes written per second by venue: a rate, not a size.",
            12,
            6,
            EMPTY,
            PanelQuery("pipeline", (Measure(Function.RATE, "bytes", alias="bytes"),), ("env", "venue"), is_bucketed=True, bucket_s=60),
        ),
        Panel(
            "size",
            "Storage size",
            PanelKind.TABLE,
            "Newest size of each table of each database, tapewatch's own included.",
            12,
            6,
            STORAGE,
            PanelQuery(
                "storage_stats",
                mode=Mode.LATEST,
                columns=("database", "table_name", "size_bytes", "rows", "ts"),
                group_by=("database", "table_name"),
                order_by="-size_bytes",
            ),
            options={"age_columns": ["ts"]},
        ),
        Panel(
            "worst",
            "Every pipeline, worst first",
            PanelKind.TABLE,
            "Newest interval of each pipeline.",
            24,
            9,
            EMPTY,
            PanelQuery(
                "pipeline",
                mode=Mode.LATEST,
                columns=("venue", "symbol", "data_type", "latency_ms", "records", "bytes", "gap", "gap_s", "interval_s", "ts"),
                group_by=("env", "host", "venue", "symbol", "data_type"),
            ),
            PanelQuery(
                "pipeline",
                (Measure(Function.MAX, "latency_ms", alias="latency_ms"),),
                ("env", "host", "venue", "symbol", "data_type"),
                is_bucketed=True,
                bucket_s=10,
            ),
            options={
                "links": ["venue", "symbol", "data_type"],
                "sort": "status",
                "age_columns": ["ts"],
                "true_word": "gap",
                "false_word": "none",
            },
        ),
    ),
)
