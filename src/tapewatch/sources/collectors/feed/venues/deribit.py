"""Deribit.

Facts, with the page of docs.deribit.com that they are from:

- Address: ``wss://www.deribit.com/ws/api/v2``, JSON-RPC 2.0; ``public/subscribe`` names any number of channels ("Notifications").
- Limits: 32 connections an address ("Connection Management"); a burst of 10 subscribe requests, 3.3 a second sustained ("Rate Limits");
  all streams are asked for in one request, 200 of them on a connection.
- Heartbeat: only when asked for by ``public/set_heartbeat``, and then each ``test_request`` wants an answer ("Connection Management"): it
  is not asked for; WebSocket pings are sent instead. Silence of a quiet instrument is normal.
- Times: ``timestamp`` in ms: of the change, the trade, the quote ("book", "trades", "quote" of the subscriptions).
- Sequence: ``prev_change_id`` of a book change is ``change_id`` of the message before ("book"); ``trade_seq`` counts an instrument's
  trades without holes, several of which may come in one message ("trades"); quotes carry nothing to count.
- Resync: the first notification after a subscription is the whole book; unsubscribe and subscribe again sends a new one ("book").
- Maintenance: channel ``platform_state`` tells of maintenance and of locked indices ("platform_state"); it is always subscribed.
- Server time: ``public/get_time``, ms.
- What can be seen: gap, duplicate and reorder on trade and book; a crossed book or quote; freshness and latency on all. Channels are
  asked for at 100 ms, the fastest that needs no key.
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

_DOCS = "https://docs.deribit.com"

TRADE = Channel("trade", "trades", Rule.COUNTED, Stamp.ENGINE, "Trades, numbered per instrument; time of the trade in ms.")
BOOK = Channel(
    "book",
    "book",
    Rule.LINKED,
    Stamp.ENGINE,
    "Snapshot, then changes every 100 ms, each naming its predecessor; time in ms.",
    keeps_book=True,
)
TICKER = Channel("ticker", "quote", Rule.NONE, Stamp.ENGINE, "Best bid and ask whenever they change; time in ms.", has_quotes=True)

_INTERVALS = {TRADE.topic: ".100ms", BOOK.topic: ".100ms", TICKER.topic: ""}
_PLATFORM = "platform_state"


class _Book(msgspec.Struct, gc=False):
    type: str
    timestamp: int
    instrument_name: str
    change_id: int
    asks: list[tuple[str, float, float]]
    bids: list[tuple[str, float, float]]
    prev_change_id: int | None = None


class _Trade(msgspec.Struct, gc=False):
    instrument_name: str
    trade_seq: int
    timestamp: int


class _Quote(msgspec.Struct, gc=False):
    timestamp: int
    instrument_name: str
    best_bid_price: float | None = None
    best_ask_price: float | None = None


class _Platform(msgspec.Struct):
    maintenance: bool | None = None
    locked: bool | str | None = None
    price_index: str = ""


class _Params(msgspec.Struct, gc=False):
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"{}")


class _Reason(msgspec.Struct):
    reason: str = ""
    param: str = ""


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""
    data: _Reason | None = None


class _Message(msgspec.Struct, gc=False):
    """A notification, an answer to a request, or an error."""

    params: _Params | None = None
    error: _Error | None = None


_MESSAGE = msgspec.json.Decoder(_Message)
_BOOK = msgspec.json.Decoder(_Book)
_TRADES = msgspec.json.Decoder(list[_Trade])
_QUOTE = msgspec.json.Decoder(_Quote)
_STATE = msgspec.json.Decoder(_Platform)


class Deribit(CommonVenue):
    """See the module."""

    id: ClassVar[str] = "deribit"
    address: ClassVar[str] = "wss://www.deribit.com/ws/api/v2"
    channels: ClassVar[tuple[Channel, ...]] = (TRADE, BOOK, TICKER)
    usual: ClassVar[tuple[str, ...]] = ("trade", "book", "ticker")
    limits: ClassVar[Limits] = Limits(streams_per_connection=200, connect_interval_s=1.0, request_interval_s=0.3)
    heartbeat: ClassVar[Heartbeat] = Heartbeat(
        "None unless asked for by public/set_heartbeat; the silence of a quiet instrument is normal."
    )
    maintenance: ClassVar[str] = "Channel platform_state tells of maintenance and of locked indices."
    server_time: ClassVar[ServerTime | None] = ServerTime(
        "https://www.deribit.com/api/v2/public/get_time", TimeField(("result",), TimeUnit.MILLISECOND)
    )
    pages: ClassVar[Mapping[About, str]] = {
        About.ADDRESS: f"{_DOCS}/articles/connection-management-best-practices",
        About.SUBSCRIPTION: f"{_DOCS}/articles/notifications",
        About.LIMITS: f"{_DOCS}/articles/rate-limits",
        About.HEARTBEAT: f"{_DOCS}/articles/connection-management-best-practices",
        About.TIMES: f"{_DOCS}/subscriptions/orderbook/bookinstrument_nameinterval",
        About.SEQUENCE: f"{_DOCS}/subscriptions/orderbook/bookinstrument_nameinterval",
        About.SNAPSHOT: f"{_DOCS}/subscriptions/orderbook/bookinstrument_nameinterval",
        About.MAINTENANCE: f"{_DOCS}/specifications/deribit_asyncapi.json",
        About.SERVER_TIME: f"{_DOCS}/api-reference/supporting/public-get_time",
    }

    def native(self, symbol: str) -> str:
        """See `FeedVenue.native`: ``BTC/USD:BTC`` is ``BTC-PERPETUAL``, ``SOL/USDC:USDC`` is ``SOL_USDC-PERPETUAL``."""
        pair, settle = base_quote(symbol), symbol.partition(":")[2]
        if pair is None:
            return symbol
        if settle == pair[0] and pair[1] == "USD":
            return f"{pair[0]}-PERPETUAL"
        return "_".join(pair) + ("-PERPETUAL" if settle else "")

    def subscribe(self, subscriptions: Sequence[Subscription]) -> list[str]:
        """See `FeedVenue.subscribe`: the state of the platform comes with the streams."""
        return [_request("subscribe", [_PLATFORM, *map(_channel, subscriptions)])]

    def ask(self, verb: str, subscriptions: Sequence[Subscription]) -> list[str]:
        """See `CommonVenue.ask`."""
        return [_request(verb, list(map(_channel, subscriptions)))]

    def parse(self, message: bytes) -> Event | Notice | None:
        """See `FeedVenue.parse`."""
        read = _MESSAGE.decode(message)
        if read.error is not None:
            detail = read.error.data
            why = f": {detail.param} {detail.reason}" if detail else ""
            return Notice(f"{read.error.message} (code {read.error.code}){why}", is_refusal=True)
        if read.params is None:
            return None
        kind, data = read.params.channel.partition(".")[0], read.params.data
        if kind == BOOK.topic:
            return _book(_BOOK.decode(data))
        if kind == TRADE.topic:
            return _trades(_TRADES.decode(data))
        if kind == TICKER.topic:
            quote = _QUOTE.decode(data)
            is_crossed = crossed(quote.best_bid_price, quote.best_ask_price)
            return Event("ticker", quote.instrument_name, quote.timestamp * _US_PER_MS, is_crossed=is_crossed)
        return _state(_STATE.decode(data)) if kind == _PLATFORM else None


def _book(book: _Book) -> Event:
    asks, bids = ([(str(price), str(amount)) for _, price, amount in side] for side in (book.asks, book.bids))
    previous = -1 if book.prev_change_id is None else book.prev_change_id
    is_snapshot = book.type == "snapshot"
    time_us = book.timestamp * _US_PER_MS
    return Event("book", book.instrument_name, time_us, book.change_id, previous, is_snapshot=is_snapshot, asks=asks, bids=bids)


def _trades(trades: list[_Trade]) -> Event | None:
    if not trades:
        return None
    numbers = [trade.trade_seq for trade in trades]
    time_us = max(trade.timestamp for trade in trades) * _US_PER_MS
    return Event("trade", trades[0].instrument_name, time_us, max(numbers), min(numbers) - 1)


def _state(state: _Platform) -> Notice | None:
    if state.maintenance is not None:
        return Notice("the platform is in maintenance" if state.maintenance else "maintenance is over", is_maintenance=state.maintenance)
    if state.locked is None:
        return None
    is_locked = state.locked not in {False, "false"}
    return Notice(f"{state.price_index or 'the platform'} is {'locked' if is_locked else 'unlocked'}", is_maintenance=is_locked)


def _channel(wanted: Subscription) -> str:
    return f"{wanted.channel.topic}.{wanted.native}{_INTERVALS[wanted.channel.topic]}"


def _request(verb: str, channels: list[str]) -> str:
    return msgspec.json.encode({"jsonrpc": "2.0", "id": 1, "method": f"public/{verb}", "params": {"channels": channels}}).decode()
