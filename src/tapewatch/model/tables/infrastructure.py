"""Hosts, processes, services, queues and what happened to them."""

from __future__ import annotations

from tapewatch.model.table import (
    Column,
    FlagRule,
    Identity,
    Kind,
    Retention,
    State,
    Status,
    Table,
    Thresholds,
    counter,
    flag,
    gauge,
    state,
    tag,
    text,
    time,
)

STATUS_STATES = (
    State("up", Status.UP),
    State("unknown", Status.UNKNOWN),
    State("degraded", Status.DEGRADED),
    State("down", Status.DOWN),
)
_CPU = Thresholds(0.80, 0.90, hold_s=60)
_HOST = tag("host", "Host that was measured.")

HOST = Table(
    "host",
    "One measurement of a host: processor, memory, disk, network and clock.",
    (
        _HOST,
        flag("clock_synchronised", "Whether the kernel says that the host's clock is synchronised.", rule=FlagRule(bad=False)),
        gauge("clock_error_ms", "ms", "Largest error of the host's clock as the kernel estimates it.", minimum=0),
        gauge("cpu_ratio", "ratio", "Share of all processors that was busy.", minimum=0, maximum=1, thresholds=_CPU),
        gauge("load_1m", "none", "Load average over one minute.", minimum=0),
        gauge("memory_used_bytes", "bytes", "Memory in use: total minus available.", minimum=0),
        gauge("memory_total_bytes", "bytes", "Memory of the host.", minimum=0),
        gauge("memory_ratio", "ratio", "Share of memory in use.", minimum=0, maximum=1, thresholds=Thresholds(0.85, 0.95)),
        gauge("swap_used_bytes", "bytes", "Swap in use.", minimum=0),
        gauge("disk_used_bytes", "bytes", "Used space of the file system that holds the data directory.", minimum=0),
        gauge("disk_total_bytes", "bytes", "Size of the file system that holds the data directory.", minimum=0),
        gauge("disk_ratio", "ratio", "Share of that file system in use.", minimum=0, maximum=1, thresholds=Thresholds(0.85, 0.95)),
        counter("net_received_bytes", "Bytes received on all interfaces but loopback.", unit="bytes"),
        counter("net_sent_bytes", "Bytes sent on all interfaces but loopback.", unit="bytes"),
        gauge("uptime_s", "s", "Seconds since the host started.", minimum=0),
    ),
)

PROCESS = Table(
    "process",
    "One measurement of a watched process.",
    (
        _HOST,
        tag("process", "Name of the process in the settings."),
        gauge("pid", "count", "Process id; null while it does not run.", minimum=0),
        flag("running", "Whether a process of this name was found.", rule=FlagRule(bad=False, down_after_s=60)),
        gauge("cpu_ratio", "none", "Processor time used per second of wall time; 1 is one whole core.", minimum=0),
        gauge("rss_bytes", "bytes", "Resident memory.", minimum=0),
        gauge("threads", "count", "Threads.", minimum=0),
        gauge("open_files", "count", "Open file descriptors.", minimum=0),
        counter("restarts", "Times that the process was seen with a new id since its collector began to watch."),
        gauge("uptime_s", "s", "Seconds since the process started.", minimum=0),
    ),
)

SERVICE_HEALTH = Table(
    "service_health",
    "One answer of a service about its own health.",
    (
        tag("service", "Name of the service."),
        state("status", "What the service says of itself, or down when it does not answer.", STATUS_STATES),
        gauge("response_ms", "ms", "Time to its answer.", minimum=0),
        gauge("uptime_s", "s", "Seconds since it started, as it says.", minimum=0),
        counter("errors", "Errors since it started."),
        counter("warnings", "Warnings since it started."),
        time("last_heartbeat_at", "When the service last did its own work, as it says."),
        text("version", "Version, as it says."),
        text("message", "What it adds in words."),
    ),
)

SERVICE_DEPENDENCY = Table(
    "service_dependency",
    "One service needs another.",
    (
        tag("service", "The service that needs."),
        tag("depends_on", "The service that is needed."),
        flag("required", "Whether it cannot work without."),
    ),
)

