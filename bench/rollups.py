"""Summaries under load: whether they keep up with ten thousand rows a second, and how fast a past is caught up with and corrected.

Time is simulated, cost is not: the desk of `bench.desk_rows` writes at its true pace on a clock of its own, with the
store's upkeep every ten seconds of it, and what is counted is the processor time of the upkeep. Before, a past that
nobody has summarised is caught up with, and hours of it get late rows and are corrected. Late rows go on beside the
live ones: one in twenty deliveries is of a minute to ten minutes, or up to six hours ago.
Run `python -m bench.rollups`, or with `--short` (fewer minutes, a smaller past).
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.bars import Bar, percentile, run
from bench.desk_rows import HOUR_US, S_US, DeskRows
from tapewatch.clock import ManualClock
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import RowBatch
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.store.base import Stored

ROWS_PER_S = 10_000
COMMITS_PER_S = 2
UPKEEP_S = 10
PAST_H, SHORT_PAST_H = 12, 2
PAST_ROWS_PER_S, SHORT_PAST_ROWS_PER_S = 250, 100
LIVE_S, SHORT_LIVE_S = 900, 40
LATE_EVERY = 20
"""One delivery of so many is late."""
LATE_ROWS = 500
OLD_SHARE = 0.5
"""Of the late ones so many are of up to six hours ago, the others of up to ten minutes: among rows at full pace."""
CORRECTED_ROWS = 2_000

TARGET_BEHIND_S = 120.0
"""A table is summarised once a minute; twice that says that a run does not come to its end."""
TARGET_LATE = 36
"""Six hours of late rows have so many stretches: they are gone after each run, and come again before the next one."""
TARGET_CORES = 0.15
TARGET_CATCH_UP = 10.0
"""Times the pace at which rows may arrive: a day that was missed is made up in less than three hours, beside the newest rows."""
TARGET_CORRECT_S = 60.0

START_US = 1_700_006_400_000_000


@dataclass
class Simulation:
    """One store on a clock of its own, and what its upkeep has cost."""

    folder: Path
    clock: ManualClock = field(default_factory=lambda: ManualClock(START_US))
    upkeep_s: list[float] = field(default_factory=list[float])
    cpu_s: float = 0.0

    def __post_init__(self) -> None:
        """Open the store with every table."""
        self.store = DuckDBStore(self.folder, self.clock)
        for table in Catalog().values():
            self.store.create(table)

    def maintain(self) -> None:
        """One run of the upkeep, timed."""
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        self.store.maintain(self.clock.now_us())
        self.cpu_s += time.process_time() - cpu_s
        self.upkeep_s.append(time.perf_counter() - wall_s)

    def behind_s(self) -> float:
        """Seconds since the table that is furthest behind was summarised to the end."""
        return self.store.measures()["summaries_behind_s"]

    def late(self) -> float:
        """Stretches of time that wait to be summarised again."""
        return self.store.measures()["late_stretches"]


def shifted(batches: tuple[RowBatch, ...], by_us: int) -> Stored:
    """The same rows, earlier."""
    return Stored(tuple(RowBatch(batch.table, batch.count, {**batch.columns, "ts": batch.array("ts") - by_us}) for batch in batches))


def live(desk: Simulation, seconds: int) -> Iterator[Bar]:
    """Rows at full pace, some of them late; the upkeep keeps the summaries up meanwhile."""
    rows, chance = DeskRows(), np.random.default_rng(5)
    step_us = S_US // COMMITS_PER_S
    behind: list[float] = []
    desk.cpu_s, desk.upkeep_s = 0.0, []
    stored_s = 0.0
    for second in range(seconds):
        for commit in range(COMMITS_PER_S):
            now_us = desk.clock.now_us()
            cpu_s = time.process_time()
            desk.store.append([Stored(rows.batches(now_us, now_us + step_us, ROWS_PER_S // COMMITS_PER_S))])
            if (second * COMMITS_PER_S + commit) % LATE_EVERY == 0:
                made = rows.batches(now_us, now_us + step_us, LATE_ROWS)
                furthest_us = 6 * HOUR_US if chance.random() < OLD_SHARE else 600 * S_US
                desk.store.append([shifted(made, int(chance.integers(60 * S_US, furthest_us)))])
            stored_s += time.process_time() - cpu_s
            desk.clock.advance(1 / COMMITS_PER_S)
        if second % UPKEEP_S == UPKEEP_S - 1:
            desk.maintain()
            behind.append(desk.behind_s())
    settled = behind[len(behind) // 3 :]
    yield Bar(f"{ROWS_PER_S:,} rows/s, late ones among them: summaries are behind by, at most", max(settled), "s", TARGET_BEHIND_S)
    yield Bar("processor time of summaries, moving and writing back", desk.cpu_s / seconds, "cores", TARGET_CORES)
    yield Bar("processor time of storing, to compare", stored_s / seconds, "cores")
    yield Bar("a run of the upkeep, p99", percentile(desk.upkeep_s, 0.99), "s")
    yield Bar("stretches that wait to be corrected at the end", desk.late(), "count", 3 * TARGET_LATE)


def past(desk: Simulation, hours: int, rows_per_s: int) -> Iterator[Bar]:
    """Hours of rows that nobody has summarised, caught up with; then late rows in each of them, corrected."""
    rows = DeskRows(seed=3)
    for _ in range(hours):
        now_us = desk.clock.now_us()
        desk.store.append([Stored(rows.batches(now_us, now_us + HOUR_US, 3_600 * rows_per_s))])
        desk.clock.advance(3_600)
    count = hours * 3_600 * rows_per_s
    took_s = caught_up(desk)
    yield Bar("a past that nobody has summarised, caught up with at", count / took_s, "rows/s")
    yield Bar("which is, of the pace at which rows may arrive", count / took_s / ROWS_PER_S, "times", TARGET_CATCH_UP, is_least=True)
    for hour in range(hours):
        made = rows.batches(desk.clock.now_us(), desk.clock.now_us() + 600 * S_US, CORRECTED_ROWS)
        desk.store.append([shifted(made, (hour + 1) * HOUR_US)])
    took_s = caught_up(desk)
    yield Bar(f"late rows in {hours} hours of {3_600 * rows_per_s:,} rows, corrected within", took_s, "s", TARGET_CORRECT_S)


def caught_up(desk: Simulation) -> float:
    """Processor seconds of the upkeep until no summary is due, a minute of the clock after each run."""
    desk.cpu_s = 0.0
    for _ in range(500):
        desk.clock.advance(61)
        desk.maintain()
        if not desk.late() and desk.behind_s() == 0:
            return desk.cpu_s
    return float("inf")


def measure(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the one switch that every script has
    """The past first, so that live rows are written beside summaries of all widths."""
    with tempfile.TemporaryDirectory() as name:
        desk = Simulation(Path(name))
        yield from past(desk, SHORT_PAST_H if is_short else PAST_H, SHORT_PAST_ROWS_PER_S if is_short else PAST_ROWS_PER_S)
        yield from live(desk, SHORT_LIVE_S if is_short else LIVE_S)
        desk.store.close()


if __name__ == "__main__":
    run(measure, "Summaries under load.")
