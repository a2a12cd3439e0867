"""Any WebSocket stream that the settings describe: for venues that have no file of their own."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlsplit

import msgspec

from tapewatch.clock import Clock
from tapewatch.errors import ConfigError
from tapewatch.model.rows import RawBatch
from tapewatch.model.venue import Names
from tapewatch.sources.base import Context
from tapewatch.sources.collectors.feed.collection import check_interval, collect_feed
from tapewatch.sources.collectors.feed.described import Description, describe
from tapewatch.sources.collectors.feed.peers import Peers
from tapewatch.sources.collectors.feed.recorder.discretion import of_description
from tapewatch.sources.collectors.feed.recorder.recording import (
    LIMIT_MB,
    RECORD_DIR,
    RECORD_LIMIT,
    check_limit,
    recorder_of,
)
from tapewatch.sources.collectors.feed.time_field import Step, TimeField, TimeUnit
from tapewatch.sources.collectors.feed.venues.base import Heartbeat, Subscription
from tapewatch.sources.http_json import redacted
from tapewatch.sources.shown import shown

if TYPE_CHECKING:
    from tapewatch.sources.collectors.feed.measure import FeedMeasure
    from tapewatch.sources.collectors.feed.recorder.recorder import Recorder

Message = str | dict[str, Any]
"""A text that is sent as it is, or a table that is sent as JSON."""

HEARTBEAT_MAX_S = 3600.0

_VENUE = re.compile(r"[a-z0-9][a-z0-9_.\-]{0,62}")
_UNITS = ", ".join(unit.value for unit in TimeUnit)


@dataclass(frozen=True, slots=True)
class WebsocketCollector:
    """Measures the streams of one WebSocket connection of any venue: freshness, rate, and latency where the path of a time is given.

    Gaps, duplicates, reorders, checksums and crossed books are unknown: only a venue's own file can say how they show.
    """

    kind: ClassVar[str] = "websocket"
    tables: ClassVar[tuple[str, ...]] = ("feed", "feed_lead", "exchange", "self")
    busy: ClassVar[bool] = True

    venue: str = field(metadata={"sentence": "Venue id under which its rows are stored, such as gateio."})
    url: str = field(metadata={"sentence": "WebSocket address."})
    symbols: tuple[str, ...] = field(metadata={"sentence": "Symbols as they stand in the messages; without symbol_path one."})
    channels: tuple[str, ...] | dict[str, str] = field(
        metadata={"sentence": 'Channels as they stand in the messages, or stored word to the venue\'s: { trade = "spot.trades" }.'}
    )
    send: tuple[Message, ...] = field(
        default=(), metadata={"sentence": "Messages to send after connecting: texts as they are, tables as JSON."}
    )
    symbol_path: tuple[Step, ...] = field(
        default=(), metadata={"sentence": "Where a message has its symbol: keys and positions, outermost first."}
    )
    channel_path: tuple[Step, ...] = field(default=(), metadata={"sentence": "Where a message has its channel."})
    data_path: tuple[Step, ...] = field(
        default=(), metadata={"sentence": "Where every message with data has something; messages without it are not counted."}
    )
    time_path: tuple[Step, ...] = field(
        default=(), metadata={"sentence": "Where a message has the venue's time; empty when it has none: latency is unknown then."}
    )
    time_unit: Literal["", "s", "ms", "us", "ns", "iso"] = field(
        default="", metadata={"sentence": "Unit of that time since 1970: s, ms, us, ns, or iso for text with an offset."}
    )
    heartbeat: Message = field(default="", metadata={"sentence": "Text or table that the venue wants to hear regularly; empty for none."})
    heartbeat_s: float = field(default=0.0, metadata={"sentence": "Seconds between two heartbeats."})
    interval_s: float = field(default=5.0, metadata={"sentence": "Seconds of one row of table feed."})
    silence_limit_s: float = field(
        default=0.0, metadata={"sentence": "Seconds without any message after which the connection is made anew; 0 for never."}
    )
    record_dir: str = field(default="", metadata={"sentence": RECORD_DIR})
    record_limit_mb: float = field(default=LIMIT_MB, metadata={"sentence": RECORD_LIMIT})

    def __post_init__(self) -> None:
        if not _VENUE.fullmatch(self.venue.strip().lower()):
            raise ConfigError(f"venue: {shown(self.venue)!r} is no venue id; it takes letters, digits and _ . - and at most 63 of them")
        if urlsplit(self.url).scheme not in {"ws", "wss"}:
            raise ConfigError(f"url: {redacted(self.url)!r} is not a WebSocket address; it must begin with ws:// or wss://")
        check_interval(self.interval_s)
        check_limit(self.record_limit_mb)
        if self.silence_limit_s < 0:
            raise ConfigError(f"silence_limit_s: {self.silence_limit_s} is negative; 0 stands for never")
        self._check_streams()
        self._check_time()
        self._check_heartbeat()

    @property
    def period_s(self) -> float | None:
        """A stream: it never ends by itself."""
        return None

    def description(self) -> Description:
        """What is described, for the measure."""
        return Description(
            venue=Names().venue(self.venue)[0],
            url=self.url,
            requests=tuple(map(_text, self.send)),
            symbols=self._symbols(),
            channels=self._channels(),
            symbol_path=self.symbol_path,
            channel_path=self.channel_path,
            data_path=self.data_path,
            time=TimeField(self.time_path, TimeUnit(self.time_unit)) if self.time_path else None,
            heartbeat=Heartbeat("As the settings say.", request=_text(self.heartbeat) if self.heartbeat else "", every_s=self.heartbeat_s),
        )

    def open_measure(self, now_us: int, now_s: float, peers: Peers | None = None) -> FeedMeasure:
        """The measure that the connection feeds."""
        from tapewatch.sources.collectors.feed.measure import FeedMeasure

        described = self.description()
        venue = describe(described)()
        streams = [Subscription(symbol, native, channel) for channel in venue.channels for symbol, native in described.symbols.items()]
        routes = venue.routes(self.url, streams)
        return FeedMeasure(venue, routes, interval_s=self.interval_s, now_us=now_us, now_s=now_s, peers=peers)

    def collect(self, context: Context) -> AsyncIterator[RawBatch]:
        """See `Collector.collect`; endless."""
        return self.measured(context, self.recorder(context.name, context.clock))

    def measured(self, context: Context, recorder: Recorder | None) -> AsyncGenerator[RawBatch]:
        """The same with a recorder of the caller's; None for none."""
        measure = self.open_measure(context.clock.now_us(), context.clock.monotonic_s(), context.shared.one(Peers))
        silence_s = self.silence_limit_s or None
        return collect_feed(measure, context, time_call=None, interval_s=self.interval_s, silence_s=silence_s, recorder=recorder)

    def recorder(self, name: str, clock: Clock) -> Recorder | None:
        """What records under this name, when the settings say where."""
        described = self.description()
        sent = (*described.requests, described.heartbeat.request)
        public = (*described.symbols, *described.symbols.values(), *described.channels, *described.channels.values())
        return recorder_of(self.record_dir, self.record_limit_mb, of_description(self.url, sent, public), name, clock)

    def _symbols(self) -> dict[str, str]:
        names, venue = Names(), Names().venue(self.venue)[0]
        return {names.symbol(symbol, venue)[0]: symbol for symbol in self.symbols}

    def _channels(self) -> dict[str, str]:
        return dict(self.channels) if isinstance(self.channels, dict) else {channel: channel for channel in self.channels}

    def _check_streams(self) -> None:
        """Every stream has a name of its own, and can be told by its messages."""
        topics = tuple(self.channels.values()) if isinstance(self.channels, dict) else self.channels
        _check_words("symbols", self.symbols, len(self._symbols()), "symbol_path", self.symbol_path)
        _check_words("channels", topics, len(set(topics)), "channel_path", self.channel_path)
        if not all(self._channels()):
            raise ConfigError("channels: the word under which a channel is stored is empty; give one such as trade, book or ticker")

    def _check_time(self) -> None:
        if self.time_path and not self.time_unit:
            raise ConfigError(f"time_unit: is missing; the time at time_path is not read without it; allowed: {_UNITS}")
        if self.time_unit and not self.time_path:
            raise ConfigError(f"time_path: is missing; time_unit {self.time_unit!r} needs the keys and positions that lead to the time")

    def _check_heartbeat(self) -> None:
        if not self.heartbeat:
            if self.heartbeat_s:
                raise ConfigError(f"heartbeat: is missing; heartbeat_s {self.heartbeat_s} needs the text or table to send")
            return
        if not 0 < self.heartbeat_s <= HEARTBEAT_MAX_S:
            raise ConfigError(f"heartbeat_s: {self.heartbeat_s} is not above 0 and up to {HEARTBEAT_MAX_S:.0f} seconds")
        if not (self.data_path or self.symbol_path or self.channel_path):
            raise ConfigError(
                "data_path: is missing; the answers to a heartbeat must not look like data: name what only messages with data have "
                "(or symbol_path or channel_path)"
            )


def _check_words(key: str, words: Sequence[str], different: int, path_key: str, path: tuple[Step, ...]) -> None:
    """Check the symbols or the channels, of which so many are different."""
    if not words or not all(words):
        raise ConfigError(f"{key}: at least one is needed, and none may be empty; a row of table feed names its stream")
    if different != len(words):
        raise ConfigError(f"{key}: {shown(list(words))} names one of them twice")
    if len(words) > 1 and not path:
        raise ConfigError(f"{path_key}: is missing; without it a connection carries one stream, and {key} names {len(words)}")


def _text(message: Message) -> str:
    return message if isinstance(message, str) else msgspec.json.encode(message).decode()
