"""The simulated venues: one file each, with its instruments and its messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tapewatch.desk.market import Market
from tapewatch.desk.venues import (
    binance,
    binance_coinm,
    binance_spot,
    bitmex,
    bitstamp,
    bybit,
    coinbase,
    deribit,
    hyperliquid,
    kraken,
    kraken_futures,
    okx,
)
from tapewatch.desk.venues.base import Messages, VenueSpec

Simulated = tuple[VenueSpec, Callable[[Sequence[Market], str, int], Messages]]
"""A venue with the class that writes its messages."""

VENUES: tuple[Simulated, ...] = (
    (binance.SPEC, binance.BinanceMessages),
    (coinbase.SPEC, coinbase.CoinbaseMessages),
    (kraken.SPEC, kraken.KrakenMessages),
)
"""Those that the desk trades on."""

SIMULATED: tuple[Simulated, ...] = (
    *VENUES,
    (binance_spot.SPEC, binance_spot.BinanceSpotMessages),
    (binance_coinm.SPEC, binance.BinanceMessages),
    (bitmex.SPEC, bitmex.BitmexMessages),
    (bitstamp.SPEC, bitstamp.BitstampMessages),
    (bybit.SPEC, bybit.BybitMessages),
    (deribit.SPEC, deribit.DeribitMessages),
    (hyperliquid.SPEC, hyperliquid.HyperliquidMessages),
    (kraken_futures.SPEC, kraken_futures.KrakenFuturesMessages),
    (okx.SPEC, okx.OkxMessages),
)
"""All that can be simulated."""


def simulated(name: str) -> Simulated:
    """The venue of a name.

    Raises:
        ValueError: There is none; names those there are.
    """
    for spec, messages in SIMULATED:
        if spec.name == name:
            return spec, messages
    raise ValueError(f"the desk cannot simulate venue {name!r}; it knows {', '.join(spec.name for spec, _ in SIMULATED)}")
