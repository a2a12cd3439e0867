"""The tail of a distribution of silences: how long the longest of many will be.

Excesses over a high threshold follow a generalised Pareto law, whatever the silences follow (Pickands, 1975; Balkema and de Haan, 1974).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

BENDS = (-0.2, 0.0)
"""A tail may end, but not before long; that a heavy one has no bound is left to what was seen."""

LEAST_BEND = 1e-6


@dataclass(frozen=True, slots=True)
class Tail:
    """The generalised Pareto law of the longest silences.

    Attributes:
        threshold: Where the tail begins.
        scale: Of the excesses over the threshold.
        bend: Shape parameter: 0 for an exponential tail, negative for one that ends.
        share: Share of all silences that lie in the tail.
    """

    threshold: float
    scale: float
    bend: float
    share: float

    @staticmethod
    def fit(threshold: float, mean: float, mean_square: float, share: float) -> Tail:
        """By the two moments of the excesses (Hosking and Wallis, 1987), the bend held within `BENDS`."""
        excess = mean - threshold
        variance = max(mean_square - mean * mean, 1e-12)
        bend = min(max((1 - excess * excess / variance) / 2, BENDS[0]), BENDS[1])
        return Tail(threshold, excess * (1 - bend), bend, share)

    def exceeded_once_in(self, silences: float) -> float:
        """The silence that one of so many exceeds."""
        times = max(1.0, silences * self.share)
        grown = math.log(times) if abs(self.bend) < LEAST_BEND else (times**self.bend - 1) / self.bend
        return self.threshold + self.scale * grown
