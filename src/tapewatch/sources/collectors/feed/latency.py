"""Latencies of an interval as percentiles and as a sketch that longer spans can merge."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tapewatch.model.sketch import sketch_of
from tapewatch.sources.collectors.feed.offset import Lags


@dataclass(frozen=True, slots=True)
class LatencySummary:
    """Latencies of an interval in ms, above the best seen."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    sketch: dict[int, int]


def summarize(latency_us: Lags) -> LatencySummary | None:
    """Summarize latencies (µs, none negative, shape (n,)); None without any.

    A percentile is the exact value at rank ``fraction · (n - 1)``, rounded down: the same rank as a sketch answers with.
    """
    count = len(latency_us)
    if count == 0:
        return None
    ordered_ms = np.sort(latency_us) / 1000
    p50, p95, p99, largest = (float(ordered_ms[int(fraction * (count - 1))]) for fraction in (0.5, 0.95, 0.99, 1.0))
    return LatencySummary(p50, p95, p99, largest, sketch_of(ordered_ms))
