"""`Client`: what a program holds to send rows to tapewatch."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from time import monotonic, time_ns
from types import TracebackType
from typing import Protocol, Self
from weakref import WeakSet

from tapewatch_client.row_queue import Row
from tapewatch_client.sender import ORPHAN_FLUSH_S, Sender
from tapewatch_client.settings import (
    FLUSH_INTERVAL_S,
    MAX_MEMORY_BYTES,
    MAX_SPOOL_BYTES,
    TIMEOUT_S,
    Settings,
    clean_token,
    default_host,
    default_source,
    default_token,
    default_url,
    split_url,
)
from tapewatch_client.stats import Stats
from tapewatch_client.watch import Watch

#: A time that is not later than the last one by less than this is moved behind it.
SAME_MOMENT_US = 1_000


class Clock(Protocol):
    """Where a client reads the time of a row."""

    def now_us(self) -> int:
        """Microseconds since 1970 UTC."""
        ...


class Client:
    """Sends rows to a tapewatch server from a background thread.

    `write` and `write_rows` never raise, never wait and never touch the network; they may be called from any thread, from signal
    handlers and from finalisers. Rows are kept in memory (with ``spool_dir``: on disk) within a bound and sent in order, each batch
    until the server has answered it; a batch that is sent again is recognised by the server and changes nothing. After a fork the child
    goes on with an id of its own and without the parent's rows.

    Args:
        url: Address of the server; ``TAPEWATCH_URL`` or http://127.0.0.1:4780 when left out.
        source: Stable name of this program in every row; the program's file name when left out.
        env: Environment the rows belong to, such as ``live`` or ``paper``.
        host: Name of the machine in every row; this machine's name when left out.
        token: Secret that the server asks for; ``TAPEWATCH_TOKEN`` when left out.
        max_memory_bytes: Bound on the rows in memory; beyond, the oldest are dropped and counted.
        flush_interval_s: Seconds between two batches when few rows come; without a spool twice as many when 500 and more gather meanwhile.
        timeout_s: Seconds to wait for the server at each step of a request.
        spool_dir: Folder on disk for rows that wait for their answer: they survive this program, and the next one that uses the same
            folder sends them. Programs may share it. Rows stay in memory when left out.
        max_spool_bytes: Bound on that folder; beyond, the oldest rows are dropped and counted.
        clock: Gives the time of rows written without one; the system's clock when left out.

    Raises:
        ValueError: The address, the token or a bound cannot be used.
    """

    def __init__(  # noqa: PLR0913 - each is a decision of the user with a default, given by name
        self,
        url: str | None = None,
        *,
        source: str | None = None,
        env: str = "live",
        host: str | None = None,
        token: str | None = None,
        max_memory_bytes: int = MAX_MEMORY_BYTES,
        flush_interval_s: float = FLUSH_INTERVAL_S,
        timeout_s: float = TIMEOUT_S,
        spool_dir: str | os.PathLike[str] | None = None,
        max_spool_bytes: int = MAX_SPOOL_BYTES,
        clock: Clock | None = None,
    ) -> None:
        bounds = {
            "max_memory_bytes": max_memory_bytes,
            "flush_interval_s": flush_interval_s,
            "timeout_s": timeout_s,
            "max_spool_bytes": max_spool_bytes,
        }
        for name, bound in bounds.items():
            if not bound > 0:
                raise ValueError(f"{name} is {bound!r}; give a number above 0.")
        url = (url or default_url()).rstrip("/")
        is_secure, server, port, path = split_url(url)
        settings = Settings(
            url=url,
            is_secure=is_secure,
            server=server,
            port=port,
            path=path,
            token=clean_token(token or default_token()),
            source=str(source or default_source()),
            env=str(env),
            host=str(host or default_host()),
            max_memory_bytes=max_memory_bytes,
            flush_interval_s=flush_interval_s,
            timeout_s=timeout_s,
            spool_dir=os.fspath(spool_dir) if spool_dir is not None else "",
            max_spool_bytes=max_spool_bytes,
        )
        self._begin(settings, _system_clock() if clock is None else clock.now_us)

    def _begin(self, settings: Settings, now_us: Callable[[], int]) -> None:
        self._settings = settings
        self._now_us = now_us
        self._watches: list[Watch] = []
        self._sender = Sender(self._settings)
        self._put = self._sender.queue.put
        _clients.add(self)

    def __repr__(self) -> str:
        return f"Client({self._settings.url!r}, source={self._settings.source!r}, env={self._settings.env!r}, host={self._settings.host!r})"

    @property
    def id(self) -> str:
        """Random id of this client in this process; stands beside the sequence on every batch."""
        return self._sender.client_id

    def write(self, table: str, /, *, ts: int | str | datetime | None = None, **columns: object) -> None:
        """Append one row; returns at once, whatever state the server is in.

        Args:
            table: Name of the table.
            ts: When it happened: integer microseconds since 1970 UTC, a datetime with a zone, or ISO text with an offset; now when
                left out.
            **columns: Values by column; ``source``, ``env`` and ``host`` replace those of the client for this row.
        """
        try:
            self._put((table, self._now_us() if ts is None else ts, columns, None))
            if not self._sender.is_started:
                self._sender.start()
        except Exception as error:  # noqa: BLE001 - a metric must never break the program that writes it
            self._sender.lose(error)

    def write_rows(self, table: str, rows: Iterable[Mapping[str, object]], *, period_s: float | None = None) -> None:
        """Append many rows of one table; never raises, what is not a row is refused and counted.

        Args:
            table: Name of the table.
            rows: Values by column; ``ts``, ``source``, ``env`` and ``host`` as in `write`.
            period_s: Seconds between two rows of a series, when they come on a schedule: the server then knows when one is late.
        """
        try:
            period_s = _period(period_s)
            for row in rows:
                self._put(self._row(table, row, period_s))
            self._sender.start()
        except Exception as error:  # noqa: BLE001 - a metric must never break the program that writes it
            self._sender.lose(error)

    def _row(self, table: str, row: Mapping[str, object], period_s: float | None) -> Row:
        try:
            columns = dict(row)
        except Exception:  # noqa: BLE001 - the background thread refuses it, with a reason, and counts it
            return (table, None, None, period_s)
        ts = columns.pop("ts", None)
        return (table, self._now_us() if ts is None else ts, columns, period_s)

    def write_frame(self, table: str, frame: object, *, ts: str = "ts", period_s: float | None = None) -> None:
        """Append the rows of a frame of pandas, polars or Arrow; needs ``tapewatch-client[frames]``; never raises.

        Turning a frame into rows takes the caller's time, about half a second for a million values. Rows beyond the bound of memory
        push out the oldest: write a frame that is larger in slices, with `flush` between them.

        Args:
            table: Name of the table.
            frame: Anything that gives an Arrow stream; its columns are the table's.
            ts: Column that says when each row happened, with a zone; now for all rows when the frame has no such column.
            period_s: As in `write_rows`.
        """
        try:
            from tapewatch_client.frames import rows_of

            period_s = _period(period_s)
            for row in rows_of(frame, ts):
                self._put(self._row(table, row, period_s))
            self._sender.start()
        except Exception as error:  # noqa: BLE001 - a metric must never break the program that writes it
            self._sender.lose(error)

    def watch(
        self, function: Callable[[], Mapping[str, object]], every_s: float = 5, *, daemon: str | None = None, table: str = "daemon"
    ) -> Watch:
        """Call ``function`` every ``every_s`` seconds in a thread of its own and write the status that it gives.

        A call that fails writes a row of table ``collector_run`` with the error, and no status.

        Args:
            function: Gives a mapping, such as a daemon's ``get_status``.
            every_s: Seconds between two calls.
            daemon: Name of what is watched; the client's source when left out.
            table: Table of the status; ``daemon`` translates the fields of ``get_status()``, for another the mapping is the row.

        Returns:
            The watch; its ``stop()`` ends it, and so does closing the client.

        Raises:
            ValueError: ``every_s`` is not above 0.
        """
        watch = Watch(self, function, every_s, daemon=daemon or self._settings.source, table=table)
        self._watches.append(watch)
        return watch

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until every row written before this call was answered.

        Returns:
            False when time ran out, or when rows were dropped meanwhile.
        """
        return self._sender.flush(timeout_s)

    async def aflush(self, timeout_s: float = 5.0) -> bool:
        """`flush` for a coroutine: it waits in a thread, and the event loop goes on."""
        from asyncio import to_thread

        return await to_thread(self.flush, timeout_s)

    async def aclose(self, timeout_s: float = 5.0) -> bool:
        """`close` for a coroutine."""
        from asyncio import to_thread

        return await to_thread(self.close, timeout_s)

    def stats(self) -> Stats:
        """What became of the rows so far, and how the connection is."""
        return self._sender.stats()

    def close(self, timeout_s: float = 5.0) -> bool:
        """Deliver what waits within ``timeout_s`` seconds and end the threads; rows that are left, or written later, are dropped.

        Returns:
            Whether every row written before this call was answered.
        """
        for watch in self._watches:
            watch.stop(0.0)
        end_s = monotonic() + timeout_s
        self._sender.stop(timeout_s)
        is_answered = self._sender.flush(timeout_s)
        self._sender.join(end_s - monotonic())
        return is_answered

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self.aclose()

    def __reduce__(self) -> tuple[Callable[..., Client], tuple[Settings]]:
        """In another process the same settings make a client of its own; rows and clock stay here."""
        return _with_settings, (self._settings,)

    def __del__(self) -> None:
        sender = getattr(self, "_sender", None)
        if sender is not None and sender.is_started:
            sender.stop(ORPHAN_FLUSH_S)

    def begin_anew(self) -> None:
        """Take a new id, an empty queue and, with the first row, a new thread; called by itself in a forked child."""
        was_closed = self._sender.queue.is_closed
        self._watches = []
        self._sender = Sender(self._settings)
        self._put = self._sender.queue.put
        if was_closed:
            self._sender.queue.close()


def _period(period_s: object) -> float | None:
    """A declared period as the server takes it; None for what it would refuse together with the whole batch."""
    if isinstance(period_s, bool) or not isinstance(period_s, int | float):
        return None
    return float(period_s) if 0 < period_s < float("inf") else None


def _with_settings(settings: Settings) -> Client:
    client = Client.__new__(Client)
    client._begin(settings, _system_clock())  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the other half of its constructor
    return client


def _system_clock() -> Callable[[], int]:
    """The system's time, never twice the same: two rows of a series in one microsecond would replace each other in the store."""
    last_us = 0

    def now_us() -> int:
        nonlocal last_us
        now = time_ns() // 1_000
        if 0 <= last_us - now < SAME_MOMENT_US:  # further back, the clock was set
            now = last_us + 1
        last_us = now
        return now

    return now_us


_clients: WeakSet[Client] = WeakSet()


def _begin_anew_in_child() -> None:
    for client in list(_clients):
        client.begin_anew()


os.register_at_fork(after_in_child=_begin_anew_in_child)
