"""Who moves first: by how much one series of prices is ahead of another, and how wrong that may be.

The estimator is that of M. Hoffmann, M. Rosenbaum and N. Yoshida, "Estimation of the lead-lag parameter from non-synchronous data",
Bernoulli 19(2), 2013: the shift at which the covariance of T. Hayashi and N. Yoshida (Bernoulli 11(2), 2005) of both is largest, which
needs no common grid of times. How wrong it may be follows from leaving out one stretch of the time after the other (jackknife).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MOST_S = 1.0
"""Largest shift that is looked at."""

STEP_S = 0.01
BLOCKS = 10
LEAST_MOVES = 50
CERTAIN = 5.0
"""Multiples of its own noise that the largest covariance needs: of 200 shifts of independent prices one in ten thousand has so much."""

ERRORS = 3.0
"""Standard errors that are told as the error: of made-up prices, quiet and noisy ones, at least 93 of 100 leads lie within it."""

RESOLVED = 1.5
"""The times of the moves are known to no better than the prices are apart: so much of that, divided by the root of their number."""

PEAK = 0.9
"""The top of the covariance over the shifts is flat: its middle is where it is at least this share of the largest."""


@dataclass(frozen=True, slots=True)
class Lead:
    """What was found.

    Attributes:
        lead_s: By how many seconds the first series is ahead of the second; negative when it is behind.
        error_s: How wrong that may be.
        correlation: Of the moves at this shift, -1 to 1.
        moves: Price changes of the series that had fewer.
        is_certain: Whether the prices move together more than by chance, and within the shifts that are looked at.
    """

    lead_s: float
    error_s: float
    correlation: float
    moves: int
    is_certain: bool


def lead_of(first_s: Floats, first: Floats, second_s: Floats, second: Floats) -> Lead | None:
    """By how much one series is ahead of the other.

    Args:
        first_s: Times of the first, seconds, ascending, shape (n,).
        first: Logarithms of its prices then, shape (n,).
        second_s: The same of the second, shape (m,).
        second: The same, shape (m,).

    Returns:
        None when either has fewer than `LEAST_MOVES` changes.
    """
    moves = min(len(first), len(second)) - 1
    if moves < LEAST_MOVES:
        return None
    shifts = np.linspace(-MOST_S, MOST_S, 2 * round(MOST_S / STEP_S) + 1, dtype=np.float64)
    products = _products(first_s, first, second_s, second, shifts)
    total = products.sum(axis=1)
    place = int(np.argmax(total))
    noise = float(np.sqrt(np.square(products[place]).sum()))
    variance = float(np.square(np.diff(first)).sum() * np.square(np.diff(second)).sum())
    if noise <= 0 or variance <= 0:
        return Lead(0.0, MOST_S, 0.0, moves, is_certain=False)
    begins: Floats = np.linspace(first_s[0], first_s[-1], BLOCKS + 1, dtype=np.float64)[:-1]
    edges = np.searchsorted(first_s[1:], begins)
    parts = np.add.reduceat(np.pad(products, ((0, 0), (0, 1))), edges, axis=1)
    without = np.array([_middle(shifts, total - parts[:, block]) for block in range(BLOCKS)])
    spread = float(np.sqrt((BLOCKS - 1) / BLOCKS * np.square(without - without.mean()).sum()))
    apart_s = max(first_s[-1] - first_s[0], second_s[-1] - second_s[0]) / moves
    is_inside = 0 < place < len(shifts) - 1
    return Lead(
        _middle(shifts, total),
        float(ERRORS * spread + STEP_S / 2 + RESOLVED * apart_s / np.sqrt(moves)),
        float(np.clip(total[place] / np.sqrt(variance), -1.0, 1.0)),
        moves,
        is_certain=bool(is_inside and total[place] > CERTAIN * noise),
    )


def _products(first_s: Floats, first: Floats, second_s: Floats, second: Floats, shifts: Floats) -> Floats:
    """For every shift and move of the first series: that move times what the second moved in times that overlap, shape (shifts, n - 1)."""
    moved = np.diff(first)
    last = len(second) - 1
    found = np.empty((len(shifts), len(moved)))
    for place in range(len(shifts)):
        ends: Floats = first_s + shifts[place]
        until = np.minimum(np.searchsorted(second_s, ends[1:], "left"), last)
        since = np.maximum(np.searchsorted(second_s, ends[:-1], "right") - 1, 0)
        found[place] = moved * (second[until] - second[since])
    return found


def _middle(shifts: Floats, total: Floats) -> float:
    """The middle of the top of the covariance, weighted by how far it rises above the top's edge."""
    place = int(np.argmax(total))
    floor = PEAK * total[place]
    if total[place] <= 0:
        return float(shifts[place])
    low = high = place
    while low > 0 and total[low - 1] >= floor:
        low -= 1
    while high < len(total) - 1 and total[high + 1] >= floor:
        high += 1
    weights = total[low : high + 1] - floor + 1e-300
    return float(np.average(shifts[low : high + 1], weights=weights))
