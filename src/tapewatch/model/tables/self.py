"""What tapewatch measures about itself."""

from __future__ import annotations

from tapewatch.model.table import FlagRule, Identity, Table, counter, flag, gauge, tag, text

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

CANARY = Table(
    "canary",
    "A row that `tapewatch doctor` sent through every part of tapewatch to see it again; nothing is judged by it.",
    (_HOST, text("walk", "Which walk of doctor sent it.")),
    identity=Identity.NONE,
)

TABLES = (COLLECTOR_RUN, SELF, REFUSAL, CANARY)
