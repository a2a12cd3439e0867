"""Pauses between attempts: exponential with full jitter (Brooker, AWS Architecture Blog, 2015)."""

from __future__ import annotations

from random import Random
from typing import Protocol

BASE_S = 0.25
CAP_S = 10.0


class Draw(Protocol):
    """Where the pauses are drawn from."""

    def uniform(self, a: float, b: float, /) -> float:
        """A number evenly from ``a`` to ``b``."""
        ...


class Backoff:
    """Pauses drawn evenly from 0 to a bound that doubles with each failure, so that clients do not return all at once.

    Args:
        random: Source of the draws.
    """

    def __init__(self, random: Draw | None = None) -> None:
        self._random = random or Random()  # noqa: S311 - spreads load, guards nothing
        self._failures = 0

    def next_s(self) -> float:
        """Seconds to wait after one more failure."""
        bound_s = min(CAP_S, BASE_S * 2 ** min(self._failures, 30))
        self._failures += 1
        return self._random.uniform(0.0, bound_s)

    def reset(self) -> None:
        """Begin anew after a success."""
        self._failures = 0
