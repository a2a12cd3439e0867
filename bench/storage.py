"""How much disk 90 days of the reference desk take, in all tiers, on simulated time.

Measured: the whole desk (`bench.reference_desk`) writes for a day at its true pace on a clock of its own, with the
store's upkeep after each hour, until the day has closed and all of it lies where it stays. Summaries of which a day has
few rows would leave most of each block empty: their day is written again, a day later each, until there is a week of them; the
engine does not see that their numbers repeat. What a row of each table and tier takes is read from the engine's account of
its segments. Computed: those bytes times the rows that each level keeps of 90 days after its retention.
Run `python -m bench.storage`, or with `--short` (an hour of the desk; small tables are then told far too large).
"""

from __future__ import annotations

import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb

from bench.bars import Bar, run
from bench.reference_desk import DAY_US, PARTS, S_US, Part, ReferenceDesk
from tapewatch.clock import ManualClock
from tapewatch.model.catalog import Catalog
from tapewatch.model.table import Retention
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.store.backends.duckdb.database import FILE
from tapewatch.store.base import Stored
from tapewatch.store.rollup import TIERS, Tier

HOURS, SHORT_HOURS = 24, 1
DAYS = 90
TARGET_GB = 10.0
BLOCK_BYTES = 262_144
GROUP_ROWS = 122_880
"""Rows that the engine packs together: a table that has fewer in a day is measured over a week."""
WEEK_DAYS = 7
HOUR_S = 3_600
UPKEEP_S = 90.0
"""Upkeep runs this long after an hour: its last bucket is settled."""
RAW_DAYS = {Retention.MARKET: 7, Retention.STANDARD: 14, Retention.LEDGER: 365}


@dataclass(frozen=True)
class Held:
    """What one table of the file holds."""

    rows: int
    size_bytes: float

    @property
    def per_row(self) -> float:
        """Bytes of a row."""
        return self.size_bytes / max(1, self.rows)


def simulate(folder: Path, hours: int) -> float:
    """Write the hours; rows per second of it, upkeep included."""
    catalog, clock = Catalog(), ManualClock(1_700_006_400_000_000)
    desk = ReferenceDesk(catalog)
    store = DuckDBStore(folder, clock)
    for table in {**catalog, **desk.tables}.values():
        store.create(table)
    rows, started = 0, time.perf_counter()
    for _ in range(hours):
        now_us = clock.now_us()
        batches = tuple(desk.batches(now_us, now_us + HOUR_S * S_US))
        rows += sum(batch.count for batch in batches)
        store.append([Stored(batches)])
        clock.advance(HOUR_S)
        store.maintain(clock.now_us() + round(UPKEEP_S * S_US))
    clock.advance(2 * 86_400)
    store.maintain(clock.now_us())  # the day has closed: its rows move
    while store.sorts_next(clock.now_us()):
        store.maintain(clock.now_us())
    rate = rows / (time.perf_counter() - started)
    store.close()
    return rate


def complete_week(folder: Path) -> frozenset[str]:
    """Write the day of small summaries again for each day of a week; gives their names."""
    few = f"schema_name = 'cold' AND contains(table_name, '__') AND estimated_size BETWEEN 1 AND {GROUP_ROWS}"
    with duckdb.connect(folder / FILE, config={"threads": 2}) as connection:
        found = connection.execute(f"SELECT table_name, estimated_size FROM duckdb_tables() WHERE {few}").fetchall()  # noqa: S608 - a constant
        for day in range(1, WEEK_DAYS):
            for name, rows in found:
                first = f'SELECT * FROM cold."{name}" LIMIT {rows}'  # noqa: S608 - names of our own tables
                later = f"SELECT * REPLACE (ts + {day * DAY_US} AS ts) FROM ({first})"  # noqa: S608 - other times are relative to it
                connection.execute(f'INSERT INTO cold."{name}" {later}')
            connection.execute("CHECKPOINT")
    return frozenset(str(name) for name, _ in found)


def sizes(folder: Path) -> dict[str, Held]:
    """By table, hot and cold together: its rows, and the bytes from each of its segments to the next one in the same block."""
    connection = duckdb.connect(folder / FILE, read_only=True)
    connection.execute("SET threads = 2")
    rows: dict[str, int] = defaultdict(int)
    segments: dict[int, dict[int, str]] = defaultdict(dict)
    whole: dict[str, int] = defaultdict(int)
    listed = "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name IN ('hot', 'cold')"
    for schema, name in connection.execute(listed).fetchall():
        counted = f'SELECT count(*) FROM {schema}."{name}"'  # noqa: S608 - names of our own tables
        rows[name] += (connection.execute(counted).fetchone() or (0,))[0]
        sql = f"SELECT block_id, block_offset, additional_block_ids FROM pragma_storage_info('{schema}.{name}') WHERE persistent"  # noqa: S608 - the same names
        for block, offset, more in connection.execute(sql).fetchall():
            whole[name] += len(more or ()) * BLOCK_BYTES
            if block is not None and block >= 0:
                segments[block].setdefault(offset, name)
    used: dict[str, float] = defaultdict(float, whole)
    for offsets in segments.values():
        places = sorted(offsets)
        for place, following in zip(places, [*places[1:], BLOCK_BYTES], strict=True):
            used[offsets[place]] += following - place
    connection.close()
    return {name: Held(rows[name], used[name]) for name in rows}


def levels(part: Part) -> Iterator[tuple[str, Tier | None]]:
    """The tables that may hold something of a part: its rows and its tiers."""
    yield part.table, None
    yield from ((f"{part.table}__{tier.label}", tier) for tier in TIERS)


def measure(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the one switch that every script has
    """Simulate, then account for every table and tier."""
    hours = SHORT_HOURS if is_short else HOURS
    with tempfile.TemporaryDirectory() as name:
        yield Bar(f"measured: {hours} h of the desk, upkeep included, written at", simulate(Path(name), hours), "rows/s")
        repeated = complete_week(Path(name))
        held = sizes(Path(name))
    desk = ReferenceDesk(Catalog())
    total = rows = 0.0
    by_level: dict[str, float] = defaultdict(float)
    for part in PARTS:
        for table, tier in levels(part):
            found = held.get(table, Held(0, 0.0))
            if not found.rows:
                continue
            kept = min(DAYS, tier.days if tier else RAW_DAYS[desk.tables[part.table].retention]) * 24 / hours
            kept /= WEEK_DAYS if table in repeated else 1
            total, rows = total + found.size_bytes * kept, rows + found.rows * kept
            by_level[tier.label if tier else "rows"] += found.size_bytes * kept
            yield Bar(f"  measured: {table}, a row", found.per_row, "bytes")
            yield Bar(f"  computed: {table}, {found.rows * kept / 1e6:.2f} M rows kept", found.size_bytes * kept / 1e9, "GB")
    for label, size_bytes in by_level.items():
        yield Bar(f"computed: {label} of all tables", size_bytes / 1e9, "GB")
    yield Bar("computed: a row or summary, on average", total / rows, "bytes")
    yield Bar(f"computed: {DAYS} days of the desk, all tiers", total / 1e9, "GB", TARGET_GB)


if __name__ == "__main__":
    run(measure, f"Disk of {DAYS} days of the reference desk.")
