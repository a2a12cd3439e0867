"""Coinbase Exchange.

Facts, with the page of docs.cdp.coinbase.com (Exchange, WebSocket feed) that they are from:

- Address: ``wss://ws-feed.exchange.coinbase.com``; a subscribe message must follow within 5 s ("Overview").
- Limits: 8 connections a second and address, bursts of 20; 100 messages a second to the server; 10 subscriptions of the same
  product and channel ("Rate limits"). The number of products of a connection is not limited by the page; 300 streams are asked for.
- Channels: ``level2`` needs a key, ``level2_batch`` carries the same messages every 50 ms without one; ``matches`` begins with the
  last match before the subscription as ``last_match``; ``ticker`` comes with each match, cascades batched ("Channels").
- Heartbeat: none unless subscribed; silence of a quiet product is normal. WebSocket pings are answered.
- Times: ``time`` in ISO 8601 with µs, when the matching engine acted ("Channels").
- Sequence: ``trade_id`` of matches counts a product's trades without holes; ``sequence`` counts messages of the full channel, so it
  skips in every other one ("Overview", sequence numbers); level 2 and ticker carry nothing that can be counted.
- Resync: unsubscribe and subscribe again sends a new level-2 snapshot ("Channels").
- Server time: ``GET https://api.exchange.coinbase.com/time``, ms as ``iso`` ("Get server time").
- What can be seen: gap, duplicate, reorder and a price outside the ticker's 24 hours on trade; a crossed book or quote; freshness and
  latency on all. The first ticker and ``last_match`` repeat a trade from before the subscription: no latency.
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
    microseconds,
    number,
)

_DOCS = "https://docs.cdp.coinbase.com/exchange"

TRADE = Channel(
    "trade",
    "matches",
    Rule.COUNTED,
    Stamp.ENGINE,
    "Matches, numbered per product; time of the matching engine in µs.",
    has_day_range=True,
)
BOOK = Channel(
    "book",
    "level2_batch",
    Rule.NONE,
    Stamp.ENGINE,
    "Snapshot, then changes every 50 ms; time of the matching engine in µs.",
    keeps_book=True,
)
TICKER = Channel(
    "ticker",
    "ticker",
    Rule.NONE,
    Stamp.ENGINE,
    "Last price and best quotes at each match; time of that match in µs.",
    has_quotes=True,
    first_repeats=True,
)
LEVEL2 = Channel(
    "book",
    "level2",
    Rule.NONE,
    Stamp.ENGINE,
    "Snapshot, then every change (needs a key); time of the matching engine in µs.",
    keeps_book=True,
)


class _Match(msgspec.Struct, tag_field="type", tag="match", gc=False):
    product_id: str
    trade_id: int
    time: datetime
    price: str


class _LastMatch(msgspec.Struct, tag_field="type", tag="last_match", gc=False):
    product_id: str
    trade_id: int
    time: datetime


class _Ticker(msgspec.Struct, tag_field="type", tag="ticker", gc=False):
    product_id: str
    time: datetime | None = None
    best_bid: str = ""
    best_ask: str = ""
    low_24h: str = ""
    high_24h: str = ""


class _Update(msgspec.Struct, tag_field="type", tag="l2update", gc=False):
    product_id: str
    changes: list[tuple[str, str, str]]
    time: datetime | None = None


class _Snapshot(msgspec.Struct, tag_field="type", tag="snapshot", gc=False):
    product_id: str
    asks: list[tuple[str, str]]
    bids: list[tuple[str, str]]


class _Heartbeat(msgspec.Struct, tag_field="type", tag="heartbeat", gc=False):
    product_id: str


class _Subscriptions(msgspec.Struct, tag_field="type", tag="subscriptions", gc=False):
    pass


class _Error(msgspec.Struct, tag_field="type", tag="error"):
    message: str = ""
    reason: str = ""


class _Typed(msgspec.Struct):
    type: str


_Message = _Update | _Match | _Ticker | _LastMatch | _Snapshot | _Heartbeat | _Subscriptions | _Error
_DECODER: msgspec.json.Decoder[_Message] = msgspec.json.Decoder(_Message)
_TYPE = msgspec.json.Decoder(_Typed)
_TYPES = frozenset(("l2update", "match", "ticker", "last_match", "snapshot", "heartbeat", "subscriptions", "error"))


class Coinbase(CommonVenue):
    """See the module."""

    id: ClassVar[str] = "coinbase"
    address: ClassVar[str] = "wss://ws-feed.exchange.coinbase.com"
    channels: ClassVar[tuple[Channel, ...]] = (TRADE, BOOK, TICKER, LEVEL2)
    usual: ClassVar[tuple[str, ...]] = ("trade", "book", "ticker")
    limits: ClassVar[Limits] = Limits(streams_per_connection=300, connect_interval_s=0.5, request_interval_s=0.01)
    heartbeat: ClassVar[Heartbeat] = Heartbeat("None unless subscribed; the silence of a quiet product is normal.")
    maintenance: ClassVar[str] = "Nothing is announced on these channels; the connection is closed."
    server_time: ClassVar[ServerTime | None] = ServerTime("https://api.exchange.coinbase.com/time", TimeField(("iso",), TimeUnit.ISO))
    pages: ClassVar[Mapping[About, str]] = {
        About.ADDRESS: f"{_DOCS}/websocket-feed/overview",
        About.SUBSCRIPTION: f"{_DOCS}/websocket-feed/channels",
        About.LIMITS: f"{_DOCS}/websocket-feed/rate-limits",
        About.HEARTBEAT: f"{_DOCS}/websocket-feed/channels",
        About.TIMES: f"{_DOCS}/websocket-feed/channels",
        About.SEQUENCE: f"{_DOCS}/websocket-feed/overview",
        About.SNAPSHOT: f"{_DOCS}/websocket-feed/channels",
        About.MAINTENANCE: f"{_DOCS}/websocket-feed/channels",
        About.SERVER_TIME: f"{_DOCS}/reference/exchangerestapi_gettime",
    }

    def native(self, symbol: str) -> str:
        """See `FeedVenue.native`: ``BTC/USD`` is ``BTC-USD``."""
        pair = base_quote(symbol)
        return "-".join(pair) if pair else symbol

    def ask(self, verb: str, subscriptions: Sequence[Subscription]) -> list[str]:
        """See `CommonVenue.ask`."""
        channels = [{"name": topic, "product_ids": products} for topic, products in by_topic(subscriptions).items()]
        return [msgspec.json.encode({"type": verb, "channels": channels}).decode()]

    def parse(self, message: bytes) -> Event | Notice | None:
        """See `FeedVenue.parse`."""
        try:
            decoded = _DECODER.decode(message)
        except msgspec.ValidationError:
            # the venue may add types at any time and asks its readers to pass over them ("Overview", protocol)
            if _TYPE.decode(message).type in _TYPES:
                raise
            return None
        if type(decoded) is _Error:
            return Notice(": ".join(part for part in (decoded.message, decoded.reason) if part), is_refusal=True)
        return _event(decoded)


def _event(data: _Message) -> Event | None:
    if type(data) is _Update:
        asks = [change[1:] for change in data.changes if change[0] == "sell"]
        bids = [change[1:] for change in data.changes if change[0] == "buy"]
        return Event("book", data.product_id, microseconds(data.time), asks=asks, bids=bids)
    if type(data) is _Match:
        price = float(data.price)
        return Event("trade", data.product_id, microseconds(data.time), data.trade_id, data.trade_id - 1, low=price, high=price)
    if type(data) is _Ticker:
        return Event(
            "ticker",
            data.product_id,
            microseconds(data.time),
            is_crossed=crossed(data.best_bid, data.best_ask),
            low=number(data.low_24h),
            high=number(data.high_24h),
        )
    if type(data) is _LastMatch:
        return Event("trade", data.product_id, None, data.trade_id, data.trade_id - 1, is_repeat=True)
    if type(data) is _Snapshot:
        return Event("book", data.product_id, is_snapshot=True, asks=data.asks, bids=data.bids)
    return None
