"""OKX, WebSocket v5, public channels.

Facts, with the section of www.okx.com/docs-v5 that they are from unless another page is named:

- Address: ``wss://ws.okx.com/ws/v5/public`` ("Production Trading Services"); the port 8443 of before is closed since 2026-10-31.
- Limits: 3 connections a second and address; 480 messages an hour that subscribe or unsubscribe on a connection; 64 kB of arguments in
  all ("WebSocket, Connect" and "Subscribe"): 200 streams are asked for, 100 in a request.
- Heartbeat: a connection on which nothing was sent for 30 s is closed; the text ``ping`` is answered by ``pong`` ("Connect").
- Times: ``ts`` in ms: of a trade when it was filled, of a book and a ticker when the message was made.
- Sequence: ``prevSeqId`` of a book message is ``seqId`` of the one before, also when nothing changed (both equal) and when the venue counts
  anew after maintenance (``seqId`` is the smaller one) ("WS / Order book channel", sequence id). Trades: several trades of one taker
  order come as one message with the last ``tradeId``, so ids grow with holes ("WS / Trades channel").
- Checksum: a signed CRC32 of the best 25 levels until 2026-06-23, 0 since (help page "OKX Order Book Channels Checksum Field
  Deprecation"): compared only when it is not 0. Recordings from before ``seqId`` have only the checksum: gaps are unknown there.
- Snapshot: the first message after a subscription; the venue announced for August 2026 that it will send none ("Changelog"): without one
  no book is kept, and the sequence is followed all the same. Unsubscribing and subscribing again begins anew.
- Maintenance: a ``notice`` event with code 64008 about a minute before the connection is closed ("Notification").
- Server time: ``GET https://www.okx.com/api/v5/public/time``, ms ("Get system time").
- What can be seen: gap, duplicate, reorder and, where they are sent, checksum and crossed book on book; duplicate, reorder and a price
  outside the ticker's 24 hours on trade; a crossed quote on ticker; freshness and latency on all. The first trade and ticker repeat what
  was before the subscription.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    base_quote,
    crossed,
    in_turns,
    number,
)

_US_PER_MS = 1000
_UNSIGNED = 0xFFFFFFFF
_CLOSING = "64008"
_DOCS = "https://www.okx.com/docs-v5/en/"

TRADE = Channel(
    "trade",
    "trades",
    Rule.GROWING,
    Stamp.ENGINE,
    "Trades, joined by taker order; time of the fill in ms.",
    first_repeats=True,
    has_day_range=True,
)
BOOK = Channel(
    "book",
    "books",
    Rule.LINKED,
    Stamp.GATEWAY,
    "Changes of 400 levels every 100 ms, each naming its predecessor; time of the message in ms.",
    keeps_book=True,
    checksum=Checksum(25, in_turns),
)
TICKER = Channel(
    "ticker",
    "tickers",
    Rule.NONE,
    Stamp.GATEWAY,
    "Last price, best quotes and the day's statistics; time of the message in ms.",
    has_quotes=True,
    first_repeats=True,
)

_NAMES = {channel.topic: channel.name for channel in (TRADE, BOOK, TICKER)}


class _Arg(msgspec.Struct, gc=False):
    channel: str = ""
    instId: str = ""  # noqa: N815 - the venue's spelling


class _Item(msgspec.Struct, gc=False):
    """An entry of ``data`` of any of the three channels."""

    ts: str
    asks: list[list[str]] = []
    bids: list[list[str]] = []
    checksum: int = 0
    seqId: int | None = None  # noqa: N815 - the venue's spelling
    prevSeqId: int = -1  # noqa: N815 - the venue's spelling
    tradeId: str | None = None  # noqa: N815 - the venue's spelling
    askPx: str = ""  # noqa: N815 - the venue's spelling
    bidPx: str = ""  # noqa: N815 - the venue's spelling
    px: str = ""
    low24h: str = ""
    high24h: str = ""


class _Message(msgspec.Struct, gc=False):
    event: str = ""
    arg: _Arg = msgspec.field(default_factory=_Arg)
    action: str = ""
    code: str = ""
    msg: str = ""
    data: list[_Item] = []


_DECODER = msgspec.json.Decoder(_Message)


class Okx(CommonVenue):
    """See the module."""

    id: ClassVar[str] = "okx"
    address: ClassVar[str] = "wss://ws.okx.com/ws/v5/public"
    channels: ClassVar[tuple[Channel, ...]] = (TRADE, BOOK, TICKER)
    usual: ClassVar[tuple[str, ...]] = ("trade", "book", "ticker")
    limits: ClassVar[Limits] = Limits(
        streams_per_connection=200, connect_interval_s=0.5, streams_per_request=100, request_interval_s=0.4, asks_per_hour=480
    )
    heartbeat: ClassVar[Heartbeat] = Heartbeat(
        "The text ping at least every 30 s, answered by pong.", silence_s=30.0, request="ping", every_s=15.0
    )
    maintenance: ClassVar[str] = "A notice event with code 64008 shortly before the connection is closed."
    server_time: ClassVar[ServerTime | None] = ServerTime(
        "https://www.okx.com/api/v5/public/time", TimeField(("data", 0, "ts"), TimeUnit.MILLISECOND)
    )
    pages: ClassVar[Mapping[About, str]] = {
        About.ADDRESS: f"{_DOCS}#overview-production-trading-services",
        About.SUBSCRIPTION: f"{_DOCS}#overview-websocket-subscribe",
        About.LIMITS: f"{_DOCS}#overview-websocket-connect",
        About.HEARTBEAT: f"{_DOCS}#overview-websocket-connect",
        About.TIMES: f"{_DOCS}#order-book-trading-market-data-ws-order-book-channel",
        About.SEQUENCE: f"{_DOCS}#order-book-trading-market-data-ws-order-book-channel",
        About.SNAPSHOT: "https://www.okx.com/docs-v5/log_en/",
        About.MAINTENANCE: f"{_DOCS}#overview-websocket-notification",
        About.SERVER_TIME: f"{_DOCS}#public-data-rest-api-get-system-time",
    }

    def native(self, symbol: str) -> str:
        """See `FeedVenue.native`: ``BTC/USDT`` is ``BTC-USDT``, ``BTC/USDT:USDT`` ``BTC-USDT-SWAP``, with a date the date instead."""
        pair = base_quote(symbol)
        if pair is None:
            return symbol
        settle = symbol.partition(":")[2]
        return "-".join((*pair, settle.partition("-")[2] or "SWAP") if settle else pair)

    def book_entry(self, price: str, quantity: str) -> str:
        """See `FeedVenue.book_entry`."""
        return f"{price}:{quantity}"

    def ask(self, verb: str, subscriptions: Sequence[Subscription]) -> list[str]:
        """See `CommonVenue.ask`."""
        args = [{"channel": wanted.channel.topic, "instId": wanted.native} for wanted in subscriptions]
        return [msgspec.json.encode({"op": verb, "args": args}).decode()]

    def parse(self, message: bytes) -> Event | Notice | None:
        """See `FeedVenue.parse`."""
        if message == b"pong":
            return None
        decoded = _DECODER.decode(message)
        if decoded.event == "error":
            return Notice(f"{decoded.msg} (code {decoded.code})", is_refusal=True)
        if decoded.event == "notice":
            return Notice(f"{decoded.msg} (code {decoded.code})", is_maintenance=decoded.code == _CLOSING)
        channel = _NAMES.get(decoded.arg.channel)
        if decoded.event or channel is None:
            return None
        return _event(channel, decoded)


def _event(channel: str, decoded: _Message) -> Event:
    item, symbol = decoded.data[-1], decoded.arg.instId
    time_us = int(item.ts) * _US_PER_MS
    if channel == BOOK.name:
        return Event(
            channel,
            symbol,
            time_us,
            item.seqId,
            item.prevSeqId,
            is_snapshot=decoded.action == "snapshot",
            asks=item.asks,
            bids=item.bids,
            checksum=item.checksum & _UNSIGNED if item.checksum else None,
        )
    if channel == TRADE.name:
        price = number(item.px)
        return Event(channel, symbol, time_us, int(item.tradeId) if item.tradeId else None, low=price, high=price)
    is_crossed = crossed(item.bidPx, item.askPx)
    return Event(channel, symbol, time_us, is_crossed=is_crossed, low=number(item.low24h), high=number(item.high24h))
