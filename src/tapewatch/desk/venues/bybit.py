"""Bybit linear contracts: numbered books with their snapshot, trades, tickers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tapewatch.desk.clock import US_PER_MS, US_PER_S
from tapewatch.desk.dialects.base import compact
from tapewatch.desk.dialects.bybit import Bybit, topic_of
from tapewatch.desk.market import Instrument, Trade
from tapewatch.desk.stream import Stream
from tapewatch.desk.venues.base import VenueSpec
from tapewatch.desk.venues.told import Level, Told, ToldMessages

SPEC = VenueSpec(
    dialect=Bybit(),
    instruments=(
        Instrument("BTCUSDT", "BTC/USDT:USDT", 96_405.0, price_decimals=2, tick=10, size_decimals=3, lot=300),
        Instrument("ETHUSDT", "ETH/USDT:USDT", 3_310.2, price_decimals=2, tick=1, size_decimals=2, lot=900),
    ),
    trade_channel="publicTrade",
    latency_ms=35.0,
    latency_sigma=0.3,
    book_every_s=0.1,
    trades_per_s=3.0,
    weight_limit=600,
)


class BybitMessages(ToldMessages):
    """Writes the messages; a book's number counts its messages."""

    trades: ClassVar[str] = "publicTrade"
    books: ClassVar[str] = "orderbook.50"
    quotes: ClassVar[str] = "tickers"

    def time(self, at_us: int) -> str:
        """See `Messages.time`."""
        return compact({"retCode": 0, "result": {"timeSecond": str(at_us // US_PER_S), "timeNano": str(at_us * 1_000)}})

    def changed(self, told: Told, at_us: int) -> Sequence[str]:
        """See `ToldMessages.changed`."""
        told.number += 1
        return (self._book("delta", told, told.changes("bid"), told.changes("ask"), at_us),)

    def snapshot(self, told: Told, at_us: int) -> Sequence[str]:
        """See `ToldMessages.snapshot`."""
        return (self._book("snapshot", told, told.levels("bid"), told.levels("ask"), at_us),)

    def traded(self, told: Told, trade: Trade, at_us: int) -> str:
        """See `ToldMessages.traded`."""
        item = told.item
        what = {"T": at_us // US_PER_MS - 1, "s": told.symbol, "S": trade.taker.capitalize(), "v": item.size(trade.lots)}
        rest = {"p": item.price(trade.ticks), "L": "PlusTick", "i": f"{self.chance.getrandbits(128):032x}", "BT": False}
        return self._said(self.trades, "snapshot", told, [{**what, **rest}], at_us)

    def quoted(self, told: Told, at_us: int) -> str:
        """See `ToldMessages.quoted`."""
        best = dict(zip(("bid1Price", "bid1Size", "ask1Price", "ask1Size"), told.quote, strict=True))
        return self._said(self.quotes, "snapshot", told, {"symbol": told.symbol, **best}, at_us)

    def _book(self, kind: str, told: Told, bids: list[Level], asks: list[Level], at_us: int) -> str:
        data = {"s": told.symbol, "b": bids, "a": asks, "u": told.number, "seq": told.number}
        return self._said(self.books, kind, told, data, at_us, cts=at_us // US_PER_MS - 2)

    @staticmethod
    def _said(channel: str, kind: str, told: Told, data: object, at_us: int, **more: int) -> str:
        head = {"topic": topic_of(Stream(told.symbol, channel)), "type": kind, "ts": at_us // US_PER_MS}
        return compact({**head, "data": data, **more})
