"""Logarithmic buckets that merge by adding: DDSketch with 1 % relative error, as a sparse index to count.

Source: Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019.
Bucket i holds the values in (γ^(i-1), γ^i]; its value 2·γ^i / (γ+1) is at most (γ-1)/(γ+1) = 0.99 % off.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

GAMMA = 1.02
"""Ratio of two neighbouring bucket borders."""

SMALLEST_MS = 1e-6
"""Values up to this one (a nanosecond, where the unit is ms) share `ZERO_INDEX`: no clock here resolves them."""

ZERO_INDEX = -10_000
"""The bucket of zero; below every index that a value above `SMALLEST_MS` can have."""

_LOG_GAMMA = math.log(GAMMA)


def index_of(value_ms: float) -> int:
    """Bucket of a value that is not negative.

    Raises:
        ValueError: The value is negative, infinite or not a number.
    """
    if not 0 <= value_ms < math.inf:
        raise ValueError(f"a sketch takes finite values from 0, not {value_ms}")
    return ZERO_INDEX if value_ms <= SMALLEST_MS else math.ceil(math.log(value_ms) / _LOG_GAMMA)


def value_of(index: int) -> float:
    """The value that stands for a bucket, in the unit of the values counted; 0 for `ZERO_INDEX`."""
    return 0.0 if index <= ZERO_INDEX else 2 * GAMMA**index / (GAMMA + 1)


def sketch_of(values_ms: npt.NDArray[np.float64]) -> dict[int, int]:
    """Count values (n,) into buckets; those that are negative or not finite are left out."""
    kept = values_ms[np.isfinite(values_ms) & (values_ms >= 0)]
    zeros = int(np.count_nonzero(kept <= SMALLEST_MS))
    indexes, counts = np.unique(np.ceil(np.log(kept[kept > SMALLEST_MS]) / _LOG_GAMMA).astype(np.int64), return_counts=True)
    sketch = {ZERO_INDEX: zeros} if zeros else {}
    sketch.update(zip(indexes.tolist(), counts.tolist(), strict=True))
    return sketch


def merge(sketches: Iterable[Mapping[int, int] | None]) -> dict[int, int]:
    """Add sketches up, bucket by bucket, in the order of the indexes; None counts as empty."""
    total: dict[int, int] = {}
    for sketch in sketches:
        for index, count in (sketch or {}).items():
            total[index] = total.get(index, 0) + count
    return dict(sorted(total.items()))


def quantile(sketch: Mapping[int, int], fraction: float) -> float | None:
    """Value below which ``fraction`` of the counted values lie; None for an empty sketch.

    The bucket is the first whose cumulative count exceeds ``fraction · (n - 1)`` (algorithm 2 of the paper).
    """
    count = sum(sketch.values())
    if count == 0:
        return None
    rank = fraction * (count - 1)
    seen = 0
    index = ZERO_INDEX
    for index in sorted(sketch):
        seen += sketch[index]
        if seen > rank:
            break
    return value_of(index)
