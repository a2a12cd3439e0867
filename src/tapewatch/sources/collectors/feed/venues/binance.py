"""Binance spot.

Facts, with the page of developers.binance.com (spot, "WebSocket Streams") unless another is named:

- Address: ``wss://stream.binance.com:9443``, combined streams at ``/stream?streams=a/b``, events wrapped as
  ``{"stream": …, "data": …}``; ``wss://data-stream.binance.vision`` carries market data only.
- Limits: 1,024 streams a connection, 5 incoming messages a second, 300 connections in 5 min and address, disconnected after 24 h.
  Streams are asked for in the address; 200 of them stay below the usual 8 kB of a request line.
- Heartbeat: the server pings every 20 s and wants a pong within a minute; answered by the WebSocket library.
- Times: ``E`` is the event time in ms, when the message was made ("Diff. Depth Stream"); a book ticker carries no time.
- Sequence: ``U`` of a depth event is ``u`` of the one before plus one ("How to manage a local order book correctly"); the aggregate
  trade id ``a`` counts each symbol's trades without holes ("Aggregate Trade Streams"); ``u`` of a book ticker is the number of the
  book's last update, so it grows with holes; kline carries nothing to count.
- Snapshot: by REST only, so no book is kept here.
- Maintenance: a ``serverShutdown`` event before the server goes.
- What can be seen: gap, duplicate and reorder on book and trade; duplicate, reorder and a crossed quote on ticker; freshness on all;
  latency on book, trade and candle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar
from urllib.parse import urlsplit

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
from tapewatch.sources.collectors.feed.venues.common import (
    CommonVenue,
    base_quote,
    crossed,
    number,
    split,
)

_US_PER_MS = 1000
_DOCS = "https://developers.binance.com/docs/binance-spot-api-docs"

TRADE = Channel("trade", "aggTrade", Rule.COUNTED, Stamp.GATEWAY, "Aggregate trades, numbered per symbol; event time in ms.")
BOOK = Channel(
    "book",
    "depth@100ms",
    Rule.LINKED,
    Stamp.GATEWAY,
    "Changes of the book every 100 ms, numbered from first to last; event time in ms.",
)
TICKER = Channel(
    "ticker",
    "bookTicker",
    Rule.GROWING,
    Stamp.NONE,
    "Best bid and ask whenever they change, by the book's number; no time.",
    has_quotes=True,
)
CANDLE = Channel(
    "candle",
    "kline_1m",
    Rule.NONE,
    Stamp.GATEWAY,
    "The present one-minute candle every 250 ms while it changes; event time in ms.",
)


class _Depth(msgspec.Struct, tag_field="e", tag="depthUpdate", gc=False):
    E: int
    s: str
    U: int
    u: int


class _Trade(msgspec.Struct, tag_field="e", tag="aggTrade", gc=False):
    E: int
    s: str
    a: int
    p: str = ""


class _Ticker(msgspec.Struct, gc=False):
    """A book ticker: the one message without a type."""

    u: int
    s: str
    b: str
    a: str


class _Candle(msgspec.Struct, tag_field="e", tag="kline", gc=False):
    E: int
    s: str


class Refusal(msgspec.Struct):
    """What is wrong with a request."""

    code: int = 0
    msg: str = ""


class _Shutdown(msgspec.Struct, tag_field="e", tag="serverShutdown", gc=False):
    E: int = 0


class _Message(msgspec.Struct, gc=False):
    """A combined-stream event, the answer to a request, or an error; ``e`` where an event comes without a wrapper."""

    data: msgspec.Raw = msgspec.Raw()
    stream: str = ""
    error: Refusal | None = None
    e: str = ""


_DECODER = msgspec.json.Decoder(_Message)
_TICKER = msgspec.json.Decoder(_Ticker)
_DATA: msgspec.json.Decoder[_Depth | _Trade | _Candle | _Shutdown] = msgspec.json.Decoder(_Depth | _Trade | _Candle | _Shutdown)
_GOING = Notice("the server is about to shut down", is_maintenance=True)


class Binance(CommonVenue):
    """See the module."""

    id: ClassVar[str] = "binance"
    address: ClassVar[str] = "wss://stream.binance.com:9443"
    channels: ClassVar[tuple[Channel, ...]] = (TRADE, BOOK, TICKER, CANDLE)
    usual: ClassVar[tuple[str, ...]] = ("trade", "book", "ticker")
    limits: ClassVar[Limits] = Limits(streams_per_connection=200, connect_interval_s=1.0, request_interval_s=0.2, connection_s=86_400)
    heartbeat: ClassVar[Heartbeat] = Heartbeat("The server pings every 20 s and wants a pong within a minute.")
    maintenance: ClassVar[str] = "A serverShutdown event shortly before the server goes."
    server_time: ClassVar[ServerTime | None] = ServerTime(
        "https://api.binance.com/api/v3/time", TimeField(("serverTime",), TimeUnit.MILLISECOND)
    )
    pages: ClassVar[Mapping[About, str]] = {
        **dict.fromkeys(About, f"{_DOCS}/web-socket-streams"),
        About.SERVER_TIME: f"{_DOCS}/rest-api/general-endpoints",
    }

    def native(self, symbol: str) -> str:
        """See `FeedVenue.native`: ``BTC/USDT`` is ``BTCUSDT``, as is the contract ``BTC/USDT:USDT`` among the futures."""
        pair = base_quote(symbol)
        return "".join(pair) if pair else symbol.upper()

    def routes(self, url: str, subscriptions: Sequence[Subscription]) -> list[Route]:
        """See `FeedVenue.routes` and `combined`."""
        return combined(url, subscriptions, self.limits.streams_per_connection)

    def parse(self, message: bytes) -> Event | Notice | None:
        """See `FeedVenue.parse`."""
        decoded = _DECODER.decode(message)
        if decoded.error is not None:
            return Notice(f"{decoded.error.msg} (code {decoded.error.code})", is_refusal=True)
        if decoded.e == "serverShutdown":
            return _GOING
        if not bytes(decoded.data):
            return None
        return _event(decoded)


def _event(decoded: _Message) -> Event | Notice:
    """Read what a combined stream carries; a book ticker is known by its stream alone."""
    if decoded.stream.endswith(TICKER.topic):
        quote = _TICKER.decode(decoded.data)
        return Event("ticker", quote.s, number=quote.u, is_crossed=crossed(quote.b, quote.a))
    data = _DATA.decode(decoded.data)
    if type(data) is _Depth:
        return Event("book", data.s, data.E * _US_PER_MS, data.u, data.U - 1)
    if type(data) is _Trade:
        return Event("trade", data.s, data.E * _US_PER_MS, data.a, data.a - 1, price=number(data.p))
    if type(data) is _Candle:
        return Event("candle", data.s, data.E * _US_PER_MS)
    return _GOING


def combined(url: str, subscriptions: Sequence[Subscription], streams_per_connection: int) -> list[Route]:
    """Connections to an address of combined streams, which it names; an address without a path gets the usual one. So do the futures."""
    address = url if urlsplit(url).path.strip("/") else url.rstrip("/") + "/stream"
    return [
        Route(f"{address}?streams={'/'.join(map(_stream, route.subscriptions))}", route.subscriptions)
        for route in split(address, subscriptions, streams_per_connection)
    ]


def _stream(wanted: Subscription) -> str:
    return f"{wanted.native.lower()}@{wanted.channel.topic}"
