"""A simulated venue on a local port: what a subscriber of the real one would hear."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from contextlib import suppress

from tapewatch.desk.clock import Clock, SystemClock
from tapewatch.desk.dialects.base import Change, Offer
from tapewatch.desk.server import Line, VenueServer
from tapewatch.desk.simulation import Arrival, Simulation
from tapewatch.desk.stream import Stream
from tapewatch.desk.venues.base import VenueSpec

_SHORTEST_PAUSE_S = 0.01  # bounds the wake-ups, and with them the processor time of a quiet demo


_WEIGHT_WINDOW_S = 60.0


class CallError(Exception):
    """The simulated venue did not answer a request; the message says why."""


class Exchange:
    """Serves a simulation over WebSocket and answers requests.

    Args:
        simulation: The venue.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        clock: Source of time; the same as of the simulation's start.
        error_rate: Fraction of fetches that fail.
        seed: Of the failures.
    """

    def __init__(
        self,
        simulation: Simulation,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Clock | None = None,
        error_rate: float = 0.02,
        seed: int = 7,
    ) -> None:
        self.simulation = simulation
        self._clock = clock or SystemClock()
        self._server = VenueServer(simulation.spec.dialect, self, host=host, port=port, tell_time=self._tell_time)
        self._since: dict[Line, dict[Stream, int]] = {}
        self._random = random.Random(f"{seed}/{simulation.spec.name}/requests")
        self._error_rate = error_rate
        self._weights: deque[tuple[float, int]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._start_s = self._clock.monotonic_s()

    @property
    def spec(self) -> VenueSpec:
        """The venue as data."""
        return self.simulation.spec

    @property
    def url(self) -> str:
        """WebSocket address."""
        return self._server.url

    @property
    def time_url(self) -> str:
        """Address of the venue's time call."""
        return self._server.time_url

    @property
    def offer(self) -> Offer:
        """See `Source.offer`."""
        return self.simulation.offer

    async def start(self) -> None:
        """Listen and let the market run; see `VenueServer.start`."""
        await self._server.start()
        self._start_s = self._clock.monotonic_s()
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop the market, close all connections and the port."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self._server.stop()

    @property
    def tasks(self) -> tuple[asyncio.Task[None], ...]:
        """What runs, and ends by itself only when it fails."""
        return () if self._task is None else (self._task,)

    async def ping(self) -> None:
        """Ask for the venue's time.

        Raises:
            CallError: The venue is down.
        """
        await self._travel("time", weight=1)

    async def fetch(self, what: str) -> None:
        """Make a request's way to the venue and back.

        Raises:
            CallError: The venue is down, or this request is one of those that fail.
        """
        await self._travel(what, weight=2)
        if self._random.random() < self._error_rate:
            raise CallError(f"{self.spec.name} {what}: HTTP 503 Service Unavailable")

    @property
    def rate_limit_ratio(self) -> float:
        """Share of the minute's request weight that is used, as the venue tells it with each answer."""
        oldest_s = self._now_s() - _WEIGHT_WINDOW_S
        while self._weights and self._weights[0][0] < oldest_s:
            self._weights.popleft()
        return sum(weight for _, weight in self._weights) / self.spec.weight_limit

    async def _travel(self, what: str, weight: int) -> None:
        if self._server.is_refusing:
            raise CallError(f"{self.spec.name} {what}: connection refused")
        now_s = self._now_s()
        self._weights.append((now_s, weight))
        await asyncio.sleep(self.simulation.round_trip_s(now_s))

    async def _tell_time(self) -> str:
        """Answer as late as the network is slow, with the time at half of the way."""
        half_s = self.simulation.round_trip_s(self._now_s()) / 2
        await asyncio.sleep(half_s)
        text = self.simulation.time(self._now_s())
        await asyncio.sleep(half_s)
        return text

    def opened(self, line: Line) -> None:
        """See `Source.opened`."""
        self._since[line] = {}
        self.changed(line, Change(added=tuple(line.streams)))

    def changed(self, line: Line, change: Change) -> None:
        """See `Source.changed`."""
        since = self._since[line]
        for stream in change.removed:
            since.pop(stream, None)
        for stream in change.added:
            if stream in self.offer.streams:
                since[stream] = self.simulation.welcome(stream, line, self._now_s())

    def closed(self, line: Line) -> None:
        """See `Source.closed`."""
        self._since.pop(line, None)

    def _now_s(self) -> float:
        return self._clock.monotonic_s() - self._start_s

    async def _run(self) -> None:
        while True:
            now_s = self._now_s()
            arrivals = self.simulation.advance(now_s, self._clock.now_us())
            self._obey_disconnect()
            for arrival in arrivals:
                self._deliver(arrival)
            await asyncio.sleep(max(_SHORTEST_PAUSE_S, self.simulation.next_s - self._now_s()))

    def _obey_disconnect(self) -> None:
        """Break all connections when the venue goes down, and refuse new ones until it is back."""
        is_down = self.simulation.active.is_disconnected
        if is_down and not self._server.is_refusing:
            self._server.cut_all()
        self._server.is_refusing = is_down

    def _deliver(self, arrival: Arrival) -> None:
        """Push a message to the subscribers of its stream that subscribed before it was said."""
        stream = arrival.stream
        for line, since in self._since.items():
            if stream is None:
                if since:
                    line.push(arrival.text)
            elif arrival.only is line or (arrival.only is None and arrival.number > since.get(stream, arrival.number)):
                line.push(line.session.dress(stream, arrival.text))
