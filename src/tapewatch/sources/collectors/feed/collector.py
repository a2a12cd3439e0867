"""The feed collector: connects to a venue as any client would and measures the quality of what comes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from tapewatch.clock import Clock
from tapewatch.errors import ConfigError
from tapewatch.model.rows import RawBatch
from tapewatch.model.venue import Names
from tapewatch.sources.base import Context
from tapewatch.sources.collectors.feed.collection import check_interval, check_streams, collect_feed
from tapewatch.sources.collectors.feed.peers import Peers
from tapewatch.sources.collectors.feed.recorder.discretion import of_venue
from tapewatch.sources.collectors.feed.recorder.recording import LIMIT_MB, RECORD_DIR, RECORD_LIMIT, check_limit, recorder_of
from tapewatch.sources.collectors.feed.venues import OLDER, VENUES
from tapewatch.sources.collectors.feed.venues.base import Channel, FeedVenue, ServerTime, Subscription

if TYPE_CHECKING:
    from tapewatch.sources.collectors.feed.measure import FeedMeasure
    from tapewatch.sources.collectors.feed.recorder.recorder import Recorder

# What measures and what connects is imported by the process that runs the collector: the server only reads its settings.


@dataclass(frozen=True, slots=True)
class FeedCollector:
    """Measures streams of one venue: a row of table ``feed`` for each stream and interval, a row of ``exchange`` every second."""

    kind: ClassVar[str] = "feed"
    tables: ClassVar[tuple[str, ...]] = ("feed", "feed_lead", "exchange", "self")
    busy: ClassVar[bool] = True

    venue: str = field(metadata={"sentence": f"Venue id: {', '.join([*(venue.id for venue in VENUES), *OLDER])}."})
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
    record_dir: str = field(default="", metadata={"sentence": RECORD_DIR})
    record_limit_mb: float = field(default=LIMIT_MB, metadata={"sentence": RECORD_LIMIT})

    time_url: str = field(
        default="",
        metadata={"sentence": "Address of the venue's time call; empty for the venue's public one, and for none where url is another."},
    )

    def __post_init__(self) -> None:
        venue = self._venue_class()
        if not self.symbols:
            raise ConfigError(f"symbols: the feed collector of {venue.id} needs at least one symbol, such as BTC/USD")
        if self.book_depth and self.book_depth not in venue.depths:
            allowed = ", ".join(map(str, venue.depths)) or "none (the venue offers no choice)"
            raise ConfigError(f"book_depth: {self.book_depth} is not a depth of {venue.id}; allowed: {allowed}")
        check_interval(self.interval_s)
        check_limit(self.record_limit_mb)
        if self.silence_limit_s < 0:
            raise ConfigError(f"silence_limit_s: {self.silence_limit_s} is negative; 0 stands for what the venue's heartbeat allows")
        if urlsplit(self.address).scheme not in {"ws", "wss"}:
            raise ConfigError(f"url: {self.url!r} is not a WebSocket address; it must begin with ws:// or wss://")
        if self.time_url and urlsplit(self.time_url).scheme not in {"http", "https"}:
            raise ConfigError(f"time_url: {self.time_url!r} is not an HTTP address; it must begin with http:// or https://")
        if self.time_url and not (venue.server_time and venue.server_time.url):
            raise ConfigError(f"time_url: {venue.id} has no time call over HTTP; leave it empty")
        check_streams(venue, self.subscriptions())

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

    def open_measure(self, now_us: int, now_s: float, peers: Peers | None = None) -> FeedMeasure:
        """The measure that the connections feed; also what plays recordings through the same code. Its own streams are always peers."""
        from tapewatch.sources.collectors.feed.measure import FeedMeasure

        venue = self.open_venue()
        routes = venue.routes(self.address, self.subscriptions())
        return FeedMeasure(venue, routes, interval_s=self.interval_s, now_us=now_us, now_s=now_s, peers=peers)

    def time_call(self) -> ServerTime | None:
        """How the venue is asked for its time; None for not at all: whoever names another address is asked nothing beside it."""
        call = self._venue_class().server_time
        if call is None or (self.url and not self.time_url):
            return None
        return replace(call, url=self.time_url) if self.time_url else call

    def collect(self, context: Context) -> AsyncIterator[RawBatch]:
        """See `Collector.collect`; endless."""
        return self.measured(context, self.recorder(context.name, context.clock))

    def measured(self, context: Context, recorder: Recorder | None) -> AsyncGenerator[RawBatch]:
        """The same with a recorder of the caller's; None for none."""
        measure = self.open_measure(context.clock.now_us(), context.clock.monotonic_s(), context.shared.one(Peers))
        silence_s = self.silence_limit_s or measure.venue.heartbeat.silence_s
        return collect_feed(
            measure, context, time_call=self.time_call(), interval_s=self.interval_s, silence_s=silence_s, recorder=recorder
        )

    def recorder(self, name: str, clock: Clock) -> Recorder | None:
        """What records under this name, when the settings say where."""
        return recorder_of(self.record_dir, self.record_limit_mb, of_venue(self._venue_class().address, self.address), name, clock)

    def _venue_class(self) -> type[FeedVenue]:
        if self.venue in OLDER:
            return OLDER[self.venue]
        wanted, _ = Names().venue(self.venue)
        for venue in VENUES:
            if venue.id == wanted:
                return venue
        allowed = ", ".join((*(venue.id for venue in VENUES), *OLDER))
        raise ConfigError(f"venue: {self.venue!r} has no feed; allowed: {allowed}; a collector of kind websocket takes any other")


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
