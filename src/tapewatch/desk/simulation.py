"""A simulated venue without its network sockets: what it says, when it arrives, what goes wrong on the way."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heapreplace
from typing import NamedTuple

from tapewatch.desk.clock import US_PER_MS, US_PER_S
from tapewatch.desk.dialects.base import Offer
from tapewatch.desk.faults import Active, Script
from tapewatch.desk.market import Market
from tapewatch.desk.stream import Stream
from tapewatch.desk.venues.base import Emission, Messages, VenueSpec

_LONGEST_STALL_S = 5.0


class Arrival(NamedTuple):
    """A message that reaches subscribers.

    Attributes:
        number: Counts everything the venue says, in order.
        stream: Whose message; None goes to every subscriber.
        text: The message, undressed.
        only: The one subscriber it is for; None for all subscribers of the stream.
    """

    number: int
    stream: Stream | None
    text: str
    only: object | None


@dataclass(slots=True)
class _Waiting:
    arrives_s: float
    arrival: Arrival


_Tell = Callable[[int], Iterable[Emission]]


@dataclass(order=True, slots=True)
class _Event:
    """Something that happens again and again: ``tell`` takes the venue's time and gives what the venue says."""

    at_s: float
    place: int
    tell: _Tell = field(compare=False)
    mean_s: float = field(compare=False)
    is_regular: bool = field(compare=False)


