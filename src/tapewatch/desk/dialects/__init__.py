"""Protocols of the venues that the desk can stand in for."""

from __future__ import annotations

from tapewatch.desk.dialects.base import Dialect
from tapewatch.desk.dialects.binance import BinanceCoinm, BinanceFutures, BinanceSpot
from tapewatch.desk.dialects.bitmex import Bitmex
from tapewatch.desk.dialects.bitstamp import Bitstamp
from tapewatch.desk.dialects.bybit import Bybit
from tapewatch.desk.dialects.coinbase import Coinbase
from tapewatch.desk.dialects.deribit import Deribit
from tapewatch.desk.dialects.hyperliquid import Hyperliquid
from tapewatch.desk.dialects.kraken import Kraken
from tapewatch.desk.dialects.kraken_futures import KrakenFutures
from tapewatch.desk.dialects.okx import Okx

DIALECTS: tuple[Dialect, ...] = (
    BinanceSpot(),
    BinanceCoinm(),
    BinanceFutures(),
    Bitmex(),
    Bitstamp(),
    Bybit(),
    Coinbase(),
    Deribit(),
    Hyperliquid(),
    Kraken(),
    KrakenFutures(),
    Okx(),
)


def dialect(venue: str) -> Dialect:
    """The protocol of a venue.

    Raises:
        ValueError: The desk does not know the venue; names those it knows.
    """
    for known in DIALECTS:
        if known.venue == venue:
            return known
    raise ValueError(f"the desk cannot stand in for venue {venue!r}; it knows {', '.join(known.venue for known in DIALECTS)}")
