"""Rows of a desk of a hundred pipelines, ten venues and fifty processes, as typed batches, for the benches of the store."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode, Query
from tapewatch.model.rows import Coded, RowBatch, TypedColumn

S_US = 1_000_000
HOUR_US = 3_600 * S_US
DAY_US = 24 * HOUR_US
GAP_SHARE = 0.001
DISCONNECTED_SHARE = 0.01

VENUES = ("binance_usdm", "bitget", "bybit", "coinbase", "deribit", "gateio", "hyperliquid", "kraken", "kucoin", "okx")
SYMBOLS = tuple(f"COIN{i}/USDT:USDT" for i in range(10))
DATA_TYPES = ("trade", "funding", "open_interest", "liquidation")
PROCESSES = tuple(f"process{i}" for i in range(50))
SHARES = {"pipeline": 0.6, "exchange": 0.1, "process": 0.3}

Times = npt.NDArray[np.int64]


class DeskRows:
    """Makes rows whose values walk as in life: latencies log-normal, counters that grow and now and then restart.

    Args:
        seed: Of the random numbers.
    """

    def __init__(self, seed: int = 7) -> None:
        self._chance = np.random.default_rng(seed)
        self._made = dict.fromkeys(SHARES, 0)

    def batches(self, start_us: int, end_us: int, rows: int) -> tuple[RowBatch, ...]:
        """``rows`` rows evenly over the half-open span, of all three tables."""
        made: list[RowBatch] = []
        for table, share in SHARES.items():
            count = round(rows * share)
            if count:
                ts = np.linspace(start_us, end_us, count, endpoint=False).astype(np.int64)
                made.append(self._batch(table, ts))
        return tuple(made)

    def _batch(self, table: str, ts: Times) -> RowBatch:
        n = len(ts)
        number = np.arange(self._made[table], self._made[table] + n)
        self._made[table] += n
        common: dict[str, TypedColumn] = {
            "ts": ts,
            "received_at": ts + 1_500,
            "source": Coded.constant("desk", n),
            "env": Coded.constant("live", n),
            "host": Coded.constant("host1", n),
        }
        return RowBatch(table, n, {**common, **getattr(self, f"_{table}")(number, ts)})

    def _latency_ms(self, count: int) -> npt.NDArray[np.float64]:
        return np.round(self._chance.lognormal(3, 0.5, count), 3)

    def _pipeline(self, number: npt.NDArray[np.int64], ts: Times) -> dict[str, TypedColumn]:
        n = len(number)
        gap = self._chance.random(n) < GAP_SHARE
        return {
            "venue": _words(number, VENUES),
            "symbol": _words(number // len(VENUES), SYMBOLS),
            "data_type": _words(number, DATA_TYPES),
            "records": self._chance.poisson(200, n).astype(np.float64),
            "bytes": self._chance.poisson(60_000, n).astype(np.float64),
            "latency_ms": self._latency_ms(n),
            "gap": gap.astype(np.int8),
            "gap_s": np.where(gap, 61.5, np.nan),
            "interval_s": np.full(n, 10.0),
        }

    def _exchange(self, number: npt.NDArray[np.int64], ts: Times) -> dict[str, TypedColumn]:
        n = len(number)
        return {
            "venue": _words(number, VENUES),
            "connected": (self._chance.random(n) > DISCONNECTED_SHARE).astype(np.int8),
            "latency_ms": self._latency_ms(n),
            "reconnects": (number // 5_000 % 40).astype(np.float64),
            "last_message_at": ts - 12_345,
            "rate_limit_ratio": np.round(self._chance.random(n), 3),
        }

    def _process(self, number: npt.NDArray[np.int64], ts: Times) -> dict[str, TypedColumn]:
        n = len(number)
        return {
            "process": _words(number, PROCESSES),
            "pid": (1_000 + number % len(PROCESSES)).astype(np.float64),
            "cpu_ratio": np.round(self._chance.beta(2, 8, n), 4),
            "rss_bytes": (self._chance.integers(40_000, 60_000, n) * 4_096).astype(np.float64),
            "threads": np.full(n, 12.0),
            "open_files": self._chance.integers(20, 40, n).astype(np.float64),
            "restarts": np.zeros(n),
            "uptime_s": (number // len(PROCESSES)).astype(np.float64),
        }


def _words(number: npt.NDArray[np.int64], words: tuple[str, ...]) -> Coded:
    return Coded((number % len(words)).astype(np.int32), words)


def questions(now_us: int) -> Iterator[tuple[str, Query]]:
    """The twelve questions of a dashboard: one hour to a week, one and all symbols, latest, top-k, quantiles, raw rows."""
    hour, day, week = now_us - HOUR_US, now_us - DAY_US, now_us - 7 * DAY_US
    one = (Filter("venue", Comparison.EQ, (VENUES[3],)), Filter("symbol", Comparison.EQ, (SYMBOLS[4],)))
    latency = Measure(Function.AVG, "latency_ms")
    peak = Measure(Function.MAX, "latency_ms")
    yield "latency 1 h by venue", Query("exchange", hour, now_us, measures=(latency, peak), group_by=("venue",), bucket_us=12 * S_US)
    yield "latest exchange", Query("exchange", hour, now_us, mode=Mode.LATEST)
    yield (
        "states 1 h by venue",
        Query("exchange", hour, now_us, measures=(Measure(Function.WORST, "connected"),), group_by=("venue",), bucket_us=30 * S_US),
    )
    yield (
        "reconnects 1 h",
        Query("exchange", hour, now_us, measures=(Measure(Function.DELTA, "reconnects"),), group_by=("venue",), bucket_us=60 * S_US),
    )
    yield (
        "time down 1 h",
        Query("exchange", hour, now_us, measures=(Measure(Function.TIME_IN_STATE, "connected", "false"),), group_by=("venue",)),
    )
    yield (
        "records 1 h by type",
        Query("pipeline", hour, now_us, measures=(Measure(Function.SUM, "records"),), group_by=("data_type",), bucket_us=30 * S_US),
    )
    yield (
        "top symbols 24 h",
        Query(
            "pipeline",
            day,
            now_us,
            measures=(Measure(Function.AVG, "latency_ms", alias="slow"),),
            group_by=("symbol",),
            order_by="-slow",
            limit=5,
        ),
    )
    yield "one symbol 7 d", Query("pipeline", week, now_us, measures=(latency, peak), filters=one, bucket_us=30 * 60 * S_US)
    yield "p99 1 h", Query("pipeline", hour, now_us, measures=(Measure(Function.QUANTILE, "latency_ms", 0.99),), bucket_us=30 * S_US)
    yield "latest process", Query("process", hour, now_us, mode=Mode.LATEST)
    yield (
        "cpu 24 h of one process",
        Query(
            "process",
            day,
            now_us,
            measures=(Measure(Function.AVG, "cpu_ratio"),),
            filters=(Filter("process", Comparison.EQ, (PROCESSES[7],)),),
            bucket_us=300 * S_US,
        ),
    )
    yield "500 newest rows", Query("pipeline", week, now_us, mode=Mode.ROWS, limit=500)
