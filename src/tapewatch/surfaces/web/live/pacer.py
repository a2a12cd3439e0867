"""How often a topic is computed: at once after a quiet moment, less often when many are shown or dear. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

SHARE = 0.1
"""Fraction of one core that computing topics may take over time: what a few dashboards need."""
SHARE_EACH = 0.006
"""Where more topics are shown than that is enough for, each may take this much on average, …"""
MOST_SHARE = 0.4
"""… and all together no more than this: the rest of the core is for the rows that come in."""
LEAST_SHARE = 0.04
"""What is left of it while rows come fast: they go first, and a page of thirty panels is still new about once a second."""
CALM_ROWS_PER_S, FAST_ROWS_PER_S = 2_000.0, 8_000.0
"""Up to the one pace there is the whole allowance, from the other on the least; in between, in proportion."""
FLOOR_S = 0.05
"""Least seconds between the end of one computation of a topic and the next."""
PAUSE_COSTS = 8.0
"""A topic pauses for at least this many times what its last computation cost."""
BURST_S = 0.8
"""Seconds of allowance that an idle server saves up: a page that opens is computed without waiting."""
MOST_DEBT_S = 1.0
"""Seconds for which one that was dear, or many that were urgent, make the others wait at most: then more than the allowance is taken."""
IDLE_S = 3600.0


class Paced(Protocol):
    """Something that is computed again and again."""

    def due_s(self) -> float:
        """Monotonic second from which it is to be computed; infinite when it is not."""
        ...

    @property
    def is_urgent(self) -> bool:
        """Whether somebody waits for its first answer: such ones do not wait for the allowance."""
        ...


Thing = TypeVar("Thing", bound=Paced)


class Pacer:
    """Chooses what to compute next within the allowance.

    Args:
        share: Fraction of one core that may be taken while few topics are shown.
    """

    def __init__(self, share: float = SHARE) -> None:
        self._share = share
        self._free_s = 0.0

    def spent(self, cost_s: float, now_s: float, shown: int = 1, rows_per_s: float = 0.0) -> None:
        """Note that a computation took ``cost_s`` seconds, while ``shown`` topics are shown and rows come at a pace."""
        share = self._allowed(shown, rows_per_s)
        self._free_s = min(max(self._free_s, now_s - BURST_S) + cost_s / share, now_s + MOST_DEBT_S)

    def _allowed(self, shown: int, rows_per_s: float) -> float:
        most = max(self._share, min(MOST_SHARE, SHARE_EACH * shown))
        least = min(most, LEAST_SHARE)
        busy = (rows_per_s - CALM_ROWS_PER_S) / (FAST_ROWS_PER_S - CALM_ROWS_PER_S)
        return most - (most - least) * min(1.0, max(0.0, busy))

    def next(self, things: Iterable[Thing], now_s: float) -> tuple[Thing | None, float]:
        """The thing to compute now, or None and the seconds until one may be.

        Urgent ones come first; then what has been due for longest.
        """
        first: tuple[tuple[bool, float, float], Thing] | None = None
        for thing in things:
            due_s = thing.due_s()
            start_s = due_s if thing.is_urgent else max(due_s, self._free_s)
            rank = (not (thing.is_urgent and due_s <= now_s), start_s, due_s)
            if first is None or rank < first[0]:
                first = (rank, thing)
        if first is None:
            return None, IDLE_S
        (_, start_s, _), thing = first
        return (thing, 0.0) if start_s <= now_s else (None, min(IDLE_S, start_s - now_s))
