"""Whether a group that is about to be written waits for more: who sent lately, and has not come yet. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

SPAN_S = 1.0
"""Who sent within so many seconds is expected again."""
LEAST_EXPECTED = 2.5
"""Deliveries of others that must be expected within the wait, for it to be worth it."""
LEAST_WHEN_FAST = 1.0
"""The same while rows come so fast that a commit saved counts for more than a moment's wait."""
MOST_SEEN = 10_000
"""Deliveries that are looked back on."""


class Company:
    """Looks back on who sent how often. A sender is the client that numbers its batches; one that does not is anybody."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, str, int]] = deque(maxlen=MOST_SEEN)
        self._counts: dict[str, int] = {}
        self._rows = 0

    def came(self, sender: str, now_s: float, rows: int = 1) -> None:
        """Take note of a delivery; an empty sender is not known by name."""
        if len(self._seen) == MOST_SEEN:
            self._drop()
        self._seen.append((now_s, sender, rows))
        self._counts[sender] = self._counts.get(sender, 0) + 1
        self._rows += rows

    def rows_per_s(self, now_s: float) -> float:
        """How fast rows came lately, from everybody."""
        self._forget(now_s)
        return self._rows / SPAN_S

    def is_expected(self, here: Iterable[str], within_s: float, now_s: float, least: float = LEAST_EXPECTED) -> bool:
        """Whether others than those who are here may be expected, often enough, within so many seconds.

        Who came once may have come for that alone. Each sender waits for the answer to what it sent before it sends more: when all
        are here, nobody else comes.
        """
        self._forget(now_s)
        present = set(here)
        others = sum(count for sender, count in self._counts.items() if count > 1 and sender not in present)
        return others * within_s / SPAN_S >= least

    def _forget(self, now_s: float) -> None:
        while self._seen and self._seen[0][0] < now_s - SPAN_S:
            self._drop()

    def _drop(self) -> None:
        _, sender, rows = self._seen.popleft()
        self._rows -= rows
        left = self._counts[sender] - 1
        if left:
            self._counts[sender] = left
        else:
            del self._counts[sender]
