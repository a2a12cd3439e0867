"""Binance spot: aggregate trades, book differences numbered from first to last, best prices without a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tapewatch.desk.clock import US_PER_MS
from tapewatch.desk.dialects.base import compact
from tapewatch.desk.dialects.binance import BinanceSpot
from tapewatch.desk.market import Instrument, Trade
from tapewatch.desk.venues.base import VenueSpec
from tapewatch.desk.venues.told import Told, ToldMessages

SPEC = VenueSpec(
    dialect=BinanceSpot(),
    instruments=(
        Instrument("BTCUSDT", "BTC/USDT", 96_410.0, price_decimals=2, tick=1, size_decimals=5, lot=18_000),
        Instrument("ETHUSDT", "ETH/USDT", 3_310.4, price_decimals=2, tick=1, size_decimals=4, lot=90_000),
    ),
    trade_channel="aggTrade",
    latency_ms=22.0,
    latency_sigma=0.25,
    book_every_s=0.1,
    trades_per_s=4.0,
    weight_limit=6_000,
)


class BinanceSpotMessages(ToldMessages):
    """Writes the messages; the book's numbers run over each symbol."""

    trades: ClassVar[str] = "aggTrade"
    books: ClassVar[str] = "depth@100ms"
    quotes: ClassVar[str] = "bookTicker"

    def time(self, at_us: int) -> str:
        """See `Messages.time`."""
        return compact({"serverTime": at_us // US_PER_MS})

    def changed(self, told: Told, at_us: int) -> Sequence[str]:
        """See `ToldMessages.changed`."""
        first = told.told_number + 1
        told.number += len(told.waiting)
        numbers = {"U": first, "u": told.number}
        sides = {"b": told.changes("bid"), "a": told.changes("ask")}
        return (compact({"e": "depthUpdate", "E": at_us // US_PER_MS, "s": told.symbol, **numbers, **sides}),)

    def traded(self, told: Told, trade: Trade, at_us: int) -> str:
        """See `ToldMessages.traded`."""
        ms, number, item = at_us // US_PER_MS, told.trade_number, told.item
        what = {"s": told.symbol, "a": number, "p": item.price(trade.ticks), "q": item.size(trade.lots)}
        return compact({"e": "aggTrade", "E": ms, **what, "f": number, "l": number, "T": ms - 1, "m": trade.taker == "sell", "M": True})

    def quoted(self, told: Told, at_us: int) -> str:
        """See `ToldMessages.quoted`."""
        told.number += 1  # a change of the best price is a change of the book
        return compact({"u": told.number, "s": told.symbol, **dict(zip(("b", "B", "a", "A"), told.quote, strict=True))})
