"""How long rows and their summaries are kept, and what goes first when the disk that they may use is full. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tapewatch.model.table import Retention, Table
from tapewatch.store.rollup import TIERS, Tier, has_tiers

DAY_US = 86_400_000_000
HOUR_US = 3_600_000_000
"""Rows go by whole hours."""

WITHIN_US = 8 * DAY_US
"""Rows of two days that are no further apart bear out the later one: whoever runs once a week does."""

END_OF_TIME_US = 2**62

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


def believed_us(now_us: int, known_us: int | None, passed_us: int) -> int:
    """The moment by which rows are old: the clock's, but no later than the stored rows and the time that has passed bear out.

    So a clock that jumps ahead deletes nothing; one that is set back only keeps rows for longer.

    Args:
        now_us: What the clock says.
        known_us: What the rows bear out that were stored when the store was opened, see `borne_out_us`; None when there were none.
        passed_us: Microseconds since then, by the steady clock.
    """
    return now_us if known_us is None else min(now_us, known_us + DAY_US + passed_us)


def borne_out_us(newest_before: Callable[[int], int | None]) -> int | None:
    """The newest moment of the stored rows that is believed after a start; None when nothing is stored.

    A long stop and a clock that was far ahead look the same: rows, a gap, rows. Those behind the gap are believed when they reach over more
    than a day. A clock that was wrong for hours, such as of a machine that began without a time server, deletes nothing then, however many
    rows it has stamped and however often the server was started meanwhile. One that stays wrong for days cannot be told from a long stop.

    Args:
        newest_before: Gives the newest moment of rows before another; None when there are none.
    """
    found_us = newest_before(END_OF_TIME_US)
    while found_us is not None:
        earlier_us = newest_before(found_us - DAY_US)
        if earlier_us is None or found_us - earlier_us <= WITHIN_US:
            return found_us
        found_us = earlier_us
    return None


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
