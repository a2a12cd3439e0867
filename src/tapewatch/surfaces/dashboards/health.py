"""Health: do the daemons, their processes and their hosts work?"""

from __future__ import annotations

from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode
from tapewatch.model.table import Thresholds
from tapewatch.surfaces.dashboards.feeding import DAEMON, HOST, PROCESS
from tapewatch.surfaces.dashboards.panel import Dashboard, Panel, PanelKind, PanelQuery

_BY_DAEMON = ("daemon", "host")
_BY_HOST = ("host",)
_BY_PROCESS = ("process", "host")


def _last(column: str, thresholds: Thresholds | None = None) -> Measure:
    return Measure(Function.LAST, column, alias=column, thresholds=thresholds)


def _max(column: str) -> Measure:
    return Measure(Function.MAX, column, alias=column)


HEALTH = Dashboard(
    "health",
    "Health",
    "Do the daemons, their processes and their hosts work?",
    ("env", "host", "daemon"),
    (
        Panel(
            "daemons",
            "Daemon status",
            PanelKind.STAT,
            "Whether each daemon says that it runs.",
            6,
            4,
            DAEMON,
            PanelQuery("daemon", (_last("running"),), _BY_DAEMON),
            options={"true_word": "running", "false_word": "stopped"},
        ),
        Panel(
            "uptime",
            "Uptime",
            PanelKind.STAT,
            "Seconds since each daemon started; a recent start is worth a look.",
            6,
            4,
            DAEMON,
            PanelQuery("daemon", (_last("uptime_s"),), _BY_DAEMON),
        ),
        Panel(
            "fetches",
            "Fetches in range",
            PanelKind.STAT,
            "Fetches of each daemon within the page's range; restarts are understood.",
            6,
            4,
            DAEMON,
            PanelQuery("daemon", (Measure(Function.DELTA, "fetches", alias="fetches"),), _BY_DAEMON),
        ),
        Panel(
            "errors",
            "Errors in range",
            PanelKind.STAT,
            "Errors of each daemon within the page's range.",
            6,
            4,
            DAEMON,
            PanelQuery("daemon", (Measure(Function.DELTA, "errors", alias="errors", thresholds=Thresholds(10, 100)),), _BY_DAEMON),
        ),
        Panel(
            "fetch_rate",
            "Fetch rate",
            PanelKind.LINE,
            "Fetches per hour of each daemon.",
            8,
            6,
            DAEMON,
            PanelQuery("daemon", (Measure(Function.RATE, "fetches", 3600, alias="fetches"),), _BY_DAEMON, is_bucketed=True, bucket_s=30),
        ),
        Panel(
            "error_rate",
            "Error rate",
            PanelKind.LINE,
            "Errors per minute of each daemon.",
            8,
            6,
            DAEMON,
            PanelQuery(
                "daemon",
                (Measure(Function.RATE, "errors", 60, alias="errors", thresholds=Thresholds(5, 10)),),
                _BY_DAEMON,
                is_bucketed=True,
                bucket_s=30,
            ),
        ),
        Panel(
            "liquidations",
            "Liquidations streamed",
            PanelKind.LINE,
            "Liquidations per minute of each daemon.",
            8,
            6,
            DAEMON,
            PanelQuery(
                "daemon", (Measure(Function.RATE, "liquidations", 60, alias="liquidations"),), _BY_DAEMON, is_bucketed=True, bucket_s=30
            ),
        ),
        Panel(
            "last_errors",
            "Last error of each daemon",
            PanelKind.TABLE,
            "The last error each daemon tells, and when it last fetched.",
            24,
            4,
            DAEMON,
            PanelQuery(
                "daemon",
                mode=Mode.LATEST,
                columns=("host", "daemon", "running", "last_error", "last_fetch_at", "errors", "exchanges", "symbols", "ts"),
                group_by=("env", "host", "daemon"),
            ),
            options={"age_columns": ["last_fetch_at", "ts"], "links": ["host", "daemon"], "true_word": "running", "false_word": "stopped"},
        ),
        Panel(
            "host_now",
            "Host load now",
            PanelKind.TABLE,
            "Newest processor, memory and disk use of each host, and whether its clock is synchronised.",
            24,
            4,
            HOST,
            PanelQuery(
                "host",
                mode=Mode.LATEST,
                columns=(
                    "host",
                    "cpu_ratio",
                    "load_1m",
                    "memory_ratio",
                    "memory_used_bytes",
                    "swap_used_bytes",
                    "disk_ratio",
                    "clock_synchronised",
                    "clock_error_ms",
                    "uptime_s",
                    "ts",
                ),
                group_by=("env", "host"),
            ),
            PanelQuery("host", (_max("cpu_ratio"),), ("env", "host"), is_bucketed=True),
            options={
                "age_columns": ["ts"],
                "links": ["host"],
                "sort": "status",
                "true_word": "synchronised",
                "false_word": "not synchronised",
            },
        ),
        Panel(
            "cpu",
            "Processor",
            PanelKind.LINE,
            "Largest share of all processors that was busy, by host.",
            8,
            6,
            HOST,
            PanelQuery("host", (_max("cpu_ratio"),), _BY_HOST, is_bucketed=True),
        ),
        Panel(
            "memory",
            "Memory",
            PanelKind.LINE,
            "Share of memory in use, by host.",
            8,
            6,
            HOST,
            PanelQuery("host", (_max("memory_ratio"),), _BY_HOST, is_bucketed=True),
        ),
        Panel(
            "disk",
            "Disk",
            PanelKind.LINE,
            "Share of the data directory's file system in use, by host.",
            8,
            6,
            HOST,
            PanelQuery("host", (_max("disk_ratio"),), _BY_HOST, is_bucketed=True),
        ),
        Panel(
            "network",
            "Network received",
            PanelKind.LINE,
            "Bytes received per second, by host.",
            12,
            6,
            HOST,
            PanelQuery("host", (Measure(Function.RATE, "net_received_bytes", alias="received"),), _BY_HOST, is_bucketed=True),
        ),
        Panel(
            "network_sent",
            "Network sent",
            PanelKind.LINE,
            "Bytes sent per second, by host.",
            12,
            6,
            HOST,
            PanelQuery("host", (Measure(Function.RATE, "net_sent_bytes", alias="sent"),), _BY_HOST, is_bucketed=True),
        ),
        Panel(
            "processes",
            "Processes",
            PanelKind.TABLE,
            "Every watched process: whether it runs, its memory, its restarts.",
            12,
            7,
            PROCESS,
            PanelQuery(
                "process",
                mode=Mode.LATEST,
                columns=(
                    "host",
                    "process",
                    "running",
                    "pid",
                    "cpu_ratio",
                    "rss_bytes",
                    "threads",
                    "open_files",
                    "restarts",
                    "uptime_s",
                    "ts",
                ),
                group_by=("env", "host", "process"),
            ),
            options={
                "age_columns": ["ts"],
                "links": ["host"],
                "sort": "status",
                "true_word": "running",
                "false_word": "not running",
            },
        ),
        Panel(
            "process_memory",
            "Memory of processes",
            PanelKind.LINE,
            "Largest resident memory of each watched process.",
            12,
            7,
            PROCESS,
            PanelQuery("process", (_max("rss_bytes"),), _BY_PROCESS, is_bucketed=True),
        ),
        Panel(
            "restarts",
            "Restarts in range",
            PanelKind.STAT,
            "Times that each watched process was seen with a new id within the page's range.",
            24,
            3,
            PROCESS,
            PanelQuery(
                "process",
                (Measure(Function.DELTA, "restarts", alias="restarts", thresholds=Thresholds(1, 5)),),
                _BY_PROCESS,
                filters=(Filter("restarts", Comparison.NOT_NULL),),
            ),
        ),
    ),
)
