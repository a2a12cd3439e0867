"""The daemon: links to its venues, fetches on a schedule, and what it says about itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tapewatch.desk.clock import US_PER_S, Clock, SystemClock, iso
from tapewatch.desk.daemon.link import VenueLink
from tapewatch.desk.daemon.readings import FUNDING, LIQUIDATION, OPEN_INTEREST, TRADE
from tapewatch.desk.daemon.tally import Interval, Pipe, Tally, pipeline_document
from tapewatch.desk.dialects.base import compact
from tapewatch.desk.exchange import CallError, Exchange
from tapewatch.desk.market import Instrument
from tapewatch.desk.venues.base import VenueSpec


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often the daemon asks, and how long its intervals are, in seconds; a demo asks more often than a desk would."""

    open_interest_s: float = 15.0
    funding_s: float = 60.0
    interval_s: float = 10.0


class MarketDaemon:
    """Collects trades, liquidations, open interest and funding of its venues until it is stopped.

    Reading its status is safe from any thread.

    Args:
        exchanges: The venues.
        schedule: How often to fetch.
        clock: Source of time.
        seed: Of the waits between attempts to connect.

    Attributes:
        links: The connections to the venues.
        tally: The present interval.
        schedule: How often it fetches.
        listeners: Called with each interval that has ended, from the event loop.
    """

    def __init__(
        self, exchanges: Sequence[Exchange], *, schedule: Schedule | None = None, clock: Clock | None = None, seed: int = 7
    ) -> None:
        self._exchanges = tuple(exchanges)
        self._clock = clock or SystemClock()
        self.tally = Tally(_pipes([exchange.spec for exchange in exchanges]), self._clock)
        self._interval = self.tally.end_interval()
        self.listeners: list[Callable[[Interval], None]] = []
        self.links = tuple(VenueLink(exchange, self.tally, self._clock, seed) for exchange in exchanges)
        self._tasks: list[asyncio.Task[None]] = []
        self._start_s = 0.0
        self._is_shutting_down = False
        self._fetches = 0
        self._errors = 0
        self._last_fetch_us: int | None = None
        self._last_error: str | None = None
        self.schedule = schedule or Schedule()
        self._periods_s = {OPEN_INTEREST: self.schedule.open_interest_s, FUNDING: self.schedule.funding_s}
        self._fetched_s: dict[Pipe, float] = {}

    async def start(self) -> None:
        """Connect to the venues and begin to fetch at once."""
        self._start_s = self._clock.monotonic_s()
        self._is_shutting_down = False
        self.tally.end_interval()
        self._tasks = [asyncio.create_task(self._end_intervals())]
        for link in self.links:
            self._tasks += [asyncio.create_task(link.read()), asyncio.create_task(link.ping())]
        for exchange in self._exchanges:
            if exchange.spec.is_futures:
                self._tasks += [asyncio.create_task(self._fetch_all(exchange, kind)) for kind in self._periods_s]

    async def stop(self) -> None:
        """Close the connections and fetch no more."""
        self._is_shutting_down = True
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """What runs, and ends by itself only when it fails."""
        return tuple(self._tasks)

    @property
    def is_running(self) -> bool:
        """Whether it has been started and not stopped."""
        return bool(self._tasks)

    def get_status(self) -> dict[str, object]:
        """The ten fields by which such a daemon is watched."""
        uptime_s = self._clock.monotonic_s() - self._start_s if self.is_running else 0.0
        return {
            "running": self.is_running,
            "shutdown_requested": self._is_shutting_down,
            "fetch_count": self._fetches,
            "error_count": self._errors,
            "liquidation_count": sum(link.liquidations for link in self.links),
            "uptime_seconds": uptime_s,
            "last_fetch_time": None if self._last_fetch_us is None else iso(self._last_fetch_us),
            "last_error": self._last_error,
            "symbols": sorted({item.unified for exchange in self._exchanges for item in exchange.spec.instruments}),
            "exchanges": [exchange.spec.name for exchange in self._exchanges],
        }

    def exchange_status(self) -> dict[str, dict[str, object]]:
        """Connectivity by venue: connected, latency_ms, reconnect_count, last_message_at, disconnected_at, rate_limit_ratio."""
        return {
            link.exchange.spec.name: {
                "connected": link.is_connected,
                "latency_ms": link.latency_ms if link.is_connected else None,
                "reconnect_count": link.reconnects,
                "last_message_at": None if link.last_message_us is None else iso(link.last_message_us),
                "disconnected_at": None if link.disconnected_us is None else iso(link.disconnected_us),
                "rate_limit_ratio": link.exchange.rate_limit_ratio,
            }
            for link in self.links
        }

    def pipeline_status(self) -> dict[str, object]:
        """Records and bytes since the start, latency and gaps of the last interval; see `pipeline_document`."""
        return pipeline_document(self.tally.totals, self._interval.amounts)

    async def _end_intervals(self) -> None:
        """Close the books on schedule and tell whoever listens; never returns."""
        due_s = self._start_s
        while True:
            now_s = self._clock.monotonic_s()
            due_s = max(due_s + self.schedule.interval_s, now_s)
            await asyncio.sleep(due_s - now_s)
            self._interval = self.tally.end_interval()
            for listener in self.listeners:
                listener(self._interval)

    async def _fetch_all(self, exchange: Exchange, kind: str) -> None:
        """Ask for every symbol on schedule; never returns."""
        while True:
            for item in exchange.spec.instruments:
                await self._fetch(exchange, kind, item)
            await asyncio.sleep(self._periods_s[kind])

    async def _fetch(self, exchange: Exchange, kind: str, item: Instrument) -> None:
        pipe = Pipe(exchange.spec.name, item.unified, kind)
        start_s = self._clock.monotonic_s()
        self._fetches += 1
        self._last_fetch_us = self._clock.now_us()
        try:
            await exchange.fetch(f"{kind} of {item.symbol}")
        except CallError as error:
            self._errors += 1
            self._last_error = str(error)
            return
        now_s = self._clock.monotonic_s()
        self.tally.record(pipe, len(compact(self._record(exchange, kind, item))), (now_s - start_s) * 1_000)
        silent_s = now_s - self._fetched_s.get(pipe, now_s)
        if silent_s > 1.5 * self._periods_s[kind]:
            self.tally.gap(pipe, silent_s)
        self._fetched_s[pipe] = now_s

    def _record(self, exchange: Exchange, kind: str, item: Instrument) -> Mapping[str, object]:
        """The record that is stored."""
        market = exchange.simulation.markets[item.symbol]
        value = market.open_interest() if kind == OPEN_INTEREST else market.funding_rate()
        return {"timestamp": self._clock.now_us() // US_PER_S, "venue": exchange.spec.name, "symbol": item.unified, kind: value}


def _pipes(specs: Sequence[VenueSpec]) -> list[Pipe]:
    kinds = {spec.name: (TRADE, LIQUIDATION, OPEN_INTEREST, FUNDING) if spec.is_futures else (TRADE,) for spec in specs}
    return [Pipe(spec.name, item.unified, kind) for spec in specs for item in spec.instruments for kind in kinds[spec.name]]
