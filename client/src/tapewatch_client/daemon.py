"""The status of a market-data daemon, as its ``get_status()`` gives it, as a row of table ``daemon``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

#: Field of ``get_status()`` to column of table ``daemon``.
COLUMNS = {
    "running": "running",
    "shutdown_requested": "shutdown_requested",
    "fetch_count": "fetches",
    "error_count": "errors",
    "liquidation_count": "liquidations",
    "uptime_seconds": "uptime_s",
    "last_fetch_time": "last_fetch_at",
    "last_error": "last_error",
    "symbols": "symbols",
    "exchanges": "exchanges",
}
_LISTS = ("symbols", "exchanges")


def daemon_row(status: Mapping[str, object]) -> dict[str, object]:
    """Translate the ten fields of ``get_status()``.

    Fields that are missing stay missing, others are left out. The lists of symbols and exchanges are joined with commas.
    ``last_fetch_time`` passes as it is: a text with an offset or a datetime with a zone; without one the server refuses the value.
    """
    row = {column: status[field] for field, column in COLUMNS.items() if field in status}
    for name in _LISTS:
        value = row.get(name)
        if isinstance(value, Iterable) and not isinstance(value, str):
            row[name] = ",".join(str(each) for each in cast("Iterable[object]", value))
    return row
