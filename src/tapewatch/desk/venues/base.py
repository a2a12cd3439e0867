"""What a simulated venue is: its instruments, its network, its messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tapewatch.desk.dialects.base import Dialect, Offer
from tapewatch.desk.market import Changes, Instrument, Market, Trade
from tapewatch.desk.stream import Stream

Emission = tuple[Stream, str]
IsFrozen = Callable[[Stream], bool]


@dataclass(frozen=True, slots=True)
class VenueSpec:
    """A simulated venue as data.

    Attributes:
        dialect: Its protocol.
        instruments: What it trades.
        trade_channel: Channel of the public trades, in the venue's words.
        latency_ms: Median of the one-way latency.
        latency_sigma: Spread of its logarithm.
        book_every_s: Mean time between two book updates of a symbol.
        trades_per_s: Mean trades of a symbol.
        weight_limit: Request weight that the venue allows a minute.
        liquidations_per_s: Mean forced orders of a symbol; 0 at a spot venue, which has no funding and no open interest either.
    """

    dialect: Dialect
    instruments: tuple[Instrument, ...]
    trade_channel: str
    latency_ms: float
    latency_sigma: float
    book_every_s: float
    trades_per_s: float
    weight_limit: int
    liquidations_per_s: float = 0.0

    @property
    def is_futures(self) -> bool:
        """Whether the venue trades perpetual contracts."""
        return self.liquidations_per_s > 0

    @property
    def name(self) -> str:
        """Tapewatch's name of the venue."""
        return self.dialect.venue


class Messages(Protocol):
    """Writes a venue's messages and keeps its numbering.

    A frozen stream uses up no number and loses nothing. ``at_us`` is the venue's clock.
    """

    @property
    def offer(self) -> Offer:
        """The streams that exist."""
        ...

    def book(self, market: Market, changes: Changes, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """Tell a changed book."""
        ...

    def trade(self, market: Market, trade: Trade, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """Tell a trade."""
        ...

    def liquidation(self, market: Market, order: Trade, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """Tell a forced order."""
        ...

    def second(self, market: Market, at_us: int, is_frozen: IsFrozen) -> Iterator[Emission]:
        """Tell what the venue repeats each second for a symbol."""
        ...

    def welcome(self, stream: Stream, at_us: int) -> Sequence[str]:
        """Tell a new subscriber the present state of a stream."""
        ...

    def time(self, at_us: int) -> str:
        """Answer the venue's time call."""
        ...

    @property
    def heartbeat(self) -> str | None:
        """What every subscriber of anything hears each second; None when the venue sends nothing."""
        ...
