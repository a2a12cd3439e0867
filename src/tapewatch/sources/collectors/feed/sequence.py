"""Gaps, duplicates and reorders of one stream, by the numbers that its venue gives each message.

Every rule known so far is a chain: a message names the number it follows and its own. Binance futures depth says so itself
(``pu`` is the ``u`` of the message before), counted trades follow their number minus one.
A message whose predecessor is missing waits for a short while: if the predecessor still comes, the two were swapped
(one reorder, no gap); if not, there is one gap, however many messages are missing in it; how many there are is told beside it, where
the venue's numbers say so, and how long the gap lasted.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

CONFIRM_S = 2.0
"""Seconds that a missing message is waited for before its absence counts as a gap."""

HELD_MAX = 512
"""Messages that wait behind a missing one at most; more of them confirm the gap at once."""

RESTART_AFTER = 8
"""Consecutive messages, each following the other, far below the expected number: the venue has begun to count anew."""


@dataclass(slots=True)
class Counts:
    """Sequence events of an interval.

    Attributes:
        gaps: Holes in the numbers.
        missing: Numbers that are missing in them: messages, where a venue counts its messages without holes.
        longest_gap_s: Seconds from the last message before the longest of them to the first after it; None without a gap.
        duplicates: Messages that came twice.
        reorders: Messages that came late.
        restarts: Times that the venue began to count anew.
    """

    gaps: int = 0
    missing: int = 0
    longest_gap_s: float | None = None
    duplicates: int = 0
    reorders: int = 0
    restarts: int = 0


@dataclass(slots=True)
class Chain:
    """Follows one chain of numbers.

    Attributes:
        counts: Events since `take` was last called.
    """

    counts: Counts = field(default_factory=Counts)
    _last: int | None = None
    _last_s: float = 0.0
    _held: dict[int, tuple[int, float]] = field(default_factory=dict[int, tuple[int, float]])
    _holes: deque[tuple[int, int]] = field(default_factory=lambda: deque[tuple[int, int]](maxlen=64))
    _old_tail: int | None = None
    _old_run: int = 0

    def observe(self, previous: int, number: int, now_s: float) -> None:
        """Take one message: ``number`` is its own, ``previous`` the one it says it follows."""
        if previous == self._last:
            self._last, self._last_s = number, now_s
            if self._held:
                self._follow()
        elif self._last is None:
            self._last, self._last_s = number, now_s
        else:
            self._out_of_order(previous, number, now_s)

    def confirm(self, now_s: float) -> None:
        """Turn waits that have lasted `CONFIRM_S` into gaps; called when messages come and at every tick."""
        while self._held and now_s - next(iter(self._held.values()))[1] >= CONFIRM_S:
            self._give_up()

    def reset(self) -> None:
        """Forget what is expected: after a reconnect the next message may have any number. What still waited was a gap."""
        while self._held:
            self._give_up()
        self._last = None
        self._holes.clear()
        self._old_tail, self._old_run = None, 0

    def take(self) -> Counts:
        """Give the events since the last call and begin to count anew."""
        taken, self.counts = self.counts, Counts()
        return taken

    def _out_of_order(self, previous: int, number: int, now_s: float) -> None:
        self.confirm(now_s)
        last = self._last
        if previous == last:
            self._last, self._last_s = number, now_s
            self._follow()
        elif last is not None and number <= last:
            self._old(previous, number, now_s)
        elif last is not None and previous < last:
            self._overlap(number, now_s)
        elif number == previous and previous in self._held:
            pass  # nothing has changed since what waits, so it says nothing new
        elif previous in self._held and self._held[previous][0] != previous:
            self.counts.duplicates += 1
        else:
            # the hole began with the first that waits, also when that one only said that nothing has changed
            _, since_s = self._held.get(previous, (previous, now_s))
            self._held[previous] = (number, since_s)
            if len(self._held) > HELD_MAX:
                self._give_up()

    def _overlap(self, number: int, now_s: float) -> None:
        """A message some of whose numbers have come before: it leads on from here, and something came twice."""
        self.counts.duplicates += 1
        self._last, self._last_s = number, now_s
        self._follow()

    def _follow(self) -> None:
        """The missing message came: those that waited for it are in order now."""
        if self._release():
            self.counts.reorders += 1

    def _release(self) -> bool:
        """Move on over the messages that wait for what has come; whether there was one."""
        number, is_moved = self._last, False
        while number is not None and (held := self._held.pop(number, None)) is not None:
            number, is_moved = held[0], True
            self._last_s = max(self._last_s, held[1])
        self._last = number
        return is_moved

    def _give_up(self) -> None:
        """Accept that what precedes the lowest waiting message is lost."""
        previous = min(self._held)
        counts = self.counts
        if self._last is not None:
            self._holes.append((self._last, previous))
            counts.missing += previous - self._last
        counts.gaps += 1
        counts.longest_gap_s = max(counts.longest_gap_s or 0.0, self._held[previous][1] - self._last_s)
        self._last = previous
        self._release()

    def _old(self, previous: int, number: int, now_s: float) -> None:
        """A number that was passed already: late, twice, or the venue counts anew."""
        self._old_run = self._old_run + 1 if previous == self._old_tail else 1
        self._old_tail = number
        if self._old_run >= RESTART_AFTER:
            self.counts.duplicates = max(0, self.counts.duplicates - RESTART_AFTER + 1)
            self.counts.restarts += 1
            self._last, self._last_s, self._old_run = number, now_s, 0
            self._held.clear()
            self._holes.clear()
        elif any(start < number <= end for start, end in self._holes):
            self.counts.reorders += 1
        else:
            self.counts.duplicates += 1
