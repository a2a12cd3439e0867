"""When to ask a store again that is away: after pauses that grow, each with some chance in it."""

from __future__ import annotations

import random

from tapewatch.clock import Clock

FIRST_S = 0.05
LONGEST_S = 2.0


class Retries:
    """Failures since the last success; used by one thread.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._away_s: float | None = None
        self._due_s = 0.0
        self._pause_s = FIRST_S

    def failed(self) -> None:
        """Note one more failure."""
        now_s = self._clock.monotonic_s()
        if self._away_s is None:
            self._away_s = now_s
        self._due_s = now_s + self._pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads retries, keeps no secret
        self._pause_s = min(self._pause_s * 2, LONGEST_S)

    def worked(self) -> None:
        """Note a success."""
        self._away_s, self._due_s, self._pause_s = None, 0.0, FIRST_S

    @property
    def is_away(self) -> bool:
        """Whether the last try failed."""
        return self._away_s is not None

    def is_long_away(self, seconds: float) -> bool:
        """Whether every try of the last ``seconds`` has failed."""
        return self._away_s is not None and self._clock.monotonic_s() - self._away_s >= seconds

    @property
    def due_in_s(self) -> float:
        """Seconds until the next try."""
        return max(0.0, self._due_s - self._clock.monotonic_s())

    @property
    def is_due(self) -> bool:
        """Whether it is time for the next try."""
        return self.due_in_s <= 0.0
