"""Rows of a data frame: pandas, polars, pyarrow and whatever else gives an Arrow stream (the Arrow PyCapsule interface)."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

#: pyarrow and its objects, which have no types to check against.
_Arrow = Any
#: Rows turned into Python values at a time.
SLICE_ROWS = 5_000
#: What pandas calls an index without a name.
_INDEX = "__index_level_"
#: Stands for a missing time: the server refuses the row by name, where an absent time would mean now.
NO_TIME = "NaT"


class FrameUnreadable(Exception):
    """What was given is no frame, or nothing is installed that reads one."""


def rows_of(frame: object, time_column: str) -> Iterator[dict[str, Any]]:
    """The rows of a frame, its time column as ``ts``; null where the frame has null.

    Times with a zone become integer microseconds since 1970 UTC, nanoseconds are cut. The index of a pandas frame is a column when it
    has a name; one of times without a name is the time column where there is no other.

    Raises:
        FrameUnreadable: It gives no Arrow stream, or pyarrow is not installed.
    """
    if not hasattr(frame, "__arrow_c_stream__"):
        raise FrameUnreadable(f"a {type(frame).__name__} is no frame; give one of pandas (2.2 or newer), polars or Arrow")
    try:
        arrow: _Arrow = import_module("pyarrow")
    except ImportError as error:
        raise FrameUnreadable("frames need pyarrow: pip install 'tapewatch-client[frames]'") from error
    stream = arrow.RecordBatchReader.from_stream(frame)
    names = _names(arrow, stream.schema, time_column)
    for batch in stream:
        columns = [(name, _column(arrow, batch.column(place))) for place, name in names.items()]
        for start in range(0, batch.num_rows, SLICE_ROWS):
            values = [(name, column.slice(start, SLICE_ROWS).to_pylist()) for name, column in columns]
            for row in zip(*(each for _, each in values), strict=True):
                yield _row(dict(zip((name for name, _ in values), row, strict=True)))


def _row(row: dict[str, Any]) -> dict[str, Any]:
    if "ts" in row and row["ts"] is None:
        row["ts"] = NO_TIME
    return row


def _names(arrow: _Arrow, schema: _Arrow, time_column: str) -> dict[int, str]:
    """Position of each column that is written, and its name."""
    names = {place: str(field.name) for place, field in enumerate(schema)}
    index = [place for place, name in names.items() if name.startswith(_INDEX)]
    is_timed = time_column in names.values()
    for place in index:
        if not is_timed and arrow.types.is_timestamp(schema.field(place).type):
            names[place], is_timed = "ts", True
        else:
            del names[place]
    return {place: "ts" if name == time_column else name for place, name in names.items()}


def _column(arrow: _Arrow, column: _Arrow) -> _Arrow:
    kind = column.type
    if not arrow.types.is_timestamp(kind):
        return column
    in_us = column.cast(arrow.timestamp("us", tz=kind.tz), safe=False)
    return in_us if kind.tz is None else in_us.cast(arrow.int64())
