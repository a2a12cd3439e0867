"""What most venues tell alike: a book's changes, trades and best prices, each in the venue's own words."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from tapewatch.desk.dialects.base import Offer
from tapewatch.desk.market import Changes, Instrument, Market, Side, Trade
from tapewatch.desk.stream import Stream
from tapewatch.desk.venues.base import Emission, IsFrozen

Level = list[str]
"""Price and size as texts."""


class Told:
    """What subscribers of one instrument know, and what waits to be told.

    Attributes:
        item: The instrument.
        book: Sizes of every level, as told.
        waiting: Changes that have not been told.
        number: Of the newest change of the book, told or not.
        told_number: Of the newest change that was told.
        trade_number: Of the newest trade.
        quote: Best bid and its size, best ask and its size, as told.
    """

    def __init__(self, market: Market, chance: random.Random) -> None:
        self.item: Instrument = market.instrument
        self.book: dict[tuple[Side, int], int] = dict(market.book())
        self.waiting: dict[tuple[Side, int], int] = {}
        self.number = self.told_number = chance.randrange(10**8, 10**9)
        self.trade_number = chance.randrange(10**6, 10**7)
        self.quote = _quote(market)

    @property
    def symbol(self) -> str:
        """As the venue spells it."""
        return self.item.symbol

    def levels(self, side: Side, most: int | None = None) -> list[Level]:
        """The book as told, best price first."""
        held = sorted(((ticks, lots) for (of, ticks), lots in self.book.items() if of == side), reverse=side == "bid")
        return [self._level(ticks, lots) for ticks, lots in held[:most]]

    def changes(self, side: Side) -> list[Level]:
        """What waits, best price first; size 0 removes a level."""
        held = sorted(((ticks, lots) for (of, ticks), lots in self.waiting.items() if of == side), reverse=side == "bid")
        return [self._level(ticks, lots) for ticks, lots in held]

    def tell(self) -> None:
        """What waited has been told."""
        self.book = {key: lots for key, lots in (self.book | self.waiting).items() if lots}
        self.waiting.clear()
        self.told_number = self.number

    def _level(self, ticks: int, lots: int) -> Level:
        return [self.item.price(ticks), self.item.size(lots) if lots else "0"]


class ToldMessages(ABC):
    """Writes a venue's messages from three sentences of it: a changed book, a trade, best prices. See `Messages`.

    Args:
        markets: What is traded.
        seed: Of the numbering.
        at_us: Present time.
    """

    trades: ClassVar[str]
    """Channel of the trades, in the venue's words."""
    books: ClassVar[str]
    """Channel of the book."""
    quotes: ClassVar[str]
    """Channel of the best prices."""
    quotes_whenever: ClassVar[bool] = False
    """Whether the best prices are told with each change of the book, and not only when they change."""

    heartbeat: str | None = None

    def __init__(self, markets: Sequence[Market], seed: str, at_us: int) -> None:
        self.chance = random.Random(seed)
        self._told = {market.instrument.symbol: Told(market, self.chance) for market in markets}
        channels = (self.trades, self.books, self.quotes)
        self.offer = Offer(frozenset(Stream(symbol, channel) for symbol in self._told for channel in channels))

    @abstractmethod
    def changed(self, told: Told, at_us: int) -> Sequence[str]:
        """Messages about what waits; numbers of their own are taken by `Told.number`."""
        ...

    @abstractmethod
    def traded(self, told: Told, trade: Trade, at_us: int) -> str:
        """The message about a trade, whose number is `Told.trade_number`."""
        ...

    @abstractmethod
    def quoted(self, told: Told, at_us: int) -> str:
        """The message about the best prices."""
        ...

    def time(self, at_us: int) -> str:
        """See `Messages.time`: nothing, for a venue that cannot be asked."""
        return "{}"

    def snapshot(self, told: Told, at_us: int) -> Sequence[str]:
        """The book as a new subscriber hears it; nothing when the venue gives it over REST only."""
        return ()

    def book(self, market: Market, changes: Changes, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.book`."""
        told = self._told[market.instrument.symbol]
        told.waiting.update(changes)
        stream = Stream(told.symbol, self.books)
        if told.waiting and not is_frozen(stream):
            texts = self.changed(told, at_us)
            told.tell()
            for text in texts:
                yield stream, text
        yield from self._best(market, told, at_us, is_frozen)

    def _best(self, market: Market, told: Told, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        quote, stream = _quote(market), Stream(told.symbol, self.quotes)
        if is_frozen(stream) or (quote == told.quote and not self.quotes_whenever):
            return
        told.quote = quote
        yield stream, self.quoted(told, at_us)

    def trade(self, market: Market, trade: Trade, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.trade`."""
        told = self._told[market.instrument.symbol]
        stream = Stream(told.symbol, self.trades)
        if not is_frozen(stream):
            told.trade_number += 1
            yield stream, self.traded(told, trade, at_us)

    def liquidation(self, market: Market, order: Trade, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.liquidation`: nothing."""
        return iter(())

    def second(self, market: Market, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """See `Messages.second`: nothing."""
        return iter(())

    def welcome(self, stream: Stream, at_us: int) -> Sequence[str]:
        """See `Messages.welcome`: the book and the best prices, where the venue tells them."""
        told = self._told[stream.symbol]
        return self.snapshot(told, at_us) if stream.channel == self.books else ()


def _quote(market: Market) -> tuple[str, str, str, str]:
    item, bid, ask = market.instrument, market.best_bid, market.best_ask
    return item.price(bid), item.size(market.bids[bid]), item.price(ask), item.size(market.asks[ask])
