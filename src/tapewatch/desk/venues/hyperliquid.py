"""Hyperliquid: the whole book of twenty levels again and again, trades, best prices; nothing is numbered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tapewatch.desk.clock import US_PER_MS
from tapewatch.desk.dialects.base import compact
from tapewatch.desk.dialects.hyperliquid import Hyperliquid
from tapewatch.desk.market import Instrument, Trade
from tapewatch.desk.venues.base import VenueSpec
from tapewatch.desk.venues.told import Told, ToldMessages

SPEC = VenueSpec(
    dialect=Hyperliquid(),
    instruments=(
        Instrument("BTC", "BTC/USDC:USDC", 96_418.0, price_decimals=1, tick=10, size_decimals=5, lot=40_000),
        Instrument("ETH", "ETH/USDC:USDC", 3_310.8, price_decimals=1, tick=1, size_decimals=4, lot=90_000),
    ),
    trade_channel="trades",
    latency_ms=70.0,
    latency_sigma=0.3,
    book_every_s=0.5,
    trades_per_s=2.0,
    weight_limit=1_200,
)

_LEVELS = 20


class HyperliquidMessages(ToldMessages):
    """Writes the messages."""

    trades: ClassVar[str] = "trades"
    books: ClassVar[str] = "l2Book"
    quotes: ClassVar[str] = "bbo"

    def time(self, at_us: int) -> str:
        """See `Messages.time`."""
        return compact({"specialStatuses": None, "time": at_us // US_PER_MS})

    def changed(self, told: Told, at_us: int) -> Sequence[str]:
        """See `ToldMessages.changed`: the book with what waits."""
        told.tell()
        return self.snapshot(told, at_us)

    def snapshot(self, told: Told, at_us: int) -> Sequence[str]:
        """See `ToldMessages.snapshot`."""
        levels = [[_level(*level) for level in told.levels(side, _LEVELS)] for side in ("bid", "ask")]
        return (compact({"channel": self.books, "data": {**_named(told, at_us), "levels": levels}}),)

    def traded(self, told: Told, trade: Trade, at_us: int) -> str:
        """See `ToldMessages.traded`; the side is B for a buyer and A for a seller who took."""
        what = {"side": "B" if trade.taker == "buy" else "A", "px": told.item.price(trade.ticks), "sz": told.item.size(trade.lots)}
        number = {"hash": f"0x{self.chance.getrandbits(256):064x}", "tid": self.chance.getrandbits(50)}
        return compact({"channel": self.trades, "data": [{**_named(told, at_us), **what, **number}]})

    def quoted(self, told: Told, at_us: int) -> str:
        """See `ToldMessages.quoted`."""
        bid, bid_size, ask, ask_size = told.quote
        return compact({"channel": self.quotes, "data": {**_named(told, at_us), "bbo": [_level(bid, bid_size), _level(ask, ask_size)]}})


def _named(told: Told, at_us: int) -> dict[str, object]:
    return {"coin": told.symbol, "time": at_us // US_PER_MS}


def _level(price: str, size: str) -> dict[str, object]:
    return {"px": price, "sz": size, "n": 1}
