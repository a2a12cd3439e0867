"""The rows that every system gets, as bodies of lines made beforehand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bench.desk_rows import SHARES, DeskRows
from bench.rivals.question import HOUR_S, MARKER
from bench.rivals.truth import Told
from tapewatch.model.rows import Coded, RowBatch, TypedColumn

SPAN_S = 24 * HOUR_S
BODY_LINES = 10_000
PIECES = 48
US_PER_S = 1_000_000
GRID_US, OFF_GRID_US = 10_000, 5_000
"""Times lie between whole hundredths of a second: one system keeps milliseconds and closes its windows at the other end, and no row may
change its bucket for that."""
TAGS = {
    "exchange": ("source", "env", "host", "venue"),
    "pipeline": ("source", "env", "host", "venue", "symbol", "data_type"),
    "process": ("source", "env", "host", "process"),
}
FLAGS = {"connected", "gap"}
INTEGERS = {"last_message_at"}
OWN = {"ts", "received_at"}


class Rows:
    """A day of the desk.

    Args:
        count: Rows altogether.
        end_s: End of the day, in seconds since 1970; a start of a bucket.
    """

    def __init__(self, count: int, end_s: int) -> None:
        self.end_s = end_s
        self.bodies: list[bytes] = []
        self.count_by_table: dict[str, int] = {}
        kept: dict[str, list[RowBatch]] = {table: [] for table in SHARES}
        desk, waiting = DeskRows(), list[bytes]()
        step_us = SPAN_S * US_PER_S // PIECES
        for piece in range(PIECES):
            start_us = (end_s - SPAN_S) * US_PER_S + piece * step_us
            batches = [_on_grid(batch) for batch in desk.batches(start_us, start_us + step_us, count // PIECES)]
            waiting += in_time_order(batches)
            for batch in batches:
                kept[batch.table].append(batch)
            while len(waiting) >= BODY_LINES or (waiting and piece == PIECES - 1):
                self.bodies.append(b"".join(waiting[:BODY_LINES]))
                del waiting[:BODY_LINES]
        self.told = {table: _joined(batches) for table, batches in kept.items()}
        self.count_by_table = {table: len(told.ts_us) for table, told in self.told.items()}

    @property
    def count(self) -> int:
        """Rows of all tables."""
        return sum(self.count_by_table.values())

    @property
    def body_bytes(self) -> int:
        """Bytes of all bodies."""
        return sum(map(len, self.bodies))


def lines(batch: RowBatch) -> Iterator[bytes]:
    """The batch as lines, one for each row; what is missing is left out, flags are ``t`` and ``f``."""
    names = [name for name in batch.columns if name not in OWN and name not in TAGS[batch.table]]
    tags = zip(*(batch.columns[name] for name in TAGS[batch.table]), strict=True)
    fields = zip(*(_written(name, batch.columns[name]) for name in names), strict=True)
    form = f"{batch.table},{','.join(f'{name}=%s' for name in TAGS[batch.table])} %s %d000\n"
    for words, values, at_us in zip(tags, fields, np.asarray(batch.columns["ts"]).tolist(), strict=True):
        yield (form % (*words, ",".join(filter(None, values)), at_us)).encode()


def in_time_order(batches: list[RowBatch]) -> list[bytes]:
    """Lines of all batches as they would have been sent."""
    made = [line for batch in batches for line in lines(batch)]
    ts = np.concatenate([np.asarray(batch.columns["ts"]) for batch in batches])
    return [made[row] for row in np.argsort(ts, kind="stable").tolist()]


def marking(number: int, now_us: int) -> bytes:
    """One row of the venue that marks: by its latency it is known when it is in an answer."""
    return f"exchange,source=desk,env=live,host=host1,venue={MARKER} connected=t,latency_ms={number} {now_us}000\n".encode()


def _written(name: str, column: TypedColumn) -> list[str]:
    values = np.asarray(column)
    if name in FLAGS:
        return [f"{name}=t" if value else f"{name}=f" for value in values.tolist()]
    if name in INTEGERS:
        return [f"{name}={value}i" for value in values.tolist()]
    # "200" and "200.0" are the same number to all of them; people write the short one
    return [f"{name}={value:.10g}" if value == value else "" for value in values.tolist()]  # noqa: PLR0124 - NaN


def _on_grid(batch: RowBatch) -> RowBatch:
    ts = np.asarray(batch.columns["ts"]) // GRID_US * GRID_US + OFF_GRID_US
    return RowBatch(batch.table, batch.count, {**batch.columns, "ts": ts})


def _joined(batches: list[RowBatch]) -> Told:
    columns: dict[str, TypedColumn] = {}
    for name, first in batches[0].columns.items():
        parts = [batch.columns[name] for batch in batches]
        if isinstance(first, Coded):
            columns[name] = Coded(np.concatenate([part.codes for part in parts if isinstance(part, Coded)]), first.values)
        else:
            columns[name] = np.concatenate([np.asarray(part) for part in parts])
    return Told(np.asarray(columns["ts"]), columns)