class Simulation:
    """A venue's market, messages, latency and faults on virtual time.

    Seconds count from the start; the caller advances them and never goes back. The same seed, script and calls give the same messages.
    An event happens at t and arrives at max(t + latency + backlog, arrival before): a venue's messages share one path.

    Args:
        spec: The venue.
        messages: Class of its messages.
        seed: Of market, numbering and latency.
        script: What goes wrong.
        start_us: Wall time of second 0.
    """

    def __init__(
        self,
        spec: VenueSpec,
        messages: Callable[[Sequence[Market], str, int], Messages],
        *,
        seed: int = 7,
        script: Script | None = None,
        start_us: int,
    ) -> None:
        self.spec = spec
        self.active = Active(script or Script(), spec.name)
        self.markets = {item.symbol: Market(item, f"{seed}/{spec.name}/{item.symbol}") for item in spec.instruments}
        self._messages = messages(tuple(self.markets.values()), f"{seed}/{spec.name}", start_us)
        # Each kind of chance has a generator of its own, so that a lost message changes nothing but itself.
        self._times = random.Random(f"{seed}/{spec.name}/times")
        self._latencies = random.Random(f"{seed}/{spec.name}/latencies")
        self._round_trips = random.Random(f"{seed}/{spec.name}/round trips")
        self._start_us = start_us
        self._said = 0
        self._last_arrival_s = 0.0
        self._on_the_way: deque[_Waiting] = deque()
        self._agenda: list[_Event] = []
        for market in self.markets.values():
            self._plan(market)
        heapify(self._agenda)
        self._next_beat_s = 1.0

    @property
    def offer(self) -> Offer:
        """The streams that exist."""
        return self._messages.offer

    @property
    def next_s(self) -> float:
        """When something happens or arrives next."""
        arrival_s = self._on_the_way[0].arrives_s if self._on_the_way else float("inf")
        return min(arrival_s, self._agenda[0].at_s, self._next_beat_s)

    def advance(self, now_s: float, now_us: int | None = None) -> list[Arrival]:
        """Let time pass and give what has arrived.

        Args:
            now_s: Seconds since the start.
            now_us: Wall time of ``now_s``; None for the start plus ``now_s``.
        """
        if now_us is not None:
            self._start_us = now_us - round(now_s * US_PER_S)
        if now_s - self._agenda[0].at_s > _LONGEST_STALL_S:
            self._skip(now_s)
        while self._agenda[0].at_s <= now_s:
            event = self._agenda[0]
            self._happen(event)
            event.at_s += self._pause(event)
            heapreplace(self._agenda, event)
        self.active.update(now_s)
        self._beat(now_s)
        return self._arrived(now_s)

    def welcome(self, stream: Stream, only: object, now_s: float) -> int:
        """Send a new subscriber the present state of a stream.

        Returns:
            The number after which messages of the stream belong to this subscriber.
        """
        for text in self._messages.welcome(stream, self._venue_us(now_s)):
            self._send(now_s + self._latency_s(self._round_trips, now_s), stream, text, only)
        return self._said

    def round_trip_s(self, now_s: float) -> float:
        """Seconds that a request sent now takes to the venue and back; a backlog is on the way back only."""
        return self._latency_s(self._round_trips, now_s) + self._latency_s(self._round_trips, now_s) - self.active.delay_s(now_s)

    def time(self, now_s: float) -> str:
        """What the venue's time call answers at this moment, its clock's skew included."""
        return self._messages.time(self._venue_us(now_s))

    def _latency_s(self, chance: random.Random, at_s: float) -> float:
        """One-way latency of a message, with the backlog."""
        return chance.lognormvariate(0, self.spec.latency_sigma) * self.spec.latency_ms / 1_000 + self.active.delay_s(at_s)

    def _happen(self, event: _Event) -> None:
        self.active.update(event.at_s)
        for stream, text in event.tell(self._venue_us(event.at_s)):
            arrives_s = event.at_s + self._latency_s(self._latencies, event.at_s)
            for passed in self.active.passed(stream, text):
                self._send(arrives_s, stream, passed)

    def _plan(self, market: Market) -> None:
        """Put the first book update, trade, second and forced order of a market on the agenda."""
        messages, is_frozen, spec = self._messages, self.active.is_frozen, self.spec
        self._add(lambda us: messages.book(market, market.step(spec.book_every_s), us, is_frozen), spec.book_every_s, is_regular=True)
        self._add(lambda us: messages.trade(market, market.trade(), us, is_frozen), 1 / spec.trades_per_s)
        self._add(lambda us: messages.second(market, us, is_frozen), 1.0, is_regular=True)
        if spec.liquidations_per_s:
            self._add(lambda us: messages.liquidation(market, market.liquidation(), us, is_frozen), 1 / spec.liquidations_per_s)

    def _add(self, tell: _Tell, mean_s: float, *, is_regular: bool = False) -> None:
        self._agenda.append(_Event(self._times.random() * mean_s, len(self._agenda), tell, mean_s, is_regular))

    def _pause(self, event: _Event) -> float:
        """Time to the next event: about the mean for what is regular, exponential for what comes at random."""
        if event.is_regular:
            return event.mean_s * self._times.uniform(0.9, 1.1)
        return self._times.expovariate(1 / event.mean_s)

    def _skip(self, now_s: float) -> None:
        """Leave out what would have happened while the process did not run."""
        late_s = now_s - self._agenda[0].at_s
        for event in self._agenda:
            event.at_s += late_s

    def _beat(self, now_s: float) -> None:
        while self._next_beat_s <= now_s:
            if self._messages.heartbeat is not None:
                self._send(self._next_beat_s + self.spec.latency_ms / 1_000, None, self._messages.heartbeat)
            self._next_beat_s += 1.0

    def _send(self, arrives_s: float, stream: Stream | None, text: str, only: object | None = None) -> None:
        self._said += 1
        self._last_arrival_s = max(self._last_arrival_s, arrives_s)
        self._on_the_way.append(_Waiting(self._last_arrival_s, Arrival(self._said, stream, text, only)))

    def _arrived(self, now_s: float) -> list[Arrival]:
        arrived: list[Arrival] = []
        while self._on_the_way and self._on_the_way[0].arrives_s <= now_s:
            arrived.append(self._on_the_way.popleft().arrival)
        return arrived

    def _venue_us(self, at_s: float) -> int:
        """The venue's clock."""
        return self._start_us + round(at_s * US_PER_S + self.active.skew_ms * US_PER_MS)
