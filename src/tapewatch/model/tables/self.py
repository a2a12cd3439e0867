"""What tapewatch measures about itself."""

from __future__ import annotations

from tapewatch.model.table import Column, FlagRule, Identity, Kind, Retention, Table, counter, flag, gauge, tag, text, time

_HOST = tag("host", "Host on which it ran.")

COLLECTOR_RUN = Table(
    "collector_run",
    "One run of a collector, or one report of an endless one.",
    (
        _HOST,
        tag("collector", "Name of the collector in the settings."),
        flag("ok", "Whether the run ended without an error.", rule=FlagRule(bad=False, down_after_s=60)),
        gauge("duration_ms", "ms", "How long the run took.", minimum=0),
        gauge("rows", "count", "Rows it gave.", minimum=0),
        text("error", "What went wrong, in words."),
    ),
)

SELF = Table(
    "self",
    "One number about tapewatch itself.",
    (
        _HOST,
        tag("component", "Part of tapewatch, such as ingest or live."),
        tag("metric", "What was measured, with the unit in its name."),
        gauge("value", "none", "The number, in the unit that the metric's name says."),
    ),
)

REFUSAL = Table(
    "refusal",
    "Values and rows that were not kept, or kept with a mark, counted by reason since the server started.",
    (
        _HOST,
        tag("sender", "The source whose rows they were."),
        tag("table_name", "Table they were meant for."),
        tag("column_name", "Column of the value; * when the whole row was refused."),
        tag("reason", "Stable code of the reason."),
        counter("values", "How many since the server started."),
        text("example", "The newest one, with its value."),
    ),
)

QUARANTINE = Table(
    "quarantine",
    "One row that came for a table or with columns that nobody has declared: kept as it came until it is adopted.",
    (
        tag("table_name", "Table that the row is for."),
        tag("reason", "Why it is here: unknown_table or unknown_column."),
        Column("entry", Kind.ID, "Number of the row in quarantine."),
        text("column_names", "Columns that are not declared, joined by commas."),
        text("content", "The whole row as JSON, with its own time, source and types; gone once it is adopted."),
        Column("series", Kind.ID, "Stands for the texts in the row, to count series."),
        gauge("size_bytes", "bytes", "What it takes of the quarantine; 0 once it is adopted.", minimum=0),
        text("adopted_as", "Table that took the row; empty while it waits."),
    ),
    identity=Identity.LIVING,
    id_column="entry",
    retention=Retention.LEDGER,
)

CANARY = Table(
    "canary",
    "A row that `tapewatch doctor` sent through every part of tapewatch to see it again; nothing is judged by it.",
    (_HOST, text("walk", "Which walk of doctor sent it.")),
    identity=Identity.NONE,
)

SILENCE = Table(
    "silence",
    "A series that fell silent for long, was retired or was heard of again: a restart remembers it by the newest of these rows.",
    (
        tag("table_name", "Table of the series."),
        tag("series", "Its tags, as JSON in the order of its table."),
        tag("reporter", "The source that reported it."),
        text("standing", "What has become of it: silent, retired or back."),
        time("last_row_at", "Its newest row."),
        gauge("expected_s", "s", "Expected spacing of its rows; empty while unknown.", minimum=0),
        text("why", "By whom or by what rule it was retired."),
    ),
    retention=Retention.LEDGER,
)

TABLES = (COLLECTOR_RUN, SELF, REFUSAL, QUARANTINE, CANARY, SILENCE)
