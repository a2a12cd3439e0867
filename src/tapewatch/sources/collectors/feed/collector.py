"""The feed collector: connects to a venue as any client would and measures the quality of what comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from tapewatch.clock import Clock
from tapewatch.errors import ConfigError
from tapewatch.model.rows import RawBatch
from tapewatch.model.venue import Names
from tapewatch.sources.base import Context
from tapewatch.sources.collectors.feed.backoff import Gate
from tapewatch.sources.collectors.feed.venues import VENUES
from tapewatch.sources.collectors.feed.venues.base import Channel, FeedVenue, Subscription

if TYPE_CHECKING:
    from tapewatch.sources.collectors.feed.measure import FeedMeasure

# What measures and what connects is imported by the process that runs the collector: the server only reads its settings.

TICK_S = 1.0
"""Seconds between two rows of table ``exchange``, and between two looks at every stream's verdict."""

INTERVAL_MAX_S = 3600.0


@dataclass(frozen=True, slots=True)
class FeedCollector:
    """Measures streams of one venue: a row of table ``feed`` for each stream and interval, a row of ``exchange`` every second."""

    kind: ClassVar[str] = "feed"
    tables: ClassVar[tuple[str, ...]] = ("feed", "exchange")
    busy: ClassVar[bool] = True

    venue: str = field(metadata={"sentence": "Venue id: binance_usdm, coinbase or kraken."})
    symbols: tuple[str, ...] = field(metadata={"sentence": "Symbols as BASE/QUOTE or BASE/QUOTE:SETTLE, or as the venue writes them."})
    channels: tuple[str, ...] = field(
        default=(), metadata={"sentence": "Channels such as trade, book, ticker; empty for the venue's usual ones."}
    )
    url: str = field(default="", metadata={"sentence": "WebSocket address; empty for the venue's public one."})
    interval_s: float = field(default=5.0, metadata={"sentence": "Seconds of one row of table feed."})
    book_depth: int = field(
        default=0, metadata={"sentence": "Levels of kept order books, where the venue offers a choice; 0 for the fewest that serve."}
    )
    silence_limit_s: float = field(
        default=0.0,
        metadata={
            "sentence": "Seconds without any message after which a connection is made anew; 0 for what the venue's heartbeat allows."
        },
    )

    def __post_init__(self) -> None:
        venue = self._venue_class()
        if not self.symbols:
            raise ConfigError(f"symbols: the feed collector of {venue.id} needs at least one symbol, such as BTC/USD")
        if self.book_depth and self.book_depth not in venue.depths:
            allowed = ", ".join(map(str, venue.depths)) or "none (the venue offers no choice)"
            raise ConfigError(f"book_depth: {self.book_depth} is not a depth of {venue.id}; allowed: {allowed}")
        if not TICK_S <= self.interval_s <= INTERVAL_MAX_S:
            raise ConfigError(f"interval_s: {self.interval_s} is not between {TICK_S:.0f} and {INTERVAL_MAX_S:.0f} seconds")
        if self.silence_limit_s < 0:
            raise ConfigError(f"silence_limit_s: {self.silence_limit_s} is negative; 0 stands for what the venue's heartbeat allows")
        if urlsplit(self.address).scheme not in {"ws", "wss"}:
            raise ConfigError(f"url: {self.url!r} is not a WebSocket address; it must begin with ws:// or wss://")
        self.subscriptions()

    @property
    def period_s(self) -> float | None:
        """A stream: it never ends by itself."""
        return None

    @property
    def address(self) -> str:
        """The configured address, or the venue's."""
        return self.url or self._venue_class().address

    def subscriptions(self) -> tuple[Subscription, ...]:
        """Every stream to ask for.

        Raises:
            ConfigError: A channel is unknown, or a stream is named twice.
        """
        venue = self.open_venue()
        names = Names()
        wanted: dict[tuple[str, str], Subscription] = {}
        for channel_name in self.channels or venue.usual:
            channel = _channel(venue, channel_name)
            for configured in self.symbols:
                symbol, _ = names.symbol(configured, venue.id)
                subscription = Subscription(symbol, venue.native(symbol), channel)
                if subscription.key in wanted:
                    raise ConfigError(f"symbols, channels: {symbol} {channel.name} is named twice")
                wanted[subscription.key] = subscription
        return tuple(wanted.values())

    def open_venue(self) -> FeedVenue:
        """The venue with the configured depth of books."""
        return self._venue_class()(self.book_depth or None)

    def open_measure(self, now_us: int, now_s: float) -> FeedMeasure:
        """The measure that the connections feed; also what plays recordings through the same code."""
        from tapewatch.sources.collectors.feed.measure import FeedMeasure

        venue = self.open_venue()
        routes = venue.routes(self.address, self.subscriptions())
        return FeedMeasure(venue, routes, interval_s=self.interval_s, now_us=now_us, now_s=now_s)

    async def collect(self, context: Context) -> AsyncIterator[RawBatch]:
        """See `Collector.collect`; endless."""
        clock = context.clock
        measure = self.open_measure(clock.now_us(), clock.monotonic_s())
        tasks = self._connect(measure, clock)
        try:
            due_s = clock.monotonic_s()
            while True:
                due_s = max(due_s + TICK_S, clock.monotonic_s())
                await asyncio.sleep(due_s - clock.monotonic_s())
                for task in tasks:
                    if task.done():
                        task.result()
                now_us = clock.now_us()
                rows = measure.tick(now_us, clock.monotonic_s())
                exchange = measure.exchange()
                if exchange:
                    yield RawBatch.of("exchange", [{"ts": now_us, **exchange}], period_s=TICK_S)
                if rows:
                    yield RawBatch.of("feed", rows, period_s=self.interval_s)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _connect(self, measure: FeedMeasure, clock: Clock) -> list[asyncio.Task[None]]:
        from tapewatch.sources.collectors.feed.connection import Connection

        gate = Gate(measure.venue.connect_interval_s, clock)
        random = Random()  # noqa: S311 - jitter of reconnects, no secret
        silence_s = self.silence_limit_s or measure.venue.silence_s
        return [asyncio.create_task(Connection(link, clock, gate, random, silence_s=silence_s).run()) for link in measure.links]

    def _venue_class(self) -> type[FeedVenue]:
        wanted, _ = Names().venue(self.venue)
        for venue in VENUES:
            if venue.id == wanted:
                return venue
        raise ConfigError(f"venue: {self.venue!r} has no feed; allowed: {', '.join(venue.id for venue in VENUES)}")


def _channel(venue: FeedVenue, name: str) -> Channel:
    """A channel by its name, or by the venue's own word for it."""
    for channel in venue.channels:
        if name == channel.name:
            return channel
    for channel in venue.channels:
        if name == channel.topic:
            return channel
    names = dict.fromkeys(word for channel in venue.channels for word in (channel.name, channel.topic))
    raise ConfigError(f"channels: {name!r} is not a channel of {venue.id}; allowed: {', '.join(names)}")
