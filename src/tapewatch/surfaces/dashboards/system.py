"""System: can tapewatch itself be believed right now?"""

from __future__ import annotations

from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode
from tapewatch.surfaces.dashboards.feeding import COLLECTORS, DOCTOR, GROWTH, OUTGOING, QUOTA, REFUSALS, SELF, STORAGE
from tapewatch.surfaces.dashboards.panel import Dashboard, Empty, Panel, PanelKind, PanelQuery, Question, Stage
from tapewatch.surfaces.dashboards.quarantine import WAITING

_VALUE = Measure(Function.MAX, "value", alias="value")


def _one(
    panel_id: str, title: str, sentence: str, component: str, metric: str, unit: str, *, width: int = 4, feeding: Empty = SELF
) -> Panel:
    """One number about tapewatch: the newest value and its curve."""
    filters = (Filter("component", Comparison.IN, (component,)), Filter("metric", Comparison.IN, (metric,)))
    return Panel(
        panel_id,
        title,
        PanelKind.STAT,
        sentence,
        width,
        3,
        feeding,
        PanelQuery("self", (Measure(Function.LAST, "value", alias="value"),), filters=filters),
        PanelQuery("self", (_VALUE,), is_bucketed=True, bucket_s=5, filters=filters),
        unit=unit,
    )


def _over_time(panel_id: str, title: str, sentence: str, metrics: tuple[str, ...], unit: str) -> Panel:
    """Several numbers of the same unit over time."""
    return Panel(
        panel_id,
        title,
        PanelKind.LINE,
        sentence,
        12,
        6,
        SELF,
        PanelQuery(
            "self", (_VALUE,), ("component", "metric"), is_bucketed=True, bucket_s=5, filters=(Filter("metric", Comparison.IN, metrics),)
        ),
        unit=unit,
    )


SYSTEM = Dashboard(
    "system",
    "System",
    "Can tapewatch itself be believed right now?",
    ("host",),
    (
        _one("rows", "Rows taken", "Rows accepted per second.", "ingest", "rows_per_s", "per_s"),
        _one("lag", "Durable, p99", "99th percentile from receiving a row to its commit.", "ingest", "lag_p99_ms", "ms"),
        _one("query", "Query, p99", "99th percentile of a question in the store.", "query", "p99_ms", "ms"),
        _one("push", "Pushed, p99", "99th percentile from a commit to the push to browsers.", "live", "push_p99_ms", "ms"),
        _one("memory", "Memory", "Resident memory of the server process.", "process", "rss_bytes", "bytes"),
        _one("series", "Series", "Series alive, of all tables.", "query", "series", "count"),
        _one("disk", "Disk in use", "Bytes of the store that hold rows and summaries.", "store", "used_bytes", "bytes", width=6),
        _one(
            "growth",
            "Growth in a day",
            "Bytes that the store grows in a day, over the last two days.",
            "store",
            "bytes_per_day",
            "bytes",
            width=6,
            feeding=GROWTH,
        ),
        _one(
            "quota",
            "Until the quota",
            "Time until the store reaches its quota at the present growth; then the oldest raw rows go.",
            "store",
            "quota_left_s",
            "s",
            width=6,
            feeding=QUOTA,
        ),
        _one("spool", "Waiting for the store", "Accepted rows that wait in the spool for the store.", "spool", "rows", "count", width=6),
        _over_time(
            "delays",
            "Delays",
            "99th percentiles of the stages of a row: durable, committed, asked, pushed.",
            ("lag_p99_ms", "commit_p99_ms", "p99_ms", "push_p99_ms"),
            "ms",
        ),
        _over_time("flow", "Flow", "Rows accepted per second.", ("rows_per_s",), "per_s"),
        Panel(
            "collectors",
            "Collectors",
            PanelKind.TABLE,
            "Every collector: whether its last run worked, how long it took, what it gave.",
            24,
            8,
            COLLECTORS,
            PanelQuery(
                "collector_run",
                mode=Mode.LATEST,
                columns=("host", "collector", "ok", "duration_ms", "rows", "error", "ts"),
                group_by=("env", "host", "collector"),
            ),
            PanelQuery(
                "collector_run",
                (Measure(Function.MAX, "duration_ms", alias="duration_ms"),),
                ("env", "host", "collector"),
                is_bucketed=True,
                bucket_s=10,
            ),
            options={"age_columns": ["ts"], "links": ["host", "collector"], "sort": "status", "true_word": "ok", "false_word": "failed"},
        ),
        Panel(
            "refusals",
            "Refused and marked values",
            PanelKind.TABLE,
            "What was not kept as it came, by sender, table, column and reason, since the server started.",
            16,
            8,
            REFUSALS,
            PanelQuery(
                "refusal",
                mode=Mode.LATEST,
                columns=("sender", "table_name", "column_name", "reason", "values", "example", "ts"),
                group_by=("sender", "table_name", "column_name", "reason"),
                order_by="-values",
            ),
            options={"age_columns": ["ts"], "all_fine": "Nothing was refused since the server started."},
        ),
        Panel(
            "storage",
            "Storage",
            PanelKind.TABLE,
            "Newest size of each table of tapewatch's own store.",
            8,
            8,
            STORAGE,
            PanelQuery(
                "storage_stats",
                mode=Mode.LATEST,
                columns=("table_name", "rows", "size_bytes", "ts"),
                group_by=("database", "table_name"),
                filters=(Filter("database", Comparison.IN, ("tapewatch",)),),
                order_by="-rows",
            ),
            options={"age_columns": ["ts"]},
        ),
        WAITING,
        Panel(
            "outgoing",
            "Outgoing heartbeat",
            PanelKind.TABLE,
            "Signs of life to the service that the settings name: sent, failed and withheld since the start of the server.",
            16,
            5,
            OUTGOING,
            PanelQuery(
                "self",
                mode=Mode.LATEST,
                columns=("host", "metric", "value", "ts"),
                group_by=("host", "metric"),
                filters=(Filter("component", Comparison.IN, ("heartbeat",)),),
            ),
            options={"age_columns": ["ts"]},
        ),
        Panel(
            "doctor",
            "Doctor",
            PanelKind.TABLE,
            "The newest row that `tapewatch doctor` sent from each host and saw again here.",
            8,
            5,
            DOCTOR,
            PanelQuery("canary", mode=Mode.LATEST, columns=("host", "walk", "ts"), group_by=("host",)),
            options={"age_columns": ["ts"]},
        ),
    ),
    questions=(
        Question(
            Stage.VERDICT,
            "Can this server be believed right now?",
            ("rows", "lag", "query", "push", "memory", "series", "disk", "growth", "quota", "spool"),
        ),
        Question(Stage.CHANGE, "Did it become slower, or take fewer rows?", ("delays", "flow")),
        Question(
            Stage.WORST, "Which collector fails, and what was not kept as it came?", ("collectors", "refusals", "storage", WAITING.id)
        ),
        Question(Stage.WORST, "Would anybody notice if it were gone?", ("outgoing", "doctor")),
    ),
)
