"""Bitstamp.

Facts, from the page "Websocket API v2" of www.bitstamp.net unless another is named:

- Address: ``wss://ws.bitstamp.net``; one ``bts:subscribe`` message for each channel.
- Limits: none are named for channels of a connection; 100 streams are asked for. A connection lives for 90 days at most.
- Heartbeat: a client may send ``bts:heartbeat`` and is answered; WebSocket pings are answered too. Silence of a quiet market is normal.
- Times: ``microtimestamp`` in µs as text: of the trade, or of the book; ``timestamp`` is the same in whole seconds.
- Sequence: nothing counts. Trade ids grow, with holes (they number the trades of all markets); the ``microtimestamp`` of a market's book
  changes grows too, as the recording of 2022 shows for each of its 697 changes. So a message that comes twice or late can be told, a
  missing one cannot.
- Resync: changes of the whole book come without a snapshot (it is to be had by REST only), so no book is kept here.
- Maintenance: ``bts:request_reconnect`` asks to connect anew within seconds, before the server closes the connection.
- Server time: no call; what REST answers carry is the time of a book or a trade, not of the server.
- What can be seen: duplicate and reorder on trade and book, no gap; a crossed quote on ticker; freshness and latency on all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

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

_DOCS = "https://www.bitstamp.net/websocket/v2/"

TRADE = Channel("trade", "live_trades", Rule.GROWING, Stamp.ENGINE, "Trades, with ids that grow; time of the trade in µs.")
BOOK = Channel(
    "book",
    "diff_order_book",
    Rule.GROWING,
    Stamp.ENGINE,
    "Changes of the whole book, without a snapshot; time of the book in µs.",
)
TICKER = Channel(
    "ticker",
    "order_book",
    Rule.NONE,
    Stamp.ENGINE,
    "The best 100 levels of each side, again and again; time of the book in µs.",
    has_quotes=True,
)

_CHANNELS = {channel.topic: channel.name for channel in (TRADE, BOOK, TICKER)}


class _Trade(msgspec.Struct, gc=False):
    id: int
    microtimestamp: str


class _Changes(msgspec.Struct, gc=False):
    microtimestamp: str


class _Levels(msgspec.Struct, gc=False):
    microtimestamp: str
    bids: list[list[str]]
    asks: list[list[str]]


class _Trouble(msgspec.Struct):
    message: str = ""


class _Message(msgspec.Struct, gc=False):
    event: str = ""
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"{}")


_MESSAGE = msgspec.json.Decoder(_Message)
_TRADE = msgspec.json.Decoder(_Trade)
_CHANGES = msgspec.json.Decoder(_Changes)
_LEVELS = msgspec.json.Decoder(_Levels)
_TROUBLE = msgspec.json.Decoder(_Trouble)


class Bitstamp(CommonVenue):
    """See the module."""

    id: ClassVar[str] = "bitstamp"
    address: ClassVar[str] = "wss://ws.bitstamp.net"
    channels: ClassVar[tuple[Channel, ...]] = (TRADE, BOOK, TICKER)
    usual: ClassVar[tuple[str, ...]] = ("trade", "book")
    limits: ClassVar[Limits] = Limits(streams_per_connection=100, connect_interval_s=1.0, streams_per_request=1, connection_s=90 * 86_400)
    heartbeat: ClassVar[Heartbeat] = Heartbeat("None unless asked for; the silence of a quiet market is normal.")
    maintenance: ClassVar[str] = "The event bts:request_reconnect asks to connect anew before the server closes."
    server_time: ClassVar[ServerTime | None] = None
    pages: ClassVar[Mapping[About, str]] = {
        About.ADDRESS: _DOCS,
        About.SUBSCRIPTION: _DOCS,
        About.LIMITS: _DOCS,
        About.HEARTBEAT: _DOCS,
        About.TIMES: _DOCS,
        About.SEQUENCE: _DOCS,
        About.SNAPSHOT: _DOCS,
        About.MAINTENANCE: _DOCS,
        About.SERVER_TIME: "https://www.bitstamp.net/api/",
    }

    def native(self, symbol: str) -> str:
        """See `FeedVenue.native`: ``BTC/USD`` is ``btcusd``."""
        pair = base_quote(symbol)
        return ("".join(pair) if pair else symbol).lower()

    def ask(self, verb: str, subscriptions: Sequence[Subscription]) -> list[str]:
        """See `CommonVenue.ask`."""
        return [
            msgspec.json.encode({"event": f"bts:{verb}", "data": {"channel": f"{wanted.channel.topic}_{wanted.native}"}}).decode()
            for wanted in subscriptions
        ]

    def parse(self, message: bytes) -> Event | Notice | None:
        """See `FeedVenue.parse`."""
        read = _MESSAGE.decode(message)
        if read.event in {"data", "trade"}:
            topic, _, market = read.channel.rpartition("_")
            return _event(_CHANNELS.get(topic, ""), market, read.data)
        if read.event == "bts:error":
            return Notice(_TROUBLE.decode(read.data).message, is_refusal=True)
        if read.event == "bts:request_reconnect":
            return Notice("bts:request_reconnect: this server is about to close", is_maintenance=True)
        return None


def _event(channel: str, market: str, data: msgspec.Raw) -> Event | None:
    if channel == BOOK.name:
        time_us = int(_CHANGES.decode(data).microtimestamp)
        return Event(channel, market, time_us, time_us)
    if channel == TRADE.name:
        trade = _TRADE.decode(data)
        return Event(channel, market, int(trade.microtimestamp), trade.id)
    if channel == TICKER.name:
        levels = _LEVELS.decode(data)
        is_crossed = crossed(levels.bids[0][0], levels.asks[0][0]) if levels.bids and levels.asks else None
        return Event(channel, market, int(levels.microtimestamp), is_crossed=is_crossed)
    return None
