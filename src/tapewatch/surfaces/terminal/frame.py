"""The answer to a question as a table."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from tapewatch.clock import SystemClock, iso
from tapewatch.query.verdict import duration, written

_LEFT_OUT = frozenset({"received_at", "flags"})
"""In the table: ``flags`` stands beside the values that it is about; the JSON has both."""
PAPER = 10_000
"""Characters in a line when the output is not a terminal: whatever reads it decides where to cut."""
_NUMBERS = frozenset({"gauge", "counter", "interval"})
STATUS_STYLE = {"up": "green", "degraded": "yellow", "down": "red", "unknown": "dim"}


def terminal() -> Console:
    """Where a command prints: as wide as the terminal, or without a width."""
    return Console(width=None if sys.stdout.isatty() else PAPER, highlight=False)


def print_frame(frame: Mapping[str, Any], *, as_json: bool) -> None:
    """Print an answer: as JSON, or as a table with units, ages and verdicts."""
    if as_json:
        typer.echo(json.dumps(frame, indent=2))
        return
    console = terminal()
    columns: Sequence[Mapping[str, Any]] = [column for column in frame["columns"] if column["name"] not in _LEFT_OUT]
    judged = _judged_rows(frame)
    names = [*(["status"] if judged else []), *(str(column["name"]) for column in columns)]
    rows = [[*judged[row : row + 1], *(_cell(column, row) for column in columns)] for row in range(frame["rows"])]
    table = RichTable(title=None, header_style="bold")
    for name in names:
        kind = next((column["kind"] for column in columns if column["name"] == name), "")
        table.add_column(name, justify="right" if kind in _NUMBERS else "left")
    for cells in rows:
        table.add_row(*cells)
    if console.measure(table, options=console.options.update(max_width=PAPER)).maximum <= console.width:
        console.print(table)
    else:
        _print_records(console, names, rows)
    newest_us = frame["newest_us"]
    age = f"newest row {duration(max(0, SystemClock().now_us() - newest_us))} ago" if newest_us else "no rows in this range"
    count = f"{frame['rows']} {'row' if frame['rows'] == 1 else 'rows'}"
    retired = f" · {len(frame['retired'])} retired" if frame.get("retired") else ""
    console.print(f"{count} · {age} · {frame['query_ms']:.1f} ms in the store{retired}", style="dim")


def _print_records(console: Console, names: Sequence[str], rows: Sequence[Sequence[Text]]) -> None:
    """One line for each value, for a terminal that is too narrow for the table."""
    for cells in rows:
        record = RichTable.grid(padding=(0, 2))
        for name, cell in zip(names, cells, strict=True):
            record.add_row(Text(name, style="dim"), cell)
        console.print(record)
        console.print()


def _judged_rows(frame: Mapping[str, Any]) -> list[Text]:
    """What the server says of the series of each row now; empty where rows are the past, or of no series."""
    columns = {column["name"]: column["values"] for column in frame["columns"]}
    by_key = {tuple(sorted(series["key"].items())): series for series in frame["series"]}
    tags = list(frame["series"][0]["key"]) if frame["series"] else []
    if not tags or "bucket" in columns or not set(tags) <= set(columns):
        return []
    found: list[Text] = []
    for row in range(frame["rows"]):
        series = by_key.get(tuple(sorted((tag, columns[tag][row]) for tag in tags)), {})
        status = series.get("status", "unknown")
        words = ": ".join(word for word in (status, series.get("reason")) if word)
        found.append(Text(words, style=STATUS_STYLE.get(status, "")))
    return found


def _cell(column: Mapping[str, Any], row: int) -> Text:
    """A value with its unit; a missing one with the reason. Text, so that brackets in it are no markup."""
    value = column["values"][row]
    if value is None:
        notes: Mapping[str, str] = column.get("notes") or {}
        reason = notes.get(str(row))
        return Text(f"– {reason}" if reason else "–", style="dim")
    if column["kind"] == "time":
        text = iso(int(value))
    elif isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, (int, float)):
        text = written(float(value), str(column["unit"]))
    else:
        text = str(value)
    status = (column.get("status") or [None] * (row + 1))[row]
    return Text(text, style=STATUS_STYLE.get(str(status), ""))
