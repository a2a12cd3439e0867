"""The reference desk: 150 rows a second, with values that move as in life.

What the values are: prices and profits are walks whose products are not rounded; latencies are log-normal, of
microseconds; counters grow by Poisson steps; positions and states change every few minutes; clients' times jitter by
milliseconds and arrive 1 to 5 ms later; a stream has a log-normal number of messages in 5 s (median 10), each in its
sketch; orders have ids of 19 figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import NULL_TIME, Coded, RowBatch, TypedColumn
from tapewatch.model.sketch import GAMMA
from tapewatch.model.table import Column, Identity, Kind, Retention, Table, counter, gauge, tag, text

S_US = 1_000_000
SELDOM = 0.002
"""Part of the rows with a gap, a late stream, a lost connection."""
DAY_US = 86_400 * S_US

Values = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]

_OF_STRATEGY = (tag("strategy", "Its name."), tag("symbol", "What it trades."), tag("venue", "Where."))
TRADING = Table(
    "trading",
    "One strategy on one symbol.",
    (
        *_OF_STRATEGY,
        tag("currency", "Of its money."),
        gauge("realized_pnl", "money", "Booked."),
        gauge("unrealized_pnl", "money", "Open."),
        gauge("position", "quantity", "Signed."),
        gauge("exposure", "money", "At the price of now."),
        counter("orders_placed", "All."),
        counter("orders_filled", "All."),
        gauge("fill_ratio", "ratio", "Filled of placed."),
        gauge("drawdown", "ratio", "Of the peak."),
    ),
)
FILL = Table(
    "fill",
    "One fill.",
    (
        *_OF_STRATEGY,
        tag("side", "Buy or sell."),
        Column("order_id", Kind.ID, "Of the venue."),
        Column("trade_id", Kind.ID, "Of the venue."),
        gauge("price", "price", "Paid."),
        gauge("quantity", "quantity", "Filled."),
        gauge("fee", "money", "Paid."),
        text("fee_currency", "Of the fee."),
        gauge("realized_pnl", "money", "Booked."),
    ),
    identity=Identity.EVENT,
    id_column="trade_id",
    retention=Retention.LEDGER,
)


@dataclass(frozen=True, slots=True)
class Part:
    """The series of one table and how often each writes, in seconds."""

    table: str
    series: int
    period_s: float


PARTS: tuple[Part, ...] = (
    Part("feed", 200, 5),
    Part("host", 5, 1),
    Part("process", 20, 1),
    Part("exchange", 6, 1),
    Part("pipeline", 100, 10),
    Part("trading", 50, 1),
    Part("fill", 40, 10),
    Part("queue", 30, 5),
    Part("service_health", 30, 5),
    Part("self", 30, 10),
)
"""150 rows/s in all; what is no measurement (orders, fills, signals) is written as fills."""


@dataclass(slots=True)
class _Line:
    """Where the walks and counters of one table have come to."""

    ends: dict[str, Values] = field(default_factory=dict[str, Values])


class ReferenceDesk:
    """Makes its rows, day by day.

    Args:
        catalog: Tables of the product; of `TRADING` and `FILL` its own, where it has them.
        seed: Of the random numbers.
    """

    def __init__(self, catalog: Catalog, *, seed: int = 11) -> None:
        own = {table.name: table for table in (TRADING, FILL)}
        self.tables = {part.table: catalog.get(part.table) or own[part.table] for part in PARTS}
        self._chance = np.random.default_rng(seed)
        self._lines: dict[str, _Line] = {part.table: _Line() for part in PARTS}

    def batches(self, start_us: int, end_us: int) -> Iterator[RowBatch]:
        """All rows of a half-open span, a batch for each table."""
        for part in PARTS:
            ticks = int((end_us - start_us) / S_US / part.period_s)
            yield self._batch(part, start_us, part.series, ticks)

    def _batch(self, part: Part, start_us: int, series: int, ticks: int) -> RowBatch:
        n = series * ticks
        chance, table = self._chance, self.tables[part.table]
        phase = np.arange(series) * part.period_s * S_US / series
        due = start_us + np.arange(ticks)[:, None] * part.period_s * S_US + phase
        ts = (due + chance.gamma(2, 1_500, (ticks, series))).astype(np.int64).ravel()
        number = np.tile(np.arange(series), ticks)
        columns: dict[str, TypedColumn] = {
            "ts": ts,
            "received_at": ts + chance.integers(1_000, 5_000, n),
            "source": _words(number // 50, "agent"),
            **{name: _words(number, name) for name in table.tags if name != "env"},
            "env": Coded.constant("live", n),
            **getattr(self, f"_{part.table}")(self._lines[part.table], ticks, series),
        }
        return RowBatch(part.table, n, {name: values for name, values in columns.items() if name in table.column})

    # --- what moves --------------------------------------------------------------------------------------------------

    def _walk(self, line: _Line, name: str, ticks: int, series: int, *, step: float, start: float) -> Values:
        """A walk of each series that goes on where it ended, (ticks, series)."""
        steps = self._chance.normal(0, step, (ticks, series))
        steps[0] += line.ends.get(name, np.full(series, start))
        walked = np.cumsum(steps, axis=0)
        line.ends[name] = walked[-1]
        return walked

    def _count(self, line: _Line, name: str, ticks: int, series: int, mean: float) -> Values:
        """A counter of each series."""
        grown = np.cumsum(self._chance.poisson(mean, (ticks, series)), axis=0) + line.ends.get(name, np.zeros(series))
        line.ends[name] = grown[-1]
        return grown

    def _seldom(self, ticks: int, series: int, every: int, values: Values) -> Values:
        """Values that change once in ``every`` ticks or so."""
        return values[
            np.maximum.accumulate(np.where(self._chance.random((ticks, series)) < 1 / every, np.arange(ticks)[:, None], 0), axis=0),
            np.arange(series),
        ]

    def _ms(self, n: int, median: float = 20.0) -> Values:
        return np.round(self._chance.lognormal(np.log(median), 0.5, n), 3)

    def _streams(self, n: int) -> tuple[npt.NDArray[np.object_], Values, Values]:
        """What ``n`` streams measured in five seconds: their sketches, how many messages they had, and four quantiles (n, 4).

        Each is drawn by itself: a compression that finds what repeats must not find the same sketch twice.
        """
        counts = np.maximum(1, self._chance.lognormal(np.log(10), 1.0, n)).astype(np.int64)
        ends = np.cumsum(counts)
        starts, stream = ends - counts, np.repeat(np.arange(n), counts)
        latencies = np.round(self._chance.lognormal(np.log(35), 0.4, int(ends[-1])), 3)
        latencies = latencies[np.lexsort((latencies, stream))]
        quantiles = np.stack([latencies[starts + (fraction * (counts - 1)).astype(np.int64)] for fraction in (0.5, 0.95, 0.99, 1.0)], 1)
        indexes = np.ceil(np.log(latencies) / np.log(GAMMA)).astype(np.int64)
        first = np.flatnonzero(np.append(True, (indexes[1:] != indexes[:-1]) | (stream[1:] != stream[:-1])))
        entries = list(zip(indexes[first].tolist(), np.diff(np.append(first, len(indexes))).tolist(), strict=True))
        bounds = np.searchsorted(first, np.append(starts, len(indexes))).tolist()
        sketches = np.empty(n, object)
        sketches[:] = [dict(entries[a:b]) for a, b in pairwise(bounds)]
        return sketches, counts.astype(np.float64), quantiles

    # --- tables ------------------------------------------------------------------------------------------------------

    def _feed(self, line: _Line, ticks: int, series: int) -> dict[str, Any]:
        n = ticks * series
        sketches, messages, quantiles = self._streams(n)
        verdict = (self._chance.random(n) < SELDOM).astype(np.int32)
        zero = np.zeros(n)
        lost = self._chance.poisson(0.002, (4, n)).astype(np.float64)
        return {
            "verdict": Coded(verdict, ("fresh", "late")),
            "evidence": Coded(verdict, ("fresh", "no message for 4 s")),
            "messages": messages,
            "age_ms": self._ms(n, 300),
            "expected_ms": np.round(self._walk(line, "expected", ticks, series, step=0.5, start=400).ravel(), 3),
            **dict(zip(("gaps", "duplicates", "reorders", "resyncs"), lost, strict=True)),
            "reconnects": zero,
            "checksum_mismatches": zero,
            "crossed": zero,
            **{f"latency_{name}_ms": quantiles[:, i] for i, name in enumerate(("p50", "p95", "p99", "max"))},
            "latency_ms_sketch": sketches,
            "clock_offset_ms": np.round(self._walk(line, "offset", ticks, series, step=0.01, start=0.7).ravel(), 3),
            "clock_offset_error_ms": self._ms(n, 2),
            "backlog_ms": self._ms(n, 1),
            "interval_s": np.full(n, 5.0),
        }

    def _host(self, line: _Line, ticks: int, series: int) -> dict[str, Any]:
        n = ticks * series
        memory = np.round(8e9 + 4_096 * np.round(self._walk(line, "memory", ticks, series, step=300, start=0))).ravel()
        disk = self._count(line, "disk", ticks, series, 20).ravel() * 4_096
        return {
            "clock_synchronised": np.ones(n, np.int8),
            "clock_error_ms": np.round(np.abs(self._walk(line, "clock", ticks, series, step=0.02, start=1.0)).ravel(), 3),
            "cpu_ratio": np.round(self._chance.beta(2, 8, n), 3),
            "load_1m": np.round(np.abs(self._walk(line, "load", ticks, series, step=0.02, start=1)).ravel(), 2),
            "memory_used_bytes": memory,
            "memory_total_bytes": np.full(n, 16e9),
            "memory_ratio": memory / 16e9,
            "swap_used_bytes": np.zeros(n),
            "disk_used_bytes": disk,
            "disk_total_bytes": np.full(n, 256e9),
            "disk_ratio": disk / 256e9,
            "net_received_bytes": self._count(line, "in", ticks, series, 120_000).ravel(),
            "net_sent_bytes": self._count(line, "out", ticks, series, 40_000).ravel(),
            "uptime_s": np.round(self._count(line, "up", ticks, series, 1).ravel(), 0),
        }

    def _process(self, line: _Line, ticks: int, series: int) -> dict[str, Any]:
        n = ticks * series
        return {
            "pid": np.tile(1_000.0 + np.arange(series), ticks),
            "running": np.ones(n, np.int8),
            "cpu_ratio": np.round(self._chance.beta(2, 8, n), 3),
            "rss_bytes": 4_096 * np.round(50_000 + self._walk(line, "rss", ticks, series, step=10, start=0)).ravel(),
            "threads": np.full(n, 12.0),
            "open_files": 30 + self._chance.poisson(3, n).astype(np.float64),
            "restarts": np.zeros(n),
            "uptime_s": np.repeat(np.arange(ticks, dtype=np.float64), series),
        }

    def _exchange(self, line: _Line, ticks: int, series: int) -> dict[str, Any]:
        n = ticks * series
        is_up = self._seldom(ticks, series, 600, (self._chance.random((ticks, series)) > SELDOM).astype(np.float64)).ravel()
        return {
            "connected": is_up.astype(np.int8),
            "latency_ms": self._ms(n, 80),
            "reconnects": self._count(line, "reconnects", ticks, series, 0.0005).ravel(),
            "last_message_at": np.full(n, NULL_TIME, np.int64),
            "rate_limit_ratio": np.round(self._chance.random(n), 3),
        }

    def _pipeline(self, line: _Line, ticks: int, series: int) -> dict[str, Any]:
        n = ticks * series
        gap = self._chance.random(n) < SELDOM
        records = self._chance.poisson(200, n).astype(np.float64)
        return {
            "records": records,
            "bytes": np.round(records * self._chance.normal(300, 10, n)),
            "latency_ms": self._ms(n),
            "gap": gap.astype(np.int8),
            "gap_s": np.where(gap, 61.5, np.nan),
            "interval_s": np.full(n, 10.0),
        }

    def _trading(self, line: _Line, ticks: int, series: int) -> dict[str, Any]:
        price = np.round(60_000 + self._walk(line, "price", ticks, series, step=3, start=0), 1)
        size = self._seldom(ticks, series, 300, np.round(self._chance.normal(0, 0.5, (ticks, series)), 3))
        entry = self._seldom(ticks, series, 300, price)
        filled = self._count(line, "filled", ticks, series, 0.02)
        placed = filled + self._count(line, "open", ticks, series, 0.01) + 1
        realized = self._seldom(ticks, series, 300, np.round(self._walk(line, "realized", ticks, series, step=0.4, start=0), 8))
        profit = realized + size * (price - entry)
        return {
            "realized_pnl": realized.ravel(),
            "unrealized_pnl": (size * (price - entry)).ravel(),
            "position": size.ravel(),
            "exposure": (np.abs(size) * price).ravel(),
            "orders_placed": placed.ravel(),
            "orders_filled": filled.ravel(),
            "fill_ratio": (filled / placed).ravel(),
            "drawdown": ((np.maximum.accumulate(profit) - profit) / 1e5).ravel(),
        }

    def _fill(self, line: _Line, ticks: int, series: int) -> dict[str, Any]:
        n = ticks * series
        number = (8_389_765_500_000_000_000 + self._count(line, "id", ticks, series, 3_000)).ravel().astype(np.int64)
        number += np.arange(n)
        price = np.round(60_000 + self._walk(line, "price", ticks, series, step=30, start=0).ravel(), 1)
        return {
            "side": Coded(self._chance.integers(0, 2, n).astype(np.int32), ("buy", "sell")),
            "order_id": Coded.of([f"{id_}" for id_ in number]),
            "trade_id": Coded.of([f"{id_}-{i % series}" for i, id_ in enumerate(number)]),
            "price": price,
            "quantity": np.round(self._chance.lognormal(-3, 1, n), 3),
            "fee": np.round(price * 0.0004, 8),
            "fee_currency": Coded.constant("USDT", n),
            "realized_pnl": np.round(self._chance.normal(0, 5, n), 8),
        }

    def _queue(self, line: _Line, ticks: int, series: int) -> dict[str, Any]:
        n = ticks * series
        rates = np.round(self._chance.gamma(9, 4, (2, n)), 1)
        return {
            "ready": self._chance.poisson(4, n).astype(np.float64),
            "unacked": self._chance.poisson(2, n).astype(np.float64),
            "consumers": np.full(n, 2.0),
            "publish_per_s": rates[0],
            "deliver_per_s": rates[1],
            "ack_per_s": rates[1],
            "redelivered": self._count(line, "again", ticks, series, 0.001).ravel(),
            "memory_bytes": np.round(self._chance.normal(60_000, 3_000, n)),
            "head_age_s": np.round(self._chance.exponential(0.1, n), 3),
            "state": Coded.constant("running", n),
        }

    def _service_health(self, line: _Line, ticks: int, series: int) -> dict[str, Any]:
        n = ticks * series
        return {
            "status": Coded((self._chance.random(n) < SELDOM).astype(np.int32), ("up", "degraded")),
            "response_ms": self._ms(n, 8),
            "uptime_s": np.repeat(np.arange(ticks) * 5.0, series),
            "errors": self._count(line, "errors", ticks, series, 0.002).ravel(),
            "warnings": self._count(line, "warnings", ticks, series, 0.01).ravel(),
            "version": Coded.constant("2.4.1", n),
        }

    def _self(self, line: _Line, ticks: int, series: int) -> dict[str, Any]:
        return {"value": self._ms(ticks * series, 5)}


def _words(number: npt.NDArray[np.int64], name: str) -> Coded:
    values = tuple(f"{name}{i}" for i in range(int(number.max()) + 1))
    return Coded(number.astype(np.int32), values)
