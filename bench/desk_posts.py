"""Rows of the desk as bodies for `POST /api/rows`, with a count of what is in them, and what the server kept of it."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from bench.desk_rows import DeskRows
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import Coded, RowBatch, TypedColumn
from tapewatch.model.table import Kind

SUMMED = "pipeline", "records"
"""Whole numbers whose sum shows that a row has also kept its values."""
SLICE_ROWS = 100_000
"""Rows are counted in stretches so short that the rows themselves are read, not their summaries."""
_GIVEN_ONCE = frozenset({"source", "env", "host", "received_at"})
_CATALOG = Catalog()

Key = tuple[str, ...]


@dataclass
class Tally:
    """Rows by table, host and the table's other tags, the sum of their records, and the stretch of time that they lie in."""

    rows: Counter[Key] = field(default_factory=Counter[Key])
    records: int = 0
    start_us: int = 0
    end_us: int = 0

    @property
    def total(self) -> int:
        """All rows."""
        return self.rows.total()

    def add(self, other: Tally) -> None:
        """Take in what another has counted."""
        self.rows.update(other.rows)
        self.records += other.records
        self.start_us = min(self.start_us or other.start_us, other.start_us)
        self.end_us = max(self.end_us, other.end_us)

    def beyond(self, other: Tally) -> int:
        """Rows that are here and not there, series by series."""
        return (self.rows - other.rows).total()


class DeskPosts:
    """Bodies of one host of the desk, as a client sends them: with its id and a running number.

    Args:
        host: Its name; hosts differ in it, so that their rows do not replace each other.
        seed: Of the random numbers.
    """

    def __init__(self, host: str, seed: int) -> None:
        self._host = host
        self._desk = DeskRows(seed)
        self._sequence = 0
        self._client = f"bench-{host}-{seed}"
        self.tally = Tally()

    def body(self, start_us: int, end_us: int, rows: int) -> bytes:
        """The next body: ``rows`` rows evenly over the half-open stretch; they are counted in `tally`."""
        batches = self._desk.batches(start_us, end_us, rows)
        self._count(batches, start_us, end_us)
        self._sequence += 1
        return orjson.dumps(
            {
                "client": self._client,
                "sequence": self._sequence,
                "source": "desk",
                "env": "live",
                "host": self._host,
                "batches": [{"table": batch.table, **lists(batch)} for batch in batches],
            }
        )

    def _count(self, batches: tuple[RowBatch, ...], start_us: int, end_us: int) -> None:
        found = Tally(start_us=start_us, end_us=end_us)
        for batch in batches:
            tags = [batch.columns[name] for name in _tags(batch.table)]
            found.rows.update((batch.table, self._host, *words) for words in zip(*tags, strict=True))
            if batch.table == SUMMED[0]:
                found.records += int(np.sum(np.asarray(batch.columns[SUMMED[1]])))
        self.tally.add(found)


def lists(batch: RowBatch) -> dict[str, Any]:
    """Rows as our client sends them: lists of values below their names; what stands once in the envelope is left out."""
    kinds = {column.name: column.kind for column in _CATALOG[batch.table].columns}
    names = [name for name in batch.columns if name not in _GIVEN_ONCE]
    values = [_values(batch.columns[name], kinds.get(name)) for name in names]
    return {"columns": names, "rows": [[value if value == value else None for value in row] for row in zip(*values, strict=True)]}  # noqa: PLR0124 - NaN


def _values(column: TypedColumn, kind: Kind | None) -> list[Any]:
    if isinstance(column, Coded):
        return list(column)
    return [bool(value) for value in column] if kind is Kind.FLAG else column.tolist()


def _tags(table: str) -> tuple[str, ...]:
    return tuple(name for name in _CATALOG[table].tags if name not in _GIVEN_ONCE)


def stored(url: str, sent: Tally) -> tuple[Tally, int]:
    """What the server has of it, read from the rows, and how many rows its summaries, asked about the whole stretch, have of it."""
    found, by_summaries = Tally(), 0
    totals = Counter[str]()
    for key, count in sent.rows.items():
        totals[key[0]] += count
    for table, total in totals.items():
        slice_us = max(1, (sent.end_us - sent.start_us) * SLICE_ROWS // total)
        for start_us in range(sent.start_us, sent.end_us, slice_us):
            for key, count, records_sum in _counts(url, table, start_us, min(start_us + slice_us, sent.end_us)):
                found.rows[table, *key] += count
                found.records += records_sum
        by_summaries += sum(count for _, count, _ in _counts(url, table, sent.start_us, sent.end_us))
    return found, by_summaries


def _counts(url: str, table: str, start_us: int, end_us: int) -> Iterator[tuple[Key, int, int]]:
    tags = ("host", *_tags(table))
    measures = [{"function": "count"}, *([{"function": "sum", "column": SUMMED[1]}] if table == SUMMED[0] else [])]
    question = {
        "table": table,
        "range": {"start_us": start_us, "end_us": end_us},
        "measures": measures,
        "group_by": list(tags),
        "filters": [{"column": "source", "comparison": "in", "values": ["desk"]}],
    }
    request = urllib.request.Request(f"{url}/api/query", json.dumps(question).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        frame = json.load(answer)
    columns = {column["name"]: column["values"] for column in frame["columns"]}
    counts = columns["count"]
    sums = columns.get(f"sum_{SUMMED[1]}", [0] * len(counts))
    for place, count in enumerate(counts):
        yield tuple(columns[tag][place] for tag in tags), int(count), round(sums[place] or 0)
