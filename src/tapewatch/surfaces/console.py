"""The terminal: ask a running server and print the answer as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
import typer
from rich.console import Console
from rich.table import Table as RichTable

from tapewatch.clock import SystemClock, iso
from tapewatch.errors import QueryError, SourceError
from tapewatch.query.verdict import duration, written

_STATUS_STYLE = {"up": "green", "degraded": "yellow", "down": "red", "unknown": "dim"}


def ask(url: str, token: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Ask ``GET /api/query``; parameters that are None are left out.

    Raises:
        SourceError: The server does not answer.
        QueryError: It refuses the question, with its reason.
    """
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    given: dict[str, Any] = {name: value for name, value in parameters.items() if value is not None}
    try:
        answer = httpx2.get(f"{url.rstrip('/')}/api/query", params=given, headers=headers, timeout=30)
    except httpx2.HTTPError as error:
        raise SourceError(f"{url} does not answer: {error}; is `tapewatch up` running there?") from error
    data: dict[str, Any] = answer.json()
    if answer.is_error:
        raise QueryError(str(data.get("error", {}).get("message", answer.text)))
    return data


def print_frame(frame: Mapping[str, Any], *, as_json: bool) -> None:
    """Print an answer: as JSON, or as a table with units, ages and verdicts."""
    if as_json:
        typer.echo(json.dumps(frame, indent=2))
        return
    console = Console()
    table = RichTable(title=None, header_style="bold")
    columns: Sequence[Mapping[str, Any]] = frame["columns"]
    for column in columns:
        table.add_column(str(column["name"]), justify="right" if column["kind"] in {"gauge", "counter", "interval"} else "left")
    for row in range(frame["rows"]):
        table.add_row(*(_cell(column, row) for column in columns))
    console.print(table)
    newest_us = frame["newest_us"]
    age = f"newest row {duration(max(0, SystemClock().now_us() - newest_us))} ago" if newest_us else "no rows in this range"
    console.print(f"{frame['rows']} rows · {age} · {frame['query_ms']} ms in the store", style="dim")


def _cell(column: Mapping[str, Any], row: int) -> str:
    value = column["values"][row]
    if value is None:
        return "–"
    if column["kind"] == "time":
        text = iso(int(value))
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, (int, float)):
        text = written(float(value), str(column["unit"]))
    else:
        text = str(value)
    status = (column.get("status") or [None] * (row + 1))[row]
    style = _STATUS_STYLE.get(str(status))
    return f"[{style}]{text}[/{style}]" if style else text
