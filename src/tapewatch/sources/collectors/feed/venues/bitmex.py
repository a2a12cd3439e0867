"""BitMEX.

Facts, from the page "WebSocket API" of www.bitmex.com (app/wsAPI) unless another is named:

- Address: ``wss://ws.bitmex.com/realtime``; topics as ``table:symbol``, in the address or by ``subscribe``.
- Limits: connections are limited by the hour, 300 as the greeting told until 2026-03-30, when its ``limit`` was emptied ("Deprecation of
  'limit' Field in WebSocket Connection Response", www.bitmex.com/blog); subscriptions are not limited once connected. All streams of a
  connection, 100 of them, are asked for in one message.
- Heartbeat: a client that has heard nothing for some seconds may send ``ping`` and is answered ``pong``; WebSocket pings are answered
  too and are what is sent. Silence of a quiet contract is normal.
- Times: ``timestamp`` in ISO 8601 with ms. Of trade and quote, when it happened; of ``orderBookL2_25``, which is throttled, when the levels
  were published, not when the matching engine changed them ("Changes to Order Book Level 2 Data", blog.bitmex.com, 2022).
- Sequence: nothing counts on any topic; trades carry a UUID.
- Resync: the first message of each topic is its state as ``partial``. Levels of the book are named by an id and an update need not repeat
  the price, so no book is kept here.
- Maintenance: requests are answered with an error of status 503 while the system is overloaded or down.
- Server time: ``GET https://www.bitmex.com/api/v1`` gives ``timestamp`` in ms.
- What can be seen: a crossed quote on ticker; freshness and latency on all. Gaps, duplicates and reorders are unknown everywhere.
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
    crossed,
    microseconds,
)

_DOCS = "https://www.bitmex.com/app/wsAPI"

TRADE = Channel("trade", "trade", Rule.NONE, Stamp.ENGINE, "Trades; time of the trade in ms.")
BOOK = Channel(
    "book",
    "orderBookL2_25",
    Rule.NONE,
    Stamp.GATEWAY,
    "The best 25 levels of each side and their changes, throttled; time of publication in ms.",
)
TICKER = Channel("ticker", "quote", Rule.NONE, Stamp.ENGINE, "Best bid and ask whenever they change; time in ms.", has_quotes=True)

_CHANNELS = {channel.topic: channel.name for channel in (TRADE, BOOK, TICKER)}


class _Row(msgspec.Struct, gc=False):
    symbol: str
    timestamp: datetime | None = None
    bidPrice: float | None = None  # noqa: N815 - the venue's spelling
    askPrice: float | None = None  # noqa: N815 - the venue's spelling


class _Message(msgspec.Struct, gc=False):
    """Rows of a table, the answer to a request, or an error."""

    table: str = ""
    action: str = ""
    data: list[_Row] = []
    error: str = ""
    status: int = 0


_MESSAGE = msgspec.json.Decoder(_Message)


class Bitmex(CommonVenue):
    """See the module."""

    id: ClassVar[str] = "bitmex"
    address: ClassVar[str] = "wss://ws.bitmex.com/realtime"
    channels: ClassVar[tuple[Channel, ...]] = (TRADE, BOOK, TICKER)
    usual: ClassVar[tuple[str, ...]] = ("trade", "book", "ticker")
    limits: ClassVar[Limits] = Limits(streams_per_connection=100, connect_interval_s=12.0)
    heartbeat: ClassVar[Heartbeat] = Heartbeat("The server answers pings; the silence of a quiet contract is normal.")
    maintenance: ClassVar[str] = "Nothing is announced on these topics; requests are answered with status 503."
    server_time: ClassVar[ServerTime | None] = ServerTime("https://www.bitmex.com/api/v1", TimeField(("timestamp",), TimeUnit.MILLISECOND))
    pages: ClassVar[Mapping[About, str]] = {
        About.ADDRESS: _DOCS,
        About.SUBSCRIPTION: _DOCS,
        About.LIMITS: "https://www.bitmex.com/blog/api-change-30-03-26",
        About.HEARTBEAT: _DOCS,
        About.TIMES: "https://blog.bitmex.com/api_announcement/changes-to-order-book-level-2-data/",
        About.SEQUENCE: _DOCS,
        About.SNAPSHOT: _DOCS,
        About.MAINTENANCE: _DOCS,
        About.SERVER_TIME: "https://www.bitmex.com/api/explorer/",
    }

    def native(self, symbol: str) -> str:
        """See `FeedVenue.native`: ``BTC/USD:BTC`` is ``XBTUSD``, ``ETH/USD:BTC`` ``ETHUSD``, ``BTC/USDT`` the spot pair ``XBT_USDT``."""
        pair, settle = base_quote(symbol), symbol.partition(":")[2]
        if pair is None:
            return symbol
        base = "XBT" if pair[0] == "BTC" else pair[0]
        if not settle:
            return f"{base}_{pair[1]}"
        return f"{base}{pair[1]}" + ("_ETH" if settle == "ETH" else "")

    def ask(self, verb: str, subscriptions: Sequence[Subscription]) -> list[str]:
        """See `CommonVenue.ask`."""
        topics = [f"{wanted.channel.topic}:{wanted.native}" for wanted in subscriptions]
        return [msgspec.json.encode({"op": verb, "args": topics}).decode()]

    def parse(self, message: bytes) -> Event | Notice | None:
        """See `FeedVenue.parse`."""
        read = _MESSAGE.decode(message)
        if read.error:
            return Notice(f"{read.error} (status {read.status})", is_refusal=True)
        channel = _CHANNELS.get(read.table)
        if channel is None or not read.data:
            return None
        last = read.data[-1]
        time_us = microseconds(max((row.timestamp for row in read.data if row.timestamp), default=None))
        return Event(channel, last.symbol, time_us, is_repeat=read.action == "partial", is_crossed=crossed(last.bidPrice, last.askPrice))
