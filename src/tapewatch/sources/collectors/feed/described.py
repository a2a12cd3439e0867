"""A venue without a file of its own, as the settings describe it: address, messages to send, and where things stand in its messages.

What the description does not say stays unknown: nothing counts the messages, so gaps, duplicates and reorders are null; no book is kept;
without the path of a time there is no latency. Freshness and rate need nothing but the arrival of messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import msgspec

from tapewatch.sources.collectors.feed.time_field import EARLIEST_US, LATEST_US, Step, TimeField, at
from tapewatch.sources.collectors.feed.venues.base import (
    About,
    Channel,
    Event,
    FeedVenue,
    Heartbeat,
    Limits,
    Notice,
    Route,
    Rule,
    ServerTime,
    Stamp,
    Subscription,
)

Path = tuple[Step, ...]

CONNECT_INTERVAL_S = 1.0
REQUEST_INTERVAL_S = 0.1
"""Nothing is known of the venue's limits: an attempt a second and ten messages a second are below those of the venues that are known."""

NO_HEARTBEAT = Heartbeat("Nothing is known of one.")


@dataclass(frozen=True, slots=True)
class Description:
    """What the settings say about a venue.

    Attributes:
        venue: Venue id as stored.
        url: WebSocket address.
        requests: Messages to send after connecting.
        symbols: Symbol as stored to what stands in the messages.
        channels: Channel as stored to what stands in the messages.
        symbol_path: Where the symbol stands; empty when there is one symbol only.
        channel_path: Where the channel stands; empty when there is one channel only.
        data_path: Where something stands in messages that carry data; empty when every message counts that has symbol and channel.
        time: Where the time stands; None when the messages carry none.
        heartbeat: What the venue wants to hear.
    """

    venue: str
    url: str
    requests: tuple[str, ...]
    symbols: Mapping[str, str]
    channels: Mapping[str, str]
    symbol_path: Path = ()
    channel_path: Path = ()
    data_path: Path = ()
    time: TimeField | None = None
    heartbeat: Heartbeat = NO_HEARTBEAT


def describe(described: Description) -> type[FeedVenue]:
    """The venue of a description, in the form of a venue file."""
    count = len(described.symbols) * len(described.channels)
    stamp = Stamp.NONE if described.time is None else Stamp.UNKNOWN
    known = tuple(Channel(name, topic, Rule.NONE, stamp, "As the settings describe it.") for name, topic in described.channels.items())

    class Described:
        """See the module."""

        id: ClassVar[str] = described.venue
        address: ClassVar[str] = described.url
        channels: ClassVar[tuple[Channel, ...]] = known
        usual: ClassVar[tuple[str, ...]] = tuple(described.channels)
        depths: ClassVar[tuple[int, ...]] = ()
        limits: ClassVar[Limits] = Limits(count, CONNECT_INTERVAL_S, request_interval_s=REQUEST_INTERVAL_S)
        heartbeat: ClassVar[Heartbeat] = described.heartbeat
        maintenance: ClassVar[str] = "Nothing is known of announcements."
        server_time: ClassVar[ServerTime | None] = None
        pages: ClassVar[Mapping[About, str]] = {}

        def __init__(self, book_depth: int | None = None) -> None:
            """No book is kept: there is no depth to choose."""
            self._reader = _Reader(described)

        def native(self, symbol: str) -> str:
            """See `FeedVenue.native`."""
            return described.symbols.get(symbol, symbol)

        def book_levels(self) -> int | None:
            """See `FeedVenue.book_levels`."""
            return None

        def book_entry(self, price: str, quantity: str) -> str:
            """See `FeedVenue.book_entry`."""
            return quantity

        def routes(self, url: str, subscriptions: Sequence[Subscription]) -> list[Route]:
            """See `FeedVenue.routes`: one connection, on which the messages of the settings are sent."""
            return [Route(url, tuple(subscriptions))]

        def subscribe(self, subscriptions: Sequence[Subscription]) -> list[str]:
            """See `FeedVenue.subscribe`: the settings say what asks for the streams."""
            return list(described.requests)

        def resync(self, subscription: Subscription) -> list[str]:
            """See `FeedVenue.resync`: no book is kept."""
            return []

        def parse(self, message: bytes) -> Event | Notice | None:
            """See `FeedVenue.parse`."""
            return self._reader.read(message)

    return Described


class _Reader:
    """Reads messages by the paths of a description; a message without a path's value, such as an answer or a heartbeat, is no data."""

    def __init__(self, described: Description) -> None:
        self._symbol_path, self._channel_path = described.symbol_path, described.channel_path
        self._time = described.time
        self._needed = tuple(path for path in (described.data_path, self._symbol_path, self._channel_path) if path)
        self._names = {topic: name for name, topic in described.channels.items()}
        self._symbol, self._channel = next(iter(described.symbols.values())), next(iter(described.channels))

    def read(self, message: bytes) -> Event | None:
        """One message; raises what `FeedVenue.parse` raises."""
        if not self._needed and self._time is None:
            return Event(self._channel, self._symbol)
        document = msgspec.json.decode(message)
        if any(_found(document, path) is None for path in self._needed):
            return None
        symbol = _word(document, self._symbol_path) if self._symbol_path else self._symbol
        topic = _word(document, self._channel_path) if self._channel_path else ""
        channel = self._names.get(topic, topic) if topic else self._channel
        return Event(channel, symbol, self._time_us(document))

    def _time_us(self, document: Any) -> int | None:  # noqa: ANN401 - decoded JSON
        if self._time is None or _found(document, self._time.path) is None:
            return None
        time_us = self._time.read(document)
        if not EARLIEST_US <= time_us < LATEST_US:
            raise ValueError(
                f"time_unit: {_found(document, self._time.path)!r} is no time between 2000 and 2100 in the unit {self._time.unit.value}"
            )
        return time_us


def _found(document: Any, path: Path) -> Any:  # noqa: ANN401 - decoded JSON
    """What stands at a path; None for nothing and for null."""
    try:
        return at(document, path)
    except LookupError:
        return None


def _word(document: Any, path: Path) -> str:  # noqa: ANN401 - decoded JSON
    """The text or whole number at a path, which names a symbol or a channel."""
    found = at(document, path)
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise ValueError(f"{found!r} at {'.'.join(map(str, path))} is no name")  # noqa: TRY004 - what a venue sends is a value
    return str(found)
