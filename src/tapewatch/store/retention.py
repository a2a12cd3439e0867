"""How long rows and their summaries are kept, and what goes first when the disk that they may use is full. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tapewatch.model.table import Retention, Table
from tapewatch.store.rollup import TIERS, Tier, has_tiers

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
"""Rows go by whole hours."""

WARN_DAYS = 7.0
"""A quota that is reached sooner than this is warned of."""


@dataclass(frozen=True, slots=True)
class Ages:
    """Days that the levels of one table are kept.

    Attributes:
        raw_days: Of its rows.
        tier_days: Of each tier that is kept.
    """

    raw_days: int
    tier_days: Mapping[Tier, int]


def ages(table: Table, kept: Iterable[Tier]) -> Ages:
    """How long each level of a table is kept.

    A tier that is not kept, because it would hardly have fewer rows than the level below, is stood in for by that level: a table with a row
    an hour keeps its rows as long as another one keeps summaries of an hour. Ask only of a table of which it is known which tiers pay.
    """
    if not has_tiers(table):
        return Ages(table.retention.raw_days, {})
    held = frozenset(kept)
    raw_days = table.retention.raw_days
    tier_days: dict[Tier, int] = {}
    level: Tier | None = None
    for tier in TIERS:
        if tier in held:
            level = tier
        if level is None:
            raw_days = max(raw_days, tier.days)
        else:
            tier_days[level] = max(tier_days.get(level, 0), tier.days)
    return Ages(raw_days, tier_days)


def before(now_us: int, days: int) -> int:
    """The full hour before which rows of an age in days go."""
    return (now_us - days * DAY_US) // HOUR_US * HOUR_US


def first_to_go(tables: Sequence[Table], oldest_us: Mapping[str, int]) -> Table | None:
    """Whose oldest raw rows go first at the quota: the oldest of all, but never those of a ledger (orders, fills, alerts, evolution).

    Args:
        tables: All tables.
        oldest_us: Table to its oldest raw row.
    """
    candidates = [table for table in tables if table.retention is not Retention.LEDGER and table.name in oldest_us]
    return min(candidates, key=lambda table: oldest_us[table.name], default=None)


def days_left(used_bytes: int, quota_bytes: int, bytes_per_day: float | None) -> float | None:
    """Days until a quota is reached at the present growth; None when it does not grow, or growth is not known."""
    if bytes_per_day is None or bytes_per_day <= 0:
        return None
    return max(0.0, (quota_bytes - used_bytes) / bytes_per_day)
