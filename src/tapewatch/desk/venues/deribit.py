"""Deribit: books whose changes name the one before, numbered trades, quotes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tapewatch.desk.clock import US_PER_MS
from tapewatch.desk.dialects.base import compact
from tapewatch.desk.dialects.deribit import Deribit, notified
from tapewatch.desk.market import Instrument, Trade
from tapewatch.desk.stream import Stream
from tapewatch.desk.venues.base import VenueSpec
from tapewatch.desk.venues.told import Level, Told, ToldMessages

SPEC = VenueSpec(
    dialect=Deribit(),
    instruments=(
        Instrument("BTC-PERPETUAL", "BTC/USD:BTC", 96_425.0, price_decimals=1, tick=5, size_decimals=0, lot=20_000),
        Instrument("ETH-PERPETUAL", "ETH/USD:ETH", 3_310.5, price_decimals=2, tick=5, size_decimals=0, lot=9_000),
    ),
    trade_channel="trades.100ms",
    latency_ms=55.0,
    latency_sigma=0.3,
    book_every_s=0.1,
    trades_per_s=1.5,
    weight_limit=1_200,
)

_KINDS = {True: "delete", False: "change"}


class DeribitMessages(ToldMessages):
    """Writes the messages."""

    trades: ClassVar[str] = "trades.100ms"
    books: ClassVar[str] = "book.100ms"
    quotes: ClassVar[str] = "quote"

    def time(self, at_us: int) -> str:
        """See `Messages.time`."""
        return compact({"jsonrpc": "2.0", "result": at_us // US_PER_MS})

    def changed(self, told: Told, at_us: int) -> Sequence[str]:
        """See `ToldMessages.changed`."""
        previous = told.told_number
        told.number += self.chance.randint(1, 9)
        sides = {"bids": list(map(_changed, told.changes("bid"))), "asks": list(map(_changed, told.changes("ask")))}
        numbers = {"prev_change_id": previous, "change_id": told.number}
        return (self._said(self.books, told, {"type": "change", **_named(told, at_us), **numbers, **sides}),)

    def snapshot(self, told: Told, at_us: int) -> Sequence[str]:
        """See `ToldMessages.snapshot`."""
        sides = {"bids": list(map(_new, told.levels("bid"))), "asks": list(map(_new, told.levels("ask")))}
        return (self._said(self.books, told, {"type": "snapshot", **_named(told, at_us), "change_id": told.number, **sides}),)

    def traded(self, told: Told, trade: Trade, at_us: int) -> str:
        """See `ToldMessages.traded`."""
        numbers = {"trade_seq": told.trade_number, "trade_id": str(10**8 + told.trade_number)}
        what = {"price": float(told.item.price(trade.ticks)), "direction": trade.taker, "amount": trade.lots}
        return self._said(self.trades, told, [{**numbers, **_named(told, at_us), **what}])

    def quoted(self, told: Told, at_us: int) -> str:
        """See `ToldMessages.quoted`."""
        names = ("best_bid_price", "best_bid_amount", "best_ask_price", "best_ask_amount")
        best = {name: float(text) for name, text in zip(names, told.quote, strict=True)}
        return self._said(self.quotes, told, {**_named(told, at_us), **best})

    @staticmethod
    def _said(channel: str, told: Told, data: object) -> str:
        return notified(Stream(told.symbol, channel), data)


def _named(told: Told, at_us: int) -> dict[str, object]:
    return {"timestamp": at_us // US_PER_MS, "instrument_name": told.symbol}


def _new(level: Level) -> list[object]:
    return ["new", *map(float, level)]


def _changed(level: Level) -> list[object]:
    price, size = map(float, level)
    return [_KINDS[not size], price, size]
