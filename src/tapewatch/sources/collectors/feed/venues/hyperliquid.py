"""Hyperliquid.

Facts, with the page of hyperliquid.gitbook.io (for developers, API) that they are from:

- Address: ``wss://api.hyperliquid.xyz/ws``; one ``subscribe`` message for each stream ("Websocket", "Subscriptions").
- Limits: 10 connections, 30 new ones a minute, 1,000 subscriptions and 2,000 messages a minute for each address ("Rate limits and user
  limits"); more than 1,000 streams are refused, 200 a connection are asked for, and all connections share
  one turn for their messages.
- Heartbeat: the server closes a connection to which it has sent nothing for 60 s; ``{"method": "ping"}`` is answered by channel ``pong``
  ("Timeouts and heartbeats"). It is sent every 15 s: forty seconds without any message mean a broken connection.
- Times: ``time`` in ms, of the block in which it happened ("Subscriptions").
- Sequence: nothing counts; ``tid`` of a trade is a hash of the two orders ("Subscriptions"). The first trades after a subscription are old.
- Resync: every ``l2Book`` message is the whole book of 20 levels a side, at most one for each block and half a second ("Subscriptions"):
  a lost one is made good by the next.
- Maintenance: not told; the connection closes.
- Server time: ``time`` of an ``exchangeStatus`` answer of the info endpoint, ms. The venue's pages name the request and its weight of 2
  ("Rate limits and user limits"); what it answers is told by those who answer the same way (docs.hydromancer.xyz, "exchangeStatus").
- What can be seen: a crossed book on book and ticker; freshness and latency on all. Gaps, duplicates and reorders are unknown.
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
    crossed,
)

_US_PER_MS = 1000

_DOCS = "https://hyperliquid.gitbook.io/hyperliquid-docs/for-developers/api"

TRADE = Channel("trade", "trades", Rule.NONE, Stamp.ENGINE, "Trades; time of their block in ms.", first_repeats=True)
BOOK = Channel(
    "book",
    "l2Book",
    Rule.NONE,
    Stamp.ENGINE,
    "The whole book of 20 levels a side, again and again; time of its block in ms.",
    has_quotes=True,
)
TICKER = Channel(
    "ticker",
    "bbo",
    Rule.NONE,
    Stamp.ENGINE,
    "Best bid and ask whenever they change; time of their block in ms.",
    has_quotes=True,
)

_THOUSANDS = frozenset(("KPEPE", "KSHIB", "KBONK", "KFLOKI", "KLUNC", "KDOGS", "KNEIRO"))
"""Contracts on a thousand coins, which the venue writes with a small ``k`` ("Perpetuals", meta)."""


class _Level(msgspec.Struct, gc=False):
    px: str


class _Trade(msgspec.Struct, gc=False):
    coin: str
    time: int


class _Book(msgspec.Struct, gc=False):
    coin: str
    time: int
    levels: tuple[list[_Level], list[_Level]]


class _Quotes(msgspec.Struct, gc=False):
    coin: str
    time: int
    bbo: tuple[_Level | None, _Level | None]


class _Message(msgspec.Struct, gc=False):
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


_MESSAGE = msgspec.json.Decoder(_Message)
_TRADES = msgspec.json.Decoder(list[_Trade])
_BOOK = msgspec.json.Decoder(_Book)
_QUOTES = msgspec.json.Decoder(_Quotes)
_TEXT = msgspec.json.Decoder(str)


class Hyperliquid(CommonVenue):
    """See the module."""

    id: ClassVar[str] = "hyperliquid"
    address: ClassVar[str] = "wss://api.hyperliquid.xyz/ws"
    channels: ClassVar[tuple[Channel, ...]] = (TRADE, BOOK, TICKER)
    usual: ClassVar[tuple[str, ...]] = ("trade", "book", "ticker")
    limits: ClassVar[Limits] = Limits(
        streams_per_connection=200,
        connect_interval_s=2.0,
        streams_per_request=1,
        request_interval_s=0.03,
        requests_share=True,
        streams=1000,
    )
    heartbeat: ClassVar[Heartbeat] = Heartbeat(
        "A connection to which nothing was sent for 60 s is closed; a ping is answered by channel pong.",
        silence_s=40.0,
        request='{"method":"ping"}',
        every_s=15.0,
    )
    maintenance: ClassVar[str] = "Nothing is announced; the connection is closed."
    server_time: ClassVar[ServerTime | None] = ServerTime(
        "https://api.hyperliquid.xyz/info",
        TimeField(("time",), TimeUnit.MILLISECOND),
        message='{"type":"exchangeStatus"}',
    )
    pages: ClassVar[Mapping[About, str]] = {
        About.ADDRESS: f"{_DOCS}/websocket",
        About.SUBSCRIPTION: f"{_DOCS}/websocket/subscriptions",
        About.LIMITS: f"{_DOCS}/rate-limits-and-user-limits",
        About.HEARTBEAT: f"{_DOCS}/websocket/timeouts-and-heartbeats",
        About.TIMES: f"{_DOCS}/websocket/subscriptions",
        About.SEQUENCE: f"{_DOCS}/websocket/subscriptions",
        About.SNAPSHOT: f"{_DOCS}/websocket/subscriptions",
        About.MAINTENANCE: f"{_DOCS}/websocket/timeouts-and-heartbeats",
        About.SERVER_TIME: "https://docs.hydromancer.xyz/readme/rest-api/metadata/exchangestatus",
    }

    def native(self, symbol: str) -> str:
        """See `FeedVenue.native`: ``BTC/USDC:USDC`` is ``BTC``; a spot pair is written as it is, or by its number as ``@107``."""
        pair = base_quote(symbol)
        if pair is None or ":" not in symbol:
            return symbol
        return f"k{pair[0][1:]}" if pair[0] in _THOUSANDS else pair[0]

    def ask(self, verb: str, subscriptions: Sequence[Subscription]) -> list[str]:
        """See `CommonVenue.ask`."""
        return [
            msgspec.json.encode({"method": verb, "subscription": {"type": wanted.channel.topic, "coin": wanted.native}}).decode()
            for wanted in subscriptions
        ]

    def parse(self, message: bytes) -> Event | Notice | None:
        """See `FeedVenue.parse`."""
        read = _MESSAGE.decode(message)
        if read.channel == BOOK.topic:
            book = _BOOK.decode(read.data)
            bids, asks = book.levels
            return Event("book", book.coin, book.time * _US_PER_MS, is_crossed=crossed(bids[0].px, asks[0].px) if bids and asks else None)
        if read.channel == TRADE.topic:
            trades = _TRADES.decode(read.data)
            return Event("trade", trades[0].coin, max(trade.time for trade in trades) * _US_PER_MS) if trades else None
        if read.channel == TICKER.topic:
            quotes = _QUOTES.decode(read.data)
            bid, ask = quotes.bbo
            return Event("ticker", quotes.coin, quotes.time * _US_PER_MS, is_crossed=crossed(bid.px, ask.px) if bid and ask else None)
        if read.channel == "error":
            return Notice(_TEXT.decode(read.data), is_refusal=True)
        return None
