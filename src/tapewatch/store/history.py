"""The past of which only summaries are left, so that it can move to another store. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tapewatch.model.rows import NULL_TIME
from tapewatch.store.rollup import WIDEST_US, Coverage, Tier


@dataclass(frozen=True, slots=True)
class History:
    """What a table holds of rows that are gone.

    Attributes:
        gone_us: Rows before this moment are gone; `NULL_TIME` when none ever went.
        tiers: The tiers that hold something of them, each up to the full hour behind that moment.
        rows: How many summaries each of them holds.
    """

    gone_us: int = NULL_TIME
    tiers: tuple[Coverage, ...] = ()
    rows: dict[Tier, int] = field(default_factory=dict[Tier, int])


def outlived(held: Iterable[Coverage], gone_us: int) -> tuple[Coverage, ...]:
    """The part of each tier that cannot be made again: up to the hour that holds the last row that is gone."""
    if gone_us == NULL_TIME:
        return ()
    until_us = -(-gone_us // WIDEST_US) * WIDEST_US
    return tuple(Coverage(item.tier, item.since_us, min(item.until_us, until_us)) for item in held if item.since_us < gone_us)
