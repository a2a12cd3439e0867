"""What the desk tells tapewatch: connectivity each second, pipelines each interval, the daemon's status, all as simulated."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tapewatch.desk.clock import Clock, SystemClock
from tapewatch.desk.daemon import MarketDaemon
from tapewatch.desk.daemon.tally import Interval
from tapewatch_client import Client, Watch

ENV, HOST, SOURCE, DAEMON = "paper", "desk", "paper-desk", "paper-daemon"

_EXCHANGE_EVERY_S = 1.0
_STATUS_EVERY_S = 5.0


def desk_client(url: str, token: str | None = None) -> Client:
    """A client under whose name the desk writes: environment ``paper``, host ``desk``.

    Raises:
        ValueError: The address cannot be used.
    """
    return Client(url, source=SOURCE, env=ENV, host=HOST, token=token)


class Reporter:
    """Writes tables ``exchange``, ``pipeline`` and ``daemon`` through the client, as a daemon of a user would.

    Args:
        daemon: What is reported.
        client: Where rows go; it stays open when the reporter stops.
        clock: Source of time.
    """

    def __init__(self, daemon: MarketDaemon, client: Client, *, clock: Clock | None = None) -> None:
        self._daemon = daemon
        self._client = client
        self._clock = clock or SystemClock()
        self._task: asyncio.Task[None] | None = None
        self._watch: Watch | None = None

    async def start(self) -> None:
        """Begin to write."""
        self._watch = self._client.watch(self._daemon.get_status, every_s=_STATUS_EVERY_S, daemon=DAEMON)
        self._daemon.listeners.append(self._write_pipelines)
        self._task = asyncio.create_task(self._write_exchanges())

    async def stop(self) -> None:
        """Write no more."""
        if self._task is None or self._watch is None:
            return
        self._watch.stop(0.0)
        self._daemon.listeners.remove(self._write_pipelines)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._task = self._watch = None

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """What runs, and ends by itself only when it fails."""
        return () if self._task is None else (self._task,)

    def exchange_rows(self) -> list[dict[str, object]]:
        """One row of table ``exchange`` per venue, of now."""
        rows: list[dict[str, object]] = []
        for venue, status in self._daemon.exchange_status().items():
            row = {("reconnects" if name == "reconnect_count" else name): value for name, value in status.items()}
            rows.append({"venue": venue, **row})
        return rows

    async def _write_exchanges(self) -> None:
        due_s = self._clock.monotonic_s()
        while True:
            now_s = self._clock.monotonic_s()
            due_s = max(due_s + _EXCHANGE_EVERY_S, now_s)
            await asyncio.sleep(due_s - now_s)
            self._client.write_rows("exchange", self.exchange_rows(), period_s=_EXCHANGE_EVERY_S)

    def _write_pipelines(self, interval: Interval) -> None:
        self._client.write_rows("pipeline", pipeline_rows(interval), period_s=self._daemon.schedule.interval_s)


def pipeline_rows(interval: Interval) -> list[dict[str, object]]:
    """One row of table ``pipeline`` per pipeline."""
    return [
        {
            "ts": interval.end_us,
            "venue": pipe.venue,
            "symbol": pipe.symbol,
            "data_type": pipe.data_type,
            "records": amount.records,
            "bytes": amount.bytes,
            "latency_ms": amount.mean_latency_ms,
            "gap": amount.gap_s is not None,
            "gap_s": amount.gap_s,
            "interval_s": interval.length_s,
        }
        for pipe, amount in interval.amounts.items()
    ]
