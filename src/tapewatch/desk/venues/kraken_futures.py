"""Kraken futures: books whose every level is a numbered message, numbered trades, tickers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tapewatch.desk.clock import US_PER_MS, iso
from tapewatch.desk.dialects.base import compact
from tapewatch.desk.dialects.kraken_futures import KrakenFutures
from tapewatch.desk.market import Instrument, Trade
from tapewatch.desk.venues.base import VenueSpec
from tapewatch.desk.venues.told import Level, Told, ToldMessages

SPEC = VenueSpec(
    dialect=KrakenFutures(),
    instruments=(
        Instrument("PF_XBTUSD", "BTC/USD:USD", 96_428.0, price_decimals=1, tick=5, size_decimals=4, lot=4_000),
        Instrument("PF_ETHUSD", "ETH/USD:USD", 3_311.0, price_decimals=1, tick=1, size_decimals=3, lot=9_000),
    ),
    trade_channel="trade",
    latency_ms=60.0,
    latency_sigma=0.35,
    book_every_s=0.25,
    trades_per_s=1.0,
    weight_limit=500,
)


class KrakenFuturesMessages(ToldMessages):
    """Writes the messages."""

    trades: ClassVar[str] = "trade"
    books: ClassVar[str] = "book"
    quotes: ClassVar[str] = "ticker"

    def time(self, at_us: int) -> str:
        """See `Messages.time`."""
        return compact({"result": "success", "serverTime": iso(at_us // US_PER_MS * US_PER_MS)})

    def changed(self, told: Told, at_us: int) -> Sequence[str]:
        """See `ToldMessages.changed`: levels that go are told first, so that the book is never crossed between two messages."""
        levels = [(side, level) for side in ("bid", "ask") for level in told.changes(side)]
        levels.sort(key=lambda change: float(change[1][1]) > 0)
        return [self._level(told, side, level, at_us) for side, level in levels]

    def snapshot(self, told: Told, at_us: int) -> Sequence[str]:
        """See `ToldMessages.snapshot`."""
        sides = {"bids": list(map(_priced, told.levels("bid"))), "asks": list(map(_priced, told.levels("ask")))}
        head = {"feed": "book_snapshot", "product_id": told.symbol, "timestamp": at_us // US_PER_MS, "seq": told.number}
        return (compact({**head, "tickSize": None, **sides}),)

    def traded(self, told: Told, trade: Trade, at_us: int) -> str:
        """See `ToldMessages.traded`."""
        what = {"side": trade.taker, "type": "fill", "seq": told.trade_number, "time": at_us // US_PER_MS}
        size, price = float(told.item.size(trade.lots)), float(told.item.price(trade.ticks))
        return compact({"feed": self.trades, "product_id": told.symbol, **what, "qty": size, "price": price})

    def quoted(self, told: Told, at_us: int) -> str:
        """See `ToldMessages.quoted`."""
        best = {name: float(text) for name, text in zip(("bid", "bid_size", "ask", "ask_size"), told.quote, strict=True)}
        return compact({"time": at_us // US_PER_MS, "feed": self.quotes, "product_id": told.symbol, **best})

    def _level(self, told: Told, side: str, level: Level, at_us: int) -> str:
        told.number += 1
        head = {"feed": self.books, "product_id": told.symbol, "side": "buy" if side == "bid" else "sell", "seq": told.number}
        return compact({**head, **_priced(level), "timestamp": at_us // US_PER_MS})


def _priced(level: Level) -> dict[str, float]:
    price, size = map(float, level)
    return {"price": price, "qty": size}
