"""One row in quarantine, as a record and as a row of table ``quarantine``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import blake2b
from typing import Any, cast

import numpy as np

from tapewatch.ingest.validate import Stray
from tapewatch.ingest.validate.cells import plain
from tapewatch.model.rows import Coded, RowBatch
from tapewatch.model.tables.self import QUARANTINE

OVERHEAD_BYTES = 256
"""What a row in quarantine takes beside its content, about."""

_SEPARATOR = ", "


@dataclass(frozen=True, slots=True)
class Entry:
    """One row in quarantine.

    Attributes:
        number: Its own, for good.
        received_us: When it came.
        table: Table that it is for.
        reason: ``unknown_table`` or ``unknown_column``.
        source: Its source.
        env: Its environment.
        names: Its columns that are not declared.
        series: Stands for the words that tell its series from others.
        content: The whole row, as JSON; empty where only the counts were read.
        size_bytes: What it takes of the quarantine; 0 once it is adopted.
        adopted_as: The table that took it; empty while it waits.
    """

    number: str
    received_us: int
    table: str
    reason: str
    source: str
    env: str
    names: tuple[str, ...]
    series: str
    content: str
    size_bytes: int
    adopted_as: str = ""

    def row(self) -> dict[str, Any]:
        """The row as it came."""
        return cast("dict[str, Any]", json.loads(self.content))

    def gone_to(self, table: str) -> Entry:
        """What is left of it when a table has taken the row."""
        return replace(self, adopted_as=table, content="", size_bytes=0)


def series_of(stray: Stray) -> str:
    """Equal for rows of one series, also after a restart."""
    words = (stray.env, *stray.series)
    return blake2b("\x1f".join(words).encode(errors="replace"), digest_size=8).hexdigest()


def content_of(row: Mapping[str, Any]) -> str:
    """A row as JSON that keeps the types of its values; numbers that JSON lacks are the words that stand for them everywhere."""
    try:
        return json.dumps({name: _jsonable(value) for name, value in row.items()}, separators=(",", ":"), default=_written, allow_nan=False)
    except ValueError:  # a number that is not finite inside of a list or an object
        return json.dumps({name: _jsonable(value) for name, value in row.items()}, separators=(",", ":"), default=_written)


def _jsonable(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _written(value: object) -> object:
    found = plain(value)
    if found is not value:
        return found
    return value.isoformat() if isinstance(value, datetime) else str(value)


def batch_of(entries: Sequence[Entry]) -> RowBatch:
    """Rows of table ``quarantine``."""
    received = np.array([entry.received_us for entry in entries], np.int64)
    columns = {
        "source": [entry.source for entry in entries],
        "env": [entry.env for entry in entries],
        "table_name": [entry.table for entry in entries],
        "reason": [entry.reason for entry in entries],
        "entry": [entry.number for entry in entries],
        "column_names": [_SEPARATOR.join(entry.names) for entry in entries],
        "content": [entry.content or None for entry in entries],
        "series": [entry.series for entry in entries],
        "adopted_as": [entry.adopted_as or None for entry in entries],
    }
    coded = {name: Coded.of(words) for name, words in columns.items()}
    sizes = np.array([entry.size_bytes for entry in entries], np.float64)
    return RowBatch(QUARANTINE.name, len(entries), {"ts": received, "received_at": received, "size_bytes": sizes, **coded})


def entries_of(columns: Mapping[str, Any]) -> list[Entry]:
    """The entries of an answer with all columns of table ``quarantine``, or all but ``content``."""
    words = {name: values.words().tolist() if isinstance(values, Coded) else values.tolist() for name, values in columns.items()}
    contents = words.get("content", [None] * len(words["entry"]))
    return [
        Entry(
            number,
            words["ts"][i],
            words["table_name"][i],
            words["reason"][i],
            words["source"][i],
            words["env"][i],
            tuple(filter(None, (words["column_names"][i] or "").split(_SEPARATOR))),
            words["series"][i] or "",
            contents[i] or "",
            int(np.nan_to_num(words["size_bytes"][i])),
            words["adopted_as"][i] or "",
        )
        for i, number in enumerate(words["entry"])
    ]
