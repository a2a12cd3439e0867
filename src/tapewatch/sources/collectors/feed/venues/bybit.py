"""Bybit: spot, linear and inverse, WebSocket v5 public; messages of the recorded protocol v1 are understood too.

Facts, with the page of bybit-exchange.github.io/docs/v5 that they are from:

- Address: ``wss://stream.bybit.com/v5/public/`` and ``spot``, ``linear`` or ``inverse``; a symbol that settles in its quote is linear, one
  that settles in its base inverse, one without a settlement spot ("Connect").
- Limits: 500 connections in 5 min and domain; 10 topics in a request on spot ("Connect"). 200 streams are asked for, 10 in a request.
- Heartbeat: ``{"op": "ping"}`` every 20 s, answered ("Connect").
- Depth: 50, 200 or 1,000 levels; with one level every message is a snapshot, so that nothing could be seen missing ("Orderbook").
- Times: ``cts`` of a book in ms, when the matching engine made it; ``T`` of a trade, when it was filled; ``ts`` of a ticker, when the
  message was made ("Orderbook", "Trade", "Ticker").
- Sequence: ``u`` of a book counts its messages without holes; 1 comes with a snapshot after a restart ("Orderbook"). Trades carry
  ids that are no numbers, tickers nothing to count.
- Snapshot: the first message after a subscription, and again after a problem of the venue's; it replaces the book ("Orderbook"). One of
  the number of the message before is compared with the kept book.
- Maintenance: on a connection of its own, ``wss://stream.bybit.com/v5/public/misc/status`` ("System Status").
- Version 1 (until 2023): ``orderBookL2_25`` with ``insert``, ``update`` and ``delete``; ``cross_seq`` skips, so that its gaps are unknown.
- Server time: ``timeNano`` of ``GET https://api.bybit.com/v5/market/time`` ("Get Bybit Server Time").
- What can be seen: gap, duplicate, reorder, a contradicting snapshot and a crossed book on book (of v1 the last only); a crossed quote on
  ticker of a contract; a price outside the ticker's 24 hours on trade, block trades (``BT``) left aside; freshness and latency on all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
_DOCS = "https://bybit-exchange.github.io/docs/v5"

TRADE = Channel("trade", "publicTrade", Rule.NONE, Stamp.ENGINE, "Trades; time of the fill in ms.", first_repeats=True, has_day_range=True)
BOOK = Channel(
    "book",
    "orderbook",
    Rule.COUNTED,
    Stamp.ENGINE,
    "Snapshot, then numbered changes every 20 to 200 ms; time of the matching engine in ms.",
    keeps_book=True,
    repeats_snapshot=True,
)
TICKER = Channel(
    "ticker",
    "tickers",
    Rule.NONE,
    Stamp.GATEWAY,
    "Last price, best quotes and the day's statistics as they change; time of the message in ms.",
    has_quotes=True,
)


class _Book(msgspec.Struct, gc=False):
    s: str
    u: int
    b: list[tuple[str, str]] = []
    a: list[tuple[str, str]] = []


class _Trade(msgspec.Struct, gc=False):
    """A trade of v5 (``T``, ``s``, ``p``; ``BT`` of one that was agreed beside the book) or of v1."""

    T: int = 0
    s: str = ""
    p: str = ""
    BT: bool = False
    trade_time_ms: str | int = 0
    symbol: str = ""


class _Ticker(msgspec.Struct, gc=False):
    symbol: str
    bid1Price: str = ""  # noqa: N815 - the venue's spelling
    ask1Price: str = ""  # noqa: N815 - the venue's spelling
    lowPrice24h: str = ""  # noqa: N815 - the venue's spelling
    highPrice24h: str = ""  # noqa: N815 - the venue's spelling


class _Level(msgspec.Struct, gc=False):
    """A level of v1; one that is deleted has no size."""

    price: str
    side: str
    size: float = 0.0


class _Levels(msgspec.Struct, gc=False):
    order_book: list[_Level] | None = None
    delete: list[_Level] = []
    update: list[_Level] = []
    insert: list[_Level] = []


class _Message(msgspec.Struct, gc=False):
    """Data of a topic, or the answer to a request."""

    topic: str = ""
    type: str = ""
    ts: int = 0
    cts: int = 0
    timestamp_e6: str | int = 0
    data: msgspec.Raw = msgspec.Raw()
    success: bool = True
    ret_msg: str = ""


_DECODER = msgspec.json.Decoder(_Message)
_BOOK = msgspec.json.Decoder(_Book)
_TRADES = msgspec.json.Decoder(list[_Trade])
_TICKER = msgspec.json.Decoder(_Ticker)
_LEVELS = msgspec.json.Decoder(_Levels)


class Bybit(CommonVenue):
    """See the module."""

    id: ClassVar[str] = "bybit"
    address: ClassVar[str] = "wss://stream.bybit.com"
    channels: ClassVar[tuple[Channel, ...]] = (TRADE, BOOK, TICKER)
    usual: ClassVar[tuple[str, ...]] = ("trade", "book", "ticker")
    depths: ClassVar[tuple[int, ...]] = (50, 200, 1000)
    limits: ClassVar[Limits] = Limits(streams_per_connection=200, connect_interval_s=1.0, streams_per_request=10, request_interval_s=0.05)
    heartbeat: ClassVar[Heartbeat] = Heartbeat(
        "A ping request every 20 s, which is answered.", silence_s=45.0, request='{"op":"ping"}', every_s=20.0
    )
    maintenance: ClassVar[str] = "On a connection of its own (misc/status); here the connection is closed."
    server_time: ClassVar[ServerTime | None] = ServerTime(
        "https://api.bybit.com/v5/market/time", TimeField(("result", "timeNano"), TimeUnit.NANOSECOND)
    )
    pages: ClassVar[Mapping[About, str]] = {
        About.ADDRESS: f"{_DOCS}/ws/connect",
        About.SUBSCRIPTION: f"{_DOCS}/ws/connect",
        About.LIMITS: f"{_DOCS}/ws/connect",
        About.HEARTBEAT: f"{_DOCS}/ws/connect",
        About.TIMES: f"{_DOCS}/websocket/public/orderbook",
        About.SEQUENCE: f"{_DOCS}/websocket/public/orderbook",
        About.SNAPSHOT: f"{_DOCS}/websocket/public/orderbook",
        About.MAINTENANCE: f"{_DOCS}/websocket/system/system-status",
        About.SERVER_TIME: f"{_DOCS}/market/time",
    }

    def __init__(self, book_depth: int | None = None) -> None:
        """Take the depth of books; None for the smallest."""
        self._depth = book_depth or self.depths[0]

    def native(self, symbol: str) -> str:
        """See `FeedVenue.native`: ``BTC/USDT`` and ``BTC/USDT:USDT`` are both ``BTCUSDT``, on different addresses."""
        pair = base_quote(symbol)
        return "".join(pair) if pair else symbol.upper()

    def routes(self, url: str, subscriptions: Sequence[Subscription]) -> list[Route]:
        """See `FeedVenue.routes`: an address with a path of its own carries all streams."""
        if urlsplit(url).path.strip("/"):
            return list(split(url, subscriptions, self.limits.streams_per_connection))
        by_category: dict[str, list[Subscription]] = {}
        for wanted in subscriptions:
            by_category.setdefault(_category(wanted.symbol), []).append(wanted)
        return [
            route
            for category, group in by_category.items()
            for route in split(f"{url.rstrip('/')}/v5/public/{category}", group, self.limits.streams_per_connection)
        ]

    def ask(self, verb: str, subscriptions: Sequence[Subscription]) -> list[str]:
        """See `CommonVenue.ask`."""
        return [msgspec.json.encode({"op": verb, "args": [self._topic(wanted) for wanted in subscriptions]}).decode()]

    def parse(self, message: bytes) -> Event | Notice | None:
        """See `FeedVenue.parse`."""
        decoded = _DECODER.decode(message)
        if not decoded.success:
            return Notice(decoded.ret_msg, is_refusal=True)
        topic = decoded.topic.partition(".")[0]
        read = _READERS.get(topic)
        return read(decoded) if read is not None else None

    def _topic(self, wanted: Subscription) -> str:
        words = (BOOK.topic, str(self._depth)) if wanted.channel.name == BOOK.name else (wanted.channel.topic,)
        return ".".join((*words, wanted.native))


def _category(symbol: str) -> str:
    """The part of the address that a symbol's streams are at."""
    pair, settle = base_quote(symbol), symbol.partition(":")[2].partition("-")[0]
    if pair is None or not settle:
        return "spot"
    return "inverse" if settle == pair[0] else "linear"


