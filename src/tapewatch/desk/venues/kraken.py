"""Kraken: books with a checksum at every depth, trades without numbers, tickers without times, heartbeats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tapewatch.desk.clock import US_PER_S
from tapewatch.desk.dialects.base import Offer, compact
from tapewatch.desk.dialects.kraken import DEPTHS, HEARTBEAT, Kraken, snapshot, update, write_time
from tapewatch.desk.market import Changes, Instrument, Market, Side, Trade
from tapewatch.desk.stream import Stream
from tapewatch.desk.text_book import Level, TextBook
from tapewatch.desk.text_book import Side as TextSide
from tapewatch.desk.venues.base import Emission, IsFrozen, VenueSpec

SPEC = VenueSpec(
    dialect=Kraken(),
    instruments=(
        Instrument("XBT/USD", "BTC/USD", 96_440.0, price_decimals=5, tick=10_000, size_decimals=8, lot=9_000_000),
        Instrument("ETH/USD", "ETH/USD", 3_311.0, price_decimals=5, tick=1_000, size_decimals=8, lot=180_000_000),
        Instrument("SOL/USD", "SOL/USD", 212.0, price_decimals=5, tick=1_000, size_decimals=8, lot=2_500_000_000),
    ),
    trade_channel="trade",
    latency_ms=63.0,
    latency_sigma=0.35,
    book_every_s=0.15,
    trades_per_s=1.5,
    weight_limit=120,
)

_SIDES: dict[Side, TextSide] = {"bid": "b", "ask": "a"}


class KrakenMessages:
    """Writes the messages. A book is kept per pair and depth from the first time that depth is asked for.

    Args:
        markets: What is traded.
        seed: Unused: nothing is numbered at random.
        at_us: Present time.
    """

    heartbeat = HEARTBEAT

    def __init__(self, markets: Sequence[Market], seed: str, at_us: int) -> None:
        symbols = [market.instrument.symbol for market in markets]
        streams = [Stream(symbol, f"book-{depth}") for symbol in symbols for depth in DEPTHS]
        streams += [Stream(symbol, channel) for symbol in symbols for channel in ("trade", "ticker")]
        self.offer = Offer(frozenset(streams), {stream: 336 + place for place, stream in enumerate(streams)})
        self._waiting: dict[str, dict[tuple[Side, int], int]] = {symbol: {} for symbol in symbols}
        self._books: dict[str, TextBook] = {market.instrument.symbol: _book_of(market, at_us) for market in markets}
        self._depths: dict[str, set[int]] = {symbol: set() for symbol in symbols}
        self._tickers: dict[str, str] = {}

    def book(self, market: Market, changes: Changes, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.book`."""
        item = market.instrument
        waiting = self._waiting[item.symbol]
        book = self._books[item.symbol]
        waiting.update(changes)
        if not waiting or is_frozen(Stream(item.symbol, "book")):
            return
        levels = _levels(item, waiting, at_us)
        waiting.clear()
        told = {side: book.apply_at(side, levels[side], self._depths[item.symbol]) for side in ("a", "b")}
        checksum = book.checksum()
        for depth in sorted(self._depths[item.symbol]):
            stream = Stream(item.symbol, f"book-{depth}")
            sides: dict[TextSide, list[Level]] = {"a": told["a"][depth], "b": told["b"][depth]}
            if any(sides.values()):
                yield stream, update(self.offer.channel_ids[stream], sides, checksum, stream)

    def trade(self, market: Market, trade: Trade, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.trade`: a trade, and the ticker that it moves."""
        item = market.instrument
        stream, ticker = Stream(item.symbol, "trade"), Stream(item.symbol, "ticker")
        if not is_frozen(stream):
            row = [item.price(trade.ticks), item.size(trade.lots), write_time(at_us), trade.taker[0], "m", ""]
            yield stream, compact([self.offer.channel_ids[stream], [row], stream.channel, stream.symbol])
        if not is_frozen(ticker):
            last = {"c": [item.price(trade.ticks), item.size(trade.lots)]}
            self._tickers[item.symbol] = compact([self.offer.channel_ids[ticker], _quotes(market) | last, ticker.channel, ticker.symbol])
            yield ticker, self._tickers[item.symbol]

    def liquidation(self, market: Market, order: Trade, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.liquidation`: nothing at a spot venue."""
        return iter(())

    def second(self, market: Market, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.second`: nothing."""
        return iter(())

    def time(self, at_us: int) -> str:
        """See `Messages.time`: whole seconds."""
        return compact({"error": [], "result": {"unixtime": at_us // US_PER_S}})

    def welcome(self, stream: Stream, at_us: int) -> Sequence[str]:
        """See `Messages.welcome`: the book at its depth, or the last ticker again."""
        name, _, depth = stream.channel.partition("-")
        if name != "book":
            return (self._tickers[stream.symbol],) if stream.channel == "ticker" and stream.symbol in self._tickers else ()
        self._depths[stream.symbol].add(int(depth))
        return (snapshot(self.offer.channel_ids[stream], self._books[stream.symbol], stream),)


def _levels(item: Instrument, changes: Changes, at_us: int) -> dict[TextSide, list[Level]]:
    levels: dict[TextSide, list[Level]] = {"a": [], "b": []}
    for (side, ticks), lots in changes.items():
        levels[_SIDES[side]].append((item.price(ticks), item.size(lots), write_time(at_us)))
    return levels


def _book_of(market: Market, at_us: int) -> TextBook:
    book = TextBook()
    for side, levels in _levels(market.instrument, market.book(), at_us).items():
        book.apply(side, levels)
    return book


def _quotes(market: Market) -> dict[str, object]:
    """Best prices as price, whole lots and lots."""
    item = market.instrument
    best = {"a": (market.best_ask, market.asks[market.best_ask]), "b": (market.best_bid, market.bids[market.best_bid])}
    return {side: [item.price(ticks), lots // 10**item.size_decimals, item.size(lots)] for side, (ticks, lots) in best.items()}
