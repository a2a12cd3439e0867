"""What a venue file says: address, subscriptions, limits, and how to read a message. Nothing here keeps state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol

import msgspec

from tapewatch.sources.collectors.feed.time_field import TimeField

UNREADABLE = (msgspec.DecodeError, ValueError, LookupError, ArithmeticError)
"""What reading a message that is not as documented may raise; it is counted and named, and the connection goes on."""


class Rule(StrEnum):
    """How a channel lets its reader see that a message is missing."""

    LINKED = "linked"  # each message names the number of the message before
    COUNTED = "counted"  # messages are numbered without holes
    GROWING = "growing"  # numbers grow with holes: duplicates and reorders show, a gap does not
    NONE = "none"  # nothing to count: gaps, duplicates and reorders are unknown


class Fault(StrEnum):
    """What can be wrong with a stream, by the column of table ``feed`` that counts it."""

    GAP = "gaps"
    DUPLICATE = "duplicates"
    REORDER = "reorders"
    CHECKSUM = "checksum_mismatches"
    CROSSED = "crossed"
    OUT_OF_BAND = "out_of_band"
    SNAPSHOT = "snapshot_mismatches"


SEQUENCE_FAULTS = frozenset((Fault.GAP, Fault.DUPLICATE, Fault.REORDER))
"""What the numbers of messages can show."""

_SHOWN_BY = {
    Rule.LINKED: SEQUENCE_FAULTS,
    Rule.COUNTED: SEQUENCE_FAULTS,
    Rule.GROWING: SEQUENCE_FAULTS - {Fault.GAP},
    Rule.NONE: frozenset[Fault](),
}


class Stamp(StrEnum):
    """Who wrote the time that a message carries."""

    ENGINE = "engine"  # the matching engine, when the event happened
    GATEWAY = "gateway"  # the server that made the message, some time after the event
    UNKNOWN = "unknown"  # the messages carry a time, and nobody has said whose
    NONE = "none"  # the messages carry no time: latency is unknown


class About(StrEnum):
    """Facts of a venue, each from a page of its documentation."""

    ADDRESS = "address"
    SUBSCRIPTION = "subscription"
    LIMITS = "limits"
    HEARTBEAT = "heartbeat"
    TIMES = "times"
    SEQUENCE = "sequence"
    SNAPSHOT = "snapshot"
    MAINTENANCE = "maintenance"
    SERVER_TIME = "server time"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a venue allows, and what is asked of it.

    Attributes:
        streams_per_connection: Streams on one connection at most.
        connect_interval_s: Seconds between two attempts to connect at least.
        streams_per_request: Streams that one message may ask for; None for all of a connection.
        request_interval_s: Seconds between two messages to the venue on one connection at least.
        requests_share: Whether that holds for all connections of an address together.
        connection_s: Seconds after which the venue ends a connection; None when it does not.
        asks_per_hour: Messages that ask for streams or leave them, on one connection within an hour at most; None for any number.
        streams: Streams of one address at most; None for any number.
    """

    streams_per_connection: int
    connect_interval_s: float
    streams_per_request: int | None = None
    request_interval_s: float = 0.0
    requests_share: bool = False
    connection_s: float | None = None
    asks_per_hour: int | None = None
    streams: int | None = None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How a connection shows that it lives.

    Attributes:
        sentence: Who sends what, and how often.
        silence_s: Seconds after which a connection without any message is broken; None when silence can be normal.
        request: Message that the venue wants from us regularly; empty when the pings of WebSocket are enough.
        every_s: Seconds between two of these.
    """

    sentence: str
    silence_s: float | None = None
    request: str = ""
    every_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ServerTime:
    """The venue's time call, by which its clock can be compared over a round trip: a public request that is answered in JSON.

    Attributes:
        url: Where to ask; empty when it is asked on the connection itself, and `FeedVenue.parse` reads the answer.
        answer: Where the time stands in the answer.
        message: JSON to POST, or to send on the connection; empty for a GET.
        number_key: Under which a question on the connection carries a number, and its answer the same one.
    """

    url: str
    answer: TimeField
    message: str = ""
    number_key: str = ""

    def question(self, number: int) -> str:
        """The message to send on the connection, with its number."""
        return msgspec.json.encode({**msgspec.json.decode(self.message), self.number_key: number}).decode()


@dataclass(frozen=True, slots=True)
class Checksum:
    """A CRC32 that a venue sends of its book.

    Attributes:
        levels: Levels of each side that enter it.
        text: Kept texts of the best asks and of the best bids, best first, to the text that is summed.
    """

    levels: int
    text: Callable[[Sequence[str], Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a venue.

    Attributes:
        name: Tapewatch's word, stored in the column ``channel``: trade, book, ticker, candle.
        topic: The venue's word, used to subscribe.
        rule: How a missing message shows.
        stamp: Who wrote the time of its messages.
        sentence: What its messages are and which time they carry.
        keeps_book: Whether the collector keeps the order book of the channel.
        checksum: The checksum of the book that its updates carry; None when they carry none.
        has_quotes: Whether its messages carry the best bid and ask.
        has_day_range: Whether its messages are trades whose prices can be held against the day's range that the venue's ticker gives.
        repeats_snapshot: Whether the venue may send the whole book again, unasked, so that it can be compared with the kept one.
        first_repeats: Whether the first message after a subscription may repeat an old event; its age is no latency.
    """

    name: str
    topic: str
    rule: Rule
    stamp: Stamp
    sentence: str
    keeps_book: bool = False
    checksum: Checksum | None = None
    has_quotes: bool = False
    has_day_range: bool = False
    repeats_snapshot: bool = False
    first_repeats: bool = False

    @property
    def on_change(self) -> bool:
        """Whether it is silent for as long as nothing changes, however long: best quotes. It is judged only while a peer moves."""
        return self.has_quotes and not self.keeps_book

    @property
    def sees(self) -> frozenset[Fault]:
        """Faults that can be seen on it at all; the others are unknown, never zero."""
        faults = set(_SHOWN_BY[self.rule])
        if self.keeps_book or self.has_quotes:
            faults.add(Fault.CROSSED)
        if self.checksum is not None:
            faults.add(Fault.CHECKSUM)
        if self.has_day_range:
            faults.add(Fault.OUT_OF_BAND)
        if self.repeats_snapshot:
            faults.add(Fault.SNAPSHOT)
        return frozenset(faults)