def _read_book(message: _Message) -> Event:
    book = _BOOK.decode(message.data)
    time_us = (message.cts or message.ts) * _US_PER_MS
    is_snapshot = message.type == "snapshot"
    return Event("book", book.s, time_us, book.u, book.u - 1, is_snapshot=is_snapshot, asks=book.a, bids=book.b)


def _read_trades(message: _Message) -> Event:
    trades = _TRADES.decode(message.data)
    last = trades[-1]
    time_us = max(trade.T or int(trade.trade_time_ms) for trade in trades) * _US_PER_MS
    # what was agreed beside the book may lie outside the day's range; messages of v1 meet no ticker
    prices = [float(trade.p) for trade in trades if trade.p and not trade.BT]
    return Event("trade", last.s or last.symbol, time_us, low=min(prices, default=None), high=max(prices, default=None))


def _read_ticker(message: _Message) -> Event:
    quotes = _TICKER.decode(message.data)
    return Event(
        "ticker",
        quotes.symbol,
        message.ts * _US_PER_MS,
        is_crossed=crossed(quotes.bid1Price, quotes.ask1Price),
        low=number(quotes.lowPrice24h),
        high=number(quotes.highPrice24h),
    )


def _read_book_v1(message: _Message) -> Event:
    levels = _LEVELS.decode(message.data)
    changed = levels.order_book if levels.order_book is not None else [*levels.delete, *levels.update, *levels.insert]
    return Event(
        "book",
        message.topic.rpartition(".")[2],
        int(message.timestamp_e6),
        is_snapshot=levels.order_book is not None,
        asks=list(_side("Sell", changed)),
        bids=list(_side("Buy", changed)),
    )


def _side(side: str, levels: Sequence[_Level]) -> Iterator[tuple[str, str]]:
    return ((level.price, str(level.size)) for level in levels if level.side == side)


_READERS = {
    "orderbook": _read_book,
    "publicTrade": _read_trades,
    "tickers": _read_ticker,
    "orderBookL2_25": _read_book_v1,
    "trade": _read_trades,
}
