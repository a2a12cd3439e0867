"""A delivery on its way to disk, and what it weighs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from tapewatch.errors import ContractError, StoreError
from tapewatch.model.rows import Coded, Mark
from tapewatch.store.base import Stored


@dataclass(slots=True)
class Job:
    """One delivery on its way to disk; ``settled`` gets True (stored), False (known before) or a `StoreError`.

    One that may not go to the spool rests on what the store holds at this moment, and is refused while the store is away.
    One in doubt is part of a call that hangs: the store may have it, or not.
    """

    stored: Stored
    rows: int
    bytes: int
    queued_s: float
    until_s: float
    settled: asyncio.Future[bool] = field(repr=False)
    outcome: bool | StoreError | ContractError | None = None
    is_told: bool = False
    may_spool: bool = True
    is_in_doubt: bool = False


def weigh(stored: Stored) -> tuple[int, int]:
    """Rows of a delivery, and an estimate of the bytes that it holds."""
    rows = size = 0
    for batch in stored.batches:
        rows += batch.count
        for values in batch.columns.values():
            if isinstance(values, Coded):
                size += values.codes.nbytes + sum(map(len, values.values)) + 64 * len(values.values)
            else:
                size += values.nbytes
    return rows, size


def sender_of(stored: Stored) -> str:
    """The client that numbers its batches; empty for another, and for rows of our own."""
    return stored.mark.client if isinstance(stored.mark, Mark) else ""


def look_at(settled: asyncio.Future[bool]) -> None:
    """A sender that went away does not look at its outcome; asyncio would log the error as forgotten."""
    if not settled.cancelled():
        settled.exception()
