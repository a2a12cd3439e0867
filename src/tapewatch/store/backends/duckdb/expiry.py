"""Old rows go: by age, each level of each table after its own time, and at the quota the oldest raw ones first."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from tapewatch.clock import Clock, iso
from tapewatch.model.table import Table
from tapewatch.store.backends.duckdb.database import Database
from tapewatch.store.backends.duckdb.rollups import Rollups
from tapewatch.store.backends.duckdb.room import Room
from tapewatch.store.dialect import DuckDBDialect
from tapewatch.store.retention import DAY_US, HOUR_US, WARN_DAYS, ages, before, believed_us, borne_out_us, days_left, first_to_go

log = logging.getLogger("tapewatch.store")

EVERY_S = 600.0
"""Rows go at most so often."""

WITNESSES = 50
"""Rows of one table that must be as new before their time is believed: one row that a wrong clock has stamped deletes nothing."""

QUOTA_STEP_US = DAY_US
"""At the quota rows go by this much time of one table."""

GROWTH_SAMPLES = 49
"""Sizes, one an hour, between the first and the last of which growth is measured."""

Drop = Callable[[str, int], int]


class Expiry:
    """Lets rows of one file go.

    Args:
        database: The file.
        dialect: Writes the statements.
        rollups: The tiers, which are kept longer than the rows.
        clock: The wall clock beside the steady one.
        drop: Deletes the rows of a table before a moment, see `tapewatch.store.base.Store.drop_before`.
        room: Knows the quota, and what is used of it.
    """

    def __init__(self, database: Database, dialect: DuckDBDialect, rollups: Rollups, clock: Clock, drop: Drop, room: Room) -> None:
        self._database = database
        self._dialect = dialect
        self._rollups = rollups
        self._clock = clock
        self._drop = drop
        self._room = room
        self._quota_bytes = room.quota_bytes
        self._ran_s: float | None = None
        self._known_us: int | None = None
        self._known_s = 0.0
        self._is_ahead = False
        self._sizes: deque[tuple[int, int]] = deque(maxlen=GROWTH_SAMPLES)
        self._warned = False
        self._quota_used_bytes: int | None = None

    def run(self, tables: Sequence[Table], now_us: int) -> None:
        """Delete what is due.

        Raises:
            StoreUnavailable: The disk is full or the store is away; the next run goes on.
        """
        steady_s = self._clock.monotonic_s()
        if self._ran_s is not None and steady_s - self._ran_s < EVERY_S:
            return
        self._ran_s = steady_s
        self._measure(round(steady_s * 1e6))
        by_us = self._by_us(tables, now_us, steady_s)
        for table in tables:
            self._by_age(table, by_us)
        if self._quota_bytes:
            self._by_quota(tables, by_us)

    def _by_us(self, tables: Sequence[Table], now_us: int, steady_s: float) -> int:
        """The moment by which rows are old; see `tapewatch.store.retention.believed_us`."""
        if self._known_us is None:
            self._known_us, self._known_s = borne_out_us(partial(self._newest, tables)), steady_s
        by_us = believed_us(now_us, self._known_us, round((steady_s - self._known_s) * 1e6))
        is_ahead = now_us - by_us > DAY_US
        if is_ahead and not self._is_ahead:
            log.warning(
                "The clock says %s, more than a day ahead of what was stored at the start and the time since; rows go as if it were %s."
                " If it is right, start tapewatch again.",
                *(iso(us) for us in (now_us, by_us)),
            )
        self._is_ahead = is_ahead
        return by_us

    def _newest(self, tables: Iterable[Table], before_us: int) -> int | None:
        """The newest moment before another that several rows of one table bear out; None when there is none."""
        with self._database.reading("the store"):
            cursor = self._database.cursor()
            found = [cursor.execute(self._dialect.newest_of(table, WITNESSES), {"before": before_us}).fetchone() for table in tables]
        return max((row[0] for row in found if row and row[0] is not None), default=None)

    def _by_age(self, table: Table, now_us: int) -> None:
        if not self._rollups.is_judged(table):
            return
        coverage = {item.tier: item for item in self._rollups.kept(table)}
        kept = ages(table, coverage)
        self._drop_rows(table, min(before(now_us, kept.raw_days), self._summarised_us(table, now_us)))
        days_of = {**{tier: tier.days for tier in self._rollups.paused(table)}, **kept.tier_days}
        for tier, days in days_of.items():
            self._rollups.drop_tier(table, tier, before(now_us, days))

    def _summarised_us(self, table: Table, now_us: int) -> int:
        """The full hour up to which rows are summarised, late ones too; what is not yet stays: its summaries outlive it."""
        ends_us = [item.until_us for item in self._rollups.kept(table)]
        late_us = self._rollups.first_late_us(table)
        if ends_us and late_us is not None:
            ends_us.append(late_us)
        return min(ends_us, default=now_us) // HOUR_US * HOUR_US

    def _drop_rows(self, table: Table, before_us: int) -> None:
        """Delete hour by hour, so that commits wait for one hour's rows only."""
        oldest_us = self._oldest([table]).get(table.name, before_us)
        while oldest_us < before_us:
            self._drop(table.name, min(before_us, (oldest_us // HOUR_US + 1) * HOUR_US))
            oldest_us = self._oldest([table]).get(table.name, before_us)

    def _by_quota(self, tables: Sequence[Table], now_us: int) -> None:
        """The oldest raw rows go, a day of one table in a run; never a summary, a ledger, the last day, or what is not summarised."""
        self._warn()
        if self._sizes[-1][1] <= self._quota_bytes:
            return
        self._database.checkpoint()  # the log counts, and what was deleted before is only free then
        used_bytes = self._room.used_bytes()
        if used_bytes <= self._quota_bytes:
            return
        if self._quota_used_bytes is not None and used_bytes >= self._quota_used_bytes:
            log.error("The store is over its quota, and deleting rows has freed nothing yet: a long question or a backup may hold them.")
            self._quota_used_bytes = None
            return
        kept_us = before(now_us, 1)  # what is shown as newest reaches back a day
        oldest = {name: us for name, us in self._oldest(tables).items() if us < kept_us}
        ready = [table for table in tables if oldest.get(table.name, now_us) < self._summarised_us(table, now_us)]
        table = first_to_go(ready, oldest)
        if table is None:
            log.error("The store is over its quota, and no raw row older than a day is left to delete.")
            return
        self._quota_used_bytes = used_bytes
        first_us = oldest[table.name] // HOUR_US * HOUR_US
        self._drop_rows(table, min(first_us + QUOTA_STEP_US, kept_us, self._summarised_us(table, now_us)))

    def _warn(self) -> None:
        used_bytes = self._sizes[-1][1]
        left = days_left(used_bytes, self._quota_bytes, self.bytes_per_day())
        is_near = used_bytes > self._quota_bytes or (left is not None and left < WARN_DAYS)
        if is_near and not self._warned:
            told = "is reached" if used_bytes >= self._quota_bytes else f"is reached in {left or 0:.1f} days"
            log.warning("The quota of the store (%d MB) %s; then the oldest raw rows go first.", self._quota_bytes >> 20, told)
        self._warned = is_near

    def _oldest(self, tables: Iterable[Table]) -> dict[str, int]:
        found: dict[str, int] = {}
        with self._database.reading("the store"):
            cursor = self._database.cursor()
            for table in tables:
                row = cursor.execute(self._dialect.reach(table)).fetchone()
                if row and row[0] is not None:
                    found[table.name] = row[0]
        return found

    def _measure(self, steady_us: int) -> None:
        """Take a sample by the steady clock: growth is no slower because the other one was set."""
        if not self._sizes or steady_us - self._sizes[-1][0] >= HOUR_US:
            self._sizes.append((steady_us, self._room.used_bytes()))
        else:
            self._sizes[-1] = (self._sizes[-1][0], self._room.used_bytes())

    def bytes_per_day(self) -> float | None:
        """Growth of live data over the last two days; None before it is known."""
        if len(self._sizes) < 2:  # noqa: PLR2004 - a difference needs two
            return None
        (first_us, first), (last_us, last) = self._sizes[0], self._sizes[-1]
        return (last - first) / max(1, last_us - first_us) * DAY_US

    def measures(self) -> dict[str, float]:
        """Sizes and the days left, as metrics; empty before the first run."""
        if not self._sizes:
            return {}
        used_bytes, per_day = self._sizes[-1][1], self.bytes_per_day()
        found = {"used_bytes": float(used_bytes)}
        found |= {} if per_day is None else {"bytes_per_day": per_day}
        if self._quota_bytes:
            left = days_left(used_bytes, self._quota_bytes, per_day)
            found |= {"quota_bytes": float(self._quota_bytes), "quota_ratio": used_bytes / self._quota_bytes}
            found |= {} if left is None else {"quota_left_s": left * DAY_US / 1e6}
        return found
