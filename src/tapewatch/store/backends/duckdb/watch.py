"""A limit on time for questions: what runs too long is interrupted."""

from __future__ import annotations

import contextlib
import heapq
import threading
from collections.abc import Generator

import duckdb

from tapewatch.clock import Clock
from tapewatch.errors import QueryTooLarge

_AGAIN_S = 0.02
"""An interrupt that comes between two statements of a question is lost, so it is repeated until the question ends."""


class Watch:
    """Interrupts cursors whose time is over; one thread for all of them, started with the first limit."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._ends: list[tuple[float, int]] = []
        self._running: dict[int, duckdb.DuckDBPyConnection] = {}
        self._tickets = 0
        self._thread: threading.Thread | None = None
        self._stopping = False

    @contextlib.contextmanager
    def limited(self, cursor: duckdb.DuckDBPyConnection, timeout_s: float | None, table: str) -> Generator[None]:
        """Give what runs on the cursor inside this block ``timeout_s`` seconds; None for no limit.

        Raises:
            QueryTooLarge: It took longer.
        """
        if timeout_s is None:
            yield
            return
        ticket = self._begin(cursor, timeout_s)
        try:
            yield
        except duckdb.InterruptException as problem:
            raise QueryTooLarge(
                f"the answer from {table} took longer than {timeout_s:g} s; ask for a shorter range, wider buckets or fewer groups"
            ) from problem
        finally:
            with self._changed:
                self._running.pop(ticket, None)

    def _begin(self, cursor: duckdb.DuckDBPyConnection, timeout_s: float) -> int:
        with self._changed:
            self._tickets += 1
            self._running[self._tickets] = cursor
            heapq.heappush(self._ends, (self._clock.monotonic_s() + timeout_s, self._tickets))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="store-watch", daemon=True)
                self._thread.start()
            elif self._ends[0][1] == self._tickets:
                self._changed.notify()
            return self._tickets

    def _run(self) -> None:
        with self._changed:
            while not self._stopping:
                now_s = self._clock.monotonic_s()
                while self._ends and (self._ends[0][0] <= now_s or self._ends[0][1] not in self._running):
                    _, ticket = heapq.heappop(self._ends)
                    cursor = self._running.get(ticket)
                    if cursor is not None:
                        cursor.interrupt()
                        heapq.heappush(self._ends, (now_s + _AGAIN_S, ticket))
                self._changed.wait(self._ends[0][0] - now_s if self._ends else None)

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()
