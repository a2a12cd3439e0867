"""Duplicates and reorders of numbers that grow with holes: what is missing cannot be seen by them, so gaps are never counted."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from tapewatch.sources.collectors.feed.sequence import RESTART_AFTER, Counts

REMEMBERED = 512
"""Numbers by which a late message is told from a repeated one."""


@dataclass(slots=True)
class Growth:
    """Follows numbers that grow; the same calls as `sequence.Chain`.

    Attributes:
        counts: Events since `take` was last called.
    """

    counts: Counts = field(default_factory=Counts)
    _last: int | None = None
    _seen: deque[int] = field(default_factory=lambda: deque[int](maxlen=REMEMBERED))
    _old_tail: int = 0
    _old_run: int = 0

    def observe(self, previous: int, number: int, now_s: float) -> None:
        """Take one message by its number."""
        if self._last is None or number > self._last:
            self._last = number
            self._old_run = 0
        else:
            self._old(number)
        self._seen.append(number)

    def confirm(self, now_s: float) -> None:
        """Nothing waits."""

    def reset(self) -> None:
        """Forget what has come: after a reconnect the next message may have any number."""
        self._last = None
        self._seen.clear()
        self._old_run = 0

    def take(self) -> Counts:
        """Give the events since the last call and begin to count anew."""
        taken, self.counts = self.counts, Counts()
        return taken

    def _old(self, number: int) -> None:
        """A number that was passed already: twice, late, or the venue counts anew."""
        if number in self._seen:
            self.counts.duplicates += 1
            return
        self._old_run = self._old_run + 1 if self._old_run and number > self._old_tail else 1
        self._old_tail = number
        self.counts.reorders += 1
        if self._old_run >= RESTART_AFTER:
            self.counts.reorders = max(0, self.counts.reorders - RESTART_AFTER)
            self.counts.restarts += 1
            self._last, self._old_run = number, 0
            self._seen.clear()
