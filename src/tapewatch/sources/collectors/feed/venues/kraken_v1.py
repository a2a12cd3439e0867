"""Kraken spot, WebSocket v1: still served, frozen; today's protocol is in `kraken`.

Facts, with the page of docs.kraken.com that they are from:

- Address: ``wss://ws.kraken.com``; subscriptions by ``subscribe`` events, each answered by ``subscriptionStatus`` (WebSockets v1,
  "Subscribe").
- Limits: about 150 connections in 10 min and address ("Rate limits" of the support pages); a connection carries any number of pairs;
  200 streams are asked for.
- Heartbeat: a ``heartbeat`` event about once a second when nothing else is sent and something is subscribed (WebSockets v1,
  "Heartbeat"): ten seconds without any message mean a broken connection.
- Depth: 10, 25, 100, 500 or 1,000 levels (WebSockets v1, "Book"). Levels that fall out are forgotten; those that come back are sent
  again with the mark ``r`` and their old time.
- Times: each level and each trade carries the time of the matching engine in seconds with µs; ticker carries none.
- Sequence: no numbers. Each book update carries ``c``, the CRC32 of the ten best asks and bids, prices and quantities without the
  point and leading zeros ("Book checksum (WebSocket v1)").
- Resync: unsubscribe and subscribe again sends a new snapshot ("Book").
- Server time: the REST call tells whole seconds only ("Get Server Time"); ``ping`` is answered without a time ("Ping").
- What can be seen: a lost, altered or swapped update on book (checksum; a repeated one changes nothing); a crossed book or quote; a price
  outside the ticker's 24 hours on trade; freshness on all; latency on book and trade. Gaps, duplicates and reorders are unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec

from tapewatch.model.venue import ASSET_ALIASES
from tapewatch.sources.collectors.feed.time_field import TimeField, TimeUnit
from tapewatch.sources.collectors.feed.venues.base import (
    About,
    Channel,
    Checksum,
    Event,
    Heartbeat,
    Notice,
    Rule,
    ServerTime,
    Stamp,
    Subscription,
)
from tapewatch.sources.collectors.feed.venues.common import (
    asks_then_bids,
    base_quote,
    by_topic,
    crossed,
    number,
)
from tapewatch.sources.collectors.feed.venues.kraken import Kraken

_EXCHANGE = "https://docs.kraken.com/exchange"
_DOCS = "https://docs.kraken.com/api/docs"

TRADE = Channel(
    "trade", "trade", Rule.NONE, Stamp.ENGINE, "Trades; time of the matching engine in µs.", first_repeats=True, has_day_range=True
)
BOOK = Channel(
    "book",
    "book",
    Rule.NONE,
    Stamp.ENGINE,
    "Snapshot, then changes with a checksum; time of the matching engine in µs.",
    keeps_book=True,
    checksum=Checksum(10, asks_then_bids),
)
TICKER = Channel("ticker", "ticker", Rule.NONE, Stamp.NONE, "Best quotes, last trade and day's statistics; no time.", has_quotes=True)

_NATIVE_ASSETS = {ours: theirs for theirs, ours in ASSET_ALIASES.items()}
_REPUBLISHED = 4
"""Length of a level that comes back into the depth: price, quantity, its old time, ``r``."""


class _Levels(msgspec.Struct, gc=False):
    """Payload of a book message: whole sides (``as``, ``bs``) or changes (``a``, ``b``) and the checksum."""

    whole_asks: list[list[str]] | None = msgspec.field(default=None, name="as")
    whole_bids: list[list[str]] | None = msgspec.field(default=None, name="bs")
    a: list[list[str]] = []
    b: list[list[str]] = []
    c: str | None = None


class _Quotes(msgspec.Struct, gc=False):
    """Payload of a ticker message: best ask and bid as price, whole lots, lots; low and high of today and of the last 24 hours."""

    a: tuple[str, int, str]
    b: tuple[str, int, str]
    low: tuple[str, str] = msgspec.field(default=("", ""), name="l")
    h: tuple[str, str] = ("", "")


class _Control(msgspec.Struct):
    """An event message."""

    event: str = ""
    status: str = ""
    pair: str = ""
    channelName: str = ""  # noqa: N815 - the venue's spelling
    errorMessage: str = ""  # noqa: N815 - the venue's spelling


_CONTROL = msgspec.json.Decoder(_Control)
_BOOK = msgspec.json.Decoder(list[int | str | _Levels])
_TRADES = msgspec.json.Decoder(tuple[int, list[list[str]], str, str])
_TICKER = msgspec.json.Decoder(tuple[int, _Quotes, str, str])


class KrakenV1(Kraken):
    """See the module."""

    address: ClassVar[str] = "wss://ws.kraken.com"
    channels: ClassVar[tuple[Channel, ...]] = (TRADE, BOOK, TICKER)
    heartbeat: ClassVar[Heartbeat] = Heartbeat("A heartbeat event about once a second when nothing else is sent.", silence_s=10.0)
    maintenance: ClassVar[str] = "A systemStatus event with status maintenance, cancel_only or post_only."
    server_time: ClassVar[ServerTime | None] = ServerTime(
        "https://api.kraken.com/0/public/Time", TimeField(("result", "unixtime"), TimeUnit.SECOND)
    )
    pages: ClassVar[Mapping[About, str]] = {
        About.ADDRESS: f"{_EXCHANGE}/api-reference/spot-websocket",
        About.SUBSCRIPTION: f"{_DOCS}/websocket-v1/subscribe",
        About.LIMITS: "https://support.kraken.com/articles/206548367-what-are-the-api-rate-limits-",
        About.HEARTBEAT: f"{_EXCHANGE}/api-reference/spot-websocket-v1/heartbeat",
        About.TIMES: f"{_DOCS}/websocket-v1/book",
        About.SEQUENCE: f"{_EXCHANGE}/guides/websockets/book-checksum-v1",
        About.SNAPSHOT: f"{_DOCS}/websocket-v1/book",
        About.MAINTENANCE: f"{_EXCHANGE}/api-reference/spot-websocket-v1/systemstatus",
        About.SERVER_TIME: f"{_DOCS}/rest-api/get-server-time",
    }

    def native(self, symbol: str) -> str:
        """See `FeedVenue.native`: ``BTC/USD`` is ``XBT/USD``."""
        pair = base_quote(symbol)
        return "/".join(_NATIVE_ASSETS.get(asset, asset) for asset in pair) if pair else symbol

    def ask(self, verb: str, subscriptions: Sequence[Subscription]) -> list[str]:
        """See `CommonVenue.ask`."""
        return [
            msgspec.json.encode({"event": verb, "pair": natives, "subscription": self._topic(topic)}).decode()
            for topic, natives in by_topic(subscriptions).items()
        ]

    def parse(self, message: bytes) -> Event | Notice | None:
        """See `FeedVenue.parse`."""
        if message[:1] != b"[":
            return _notice(_CONTROL.decode(message))
        # the channel decides how the payload reads; it stands before the pair at the end: …,"book-10","XBT/USD"]
        channel = message[-60:].rsplit(b",", 2)[-2:-1]
        if not channel or channel[0].lstrip(b' "').startswith(b"book"):
            return _book(_BOOK.decode(message))
        if b"trade" in channel[0]:
            _, trades, _, pair = _TRADES.decode(message)
            return _trades(trades, pair)
        if b"ticker" in channel[0]:
            _, quotes, _, pair = _TICKER.decode(message)
            is_crossed = crossed(quotes.b[0], quotes.a[0])
            return Event("ticker", pair, is_crossed=is_crossed, low=number(quotes.low[1]), high=number(quotes.h[1]))
        return None

    def _topic(self, topic: str) -> dict[str, str | int]:
        return {"name": topic, "depth": self._depth} if topic == BOOK.topic else {"name": topic}


def _book(parts: list[int | str | _Levels]) -> Event:
    """Read a book message; asks and bids of one update may come as two payloads."""
    pair = parts[-1] if parts else None
    payloads = [part for part in parts if isinstance(part, _Levels)]
    if not isinstance(pair, str) or not payloads:
        raise msgspec.ValidationError("a book message without pair or payload")
    first = payloads[0]
    if first.whole_asks is not None or first.whole_bids is not None:
        return Event("book", pair, is_snapshot=True, asks=first.whole_asks or [], bids=first.whole_bids or [])
    last = payloads[-1]
    asks, bids = (first.a, first.b) if first is last else ([*first.a, *last.a], [*first.b, *last.b])
    checksum = int(last.c) if last.c is not None else None
    return Event("book", pair, _newest_us(asks, bids), asks=asks, bids=bids, checksum=checksum)


def _trades(trades: list[list[str]], pair: str) -> Event:
    if not trades:
        return Event("trade", pair)
    prices = [float(trade[0]) for trade in trades]
    return Event("trade", pair, max(_us(trade[2]) for trade in trades), low=min(prices), high=max(prices))


def _newest_us(asks: list[list[str]], bids: list[list[str]]) -> int | None:
    times = [level[2] for levels in (asks, bids) for level in levels if len(level) < _REPUBLISHED]
    return _us(max(times)) if times else None


def _us(seconds: str) -> int:
    whole, _, fraction = seconds.partition(".")
    return int(whole) * 1_000_000 + int(fraction[:6].ljust(6, "0"))


def _notice(control: _Control) -> Notice | None:
    if control.event == "systemStatus" and control.status not in {"online", ""}:
        return Notice(f"system status {control.status}", is_maintenance=True)
    if not control.errorMessage:
        return None
    channel = control.channelName.partition("-")[0]
    return Notice(control.errorMessage, is_refusal=True, channel=channel, symbol=control.pair)
