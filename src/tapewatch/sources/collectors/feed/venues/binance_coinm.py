"""Binance COIN-M futures: they speak as the USD-M futures do, at one address for all streams.

Facts, with the page of developers.binance.com (derivatives, COIN-M futures) that they are from:

- Address: ``wss://dstream.binance.com``, combined streams at ``/stream?streams=a/b``, events wrapped as ``{"stream": …, "data": …}``
  ("Websocket Market Streams"). It was not split as that of the USD-M futures was.
- Limits: 1,024 streams a connection, 10 incoming messages a second, disconnected after 24 h ("Websocket Market Streams").
  Streams are asked for in the address; 200 of them stay below the usual 8 kB of a request line.
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

from tapewatch.sources.collectors.feed.time_field import TimeField, TimeUnit
from tapewatch.sources.collectors.feed.venues.base import About, Route, ServerTime, Subscription
from tapewatch.sources.collectors.feed.venues.binance import combined
from tapewatch.sources.collectors.feed.venues.binance_usdm import BinanceUsdm, pages
from tapewatch.sources.collectors.feed.venues.common import base_quote

_DOCS = "https://developers.binance.com/docs/derivatives/coin-margined-futures"


class BinanceCoinm(BinanceUsdm):
    """See the module."""

    id: ClassVar[str] = "binance_coinm"
    address: ClassVar[str] = "wss://dstream.binance.com"
    server_time: ClassVar[ServerTime | None] = ServerTime(
        "https://dapi.binance.com/dapi/v1/time", TimeField(("serverTime",), TimeUnit.MILLISECOND)
    )
    pages: ClassVar[Mapping[About, str]] = pages(_DOCS, "Connect")

    def native(self, symbol: str) -> str:
        """See `FeedVenue.native`: ``BTC/USD:BTC`` is ``BTCUSD_PERP``, ``BTC/USD:BTC-261225`` is ``BTCUSD_261225``."""
        pair = base_quote(symbol)
        if pair is None:
            return symbol.upper()
        return f"{''.join(pair)}_{symbol.partition(':')[2].partition('-')[2] or 'PERP'}"

    def routes(self, url: str, subscriptions: Sequence[Subscription]) -> list[Route]:
        """See `FeedVenue.routes` and `combined`."""
        return combined(url, subscriptions, self.limits.streams_per_connection)
