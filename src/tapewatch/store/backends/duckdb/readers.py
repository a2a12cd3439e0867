"""Reading from several threads at once: a cursor per thread, and a watch that interrupts what takes too long."""

from __future__ import annotations

import contextlib
import heapq
import threading
from collections.abc import Generator
from typing import Any, cast

import duckdb

from tapewatch.clock import Clock
from tapewatch.errors import QueryTooLarge


class Readers:
    """Cursors over one connection, one for each thread that asks."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._local = threading.local()
        self._lock = threading.Lock()
        self._all: list[duckdb.DuckDBPyConnection] = []

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """The calling thread's cursor."""
        cursor: duckdb.DuckDBPyConnection | None = getattr(self._local, "cursor", None)
        if cursor is None:
            with self._lock:
                cursor = self._connection.cursor()
                self._all.append(cursor)
            self._local.cursor = cursor
        return cursor

    def close(self) -> None:
        """Close every cursor."""
        with self._lock:
            for cursor in self._all:
                with contextlib.suppress(duckdb.Error):
                    cursor.close()
            self._all.clear()


class Watch:
    """Interrupts cursors whose time is over; one thread for all of them, started with the first limit."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._ends: list[tuple[float, int]] = []
        self._running: dict[int, duckdb.DuckDBPyConnection] = {}
        self._next = 0
        self._thread: threading.Thread | None = None
        self._stopping = False

    @contextlib.contextmanager
    def limited(self, cursor: duckdb.DuckDBPyConnection, timeout_s: float | None, table: str) -> Generator[None]:
        """Give what runs on the cursor inside this block ``timeout_s`` seconds.

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
            self._end(ticket)

    def _begin(self, cursor: duckdb.DuckDBPyConnection, timeout_s: float) -> int:
        with self._changed:
            self._next += 1
            self._running[self._next] = cursor
            heapq.heappush(self._ends, (self._clock.monotonic_s() + timeout_s, self._next))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="store-watch", daemon=True)
                self._thread.start()
            elif self._ends[0][1] == self._next:
                self._changed.notify()
            return self._next

    def _end(self, ticket: int) -> None:
        with self._changed:
            self._running.pop(ticket, None)

    def _run(self) -> None:
        with self._changed:
            while not self._stopping:
                now_s = self._clock.monotonic_s()
                while self._ends and (self._ends[0][0] <= now_s or self._ends[0][1] not in self._running):
                    _, ticket = heapq.heappop(self._ends)
                    cursor = self._running.pop(ticket, None)
                    if cursor is not None:
                        cursor.interrupt()
                self._changed.wait(self._ends[0][0] - now_s if self._ends else None)

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()


def execute(cursor: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Run one statement; its columns as numpy arrays, masked where null."""
    return cast("dict[str, Any]", cursor.execute(sql, parameters).fetchnumpy())  # pyright: ignore[reportUnknownMemberType] - the stubs name pandas
