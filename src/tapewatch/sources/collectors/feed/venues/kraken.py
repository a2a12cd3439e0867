"""Kraken spot, WebSocket v2.

Facts, with the page of docs.kraken.com (exchange, spot WebSocket v2) that they are from:

- Address: ``wss://ws.kraken.com/v2``; each request is answered per symbol ("Spot WebSocket", "Introduction"). Version 1 at
  ``wss://ws.kraken.com`` is frozen and reads otherwise: see `kraken_v1`.
- Limits: about 150 connections in 10 min and address ("Rate limits" of the support pages); a connection carries any number of
  symbols; 200 streams are asked for.
- Heartbeat: channel ``heartbeat`` about once a second when nothing else is sent and something is subscribed ("Heartbeat"): ten seconds
  without any message mean a broken connection.
- Depth: 10, 25, 100, 500 or 1,000 levels; the book is cut to it after each update, as the venue does ("Book").
- Times: ``timestamp`` in RFC 3339 with µs: of the matching engine on trade and book update; none on a book snapshot ("Trade",
  "Book"). The ticker's documented fields have none ("Ticker").
- Sequence: ``trade_id`` is a sequence number of the book's trades, several of which may come in one message ("Trade"). Each book
  message, the snapshot too, carries the CRC32 of the ten best asks and bids, digits as written without point and leading zeros
  ("Book checksum (WebSocket v2)").
- Resync: unsubscribe and subscribe again sends a new snapshot ("Book").
- Maintenance: channel ``status`` on connecting and whenever the engine's state changes: online, cancel_only, post_only, maintenance
  ("Status").
- Server time: a ``ping`` request on the connection is answered by ``pong`` with its ``req_id`` and ``time_out``, just before it
  was sent, in µs ("Ping"); the REST call tells whole seconds only.
- What can be seen: gap, duplicate, reorder and a price outside the ticker's 24 hours on trade; a lost, altered or swapped update on book
  (checksum; a repeated one changes nothing); a crossed book or quote; freshness on all; latency on trade and book.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

import msgspec

from tapewatch.sources.collectors.feed.time_field import TimeField, TimeUnit
from tapewatch.sources.collectors.feed.venues.base import (
    About,
    Channel,
    Checksum,
    Event,
    Heartbeat,
    Limits,
    Notice,
    Rule,
    ServerTime,
    Stamp,
    Subscription,
)
from tapewatch.sources.collectors.feed.venues.common import (
    CommonVenue,
    asks_then_bids,
    by_topic,
    crossed,
    microseconds,
)

_DOCS = "https://docs.kraken.com/exchange"

TRADE = Channel(
    "trade",
    "trade",
    Rule.COUNTED,
    Stamp.ENGINE,
    "Trades, numbered per symbol; time of the matching engine in µs.",
    has_day_range=True,
)
BOOK = Channel(
    "book",
    "book",
    Rule.NONE,
    Stamp.ENGINE,
    "Snapshot, then changes, each with a checksum; time of the engine in µs.",
    keeps_book=True,
    checksum=Checksum(10, asks_then_bids),
)
TICKER = Channel(
    "ticker",
    "ticker",
    Rule.NONE,
    Stamp.NONE,
    "Best quotes whenever they change, last trade and day's statistics.",
    has_quotes=True,
)


class _Level(msgspec.Struct, gc=False):
    """A level; the numbers are kept as they were written, because their digits enter the checksum."""

    price: msgspec.Raw
    qty: msgspec.Raw


class _Book(msgspec.Struct, gc=False):
    symbol: str
    checksum: int
    asks: list[_Level] = []
    bids: list[_Level] = []
    timestamp: datetime | None = None


class _Trade(msgspec.Struct, gc=False):
    symbol: str
    trade_id: int
    timestamp: datetime
    price: float


class _Ticker(msgspec.Struct, gc=False):
    symbol: str
    bid: float
    ask: float
    low: float = 0.0
    high: float = 0.0


class _Status(msgspec.Struct):
    system: str = ""


class _Envelope(msgspec.Struct, gc=False):
    """Any message; an answer to a request has a method."""

    channel: str = ""
    type: str = ""
    data: msgspec.Raw = msgspec.Raw(b"[]")
    method: str = ""
    success: bool = True
    error: str = ""
    symbol: str = ""
    time_out: datetime | None = None
    req_id: int | None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_BOOKS = msgspec.json.Decoder(list[_Book])
_TRADES = msgspec.json.Decoder(list[_Trade])
_TICKERS = msgspec.json.Decoder(list[_Ticker])
_STATUSES = msgspec.json.Decoder(list[_Status])


class Kraken(CommonVenue):
    """See the module."""

    id: ClassVar[str] = "kraken"
    address: ClassVar[str] = "wss://ws.kraken.com/v2"
    channels: ClassVar[tuple[Channel, ...]] = (TRADE, BOOK, TICKER)
    usual: ClassVar[tuple[str, ...]] = ("trade", "book", "ticker")
    depths: ClassVar[tuple[int, ...]] = (10, 25, 100, 500, 1000)
    limits: ClassVar[Limits] = Limits(streams_per_connection=200, connect_interval_s=4.0)
    heartbeat: ClassVar[Heartbeat] = Heartbeat("Channel heartbeat about once a second when nothing else is sent.", silence_s=10.0)
    maintenance: ClassVar[str] = "Channel status tells the state of the trading engine whenever it changes."
    server_time: ClassVar[ServerTime | None] = ServerTime(
        "", TimeField(("time_out",), TimeUnit.ISO), message='{"method":"ping"}', number_key="req_id"
    )
    pages: ClassVar[Mapping[About, str]] = {
        About.ADDRESS: f"{_DOCS}/api-reference/spot-websocket",
        About.SUBSCRIPTION: f"{_DOCS}/api-reference/spot-websocket",
        About.LIMITS: "https://support.kraken.com/articles/206548367-what-are-the-api-rate-limits-",
        About.HEARTBEAT: f"{_DOCS}/api-reference/spot-websocket-v2/heartbeat",
        About.TIMES: f"{_DOCS}/api-reference/spot-websocket-v2/trade",
        About.SEQUENCE: f"{_DOCS}/guides/websockets/book-checksum-v2",
        About.SNAPSHOT: f"{_DOCS}/api-reference/spot-websocket-v2/book",
        About.MAINTENANCE: f"{_DOCS}/api-reference/spot-websocket-v2/status",
        About.SERVER_TIME: f"{_DOCS}/api-reference/spot-websocket-v2/ping",
    }

    def __init__(self, book_depth: int | None = None) -> None:
        """Take the depth of books; the smallest serves the checksum."""
        self._depth = book_depth or self.depths[0]

    def native(self, symbol: str) -> str:
        """See `FeedVenue.native`: ``BTC/USD`` is ``BTC/USD``."""
        return symbol

    def book_levels(self) -> int | None:
        """See `FeedVenue.book_levels`."""
        return self._depth

    def book_entry(self, price: str, quantity: str) -> str:
        """See `FeedVenue.book_entry`."""
        return price.replace(".", "").lstrip("0") + quantity.replace(".", "").lstrip("0")

    def ask(self, verb: str, subscriptions: Sequence[Subscription]) -> list[str]:
        """See `CommonVenue.ask`."""
        options: dict[str, dict[str, object]] = {BOOK.topic: {"depth": self._depth}, TICKER.topic: {"event_trigger": "bbo"}}
        return [
            msgspec.json.encode({"method": verb, "params": {"channel": topic, "symbol": natives, **options.get(topic, {})}}).decode()
            for topic, natives in by_topic(subscriptions).items()
        ]

    def parse(self, message: bytes) -> Event | Notice | None:
        """See `FeedVenue.parse`."""
        read = _ENVELOPE.decode(message)
        if read.channel == BOOK.topic:
            (book,) = _BOOKS.decode(read.data)
            asks, bids = _texts(book.asks), _texts(book.bids)
            is_snapshot = read.type == "snapshot"
            time_us = None if is_snapshot else microseconds(book.timestamp)
            return Event("book", book.symbol, time_us, is_snapshot=is_snapshot, asks=asks, bids=bids, checksum=book.checksum)
        if read.channel == TRADE.topic:
            return _trades(_TRADES.decode(read.data), is_repeat=read.type == "snapshot")
        if read.channel == TICKER.topic:
            (quotes,) = _TICKERS.decode(read.data)
            is_crossed = crossed(quotes.bid, quotes.ask)
            return Event("ticker", quotes.symbol, is_crossed=is_crossed, low=quotes.low or None, high=quotes.high or None)
        if read.channel == "status":
            (status,) = _STATUSES.decode(read.data)
            return Notice(f"the trading engine is in state {status.system}", is_maintenance=status.system != "online")
        if read.time_out is not None and read.method == "pong":
            return Notice("pong", venue_us=microseconds(read.time_out), question=read.req_id)
        return None if read.success else Notice(read.error, is_refusal=True, symbol=read.symbol)


def _texts(levels: list[_Level]) -> list[tuple[str, str]]:
    return [(bytes(level.price).decode(), bytes(level.qty).decode()) for level in levels]


def _trades(trades: list[_Trade], *, is_repeat: bool) -> Event | None:
    """One event of all trades of a message; old ones, sent on subscribing, are not part of the chain."""
    if not trades:
        return None
    symbol = trades[0].symbol
    if any(trade.symbol != symbol for trade in trades):
        raise msgspec.ValidationError("trades of several symbols in one message")
    if is_repeat:
        return Event("trade", symbol, is_repeat=True)
    numbers, prices = [trade.trade_id for trade in trades], [trade.price for trade in trades]
    time_us = microseconds(max(trade.timestamp for trade in trades))
    return Event("trade", symbol, time_us, max(numbers), min(numbers) - 1, low=min(prices), high=max(prices))
