"""The simulated venues: one file each, with its instruments and its messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tapewatch.desk.market import Market
from tapewatch.desk.venues import binance, coinbase, kraken
from tapewatch.desk.venues.base import Messages, VenueSpec

VENUES: tuple[tuple[VenueSpec, Callable[[Sequence[Market], str, int], Messages]], ...] = (
    (binance.SPEC, binance.BinanceMessages),
    (coinbase.SPEC, coinbase.CoinbaseMessages),
    (kraken.SPEC, kraken.KrakenMessages),
)
"""Each venue with the class that writes its messages."""
