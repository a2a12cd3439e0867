"""Binance USD-M futures.

Facts, with the page of developers.binance.com (derivatives, USDⓈ-M futures) that they are from:

- Addresses: ``wss://fstream.binance.com/public`` for diff. book depth and book ticker, ``…/market`` for aggregate trades and
  klines; combined streams at ``/stream?streams=a/b``, events wrapped as ``{"stream": …, "data": …}`` ("Important WebSocket Change
  Notice": the addresses without /public and /market were retired on 2026-04-23; "Websocket Market Streams").
- Limits: 1,024 streams a connection, 10 incoming messages a second, disconnected after 24 h ("Websocket Market Streams").
  Streams are asked for in the address, which keeps clear of the message limit; 200 of them stay below the usual 8 kB of a request line.
- Heartbeat: the server pings every 3 min and wants a pong within 10 min ("Websocket Market Streams"); answered by the WebSocket library.
- Times: ``E`` is the event time in ms, when the message was made; ``T`` the transaction time ("Diff. Book Depth Streams").
- Sequence: ``pu`` of a depth event is ``u`` of the one before ("How to manage a local order book correctly"); the aggregate trade id
  ``a`` counts each symbol's trades without holes ("Aggregate Trade Streams"); book ticker and kline carry nothing to count.
- Snapshot: by REST only, so no book is kept here.
- What can be seen: gap, duplicate and reorder on book and trade; freshness and latency on all; a crossed quote on ticker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import urlsplit, urlunsplit

import msgspec

from tapewatch.sources.collectors.feed.time_field import TimeField, TimeUnit
from tapewatch.sources.collectors.feed.venues.base import (
    About,
    Channel,
    Event,
    Heartbeat,
    Limits,
    Notice,
    Route,
    Rule,
    ServerTime,
    Stamp,
    Subscription,
)
from tapewatch.sources.collectors.feed.venues.binance import Binance, Refusal, combined
from tapewatch.sources.collectors.feed.venues.common import (
    crossed,
    number,
)

_US_PER_MS = 1000
_DOCS = "https://developers.binance.com/docs/derivatives/usds-margined-futures"

TRADE = Channel("trade", "aggTrade", Rule.COUNTED, Stamp.GATEWAY, "Aggregate trades, numbered per symbol; event time in ms.")
BOOK = Channel(
    "book",
    "depth@100ms",
    Rule.LINKED,
    Stamp.GATEWAY,
    "Changes of the book every 100 ms, each naming its predecessor; event time in ms.",
)
TICKER = Channel(
    "ticker",
    "bookTicker",
    Rule.NONE,
    Stamp.GATEWAY,
    "Best bid and ask whenever they change; event time in ms.",
    has_quotes=True,
)
CANDLE = Channel(
    "candle",
    "kline_1m",
    Rule.NONE,
    Stamp.GATEWAY,
    "The present one-minute candle every 250 ms while it changes; event time in ms.",
)

_PUBLIC = (BOOK.name, TICKER.name)


class _Depth(msgspec.Struct, tag_field="e", tag="depthUpdate", gc=False):
    E: int
    s: str
    u: int
    pu: int


class _Trade(msgspec.Struct, tag_field="e", tag="aggTrade", gc=False):
    E: int
    s: str
    a: int
    p: str = ""


class _Ticker(msgspec.Struct, tag_field="e", tag="bookTicker", gc=False):
    E: int
    s: str
    b: str
    a: str


class _Candle(msgspec.Struct, tag_field="e", tag="kline", gc=False):
    E: int
    s: str


class _Message(msgspec.Struct, gc=False):
    """A combined-stream event, the answer to a request, or an error."""

    data: _Depth | _Trade | _Ticker | _Candle | None = None
    error: Refusal | None = None


_DECODER = msgspec.json.Decoder(_Message)


def pages(docs: str, address: str) -> Mapping[About, str]:
    """The pages of a kind of futures: they have the same names for all; ``address`` is the one that tells the address."""
    streams = f"{docs}/websocket-market-streams"
    return {
        **dict.fromkeys(About, streams),
        About.ADDRESS: f"{streams}/{address}",
        About.TIMES: f"{streams}/Diff-Book-Depth-Streams",
        About.SEQUENCE: f"{streams}/How-to-manage-a-local-order-book-correctly",
        About.SNAPSHOT: f"{streams}/How-to-manage-a-local-order-book-correctly",
        About.SERVER_TIME: f"{docs}/market-data/rest-api/Check-Server-Time",
    }


class BinanceUsdm(Binance):
    """See the module."""

    id: ClassVar[str] = "binance_usdm"
    address: ClassVar[str] = "wss://fstream.binance.com"
    channels: ClassVar[tuple[Channel, ...]] = (TRADE, BOOK, TICKER, CANDLE)
    limits: ClassVar[Limits] = Limits(streams_per_connection=200, connect_interval_s=1.0, request_interval_s=0.1, connection_s=86_400)
    heartbeat: ClassVar[Heartbeat] = Heartbeat("The server pings every 3 min and wants a pong within 10 min.")
    maintenance: ClassVar[str] = "Nothing is announced on the connection; it is closed."
    server_time: ClassVar[ServerTime | None] = ServerTime(
        "https://fapi.binance.com/fapi/v1/time", TimeField(("serverTime",), TimeUnit.MILLISECOND)
    )
    pages: ClassVar[Mapping[About, str]] = pages(_DOCS, "Important-WebSocket-Change-Notice")

    def routes(self, url: str, subscriptions: Sequence[Subscription]) -> list[Route]:
        """See `FeedVenue.routes`: an address with a path of its own (a proxy, a test network) carries all streams."""
        parts = urlsplit(url)
        if parts.path.strip("/"):
            groups = {parts.path: list(subscriptions)}
        else:
            groups = {
                "/public/stream": [wanted for wanted in subscriptions if wanted.channel.name in _PUBLIC],
                "/market/stream": [wanted for wanted in subscriptions if wanted.channel.name not in _PUBLIC],
            }
        return [
            route
            for path, group in groups.items()
            for route in combined(urlunsplit(parts._replace(path=path)), group, self.limits.streams_per_connection)
        ]

    def parse(self, message: bytes) -> Event | Notice | None:
        """See `FeedVenue.parse`."""
        decoded = _DECODER.decode(message)
        data = decoded.data
        if type(data) is _Depth:
            return Event("book", data.s, data.E * _US_PER_MS, data.u, data.pu)
        if type(data) is _Ticker:
            return Event("ticker", data.s, data.E * _US_PER_MS, is_crossed=crossed(data.b, data.a))
        if type(data) is _Trade:
            return Event("trade", data.s, data.E * _US_PER_MS, data.a, data.a - 1, price=number(data.p))
        if type(data) is _Candle:
            return Event("candle", data.s, data.E * _US_PER_MS)
        if decoded.error is not None:
            return Notice(f"{decoded.error.msg} (code {decoded.error.code})", is_refusal=True)
        return None
