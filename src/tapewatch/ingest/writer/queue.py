"""What waits for the store: bounded, filled by anybody, emptied by one thread in groups that gather for a moment."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice

from tapewatch.clock import Clock
from tapewatch.errors import StoreUnavailable
from tapewatch.ingest.writer.company import LEAST_EXPECTED, LEAST_WHEN_FAST, Company
from tapewatch.ingest.writer.job import Job, sender_of
from tapewatch.ingest.writer.limits import Limits


class Queue:
    """Jobs in the order in which they came; thread-safe.

    Args:
        clock: The time.
        limits: Its bounds, and how long a group gathers.
    """

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._waiting: deque[Job] = deque()
        self._company = Company()
        self._in_flight: list[Job] = []
        self._rows = self._bytes = 0
        self._was_shared = False
        self._stopping = False
        self._changed = threading.Condition()

    @property
    def is_stopping(self) -> bool:
        """Whether nothing more is taken."""
        return self._stopping

    def stop(self) -> None:
        """Take nothing more, and gather for nothing."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def put(self, job: Job, why: str = "") -> None:
        """Take a job; one that is larger than the queue is taken when it is alone.

        Args:
            job: Behind the others.
            why: What keeps the store from taking rows, for the message; empty when it takes them.

        Raises:
            StoreUnavailable: The queue is full, or is stopping.
        """
        with self._changed:
            if self._stopping:
                raise StoreUnavailable("The server is stopping; send again.", retry_after_s=2.0)
            full = self._rows + job.rows > self._limits.queue_rows or self._bytes + job.bytes > self._limits.queue_bytes
            if full and self._rows:
                waiting = f"{self._rows} rows wait to be written, and at most {self._limits.queue_rows} may"
                raise StoreUnavailable(f"{waiting}: {why}." if why else f"{waiting}; send again.", retry_after_s=2.0 if why else 0.5)
            self._waiting.append(job)
            self._company.came(sender_of(job.stored), job.queued_s, job.rows)
            self._rows += job.rows
            self._bytes += job.bytes
            self._changed.notify_all()

    def next_group(self, due_s: float | None) -> list[Job] | None:
        """What to write next, which is in flight until `landed`; empty after ``due_s`` seconds without any, None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping, due_s)
            if not self._waiting:
                return None if self._stopping else []
            if not self._stopping:
                self._wait_for_company()
            group: list[Job] = []
            rows = 0
            while self._waiting and (not group or rows + self._waiting[0].rows <= self._limits.group_rows):
                group.append(self._waiting.popleft())
                rows += group[-1].rows
            self._was_shared = len(group) > 1
            self._in_flight = group
            return group

    def _wait_for_company(self) -> None:
        """Let deliveries gather behind the first one while more may be expected; who sends one after the other never waits for itself."""
        limits = self._limits
        is_fast = self._company.rows_per_s(self._clock.monotonic_s()) >= limits.fast_rows_per_s
        linger_s, least = (limits.fast_linger_s, LEAST_WHEN_FAST) if is_fast else (limits.linger_s, LEAST_EXPECTED)
        until_s = self._waiting[0].queued_s + linger_s
        seen = rows = 0
        senders: set[str] = set()
        while not self._stopping and len(self._waiting) > seen:
            came = list(islice(self._waiting, seen, None))
            seen += len(came)
            rows += sum(job.rows for job in came)
            senders.update(sender_of(job.stored) for job in came)
            now_s = self._clock.monotonic_s()
            left_s = until_s - now_s
            if rows >= limits.company_rows or left_s <= 0:
                return
            if self._company.is_expected(senders, linger_s, now_s, least):
                self._changed.wait_for(lambda: self._stopping or len(self._waiting) > seen, left_s)  # noqa: B023 - asked at once
            elif self._was_shared and "" in senders:
                self._changed.wait(min(limits.alone_s, left_s))

    def landed(self) -> None:
        """The group in flight has its outcomes."""
        with self._changed:
            self._in_flight = []

    def left(self) -> list[Job]:
        """Everything that has not landed, once; nothing waits any more."""
        with self._changed:
            left = [*self._in_flight, *self._waiting]
            self._waiting.clear()
        return left

    def let_go(self, jobs: Sequence[Job]) -> None:
        """These jobs take no room any more."""
        with self._changed:
            self._rows -= sum(job.rows for job in jobs)
            self._bytes -= sum(job.bytes for job in jobs)

    def measures(self) -> tuple[int, int, float]:
        """Rows and bytes that are not durable yet, and the age of the oldest of them in seconds."""
        with self._changed:
            first = self._in_flight[0] if self._in_flight else self._waiting[0] if self._waiting else None
            return self._rows, self._bytes, 0.0 if first is None else self._clock.monotonic_s() - first.queued_s

    def pause(self, seconds: float) -> None:
        """Wait for so long, or until the stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping, seconds)
