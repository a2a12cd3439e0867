"""What a venue file says: address, subscriptions, limits, and how to read a message. Nothing here keeps state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Protocol

import msgspec

UNREADABLE = (msgspec.DecodeError, ValueError, LookupError, ArithmeticError)
"""What reading a message that is not as documented may raise; it is counted and named, and the connection goes on."""


class Rule(StrEnum):
    """How a channel lets its reader see that a message is missing."""

    LINKED = "linked"  # each message names the number of the message before
    COUNTED = "counted"  # messages are numbered without holes
    CHECKSUM = "checksum"  # each update carries a checksum of the book that it leads to
    NONE = "none"  # nothing to count: gaps, duplicates and reorders are unknown


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel of a venue.

    Attributes:
        name: Tapewatch's word, stored in the column ``channel``: trade, book, ticker, candle.
        topic: The venue's word, used to subscribe.
        rule: How a missing message shows.
        sentence: What its messages are and which time they carry.
        keeps_book: Whether the collector keeps the order book of the channel.
        first_repeats: Whether the first message after a subscription may repeat an old event; its age is no latency.
    """

    name: str
    topic: str
    rule: Rule
    sentence: str
    keeps_book: bool = False
    first_repeats: bool = False


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
        is_crossed: Whether its best bid is above its best ask; None when it does not carry both.
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


class Notice(msgspec.Struct, gc=False):
    """What a message that carries no data says.

    Attributes:
        text: In words, as the venue wrote them.
        is_refusal: Whether the venue refuses something that was asked for.
        channel: Name of the channel it is about; empty for the whole connection.
        symbol: The venue's own spelling of the symbol it is about; empty for all.
    """

    text: str
    is_refusal: bool = False
    channel: str = ""
    symbol: str = ""


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

    streams_per_connection: ClassVar[int]
    """Streams on one connection at most."""

    connect_interval_s: ClassVar[float]
    """Seconds between two attempts to connect at least."""

    silence_s: ClassVar[float | None]
    """Seconds after which a connection without any message is broken; None when silence can be normal."""

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


def split(url: str, subscriptions: Sequence[Subscription], most: int) -> Iterator[Route]:
    """Cut a list of streams into connections of at most ``most`` streams each, in order."""
    for start in range(0, len(subscriptions), most):
        yield Route(url, tuple(subscriptions[start : start + most]))


def base_quote(symbol: str) -> tuple[str, str] | None:
    """Base and quote of a canonical symbol; None when it is written otherwise."""
    base, slash, rest = symbol.partition("/")
    return (base, rest.partition(":")[0]) if slash else None
