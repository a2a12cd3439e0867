"""Kraken spot, WebSocket v1.

Facts, with the page of docs.kraken.com that they are from:

- Address: ``wss://ws.kraken.com``; subscriptions by ``subscribe`` events, each answered by ``subscriptionStatus`` (WebSockets v1,
  "Subscribe").
- Limits: about 150 connections in 10 min and address ("Rate limits" of the support pages); a connection carries any number of pairs;
  200 streams are asked for.
- Heartbeat: a ``heartbeat`` event about once a second when nothing else is sent and something is subscribed (WebSockets v1,
  "Heartbeat"): ten seconds without any message mean a broken connection.
- Depth: 10, 25, 100, 500 or 1,000 levels (WebSockets v1, "Book"). Levels that fall out are forgotten; those that come back are sent
  again with the mark ``r`` and their old time.
- Times: each level and each trade carries the time of the matching engine in seconds with µs; ticker carries none.
- Sequence: no numbers. Each book update carries ``c``, the CRC32 of the ten best asks and bids, prices and quantities without the
  point and leading zeros ("Spot WebSockets (v1) book checksum").
- Resync: unsubscribe and subscribe again sends a new snapshot ("Book").
- What can be seen: a lost, altered or swapped update on book (checksum; a repeated one changes nothing); freshness on all;
  latency on book and trade. Gaps, duplicates and reorders as such are unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from tapewatch.model.venue import ASSET_ALIASES
from tapewatch.sources.collectors.feed.venues.base import Channel, Event, Notice, Route, Rule, Subscription, base_quote, split

TRADE = Channel("trade", "trade", Rule.NONE, "Trades; time of the matching engine in µs.", first_repeats=True)
BOOK = Channel("book", "book", Rule.CHECKSUM, "Snapshot, then changes with a checksum; time of the matching engine in µs.", keeps_book=True)
TICKER = Channel("ticker", "ticker", Rule.NONE, "Best quotes, last trade and day's statistics; no time.")

_NATIVE_ASSETS = {ours: theirs for theirs, ours in ASSET_ALIASES.items()}
_REPUBLISHED = 4
"""Length of a level that comes back into the depth: price, quantity, its old time, ``r``."""


class _Levels(msgspec.Struct, gc=False):
    """Payload of a book message: whole sides (``as``, ``bs``) or changes (``a``, ``b``) and the checksum."""

    whole_asks: list[list[str]] | None = msgspec.field(default=None, name="as")
    whole_bids: list[list[str]] | None = msgspec.field(default=None, name="bs")
    a: list[list[str]] = []
    b: list[list[str]] = []
    c: str | None = None


class _Quotes(msgspec.Struct, gc=False):
    """Payload of a ticker message: best ask and bid as price, whole lots, lots."""

    a: tuple[str, int, str]
    b: tuple[str, int, str]


class _Control(msgspec.Struct):
    """An event message."""

    event: str = ""
    status: str = ""
    pair: str = ""
    channelName: str = ""  # noqa: N815 - the venue's spelling
    errorMessage: str = ""  # noqa: N815 - the venue's spelling


_CONTROL = msgspec.json.Decoder(_Control)
_BOOK = msgspec.json.Decoder(list[int | str | _Levels])
_TRADES = msgspec.json.Decoder(tuple[int, list[list[str]], str, str])
_TICKER = msgspec.json.Decoder(tuple[int, _Quotes, str, str])


class Kraken:
    """See the module."""

    id: ClassVar[str] = "kraken"
    address: ClassVar[str] = "wss://ws.kraken.com"
    channels: ClassVar[tuple[Channel, ...]] = (TRADE, BOOK, TICKER)
    usual: ClassVar[tuple[str, ...]] = ("trade", "book", "ticker")
    depths: ClassVar[tuple[int, ...]] = (10, 25, 100, 500, 1000)
    streams_per_connection: ClassVar[int] = 200
    connect_interval_s: ClassVar[float] = 4.0
    silence_s: ClassVar[float | None] = 10.0

    def __init__(self, book_depth: int | None = None) -> None:
        """Take the depth of books; the smallest serves the checksum."""
        self._depth = book_depth or self.depths[0]

    def native(self, symbol: str) -> str:
        """See `FeedVenue.native`: ``BTC/USD`` is ``XBT/USD``."""
        pair = base_quote(symbol)
        return "/".join(_NATIVE_ASSETS.get(asset, asset) for asset in pair) if pair else symbol

    def book_levels(self) -> int | None:
        """See `FeedVenue.book_levels`."""
        return self._depth

    def book_entry(self, price: str, quantity: str) -> str:
        """See `FeedVenue.book_entry`."""
        return price.replace(".", "").lstrip("0") + quantity.replace(".", "").lstrip("0")

    def routes(self, url: str, subscriptions: Sequence[Subscription]) -> list[Route]:
        """See `FeedVenue.routes`."""
        return list(split(url, subscriptions, self.streams_per_connection))

    def subscribe(self, subscriptions: Sequence[Subscription]) -> list[str]:
        """See `FeedVenue.subscribe`."""
        return self._requests("subscribe", subscriptions)

    def resync(self, subscription: Subscription) -> list[str]:
        """See `FeedVenue.resync`."""
        if not subscription.channel.keeps_book:
            return []
        return [*self._requests("unsubscribe", [subscription]), *self._requests("subscribe", [subscription])]

    def parse(self, message: bytes) -> Event | Notice | None:
        """See `FeedVenue.parse`."""
        if message[:1] != b"[":
            return _notice(_CONTROL.decode(message))
        # the channel decides how the payload reads; it stands before the pair at the end: …,"book-10","XBT/USD"]
        channel = message[-60:].rsplit(b",", 2)[-2:-1]
        if not channel or channel[0].lstrip(b' "').startswith(b"book"):
            return _book(_BOOK.decode(message))
        if b"trade" in channel[0]:
            _, trades, _, pair = _TRADES.decode(message)
            return Event("trade", pair, max((_us(trade[2]) for trade in trades), default=None))
        if b"ticker" in channel[0]:
            _, quotes, _, pair = _TICKER.decode(message)
            return Event("ticker", pair, is_crossed=float(quotes.b[0]) > float(quotes.a[0]))
        return None

    def _requests(self, event: str, subscriptions: Sequence[Subscription]) -> list[str]:
        pairs: dict[str, list[str]] = {}
        for wanted in subscriptions:
            pairs.setdefault(wanted.channel.topic, []).append(wanted.native)
        return [
            msgspec.json.encode({"event": event, "pair": natives, "subscription": self._topic(topic)}).decode()
            for topic, natives in pairs.items()
        ]

    def _topic(self, topic: str) -> dict[str, str | int]:
        return {"name": topic, "depth": self._depth} if topic == BOOK.topic else {"name": topic}


def _book(parts: list[int | str | _Levels]) -> Event:
    """Read a book message; asks and bids of one update may come as two payloads."""
    pair = parts[-1] if parts else None
    payloads = [part for part in parts if isinstance(part, _Levels)]
    if not isinstance(pair, str) or not payloads:
        raise msgspec.ValidationError("a book message without pair or payload")
    first = payloads[0]
    if first.whole_asks is not None or first.whole_bids is not None:
        return Event("book", pair, is_snapshot=True, asks=first.whole_asks or [], bids=first.whole_bids or [])
    last = payloads[-1]
    asks, bids = (first.a, first.b) if first is last else ([*first.a, *last.a], [*first.b, *last.b])
    checksum = int(last.c) if last.c is not None else None
    return Event("book", pair, _newest_us(asks, bids), asks=asks, bids=bids, checksum=checksum)


def _newest_us(asks: list[list[str]], bids: list[list[str]]) -> int | None:
    times = [level[2] for levels in (asks, bids) for level in levels if len(level) < _REPUBLISHED]
    return _us(max(times)) if times else None


def _us(seconds: str) -> int:
    whole, _, fraction = seconds.partition(".")
    return int(whole) * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def _notice(control: _Control) -> Notice | None:
    if not control.errorMessage:
        return None
    channel = control.channelName.partition("-")[0]
    return Notice(control.errorMessage, is_refusal=True, channel=channel, symbol=control.pair)
