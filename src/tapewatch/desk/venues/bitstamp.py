"""Bitstamp: differences of the whole book by time, the best hundred levels again and again, trades with ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tapewatch.desk.clock import US_PER_S
from tapewatch.desk.dialects.base import compact
from tapewatch.desk.dialects.bitstamp import Bitstamp, name_of
from tapewatch.desk.market import Instrument, Trade
from tapewatch.desk.stream import Stream
from tapewatch.desk.venues.base import VenueSpec
from tapewatch.desk.venues.told import Told, ToldMessages

SPEC = VenueSpec(
    dialect=Bitstamp(),
    instruments=(
        Instrument("btcusd", "BTC/USD", 96_430.0, price_decimals=0, tick=1, size_decimals=8, lot=30_000_000),
        Instrument("ethusd", "ETH/USD", 3_311.2, price_decimals=1, tick=1, size_decimals=8, lot=500_000_000),
    ),
    trade_channel="live_trades",
    latency_ms=48.0,
    latency_sigma=0.3,
    book_every_s=0.2,
    trades_per_s=1.0,
    weight_limit=400,
)

_LEVELS = 100


class BitstampMessages(ToldMessages):
    """Writes the messages."""

    trades: ClassVar[str] = "live_trades"
    books: ClassVar[str] = "diff_order_book"
    quotes: ClassVar[str] = "order_book"
    quotes_whenever: ClassVar[bool] = True

    def changed(self, told: Told, at_us: int) -> Sequence[str]:
        """See `ToldMessages.changed`."""
        sides = {"bids": told.changes("bid"), "asks": told.changes("ask")}
        return (self._said("data", self.books, told, {**_times(at_us), **sides}),)

    def traded(self, told: Told, trade: Trade, at_us: int) -> str:
        """See `ToldMessages.traded`; the kind of a trade is 0 for a buyer and 1 for a seller who took."""
        price, size = told.item.price(trade.ticks), told.item.size(trade.lots)
        what = {"id": told.trade_number, **_times(at_us), "amount_str": size, "price_str": price, "type": int(trade.taker == "sell")}
        return self._said("trade", self.trades, told, what)

    def quoted(self, told: Told, at_us: int) -> str:
        """See `ToldMessages.quoted`."""
        sides = {"bids": told.levels("bid", _LEVELS), "asks": told.levels("ask", _LEVELS)}
        return self._said("data", self.quotes, told, {**_times(at_us), **sides})

    @staticmethod
    def _said(event: str, channel: str, told: Told, data: object) -> str:
        return compact({"data": data, "channel": name_of(Stream(told.symbol, channel)), "event": event})


def _times(at_us: int) -> dict[str, str]:
    return {"timestamp": str(at_us // US_PER_S), "microtimestamp": str(at_us)}
