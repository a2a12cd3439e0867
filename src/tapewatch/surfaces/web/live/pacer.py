"""How often a topic is computed: at once when the server is idle, less often when it is dear. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

SHARE = 0.25
"""Fraction of one core that computing topics may always take over time."""
OF_IDLE = 0.5
"""Fraction of what the machine leaves idle that computing topics may take as well."""
MOST_SHARE = 0.75
FLOOR_S = 0.05
"""Least seconds between the end of one computation of a topic and the next."""
PAUSE_COSTS = 8.0
"""A topic pauses for at least this many times what its last computation cost."""
BURST_S = 0.8
"""Seconds of allowance that an idle server saves up: a page that opens is computed without waiting."""
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
        share: Fraction of one core that may always be taken.
    """

    def __init__(self, share: float = SHARE) -> None:
        self._least_share = self._share = share
        self._free_s = 0.0

    def note_idle(self, idle_cores: float) -> None:
        """Take more while the machine has nothing else to do, less when it has.

        Args:
            idle_cores: Cores of this machine that did nothing lately, our own work included as work.
        """
        self._share = max(self._least_share, min(MOST_SHARE, self._least_share + OF_IDLE * idle_cores))

    def spent(self, cost_s: float, now_s: float) -> None:
        """Note that a computation took ``cost_s`` seconds."""
        self._free_s = max(self._free_s, now_s - BURST_S) + cost_s / self._share

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
