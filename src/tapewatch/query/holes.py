"""Where a series has no rows although rows were expected, and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from tapewatch.model.rows import Times
from tapewatch.query.frame import Hole
from tapewatch.query.outages import Outage

MOST_HOLES = 50


def find_holes(buckets_us: Times, bucket_us: int, expected_us: int | None) -> list[tuple[int, int]]:
    """Stretches between two buckets with rows that are longer than rows are usually apart.

    Args:
        buckets_us: Starts of the buckets of one series that have rows, shape (n,), ascending.
        bucket_us: Width of a bucket.
        expected_us: Expected spacing of the rows; None: then the median spacing of the buckets is taken.

    Returns:
        Half-open ranges (start_us, end_us) without rows, the newest `MOST_HOLES` of them.
    """
    if len(buckets_us) < 2:  # noqa: PLR2004 - a hole lies between two rows
        return []
    spacing = np.diff(buckets_us)
    usual = expected_us if expected_us is not None else int(np.median(spacing))
    widest = max(bucket_us, 2 * usual + bucket_us)
    found = np.flatnonzero(spacing > widest)[-MOST_HOLES:]
    return [(int(buckets_us[i]) + bucket_us, int(buckets_us[i + 1])) for i in found]


def explain(holes: Iterable[tuple[int, int]], sources: Sequence[str], outages: Sequence[Outage]) -> tuple[Hole, ...]:
    """Give each hole its cause: the first known outage of one of the sources that overlaps it, else silence of the source."""
    named: list[Hole] = []
    for start_us, end_us in holes:
        why = next(
            (outage.why for outage in outages if _overlaps(outage, start_us, end_us) and (not outage.source or outage.source in sources)),
            None,
        )
        named.append(Hole(start_us, end_us, why or f"{', '.join(sources) or 'the source'} sent nothing"))
    return tuple(named)


def _overlaps(outage: Outage, start_us: int, end_us: int) -> bool:
    return outage.start_us < end_us and (outage.end_us is None or outage.end_us > start_us)
