"""The states in which the page is looked at, as rows at a stopped clock: the same to the microsecond in every run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tapewatch.clock import US_PER_S
from tapewatch.model.sketch import sketch_of

NOW_US = 1_790_000_000_000_000
"""21 September 2026, 14:13:20 UTC, in every picture."""
HOUR_S = 3_600
DAY_S = 86_400
PIECE_S = 5 * DAY_S
STEP_S = 5

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one table, each ``period_s`` seconds after the one before."""

    table: str
    period_s: float
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class World:
    """One state.

    Attributes:
        name: Of its pictures.
        address: What is opened.
        rows: What was accepted before.
        store: What the store is said to be like.
        live_s: For how long before now rows came one by one, as they do: what is wrong is known to be wrong since it came.
        is_wide: Whether it is also taken in a wide window.
    """

    name: str
    address: str
    rows: Sequence[Rows] = ()
    store: Mapping[str, Any] = field(default_factory=lambda: {"state": "ok", "since_us": None, "message": None})
    live_s: int = 0
    is_wide: bool = False

    def pieces(self) -> list[tuple[int, list[Rows]]]:
        """When rows came, and which: what is older than raw rows are kept is refused, so each comes while it is young."""
        oldest_us = min((rows.rows[0]["ts"] for rows in self.rows), default=NOW_US)
        whole = (NOW_US - self.live_s * US_PER_S - oldest_us) // (PIECE_S * US_PER_S)
        ages_s = [self.live_s + PIECE_S * place for place in range(whole, -1, -1)] + list(range(self.live_s - STEP_S, -1, -STEP_S))
        found: list[tuple[int, list[Rows]]] = []
        since_us = 0
        for age_s in ages_s:
            edge_us = NOW_US - age_s * US_PER_S
            cut = [Rows(one.table, one.period_s, [row for row in one.rows if since_us < row["ts"] <= edge_us]) for one in self.rows]
            found.append((edge_us, [one for one in cut if one.rows]))
            since_us = edge_us
        return found


def _series(table: str, period_s: float, span_s: float, make: Callable[[float], Row], until_s: float = 0.0) -> Rows:
    """Rows from ``span_s`` seconds ago to ``until_s`` seconds ago; ``make`` is given the age in seconds."""
    count = int((span_s - until_s) / period_s)
    ages = [until_s + period_s * step for step in range(count, -1, -1)]
    return Rows(table, period_s, [{"ts": NOW_US - round(age * US_PER_S), **make(age)} for age in ages])


def _wave(age_s: float, period_s: float, low: float, high: float) -> float:
    return round(low + (high - low) * (1 + math.sin(2 * math.pi * age_s / period_s)) / 2, 3)


def _host(span_s: float, period_s: float = 10, until_s: float = 0) -> Rows:
    def make(age_s: float) -> Row:
        return {
            "host": "desk-1",
            "clock_synchronised": True,
            "clock_error_ms": 0.4,
            "cpu_ratio": _wave(age_s, 900, 0.12, 0.41),
            "memory_used_bytes": 5_200_000_000,
            "memory_total_bytes": 16_000_000_000,
            "memory_ratio": 0.325,
            "disk_ratio": 0.47,
            "load_1m": 0.8,
            "uptime_s": 912_345 - age_s,
        }

    return _series("host", period_s, span_s, make, until_s)


def _venue(venue: str, latency_ms: float, span_s: float, period_s: float = 5, down_s: float = 0, until_s: float = 0) -> Rows:
    def make(age_s: float) -> Row:
        is_up = age_s > down_s or down_s == 0
        return {
            "host": "desk-1",
            "venue": venue,
            "connected": is_up,
            "latency_ms": _wave(age_s, 700 + latency_ms, latency_ms * 0.7, latency_ms * 1.4) if is_up else None,
            "reconnects": 0,
            "disconnected_at": None if is_up else NOW_US - round(down_s * US_PER_S),
            "last_message_at": NOW_US - round((age_s if is_up else down_s) * US_PER_S),
            "rate_limit_ratio": 0.2,
        }

    return _series("exchange", period_s, span_s, make, until_s)


