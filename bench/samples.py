"""What a long run is seen by every few seconds: kept in a file as it comes, and judged by how much it grows."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from bench.bars import Bar

WARM_SHARE = 0.5
"""Of the run: caches fill, and the ranges of the questions with them: the widest asks for an hour."""
FLAT = 0.05
"""Growth an hour, as a share of the median, that is still called flat: at this pace a value doubles in 20 hours. How far an hour
tells that from chance, the interval beside it says."""
BLOCK, DRAWS = 12, 100
"""Samples that are drawn together, two minutes of a full run, and how often all are drawn."""
PER_H = 3_600.0
LEAST_S = 1_800.0
"""A run that is shorter says nothing of growth: its slopes are told and not judged."""


@dataclass(frozen=True)
class Sample:
    """One look; rates, latencies and CPU are of the time since the look before; NaN where there was nothing to time.

    Attributes:
        t_s: Seconds since the first row.
        rows: Rows acknowledged so far.
        late_s: The latest post of this stretch, behind its turn.
        rss_mb: Resident memory of the server process.
        files: Its open file descriptors.
        threads: Its threads.
        cpu_cores: Processor time of the server process per second.
        children_cpu_cores: Of its children.
        disk_mb: Its data directory.
        ack_p50_ms: From a post to its acknowledgement.
        ack_p99_ms: The same, 99th percentile.
        question_p50_ms: From a question over HTTP to its answer.
        question_p99_ms: The same, 99th percentile; of ten questions it is the slowest.
        push_p99_ms: From accepted to pushed, as the server counts it over the last minute.
        frames_per_s: Frames that the browser received.
        machine_cores: Cores that were busy, with whatever.
        load_1m: Load average of the machine.
    """

    t_s: float
    rows: int
    late_s: float
    rss_mb: float
    files: int
    threads: int
    cpu_cores: float
    children_cpu_cores: float
    disk_mb: float
    ack_p50_ms: float
    ack_p99_ms: float
    question_p50_ms: float
    question_p99_ms: float
    push_p99_ms: float
    frames_per_s: float
    machine_cores: float
    load_1m: float


NAMES = tuple(field.name for field in fields(Sample))
JUDGED: dict[str, str] = {
    "rss_mb": "memory of the server",
    "files": "open file descriptors",
    "threads": "threads",
    "ack_p50_ms": "acknowledged after, p50",
    "ack_p99_ms": "acknowledged after, p99",
    "question_p50_ms": "a question, p50",
    "question_p99_ms": "a question, slowest of ten",
    "push_p99_ms": "accepted to pushed, p99 of a minute",
}
TOLD: dict[str, str] = {"cpu_cores": "CPU of the server process", "machine_cores": "busy cores of the machine"}
_UNITS = {"mb": "MB", "ms": "ms", "cores": "cores"}


def unit(name: str) -> str:
    """Of a number of a sample, for people."""
    return _UNITS.get(name.rpartition("_")[2], "")


class Record:
    """Writes samples to a file one by one, so that a run that is cut is not lost.

    Args:
        sink: The file.
        caption: What is measured, when and on what: its first line.
    """

    def __init__(self, sink: TextIO, caption: str) -> None:
        self._sink = sink
        sink.write(f"# {caption}\n")
        self._writer = csv.DictWriter(sink, NAMES, lineterminator="\n")
        self._writer.writeheader()

    def add(self, sample: Sample) -> None:
        """Keep one more, on disk when this returns."""
        self._writer.writerow({name: f"{value:.6g}" if isinstance(value, float) else value for name, value in asdict(sample).items()})
        self._sink.flush()


def read(path: Path) -> tuple[str, list[Sample]]:
    """Caption and samples of a file; a last line that was cut is left out."""
    with path.open(encoding="utf-8", newline="") as source:
        caption = source.readline().removeprefix("#").strip()
        whole = [row for row in csv.DictReader(source) if all(row.get(name) for name in NAMES)]
    return caption, [_sample(row) for row in whole]


def _sample(row: dict[str, str]) -> Sample:
    given: dict[str, Any] = {field.name: (int if field.type == "int" else float)(row[field.name]) for field in fields(Sample)}
    return Sample(**given)


def slope_per_h(hours: Sequence[float], values: Sequence[float]) -> float:
    """The median of the slopes between all pairs (Theil 1950, Sen 1968): outliers, up to 29 % of all, do not move it."""
    x, y = np.asarray(hours), np.asarray(values)
    first, second = np.triu_indices(len(x), 1)
    apart = x[second] != x[first]
    return float(np.median((y[second] - y[first])[apart] / (x[second] - x[first])[apart])) if apart.any() else 0.0


def growth_per_h(samples: Sequence[Sample], name: str) -> tuple[float, float]:
    """Median after the warm-up, and the growth an hour as a share of it; both 0 where nothing was seen."""
    hours, values = _seen(samples, name)
    if not values:
        return 0.0, 0.0
    median = float(np.median(values))
    slope = slope_per_h(hours, values)
    return median, slope / median if median else 0.0


def _seen(samples: Sequence[Sample], name: str) -> tuple[list[float], list[float]]:
    """Hours and values after the warm-up."""
    warm_s = samples[-1].t_s * WARM_SHARE
    after = [sample for sample in samples if sample.t_s >= warm_s]
    seen = [(sample.t_s / PER_H, value) for sample in after if not math.isnan(value := float(getattr(sample, name)))]
    return [hour for hour, _ in seen], [value for _, value in seen]


def interval_per_h(samples: Sequence[Sample], name: str) -> tuple[float, float]:
    """Between what the growth an hour of a value lies with 95 %, as shares of its median: by a bootstrap of blocks (Künsch 1989).

    Neighbours resemble each other, and what is left beside the slope is drawn in blocks of `BLOCK` samples.
    """
    hours, values = _seen(samples, name)
    median = float(np.median(values)) if len(values) else 0.0
    if len(values) <= BLOCK or not median:
        return 0.0, 0.0
    slope = slope_per_h(hours, values)
    line = slope * np.asarray(hours)
    rest, random = np.asarray(values) - line, np.random.default_rng(1)
    blocks = -(-len(rest) // BLOCK)
    found: list[float] = []
    for _ in range(DRAWS):
        starts = random.integers(0, len(rest) - BLOCK + 1, blocks)
        drawn = np.concatenate([rest[start : start + BLOCK] for start in starts])[: len(rest)]
        found.append(slope_per_h(hours, (line + drawn).tolist()) / median)
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


def judged(samples: Sequence[Sample]) -> Iterator[Bar]:
    """Median and growth of what should be flat, and what else a reader wants to know of the run."""
    target = 100 * FLAT if samples[-1].t_s >= LEAST_S else None
    for name, words in {**JUDGED, **TOLD}.items():
        median, growth = growth_per_h(samples, name)
        yield Bar(f"{words}, median", median, unit(name))
        if name in JUDGED:
            low, high = interval_per_h(samples, name)
            told = f"{100 * growth:+.1f} %; with 95 % from {100 * low:+.1f} to {100 * high:+.1f}"
            yield Bar(f"{words}, growth an hour ({told})", max(0.0, 100 * growth), "%", target)
    last = samples[-1]
    yield Bar("on disk at the end, the log of writes included", last.disk_mb, "MB")
    yield Bar("a post was late by at most", max(sample.late_s for sample in samples), "s")
