"""Protocols of the venues that the desk can stand in for."""

from __future__ import annotations

from tapewatch.desk.dialects.base import Dialect
from tapewatch.desk.dialects.binance import BinanceFutures
from tapewatch.desk.dialects.coinbase import Coinbase
from tapewatch.desk.dialects.kraken import Kraken

DIALECTS: tuple[Dialect, ...] = (BinanceFutures(), Coinbase(), Kraken())


def dialect(venue: str) -> Dialect:
    """The protocol of a venue.

    Raises:
        ValueError: The desk does not know the venue; names those it knows.
    """
    for known in DIALECTS:
        if known.venue == venue:
            return known
    raise ValueError(f"the desk cannot stand in for venue {venue!r}; it knows {', '.join(known.venue for known in DIALECTS)}")