def _stream(venue: str, symbol: str, channel: str, verdict: str = "fresh", since_s: float = 0, until_s: float = 0) -> Rows:
    evidence = {
        "fresh": "the last message came 0.2 s ago, silences of up to 3 s are usual",
        "stale": "nothing for 48 s, silences of up to 3 s are usual; other streams of the connection go on",
    }

    def make(age_s: float) -> Row:
        said = verdict if age_s <= since_s else "fresh"
        latencies = np.array([_wave(age_s + step, 300, 2, 9) for step in range(5)])
        return {
            "host": "desk-1",
            "venue": venue,
            "symbol": symbol,
            "channel": channel,
            "verdict": said,
            "evidence": evidence[said],
            "messages": 0 if said == "stale" else 40 + int(age_s) % 7,
            "age_ms": 48_000.0 if said == "stale" else 180.0,
            "expected_ms": 3_000.0,
            "gaps": 0,
            "latency_p50_ms": 4.0,
            "latency_p99_ms": 9.0,
            "latency_ms_sketch": sketch_of(latencies),
            "interval_s": 5.0,
        }

    return _series("feed", 5, 900, make, until_s)


def _pipeline(venue: str, kind: str, latency_ms: float, until_s: float = 0) -> Rows:
    def make(age_s: float) -> Row:
        return {
            "host": "desk-1",
            "venue": venue,
            "symbol": "BTC/USDT:USDT",
            "data_type": kind,
            "records": 8,
            "bytes": 912,
            "latency_ms": _wave(age_s, 1_100, latency_ms * 0.8, latency_ms * 1.2),
            "gap": False,
            "interval_s": 30.0,
        }

    return _series("pipeline", 30, HOUR_S, make, until_s)


def _taken(until_s: float) -> Rows:
    def make(age_s: float) -> Row:
        return {"host": "desk-1", "component": "ingest", "metric": "rows_per_s", "value": _wave(age_s, 800, 180, 260)}

    return _series("self", 5, HOUR_S, make, until_s)


VENUES = (("binance", 31.0), ("kraken", 58.0), ("okx", 84.0))
STREAMS = [(venue, symbol, channel) for venue, _ in VENUES for symbol in ("BTC/USDT", "ETH/USDT") for channel in ("book", "trade")]


def _healthy(without: Sequence[str] = (), until_s: float = 0) -> list[Rows]:
    return [
        _host(HOUR_S, until_s=until_s),
        _taken(until_s),
        *(_venue(venue, latency, HOUR_S, until_s=until_s) for venue, latency in VENUES if venue not in without),
        *(_stream(*stream, until_s=until_s) for stream in STREAMS),
        *(_pipeline(venue, kind, latency, until_s) for venue, latency in VENUES for kind in ("funding", "liquidation")),
    ]


AWAY_S = 95
_AWAY = {"state": "down", "is_full": True, "since_us": NOW_US - AWAY_S * US_PER_S, "message": "No space left on device"}

WORLDS = (
    World("empty", ""),
    World("first-minute", "?range=5m", [_host(40, 1), *(_venue(venue, latency, 40) for venue, latency in VENUES)]),
    World("healthy", "", _healthy(), is_wide=True),
    World("venue-down", "?dashboard=exchange", [*_healthy(["kraken"]), _venue("kraken", 58.0, HOUR_S, down_s=72)], live_s=120),
    World(
        "stale",
        "?dashboard=feeds&range=15m",
        [
            *(_stream(*stream) for stream in STREAMS if stream[0] != "okx"),
            *(_stream(*stream, verdict="stale", since_s=45) for stream in STREAMS if stream[0] == "okx"),
        ],
        live_s=120,
    ),
    World("store-down", "", _healthy(until_s=AWAY_S), _AWAY, live_s=120),
    World(
        "ninety-days",
        "?dashboard=exchange&range=90d",
        [_venue(venue, latency, 80 * DAY_S, 3 * HOUR_S) for venue, latency in VENUES],
        is_wide=True,
    ),
)
