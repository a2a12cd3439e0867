"""Binance USD-M futures: aggregate trades, book differences with U, u and pu, best prices, forced orders."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

from tapewatch.desk.clock import US_PER_MS
from tapewatch.desk.dialects.base import Offer, compact
from tapewatch.desk.dialects.binance import BinanceFutures
from tapewatch.desk.market import Changes, Instrument, Market, Side, Trade
from tapewatch.desk.stream import Stream
from tapewatch.desk.venues.base import Emission, IsFrozen, VenueSpec

DEPTH, TRADES, BEST, FORCED = "depth@100ms", "aggTrade", "bookTicker", "forceOrder"

SPEC = VenueSpec(
    dialect=BinanceFutures(),
    instruments=(
        Instrument("BTCUSDT", "BTC/USDT:USDT", 96_400.0, price_decimals=2, tick=10, size_decimals=3, lot=450),
        Instrument("ETHUSDT", "ETH/USDT:USDT", 3_310.0, price_decimals=2, tick=1, size_decimals=3, lot=9_000),
        Instrument("SOLUSDT", "SOL/USDT:USDT", 212.0, price_decimals=3, tick=10, size_decimals=0, lot=120),
    ),
    trade_channel=TRADES,
    latency_ms=24.0,
    latency_sigma=0.25,
    book_every_s=0.1,
    trades_per_s=3.0,
    liquidations_per_s=0.02,
    weight_limit=240,
)


class BinanceMessages:
    """Writes the messages; update ids run over all symbols, trade ids per symbol.

    Args:
        markets: What is traded.
        seed: Of the numbering.
        at_us: Present time.
    """

    heartbeat = None

    def __init__(self, markets: Sequence[Market], seed: str, at_us: int) -> None:
        instruments = [market.instrument for market in markets]
        self._random = random.Random(seed)
        self._update = 600_000_000_000 + self._random.randrange(10**9)
        self._told = {item.symbol: self._update for item in instruments}  # last u of the depth stream
        self._waiting: dict[str, dict[tuple[Side, int], int]] = {item.symbol: {} for item in instruments}
        self._best = {item.symbol: ("", "", "", "") for item in instruments}
        self._aggregate = {item.symbol: self._random.randrange(10**7, 10**8) for item in instruments}
        self._trade = {item.symbol: self._random.randrange(10**8, 10**9) for item in instruments}
        channels = (DEPTH, TRADES, BEST, FORCED)
        self.offer = Offer(frozenset(Stream(item.symbol, channel) for item in instruments for channel in channels))

    def book(self, market: Market, changes: Changes, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.book`."""
        symbol = market.instrument.symbol
        waiting = self._waiting[symbol]
        waiting.update(changes)
        first, self._update = self._update + 1, self._update + len(changes) + self._random.randrange(3)
        depth = Stream(symbol, DEPTH)
        if waiting and not is_frozen(depth):
            previous = self._told[symbol]
            self._told[symbol] = self._update
            numbers = {"U": first, "u": self._update, "pu": previous}
            yield depth, compact({**self._head("depthUpdate", at_us), "s": symbol, **numbers, **_sides(market.instrument, waiting)})
            waiting.clear()
        yield from self._best_price(market, at_us, is_frozen)

    def _best_price(self, market: Market, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        item, bid, ask = market.instrument, market.best_bid, market.best_ask
        best = (item.price(bid), item.size(market.bids[bid]), item.price(ask), item.size(market.asks[ask]))
        stream = Stream(item.symbol, BEST)
        if best == self._best[item.symbol] or is_frozen(stream):
            return
        self._best[item.symbol] = best
        prices = dict(zip(("b", "B", "a", "A"), best, strict=True))
        times = self._head("bookTicker", at_us)
        yield stream, compact({"e": "bookTicker", "u": self._update, "s": item.symbol, **prices, "T": times["T"], "E": times["E"]})

    def trade(self, market: Market, trade: Trade, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.trade`."""
        item = market.instrument
        stream = Stream(item.symbol, TRADES)
        if is_frozen(stream):
            return
        self._aggregate[item.symbol] += 1
        first = self._trade[item.symbol] + 1
        self._trade[item.symbol] = last = first + self._random.randrange(3)
        times = self._head("aggTrade", at_us)
        what = {"a": self._aggregate[item.symbol], "s": item.symbol, "p": item.price(trade.ticks), "q": item.size(trade.lots)}
        rest = {"f": first, "l": last, "T": times["T"], "m": trade.taker == "sell"}
        yield stream, compact({"e": "aggTrade", "E": times["E"], **what, **rest})

    def liquidation(self, market: Market, order: Trade, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.liquidation`."""
        item = market.instrument
        stream = Stream(item.symbol, FORCED)
        if is_frozen(stream):
            return
        times = self._head("forceOrder", at_us)
        size, price = item.size(order.lots), item.price(order.ticks)
        kind = {"s": item.symbol, "S": order.taker.upper(), "o": "LIMIT", "f": "IOC"}
        filled = {"q": size, "p": price, "ap": price, "X": "FILLED", "l": size, "z": size, "T": times["T"]}
        yield stream, compact({"e": "forceOrder", "E": times["E"], "o": {**kind, **filled}})

    def second(self, market: Market, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.second`: nothing."""
        return iter(())

    def time(self, at_us: int) -> str:
        """See `Messages.time`."""
        return compact({"serverTime": at_us // 1000})

    def welcome(self, stream: Stream, at_us: int) -> Sequence[str]:
        """See `Messages.welcome`: nothing; a book is asked for over REST."""
        return ()

    def _head(self, kind: str, at_us: int) -> dict[str, object]:
        """Kind and times: what happened at T leaves the venue a few milliseconds later, at E."""
        sent_ms = at_us // US_PER_MS
        return {"e": kind, "E": sent_ms, "T": sent_ms - self._random.randrange(2, 9)}


def _sides(item: Instrument, changes: Mapping[tuple[Side, int], int]) -> dict[str, list[list[str]]]:
    ordered = sorted(changes.items())
    levels = [(side, [item.price(ticks), item.size(lots)]) for (side, ticks), lots in ordered]
    return {"b": [level for side, level in levels if side == "bid"], "a": [level for side, level in levels if side == "ask"]}
