"""Coinbase Exchange: matches and tickers numbered per product, level2 books, heartbeats."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from tapewatch.desk.clock import iso
from tapewatch.desk.dialects.base import Offer, compact
from tapewatch.desk.dialects.coinbase import Coinbase
from tapewatch.desk.market import Changes, Instrument, Market, Side, Trade
from tapewatch.desk.stream import Stream
from tapewatch.desk.venues.base import Emission, IsFrozen, VenueSpec

CHANNELS = ("matches", "ticker", "level2", "heartbeat")

SPEC = VenueSpec(
    dialect=Coinbase(),
    instruments=(
        Instrument("BTC-USD", "BTC/USD", 96_450.0, price_decimals=2, tick=10, size_decimals=8, lot=12_000_000),
        Instrument("ETH-USD", "ETH/USD", 3_311.5, price_decimals=2, tick=1, size_decimals=8, lot=240_000_000),
        Instrument("SOL-USD", "SOL/USD", 212.1, price_decimals=2, tick=1, size_decimals=8, lot=3_000_000_000),
    ),
    trade_channel="matches",
    latency_ms=41.0,
    latency_sigma=0.3,
    book_every_s=0.125,
    trades_per_s=2.0,
    weight_limit=150,
)


class _Product:
    """Numbering and last words of one product."""

    def __init__(self, market: Market, start: random.Random) -> None:
        self.item = market.instrument
        self.symbol = market.instrument.symbol
        self.sequence = start.randrange(10**8, 10**9)
        self.trade_id = start.randrange(10**6, 10**7)
        self.match: dict[str, object] = {}
        self.ticker = ""
        self.open = round(self.item.base_price * 10**self.item.price_decimals / self.item.tick)
        self.low = self.high = self.open
        self.waiting: dict[tuple[Side, int], int] = {}
        self.book: dict[tuple[Side, int], int] = dict(market.book())


class CoinbaseMessages:
    """Writes the messages; ``sequence`` counts everything of a product, so that it skips in every channel.

    Args:
        markets: What is traded.
        seed: Of the numbering.
        at_us: Present time.
    """

    heartbeat = None

    def __init__(self, markets: Sequence[Market], seed: str, at_us: int) -> None:
        self._random = random.Random(seed)
        self._products = {market.instrument.symbol: _Product(market, self._random) for market in markets}
        self.offer = Offer(frozenset(Stream(symbol, channel) for symbol in self._products for channel in CHANNELS))

    def book(self, market: Market, changes: Changes, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.book`."""
        item = market.instrument
        product = self._products[item.symbol]
        product.sequence += len(changes)
        product.waiting.update(changes)
        stream = Stream(item.symbol, "level2")
        if not product.waiting or is_frozen(stream):
            return
        told = [[_SIDES[side], item.price(ticks), item.size(lots)] for (side, ticks), lots in product.waiting.items()]
        product.book = {key: lots for key, lots in (product.book | product.waiting).items() if lots}
        product.waiting.clear()
        yield stream, compact({"type": "l2update", "product_id": item.symbol, "changes": told, "time": iso(at_us)})

    def trade(self, market: Market, trade: Trade, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.trade`: a match, and the ticker that it moves."""
        item = market.instrument
        product = self._products[item.symbol]
        matches, ticker = Stream(item.symbol, "matches"), Stream(item.symbol, "ticker")
        if is_frozen(matches):
            return
        product.sequence += 1 + self._random.randrange(4)
        product.trade_id += 1
        product.low, product.high = min(product.low, trade.ticks), max(product.high, trade.ticks)
        maker = "sell" if trade.taker == "buy" else "buy"
        orders = {"trade_id": product.trade_id, "maker_order_id": self._uuid(), "taker_order_id": self._uuid(), "side": maker}
        what = {"size": item.size(trade.lots), "price": item.price(trade.ticks), "product_id": item.symbol}
        product.match = {**orders, **what, "sequence": product.sequence, "time": iso(at_us)}
        product.ticker = self._ticker(market, trade, product)
        yield matches, compact({"type": "match", **product.match})
        if not is_frozen(ticker):
            yield ticker, product.ticker

    def _ticker(self, market: Market, trade: Trade, product: _Product) -> str:
        item, match = market.instrument, product.match
        prices = {"open_24h": item.price(product.open), "low_24h": item.price(product.low), "high_24h": item.price(product.high)}
        day = {**prices, "volume_24h": "9412.07000000", "volume_30d": "281440.90000000"}
        best = {"best_bid": item.price(market.best_bid), "best_ask": item.price(market.best_ask)}
        last = {"side": trade.taker, "time": match["time"], "trade_id": match["trade_id"], "last_size": match["size"]}
        head = {"type": "ticker", "sequence": product.sequence, "product_id": item.symbol, "price": match["price"]}
        return compact({**head, **day, **best, **last})

    def liquidation(self, market: Market, order: Trade, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.liquidation`: nothing at a spot venue."""
        return iter(())

    def second(self, market: Market, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.second`: the heartbeat of a product."""
        product = self._products[market.instrument.symbol]
        stream = Stream(product.symbol, "heartbeat")
        if not is_frozen(stream):
            numbers = {"sequence": product.sequence, "last_trade_id": product.trade_id}
            yield stream, compact({"type": "heartbeat", **numbers, "product_id": product.symbol, "time": iso(at_us)})

    def time(self, at_us: int) -> str:
        """See `Messages.time`."""
        return compact({"iso": iso(at_us // 1000 * 1000), "epoch": at_us // 1000 / 1000})

    def welcome(self, stream: Stream, at_us: int) -> Sequence[str]:
        """See `Messages.welcome`: the book, or the last trade again."""
        product = self._products[stream.symbol]
        match stream.channel:
            case "level2":
                return (self._snapshot(product),)
            case "matches" if product.match:
                return (compact({"type": "last_match", **product.match}),)
            case "ticker" if product.ticker:
                return (product.ticker,)
            case _:
                return ()

    def _snapshot(self, product: _Product) -> str:
        item = product.item
        levels = sorted(product.book.items())
        asks = [[item.price(ticks), item.size(lots)] for (side, ticks), lots in levels if side == "ask"]
        bids = [[item.price(ticks), item.size(lots)] for (side, ticks), lots in reversed(levels) if side == "bid"]
        return compact({"type": "snapshot", "product_id": product.symbol, "asks": asks, "bids": bids})

    def _uuid(self) -> str:
        digits = f"{self._random.getrandbits(128):032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


_SIDES = {"bid": "buy", "ask": "sell"}
