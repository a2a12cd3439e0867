"""Asks a function of the program for its status on a schedule and writes what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import ceil
from threading import Thread
from time import monotonic
from typing import Protocol

from tapewatch_client.daemon import daemon_row
from tapewatch_client.wake import Wake

ERROR_LENGTH = 500


class RowWriter(Protocol):
    """What a watch needs of the client."""

    def write_rows(self, table: str, rows: Iterable[Mapping[str, object]], *, period_s: float | None = None) -> None:
        """See `Client.write_rows`."""
        ...


class Watch:
    """A schedule of calls in a thread of its own, so that a function that hangs delays nothing else.

    The calls are due every ``every_s`` seconds from the start; those that a slow call has missed are left out. Each call writes a row
    of table ``collector_run``; only a call that succeeded writes its status. A call that never returns writes nothing: the series
    becomes stale, which is the truth.

    Args:
        writer: Where rows go.
        function: Gives the status as a mapping.
        every_s: Seconds between two calls, declared with each row.
        daemon: Name of what is watched.
        table: ``daemon`` translates the ten fields of ``get_status()``; for any other table the mapping is the row.
    """

    def __init__(self, writer: RowWriter, function: Callable[[], Mapping[str, object]], every_s: float, *, daemon: str, table: str) -> None:
        if not every_s > 0:
            raise ValueError(f"every_s is {every_s!r}; give the seconds between two calls, more than 0.")
        self._writer = writer
        self._function = function
        self._every_s = every_s
        self._daemon = daemon
        self._table = table
        self._wake = Wake()
        self._is_stopped = False
        self._thread = Thread(target=self._run, name=f"tapewatch-watch-{daemon}", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Make no further call; waits at most ``timeout_s`` seconds for one that is under way."""
        self._is_stopped = True
        self._wake.give()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        due_s = monotonic()
        while not self._is_stopped:
            self._call()
            missed = max(1, ceil((monotonic() - due_s) / self._every_s))
            due_s += missed * self._every_s
            self._wake.wait(due_s - monotonic())

    def _call(self) -> None:
        start_s = monotonic()
        error: str | None = None
        row: dict[str, object] | None = None
        try:
            row = self._row(self._function())
        except Exception as failure:  # noqa: BLE001 - whatever the watched program raises is what is to be reported
            error = f"{type(failure).__name__}: {failure}"[:ERROR_LENGTH]
        duration_ms = (monotonic() - start_s) * 1_000
        if self._is_stopped:
            return
        if row is not None:
            self._writer.write_rows(self._table, [row], period_s=self._every_s)
        run = {
            "collector": f"watch-{self._daemon}",
            "ok": row is not None,
            "duration_ms": duration_ms,
            "rows": int(row is not None),
            "error": error,
        }
        self._writer.write_rows("collector_run", [run], period_s=self._every_s)

    def _row(self, status: Mapping[str, object]) -> dict[str, object]:
        if self._table == "daemon":
            return {"daemon": self._daemon, **daemon_row(status)}
        return dict(status)
