"""What most venues have in common: a venue file says only where it differs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import ClassVar

from tapewatch.sources.collectors.feed.venues.base import Limits, Route, Subscription


class CommonVenue:
    """A venue with one address, no choice of depth and no checksum, that is asked for streams by messages."""

    depths: ClassVar[tuple[int, ...]] = ()
    limits: ClassVar[Limits]

    def __init__(self, book_depth: int | None = None) -> None:
        """There is no depth to choose."""

    def ask(self, verb: str, subscriptions: Sequence[Subscription]) -> list[str]:
        """Messages that subscribe to streams or unsubscribe from them, as ``verb`` says; none where the address names the streams."""
        return []

    def book_levels(self) -> int | None:
        """See `FeedVenue.book_levels`: a book cut short would miss levels that come back to the top."""
        return None

    def book_entry(self, price: str, quantity: str) -> str:
        """See `FeedVenue.book_entry`."""
        return quantity

    def routes(self, url: str, subscriptions: Sequence[Subscription]) -> list[Route]:
        """See `FeedVenue.routes`."""
        return list(split(url, subscriptions, self.limits.streams_per_connection))

    def subscribe(self, subscriptions: Sequence[Subscription]) -> list[str]:
        """See `FeedVenue.subscribe`."""
        return [request for group in groups(subscriptions, self.limits.streams_per_request) for request in self.ask("subscribe", group)]

    def resync(self, subscription: Subscription) -> list[str]:
        """See `FeedVenue.resync`: a stream that is left and come back to begins with a snapshot; without a kept book none is needed."""
        if not subscription.channel.keeps_book:
            return []
        return [request for verb in ("unsubscribe", "subscribe") for request in self.ask(verb, [subscription])]


def asks_then_bids(asks: Sequence[str], bids: Sequence[str]) -> str:
    """All asks, then all bids, nothing between.

    >>> asks_then_bids(["1", "2"], ["9", "8"])
    '1298'
    """
    return "".join(asks) + "".join(bids)


def in_turns(asks: Sequence[str], bids: Sequence[str]) -> str:
    """Best bid, best ask, second bid, second ask and so on, joined by colons; a longer side goes on alone.

    >>> in_turns(["3:1", "4:1"], ["2:1"])
    '2:1:3:1:4:1'
    """
    levels = max(len(asks), len(bids))
    return ":".join(text for index in range(levels) for side in (bids, asks) for text in side[index : index + 1])


def split(url: str, subscriptions: Sequence[Subscription], most: int) -> Iterator[Route]:
    """Cut a list of streams into connections of at most ``most`` streams each, in order."""
    for start in range(0, len(subscriptions), most):
        yield Route(url, tuple(subscriptions[start : start + most]))


def groups(subscriptions: Sequence[Subscription], most: int | None) -> Iterator[Sequence[Subscription]]:
    """Cut a list of streams into requests of at most ``most`` streams each, in order; None for one request."""
    for start in range(0, len(subscriptions), most or max(1, len(subscriptions))):
        yield subscriptions[start : start + most] if most else subscriptions


def base_quote(symbol: str) -> tuple[str, str] | None:
    """Base and quote of a canonical symbol; None when it is written otherwise."""
    base, slash, rest = symbol.partition("/")
    return (base, rest.partition(":")[0]) if slash else None


def microseconds(time: datetime | None) -> int | None:
    """A time with its zone as µs since 1970; None for none."""
    # a float of seconds resolves a quarter of a microsecond until the year 2242
    return None if time is None else round(time.timestamp() * 1_000_000)


def by_topic(subscriptions: Sequence[Subscription]) -> dict[str, list[str]]:
    """The venue's word for each channel to its symbols as the venue writes them, both in the order of the subscriptions."""
    symbols: dict[str, list[str]] = {}
    for wanted in subscriptions:
        symbols.setdefault(wanted.channel.topic, []).append(wanted.native)
    return symbols


def number(text: str) -> float | None:
    """A number that a message may leave out; None for none and for zero, which stands for a day without a trade."""
    return float(text or 0) or None


def crossed(bid: str | float | None, ask: str | float | None) -> bool | None:
    """Whether the best bid is at or above the best ask; None when one of them is missing.

    >>> crossed("10.0", "9.5"), crossed(9.0, 9.5), crossed("", "9.5")
    (True, False, None)
    """
    return float(bid) >= float(ask) if bid and ask else None
