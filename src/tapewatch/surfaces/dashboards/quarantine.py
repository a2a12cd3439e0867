"""The panel of what came for tables and columns that nobody has declared."""

from __future__ import annotations

from tapewatch.model.query import Comparison, Filter, Function, Measure
from tapewatch.surfaces.dashboards.feeding import QUARANTINE
from tapewatch.surfaces.dashboards.panel import Panel, PanelKind, PanelQuery

_KEPT_DAYS = 365
_TAGS = ("table_name", "reason", "source")

WAITING = Panel(
    "quarantine",
    f"Quarantine, last {_KEPT_DAYS} days",
    PanelKind.TABLE,
    "Rows that wait for a declaration, by table, reason and source; `tapewatch adopt TABLE` takes them in.",
    24,
    5,
    QUARANTINE,
    PanelQuery(
        "quarantine",
        (
            Measure(Function.COUNT, alias="rows"),
            Measure(Function.SUM, "size_bytes", alias="size_bytes"),
            Measure(Function.MAX, "ts", alias="newest"),
        ),
        _TAGS,
        filters=(Filter("adopted_as", Comparison.IS_NULL),),
        order_by="-rows",
        last_s=_KEPT_DAYS * 24 * 3600,
    ),
    options={"age_columns": ["newest"], "all_fine": "Nothing is in quarantine."},
)
