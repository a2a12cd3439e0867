"""Kraken futures (derivatives), WebSocket v1.

Facts, with the page of docs.kraken.com (exchange, futures WebSocket) that they are from:

- Address: ``wss://futures.kraken.com/ws/v1``; subscriptions by ``subscribe`` events of one feed and several products ("Futures
  WebSocket", "Book").
- Limits: 100 connections and 100 requests a second ("Futures rate limits"); the number of products of a connection is not limited by the
  page; 200 streams are asked for.
- Heartbeat: a ping at least every 60 s keeps the connection open ("Futures WebSocket", connection management); WebSocket pings are sent
  every 5 s. Silence of a quiet product is normal.
- Times: ``timestamp`` (book) and ``time`` (trade, ticker) in ms; the pages do not say which part of the venue set them ("Book", "Trade",
  "Ticker").
- Sequence: ``seq`` of book and trade is the message number of the subscription, one more than the one before; the book's begins with the
  snapshot's ("Book", "Trade"). Whether the first trade follows the newest of ``trade_snapshot`` is not documented: trades count from the
  first new one. Ticker carries nothing to count.
- Resync: unsubscribe and subscribe again sends a new ``book_snapshot`` ("Book").
- Maintenance: none announced; the ticker goes on with ``suspended`` set while a market is closed ("Ticker").
- Server time: no call of its own; ``serverTime`` of every REST answer, of which the state of one instrument is the shortest ("Get
  instrument status").
- What can be seen: gap, duplicate and reorder on trade and book; a crossed book or quote; freshness and latency on all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from tapewatch.sources.collectors.feed.time_field import TimeField, TimeUnit
from tapewatch.sources.collectors.feed.venues.base import (
    About,
    Channel,
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
    base_quote,
    by_topic,
    crossed,
)

_US_PER_MS = 1000

_DOCS = "https://docs.kraken.com/exchange/api-reference/futures-websocket"

TRADE = Channel("trade", "trade", Rule.COUNTED, Stamp.GATEWAY, "Trades, numbered per product; time in ms.")
BOOK = Channel(
    "book",
    "book",
    Rule.COUNTED,
    Stamp.GATEWAY,
    "Snapshot, then changes of one level each, numbered; time in ms.",
    keeps_book=True,
)
TICKER = Channel("ticker", "ticker", Rule.NONE, Stamp.GATEWAY, "Best quotes, mark price, funding; time in ms.", has_quotes=True)


class _Level(msgspec.Struct, gc=False):
    price: float
    qty: float


class _Snapshot(msgspec.Struct, tag_field="feed", tag="book_snapshot", gc=False):
    product_id: str
    seq: int
    asks: list[_Level]
    bids: list[_Level]


class _Change(msgspec.Struct, tag_field="feed", tag="book", gc=False):
    product_id: str = ""
    seq: int | None = None
    timestamp: int = 0
    side: str = ""
    price: float = 0.0
    qty: float = 0.0
    event: str = ""


class _Trade(msgspec.Struct, tag_field="feed", tag="trade", gc=False):
    product_id: str = ""
    seq: int | None = None
    time: int = 0
    event: str = ""


class _OldTrades(msgspec.Struct, tag_field="feed", tag="trade_snapshot", gc=False):
    product_id: str


class _Ticker(msgspec.Struct, tag_field="feed", tag="ticker", gc=False):
    product_id: str = ""
    time: int | None = None
    bid: float | None = None
    ask: float | None = None
    event: str = ""


class _Control(msgspec.Struct):
    """An event message, or a feed that nobody asked for."""

    event: str = ""
    message: str = ""
    feed: str = ""
    product_ids: list[str] = []


_DATA: msgspec.json.Decoder[_Snapshot | _Change | _Trade | _OldTrades | _Ticker] = msgspec.json.Decoder(
    _Snapshot | _Change | _Trade | _OldTrades | _Ticker
)
_CONTROL = msgspec.json.Decoder(_Control)
_FEEDS = frozenset(("book_snapshot", "book", "trade", "trade_snapshot", "ticker"))
_REFUSALS = frozenset(("error", "alert", "subscribed_failed"))


class KrakenFutures(CommonVenue):
    """See the module."""

    id: ClassVar[str] = "kraken_futures"
    address: ClassVar[str] = "wss://futures.kraken.com/ws/v1"
    channels: ClassVar[tuple[Channel, ...]] = (TRADE, BOOK, TICKER)
    usual: ClassVar[tuple[str, ...]] = ("trade", "book", "ticker")
    limits: ClassVar[Limits] = Limits(streams_per_connection=200, connect_interval_s=1.0, request_interval_s=0.01)
    heartbeat: ClassVar[Heartbeat] = Heartbeat(
        "A ping at least every 60 s keeps the connection open; the silence of a quiet product is normal."
    )
    maintenance: ClassVar[str] = "Nothing is announced on these channels; the ticker goes on with suspended set."
    server_time: ClassVar[ServerTime | None] = ServerTime(
        "https://futures.kraken.com/derivatives/api/v3/instruments/PF_XBTUSD/status", TimeField(("serverTime",), TimeUnit.ISO)
    )
    pages: ClassVar[Mapping[About, str]] = {
        About.ADDRESS: _DOCS,
        About.SUBSCRIPTION: f"{_DOCS}/book",
        About.LIMITS: "https://docs.kraken.com/api/docs/guides/futures-rate-limits",
        About.HEARTBEAT: _DOCS,
        About.TIMES: f"{_DOCS}/trade",
        About.SEQUENCE: f"{_DOCS}/book",
        About.SNAPSHOT: f"{_DOCS}/book",
        About.MAINTENANCE: f"{_DOCS}/ticker",
        About.SERVER_TIME: "https://docs.kraken.com/api-reference/instrument-details/get-instrument-status",
    }

    def native(self, symbol: str) -> str:
        """See `FeedVenue.native`: ``BTC/USD:USD`` is ``PF_XBTUSD``, ``BTC/USD:BTC`` the inverse ``PI_XBTUSD``."""
        pair, settle = base_quote(symbol), symbol.partition(":")[2]
        if pair is None or pair[1] != "USD" or settle not in pair:
            return symbol
        kind = "PF" if settle == pair[1] else "PI"
        return f"{kind}_{'XBT' if pair[0] == 'BTC' else pair[0]}USD"

    def ask(self, verb: str, subscriptions: Sequence[Subscription]) -> list[str]:
        """See `CommonVenue.ask`."""
        return [
            msgspec.json.encode({"event": verb, "feed": feed, "product_ids": natives}).decode()
            for feed, natives in by_topic(subscriptions).items()
        ]

    def parse(self, message: bytes) -> Event | Notice | None:
        """See `FeedVenue.parse`."""
        control = _CONTROL.decode(message)
        if control.event:
            return _notice(control)
        return _event(_DATA.decode(message)) if control.feed in _FEEDS else None


def _event(data: _Snapshot | _Change | _Trade | _OldTrades | _Ticker) -> Event:
    if isinstance(data, _Snapshot):
        asks, bids = ([(str(level.price), str(level.qty)) for level in side] for side in (data.asks, data.bids))
        return Event("book", data.product_id, number=data.seq, previous=data.seq - 1, is_snapshot=True, asks=asks, bids=bids)
    if isinstance(data, _OldTrades):
        return Event("trade", data.product_id, is_repeat=True)
    if isinstance(data, _Ticker):
        time_us = None if data.time is None else data.time * _US_PER_MS
        return Event("ticker", data.product_id, time_us, is_crossed=crossed(data.bid, data.ask))
    if data.seq is None:
        raise msgspec.ValidationError("a message of book or trade without its number (seq)")
    if isinstance(data, _Trade):
        return Event("trade", data.product_id, data.time * _US_PER_MS, data.seq, data.seq - 1)
    level = [(str(data.price), str(data.qty))]
    asks, bids = (level, []) if data.side == "sell" else ([], level)
    return Event("book", data.product_id, data.timestamp * _US_PER_MS, data.seq, data.seq - 1, asks=asks, bids=bids)


def _notice(control: _Control) -> Notice | None:
    if control.event not in _REFUSALS:
        return None
    text = control.message or f"{control.event} {control.feed}"
    return Notice(text, is_refusal=True, symbol=control.product_ids[0] if len(control.product_ids) == 1 else "")
