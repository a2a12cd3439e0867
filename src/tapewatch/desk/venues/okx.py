"""OKX: books whose messages name the one before, trades with ids, tickers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from tapewatch.desk.clock import US_PER_MS
from tapewatch.desk.dialects.base import compact
from tapewatch.desk.dialects.okx import Okx, arg_of
from tapewatch.desk.market import Instrument, Trade
from tapewatch.desk.stream import Stream
from tapewatch.desk.venues.base import VenueSpec
from tapewatch.desk.venues.told import Level, Told, ToldMessages

SPEC = VenueSpec(
    dialect=Okx(),
    instruments=(
        Instrument("BTC-USDT", "BTC/USDT", 96_412.0, price_decimals=1, tick=1, size_decimals=8, lot=20_000_000),
        Instrument("ETH-USDT", "ETH/USDT", 3_310.5, price_decimals=2, tick=1, size_decimals=6, lot=8_000_000),
    ),
    trade_channel="trades",
    latency_ms=38.0,
    latency_sigma=0.3,
    book_every_s=0.1,
    trades_per_s=3.0,
    weight_limit=1_200,
)

_NONE_BEFORE = -1


class OkxMessages(ToldMessages):
    """Writes the messages."""

    trades: ClassVar[str] = "trades"
    books: ClassVar[str] = "books"
    quotes: ClassVar[str] = "tickers"

    def time(self, at_us: int) -> str:
        """See `Messages.time`."""
        return compact({"code": "0", "msg": "", "data": [{"ts": str(at_us // US_PER_MS)}]})

    def changed(self, told: Told, at_us: int) -> Sequence[str]:
        """See `ToldMessages.changed`."""
        previous = told.told_number
        told.number += self.chance.randint(1, 9)
        return (self._book("update", told, told.changes("bid"), told.changes("ask"), previous, at_us),)

    def snapshot(self, told: Told, at_us: int) -> Sequence[str]:
        """See `ToldMessages.snapshot`."""
        return (self._book("snapshot", told, told.levels("bid"), told.levels("ask"), _NONE_BEFORE, at_us),)

    def traded(self, told: Told, trade: Trade, at_us: int) -> str:
        """See `ToldMessages.traded`."""
        item = told.item
        what = {"instId": told.symbol, "tradeId": str(told.trade_number), "px": item.price(trade.ticks), "sz": item.size(trade.lots)}
        return self._said(self.trades, told, {**what, "side": trade.taker, "ts": str(at_us // US_PER_MS)})

    def quoted(self, told: Told, at_us: int) -> str:
        """See `ToldMessages.quoted`."""
        best = dict(zip(("bidPx", "bidSz", "askPx", "askSz"), told.quote, strict=True))
        return self._said(self.quotes, told, {"instType": "SPOT", "instId": told.symbol, **best, "ts": str(at_us // US_PER_MS)})

    def _book(self, action: str, told: Told, bids: list[Level], asks: list[Level], previous: int, at_us: int) -> str:
        sides = {"asks": [_okx(level) for level in asks], "bids": [_okx(level) for level in bids]}
        numbers = {"checksum": 0, "prevSeqId": previous, "seqId": told.number}
        return self._said(self.books, told, {**sides, "ts": str(at_us // US_PER_MS), **numbers}, action=action)

    @staticmethod
    def _said(channel: str, told: Told, item: object, **more: str) -> str:
        return compact({"arg": arg_of(Stream(told.symbol, channel)), **more, "data": [item]})


def _okx(level: Level) -> list[str]:
    """A level with the two texts that OKX adds: one without a meaning, and the number of orders."""
    return [*level, "0", "1"]
