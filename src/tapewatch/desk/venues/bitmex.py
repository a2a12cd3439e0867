"""BitMEX: the best 25 levels and their changes, trades, quotes; nothing is numbered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tapewatch.desk.clock import US_PER_MS
from tapewatch.desk.dialects.base import compact
from tapewatch.desk.dialects.bitmex import Bitmex, write_time
from tapewatch.desk.market import Instrument, Trade
from tapewatch.desk.venues.base import VenueSpec
from tapewatch.desk.venues.told import Level, Told, ToldMessages

SPEC = VenueSpec(
    dialect=Bitmex(),
    instruments=(
        Instrument("XBTUSD", "BTC/USD:BTC", 96_422.0, price_decimals=1, tick=5, size_decimals=0, lot=20_000),
        Instrument("XBTUSDT", "BTC/USDT:USDT", 96_408.0, price_decimals=1, tick=5, size_decimals=0, lot=90_000),
    ),
    trade_channel="trade",
    latency_ms=65.0,
    latency_sigma=0.35,
    book_every_s=0.2,
    trades_per_s=1.0,
    weight_limit=120,
)

_LEVELS = 25


class BitmexMessages(ToldMessages):
    """Writes the messages."""

    trades: ClassVar[str] = "trade"
    books: ClassVar[str] = "orderBookL2_25"
    quotes: ClassVar[str] = "quote"

    def time(self, at_us: int) -> str:
        """See `Messages.time`."""
        return compact({"name": "BitMEX API", "timestamp": at_us // US_PER_MS})

    def changed(self, told: Told, at_us: int) -> Sequence[str]:
        """See `ToldMessages.changed`: levels that are gone in a message of their own."""
        rows = self._rows(told, told.changes("bid"), told.changes("ask"), at_us)
        kinds = {"delete": [row for row in rows if not row["size"]], "update": [row for row in rows if row["size"]]}
        return [_said(self.books, action, held) for action, held in kinds.items() if held]

    def snapshot(self, told: Told, at_us: int) -> Sequence[str]:
        """See `ToldMessages.snapshot`."""
        rows = self._rows(told, told.levels("bid", _LEVELS), told.levels("ask", _LEVELS), at_us)
        return (_said(self.books, "partial", rows),)

    def traded(self, told: Told, trade: Trade, at_us: int) -> str:
        """See `ToldMessages.traded`."""
        what = {"side": trade.taker.capitalize(), "size": trade.lots, "price": float(told.item.price(trade.ticks))}
        return _said(self.trades, "insert", [{**_named(told, at_us), **what, "trdMatchID": f"{self.chance.getrandbits(128):032x}"}])

    def quoted(self, told: Told, at_us: int) -> str:
        """See `ToldMessages.quoted`."""
        names = ("bidPrice", "bidSize", "askPrice", "askSize")
        best = {name: float(text) for name, text in zip(names, told.quote, strict=True)}
        return _said(self.quotes, "insert", [{**_named(told, at_us), **best}])

    def _rows(self, told: Told, bids: list[Level], asks: list[Level], at_us: int) -> list[dict[str, object]]:
        return [
            {**_named(told, at_us), "side": side, "price": float(price), "size": int(size)}
            for side, levels in (("Sell", asks), ("Buy", bids))
            for price, size in levels
        ]


def _named(told: Told, at_us: int) -> dict[str, object]:
    return {"timestamp": write_time(at_us), "symbol": told.symbol}


def _said(table: str, action: str, rows: Sequence[object]) -> str:
    return compact({"table": table, "action": action, "data": rows})