@dataclass(frozen=True, slots=True)
class Subscription:
    """One stream to ask for.

    Attributes:
        symbol: Canonical symbol, ``BASE/QUOTE[:SETTLE]``.
        native: The venue's own spelling.
        channel: The channel.
    """

    symbol: str
    native: str
    channel: Channel

    @property
    def key(self) -> tuple[str, str]:
        """By which a message finds its stream: channel name and native symbol."""
        return self.channel.name, self.native


class Event(msgspec.Struct, gc=False):
    """What one data message says, as far as its quality can be measured by it.

    Attributes:
        channel: Name of the channel.
        symbol: The venue's own spelling.
        time_us: The venue's time, µs since 1970; None when the message carries none.
        number: Its own number; None when the channel has none.
        previous: The number that it follows.
        is_repeat: Whether it repeats an event from before the subscription.
        is_snapshot: Whether ``asks`` and ``bids`` are the whole book.
        asks: Levels as the venue wrote them: price, quantity, perhaps more.
        bids: The same.
        checksum: Unsigned CRC32 of the book after this message.
        is_crossed: Whether its best bid is at or above its best ask; None when it does not carry both.
        low: Lowest price of its trades, or the day's that a ticker gives; None for one that it does not tell.
        high: The highest.
        price: Price of its trade, where no day's range holds it; None for none.
    """

    channel: str
    symbol: str
    time_us: int | None = None
    number: int | None = None
    previous: int = -1
    is_repeat: bool = False
    is_snapshot: bool = False
    asks: Sequence[Sequence[str]] = ()
    bids: Sequence[Sequence[str]] = ()
    checksum: int | None = None
    is_crossed: bool | None = None
    low: float | None = None
    high: float | None = None
    price: float | None = None


class Notice(msgspec.Struct, gc=False):
    """What a message that carries no data says.

    Attributes:
        text: In words, as the venue wrote them.
        is_refusal: Whether the venue refuses something that was asked for.
        is_maintenance: Whether the venue announces that it will pause or close the connection; a notice that is nothing else takes it back.
        answer: Message that the venue wants in return; empty for none.
        channel: Name of the channel it is about; empty for the whole connection.
        symbol: The venue's own spelling of the symbol it is about; empty for all.
        venue_us: The venue's time in answer to a time call, µs; a notice that has it is nothing else.
        question: Number of the question that it answers; None when the answer does not say.
    """

    text: str
    is_refusal: bool = False
    is_maintenance: bool = False
    answer: str = ""
    channel: str = ""
    symbol: str = ""
    venue_us: int | None = None
    question: int | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """One connection to open: its address and the streams that it is to carry."""

    url: str
    subscriptions: tuple[Subscription, ...]


class FeedVenue(Protocol):
    """A venue's public market-data protocol. Instances hold settings only (the depth of books)."""

    id: ClassVar[str]
    """Venue id as stored."""

    address: ClassVar[str]
    """Public WebSocket address."""

    channels: ClassVar[tuple[Channel, ...]]
    """Every channel that can be measured, the usual ones first."""

    usual: ClassVar[tuple[str, ...]]
    """Channels that are measured when the settings name none."""

    depths: ClassVar[tuple[int, ...]]
    """Book depths that can be asked for, smallest first; empty when the venue offers no choice."""

    limits: ClassVar[Limits]
    """What the venue allows on a connection."""

    heartbeat: ClassVar[Heartbeat]
    """How a connection shows that it lives."""

    maintenance: ClassVar[str]
    """How a pause is announced, in one sentence; `parse` gives it as a `Notice` where it comes on the connection."""

    server_time: ClassVar[ServerTime | None]
    """The venue's time call; None when it has none."""

    pages: ClassVar[Mapping[About, str]]
    """The page of the venue's documentation that each fact is from."""

    def __init__(self, book_depth: int | None = None) -> None:
        """Take the depth of books; None for the smallest that serves."""
        ...

    def native(self, symbol: str) -> str:
        """Write a canonical symbol as the venue does."""
        ...

    def book_levels(self) -> int | None:
        """Levels a side that a kept book may hold; None for all."""
        ...

    def book_entry(self, price: str, quantity: str) -> str:
        """The text of a level that enters the venue's checksum, or the quantity where there is none."""
        ...

    def routes(self, url: str, subscriptions: Sequence[Subscription]) -> list[Route]:
        """Spread streams over connections, within the venue's limits; ``url`` is the configured address."""
        ...

    def subscribe(self, subscriptions: Sequence[Subscription]) -> list[str]:
        """Messages that ask for streams on an open connection; empty when the address already does."""
        ...

    def resync(self, subscription: Subscription) -> list[str]:
        """Messages that ask for a new snapshot of one stream; empty when the venue has none."""
        ...

    def parse(self, message: bytes) -> Event | Notice | None:
        """Read one message; None for one that says nothing of interest.

        Raises:
            msgspec.DecodeError, ValueError, LookupError, ArithmeticError: The message is not what the venue documents (`UNREADABLE`).
        """
        ...
