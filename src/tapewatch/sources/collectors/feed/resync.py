"""When to ask a venue for a new book: soon for the first that is wrong, less and less often while books go on being wrong."""

from __future__ import annotations

from collections import deque

WAIT_S = 5.0
WAIT_MAX_S = 60.0
"""Seconds between two requests for a new snapshot of one book: doubled up to a minute, so that a venue is not flooded."""

GOOD_S = 600.0
"""A book that has needed nothing for so long after its last request is good: the next wait is the shortest."""

HOUR_S = 3600.0


class Resync:
    """The wish for a new snapshot of one book. A snapshot fulfils it and leaves the wait as long as it is."""

    def __init__(self) -> None:
        self._due_s: float | None = None
        self._asked_s: float | None = None
        self._wait_s = WAIT_S

    @property
    def is_wanted(self) -> bool:
        """Whether a snapshot is wanted or has been asked for and not come yet."""
        return self._due_s is not None

    def want(self, due_s: float) -> None:
        """The book is wrong: ask at this moment, or when the wait is over."""
        if self._asked_s is not None:
            if due_s - self._asked_s >= GOOD_S:
                self._wait_s = WAIT_S
            due_s = max(due_s, self._asked_s + self._wait_s)
        self._due_s = due_s

    def settle(self) -> None:
        """The book is right, or there is none any more."""
        self._due_s = None

    def is_due(self, now_s: float) -> bool:
        """Whether to ask now."""
        return self._due_s is not None and now_s >= self._due_s

    def ask(self, now_s: float) -> None:
        """It is being asked for, and will be again when nothing comes."""
        if self._asked_s is not None:
            self._wait_s = min(WAIT_MAX_S, self._wait_s * 2)
        self._asked_s = now_s
        self._due_s = now_s + self._wait_s


class Budget:
    """What may be asked of a venue on one connection within an hour.

    Args:
        per_hour: Messages; None for any number.
    """

    def __init__(self, per_hour: int | None) -> None:
        self._per_hour = per_hour
        self._spent_s = deque[float](maxlen=per_hour)

    def spend(self, now_s: float) -> None:
        """One message is sent."""
        if self._per_hour is not None:
            self._spent_s.append(now_s)

    def allows(self, messages: int, now_s: float) -> bool:
        """Whether so many more are within it."""
        while self._spent_s and now_s - self._spent_s[0] >= HOUR_S:
            self._spent_s.popleft()
        return self._per_hour is None or len(self._spent_s) + messages <= self._per_hour
