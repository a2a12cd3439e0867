"""A simulated market: one symbol's book and trades as a seeded random walk; knows no venue and no time zone."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Side = Literal["bid", "ask"]
Changes = Mapping[tuple[Side, int], int]
"""New size in lots of a level (side, price in ticks); 0 removes the level."""

_LEVELS = 20
_SPARE_LEVELS = 5
_VOLATILITY = 2e-5  # of the logarithm of the price, per square root of a second: about 11 % a year
_REVERSION = 1 / 900  # per second: the price is drawn back to its base, so that venues stay together for days
_TURN_OVER = 2  # levels whose size changes in a step


@dataclass(frozen=True, slots=True)
class Instrument:
    """What is traded and how a venue writes it.

    Attributes:
        symbol: As the venue spells it.
        unified: As tapewatch spells it, ``BASE/QUOTE`` or ``BASE/QUOTE:SETTLE``.
        base_price: Price to which the walk is drawn back.
        price_decimals: Decimals of a written price.
        tick: Smallest step of a price, in units of the last decimal.
        size_decimals: Decimals of a written size.
        lot: Typical size of a level, in units of the last decimal.
    """

    symbol: str
    unified: str
    base_price: float
    price_decimals: int
    tick: int
    size_decimals: int
    lot: int

    def price(self, ticks: int) -> str:
        """Write a price that is given in ticks."""
        return _fixed(ticks * self.tick, self.price_decimals)

    def size(self, lots: int) -> str:
        """Write a size that is given in units of its last decimal."""
        return _fixed(lots, self.size_decimals)


def _fixed(units: int, decimals: int) -> str:
    if not decimals:
        return str(units)
    whole, rest = divmod(units, 10**decimals)
    return f"{whole}.{rest:0{decimals}d}"


@dataclass(frozen=True, slots=True)
class Trade:
    """One trade: price in ticks, size in units of the last decimal, the side of the taker."""

    ticks: int
    lots: int
    taker: Literal["buy", "sell"]


class Market:
    """Book and trades of one instrument. Best bid < best ask always; every book has at least ten levels a side.

    Args:
        instrument: What is traded.
        seed: Of all randomness; the same calls give the same market.
    """

    def __init__(self, instrument: Instrument, seed: str) -> None:
        self.instrument = instrument
        self._random = random.Random(seed)
        self._base_ticks = instrument.base_price * 10**instrument.price_decimals / instrument.tick
        self._drift = self._random.gauss(0, 0.0005)
        self._contracts = instrument.base_price * 40
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.step(0.0)

    @property
    def best_bid(self) -> int:
        """Ticks."""
        return max(self.bids)

    @property
    def best_ask(self) -> int:
        """Ticks."""
        return min(self.asks)

    def book(self) -> Changes:
        """The whole book."""
        sizes: dict[tuple[Side, int], int] = {("bid", ticks): lots for ticks, lots in self.bids.items()}
        sizes.update({("ask", ticks): lots for ticks, lots in self.asks.items()})
        return sizes

    def step(self, elapsed_s: float) -> Changes:
        """Let the price walk for ``elapsed_s`` seconds and give what changed in the book."""
        noise = self._random.gauss(0, 1) * _VOLATILITY * math.sqrt(elapsed_s)
        self._drift += noise - self._drift * _REVERSION * elapsed_s
        middle = round(self._base_ticks * math.exp(self._drift))
        changes: dict[tuple[Side, int], int] = {}
        self._move("bid", self.bids, middle - self._random.randint(1, 2), -1, changes)
        self._move("ask", self.asks, middle + self._random.randint(1, 2), 1, changes)
        return changes

    def trade(self) -> Trade:
        """Trade at the best price of a random side."""
        is_buy = self._random.random() < 0.5  # noqa: PLR2004 - both sides are as likely
        return Trade(self.best_ask if is_buy else self.best_bid, self._size(0.3), "buy" if is_buy else "sell")

    def liquidation(self) -> Trade:
        """Close a position by force at the best price of a random side."""
        trade = self.trade()
        return Trade(trade.ticks, self._size(8.0), trade.taker)

    def funding_rate(self) -> float:
        """Rate of the next funding, a fraction: 0.01 % and a part that follows the price's distance from its base."""
        return 1e-4 + 0.05 * self._drift + self._random.gauss(0, 5e-6)

    def open_interest(self) -> float:
        """Open contracts, walking slowly."""
        self._contracts *= math.exp(self._random.gauss(0, 2e-4))
        return self._contracts

    def _move(self, side: Side, levels: dict[int, int], best: int, outward: Literal[-1, 1], changes: dict[tuple[Side, int], int]) -> None:
        """Bring one side to its new best price: crossed levels go, missing ones come, some sizes change."""
        for ticks in [ticks for ticks in levels if (ticks - best) * outward < 0]:
            del levels[ticks]
            changes[side, ticks] = 0
        for ticks in self._random.sample(sorted(levels), min(_TURN_OVER, len(levels))):
            levels[ticks] = changes[side, ticks] = self._size(1.0)
        if best not in levels:
            levels[best] = changes[side, best] = self._size(1.0)
        worst = max(levels, key=lambda ticks: ticks * outward)
        while len(levels) < _LEVELS:
            worst += outward * self._random.randint(1, 5)
            levels[worst] = changes[side, worst] = self._size(1.0)
        if len(levels) > _LEVELS + _SPARE_LEVELS:
            for ticks in sorted(levels, key=lambda ticks: ticks * outward)[_LEVELS:]:
                del levels[ticks]
                changes[side, ticks] = 0

    def _size(self, scale: float) -> int:
        return max(1, round(self.instrument.lot * scale * self._random.lognormvariate(0, 0.9)))
