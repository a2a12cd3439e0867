"""What a sender is told about its delivery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tapewatch.ingest.validate import KEPT_REFUSALS, Judged
from tapewatch.model.rows import RowBatch
from tapewatch.sources.base import Refusal


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a delivery; given only when its rows are durable.

    Attributes:
        accepted: Rows stored (those of a duplicate were stored the first time).
        duplicate: Whether the mark was known, so that nothing was stored again.
        refused: The first hundred refusals: what is not in the table and column that it was meant for.
        refused_total: All refusals, of rows and of single values.
        noted: Reason to the number of values that were changed or marked, such as ``nan``.
        quarantined: How many of the refusals (``unknown_table``, ``unknown_column``) are not lost but durable in quarantine.
        held_total: How many of them the quarantine would take; more than ``quarantined`` when nothing was stored because of the others.
    """

    accepted: int
    duplicate: bool = False
    refused: tuple[Refusal, ...] = ()
    refused_total: int = 0
    noted: dict[str, int] = field(default_factory=dict[str, int])
    quarantined: int = 0
    held_total: int = 0


def receipt_of(judged: Sequence[Judged], refusals: Sequence[Refusal], batches: Sequence[RowBatch], *, is_duplicate: bool) -> Receipt:
    """What is told of a delivery, of its judgement, and of what the receiver could not decode."""
    found = (*refusals, *(refusal for outcome in judged for refusal in outcome.refusals))
    told = sorted(found, key=lambda refusal: refusal.is_held)  # what is lost comes first
    noted: dict[str, int] = {}
    for outcome in judged:
        for reason, count in outcome.noted.items():
            noted[reason] = noted.get(reason, 0) + count
    return Receipt(
        accepted=sum(batch.count for batch in batches),
        duplicate=is_duplicate,
        refused=tuple(told[:KEPT_REFUSALS]),
        refused_total=len(refusals) + sum(outcome.refused_total for outcome in judged),
        noted=noted,
        quarantined=sum(outcome.held_total for outcome in judged),
        held_total=sum(outcome.held_total for outcome in judged),
    )
