"""The embedded store alone: ten million rows, then dashboard questions while ten thousand rows a second arrive.

Run `python -m bench.store`, or with `--short` (200,000 rows of a day).
"""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from bench.bars import Bar, percentile, run
from bench.desk_rows import HOUR_US, S_US, DeskRows, questions
from tapewatch.clock import SystemClock
from tapewatch.model.catalog import Catalog
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.store.base import Stored

ROWS, SHORT_ROWS = 10_000_000, 200_000
DAYS, SHORT_DAYS = 7, 1
"""Upkeep runs once for each hour of them, and is most of the time that it takes to load few rows."""
ROWS_PER_S = 10_000
COMMITS_PER_S = 10
LONG_S, SHORT_S = 60.0, 4.0
UPKEEP_EVERY_S = 5.0
TARGET_COMMIT_MS = 100.0
TARGET_RSS_MB = 300.0


def rss_mb() -> float:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1]) * 4_096 / 1e6


def load(store: DuckDBStore, rows: int, now_us: int, days: int) -> float:
    """Fill the store with the past, tidied hour by hour as it would have been; seconds of it."""
    desk = DeskRows()
    hours = days * 24
    started = time.perf_counter()
    for hour in range(hours):
        start_us = now_us - (hours - hour) * HOUR_US
        store.append([Stored(desk.batches(start_us, start_us + HOUR_US, rows // hours))])
        store.maintain(start_us + HOUR_US)
    return time.perf_counter() - started


class Arriving:
    """Rows that arrive at a steady pace until told to stop."""

    def __init__(self, store: DuckDBStore) -> None:
        self._store = store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.commit_ms: list[float] = []
        self.is_late = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        desk = DeskRows(seed=8)
        step_s = 1 / COMMITS_PER_S
        due_s = time.perf_counter()
        upkeep_s = due_s + UPKEEP_EVERY_S
        while not self._stop.is_set():
            now_us = time.time_ns() // 1_000
            delivery = Stored(desk.batches(now_us - round(step_s * S_US), now_us, ROWS_PER_S // COMMITS_PER_S))
            started = time.perf_counter()
            self._store.append([delivery])
            self.commit_ms.append((time.perf_counter() - started) * 1e3)
            if started > upkeep_s:
                upkeep_s = started + UPKEEP_EVERY_S
                threading.Thread(target=self._store.maintain, args=(now_us,)).start()
            due_s += step_s
            self.is_late |= due_s < time.perf_counter() - 1
            time.sleep(max(0.0, due_s - time.perf_counter()))


def ask(store: DuckDBStore, seconds: float) -> dict[str, list[float]]:
    """Ask at random for a while; milliseconds per question."""
    chance = random.Random(3)
    taken: dict[str, list[float]] = {}
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        name, query = chance.choice(list(questions(time.time_ns() // 1_000)))
        started = time.perf_counter()
        store.scan(query, timeout_s=30)
        taken.setdefault(name, []).append((time.perf_counter() - started) * 1e3)
        time.sleep(0.01)
    return taken


def measure(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the one switch that every script has
    """Load, ask alone, ask while rows arrive."""
    rows, days = (SHORT_ROWS, SHORT_DAYS) if is_short else (ROWS, DAYS)
    seconds = SHORT_S if is_short else LONG_S
    what = f"{rows / 1e6:g} M rows"
    with tempfile.TemporaryDirectory() as folder:
        store = DuckDBStore(Path(folder), SystemClock())
        for table in Catalog().values():
            store.create(table)
        yield Bar(f"{what}: loaded at", rows / load(store, rows, time.time_ns() // 1_000, days), "rows/s")
        usage = store.usage()
        yield Bar(f"{what}: on disk", usage.bytes_on_disk / sum(usage.rows_by_table.values()), "bytes/row")
        with Arriving(store) as arriving:
            taken = ask(store, seconds)
        times = [ms for single in taken.values() for ms in single]
        while_arriving = f"while {ROWS_PER_S:,} rows/s arrive"
        yield Bar(f"{what}, a question {while_arriving}, p50", percentile(times, 0.5), "ms")
        yield Bar(f"{what}, a question {while_arriving}, p99", percentile(times, 0.99), "ms")
        for name, single in sorted(taken.items()):
            yield Bar(f"  {name}, p50", percentile(single, 0.5), "ms")
            yield Bar(f"  {name}, p99", percentile(single, 0.99), "ms")
        yield Bar(f"commit {while_arriving}, p50", percentile(arriving.commit_ms, 0.5), "ms")
        yield Bar(f"commit {while_arriving}, p99", percentile(arriving.commit_ms, 0.99), "ms", TARGET_COMMIT_MS)
        yield Bar("memory of the process", rss_mb(), "MB", TARGET_RSS_MB)
        store.close()
        started = time.perf_counter()
        DuckDBStore(Path(folder), SystemClock()).close()
        yield Bar("opened again in", (time.perf_counter() - started) * 1e3, "ms")


if __name__ == "__main__":
    run(measure, "The embedded store alone.")