HEARTBEAT = Table(
    "heartbeat",
    "One ping of a job or a bot: it started, succeeded, failed or logged.",
    (
        tag("check", "Name of the check."),
        state(
            "kind",
            "What the ping says.",
            (State("success", Status.UP), State("start", Status.UP), State("log", Status.UP), State("fail", Status.DOWN)),
        ),
        gauge("duration_ms", "ms", "How long the job ran, as it says.", minimum=0),
        gauge("exit_code", "count", "Exit code of the job; 0 is success."),
        text("message", "What the job adds in words."),
    ),
)

QUEUE = Table(
    "queue",
    "One measurement of a message queue.",
    (
        tag("broker", "Name of the broker."),
        tag("vhost", "Virtual host of the broker."),
        tag("queue", "Name of the queue."),
        gauge("ready", "count", "Messages that wait for a consumer.", minimum=0, thresholds=Thresholds(degraded=1000)),
        gauge("unacked", "count", "Messages delivered and not yet acknowledged.", minimum=0),
        gauge("consumers", "count", "Consumers of the queue.", minimum=0),
        gauge("publish_per_s", "per_s", "Messages published per second.", minimum=0),
        gauge("deliver_per_s", "per_s", "Messages delivered per second.", minimum=0),
        gauge("ack_per_s", "per_s", "Messages acknowledged per second.", minimum=0),
        counter("redelivered", "Messages delivered again."),
        gauge("memory_bytes", "bytes", "Memory of the queue in the broker.", minimum=0),
        gauge("head_age_s", "s", "Age of the oldest message.", minimum=0),
        text("state", "State of the queue, as the broker says."),
    ),
)

CONNECTION = Table(
    "connection",
    "One connection of a service to something outside.",
    (
        tag("service", "The service that holds it."),
        tag("connection", "Name of the connection."),
        state("status", "Whether it works.", STATUS_STATES),
        text("environment", "Which environment of the other side, such as testnet."),
        gauge("subscriptions", "count", "Active subscriptions on it.", minimum=0),
        counter("reconnects", "Reconnects since the service started."),
        time("last_message_at", "When its last message arrived."),
        gauge("connected_s", "s", "Seconds since it was made.", minimum=0),
        text("last_error", "Its last error in words."),
    ),
)

QUERY_STATS = Table(
    "query_stats",
    "Cumulative statistics of one statement of a watched database.",
    (
        tag("database", "Name of the database."),
        tag("query_id", "The database's own id of the statement."),
        counter("calls", "Times it ran."),
        gauge("mean_ms", "ms", "Mean time.", minimum=0),
        gauge("max_ms", "ms", "Longest time.", minimum=0),
        counter("rows", "Rows it returned or changed."),
    ),
)

STORAGE_STATS = Table(
    "storage_stats",
    "Size of one table of a database, tapewatch's own included.",
    (
        tag("database", "Name of the database."),
        tag("table_name", "Name of the table in it."),
        gauge("size_bytes", "bytes", "Bytes on disk.", minimum=0),
        gauge("rows", "count", "Rows.", minimum=0),
        gauge("partitions", "count", "Partitions, where it has them.", minimum=0),
        gauge("compression_ratio", "ratio", "Bytes on disk divided by bytes uncompressed.", minimum=0),
    ),
)

EVENT = Table(
    "event",
    "Something that happened once, as its service tells it.",
    (
        tag("service", "The service that tells."),
        tag("kind", "Kind of the event."),
        tag("severity", "One of info, warning, error, critical."),
        text("entity_type", "What it is about, such as order."),
        Column("entity_id", Kind.ID, "The id of what it is about."),
        text("message", "What happened, in words."),
        text("payload", "More, as JSON."),
    ),
    identity=Identity.NONE,
    retention=Retention.LEDGER,
)

TABLES = (HOST, PROCESS, SERVICE_HEALTH, SERVICE_DEPENDENCY, HEARTBEAT, QUEUE, CONNECTION, QUERY_STATS, STORAGE_STATS, EVENT)
