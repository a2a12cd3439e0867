"""One file per venue: address, subscription, parsing and the venue's own sequence rule."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from tapewatch.sources.collectors.feed.venues.base import FeedVenue
from tapewatch.sources.collectors.feed.venues.binance import Binance
from tapewatch.sources.collectors.feed.venues.binance_coinm import BinanceCoinm
from tapewatch.sources.collectors.feed.venues.binance_usdm import BinanceUsdm
from tapewatch.sources.collectors.feed.venues.bitmex import Bitmex
from tapewatch.sources.collectors.feed.venues.bitstamp import Bitstamp
from tapewatch.sources.collectors.feed.venues.bybit import Bybit
from tapewatch.sources.collectors.feed.venues.coinbase import Coinbase
from tapewatch.sources.collectors.feed.venues.deribit import Deribit
from tapewatch.sources.collectors.feed.venues.hyperliquid import Hyperliquid
from tapewatch.sources.collectors.feed.venues.kraken import Kraken
from tapewatch.sources.collectors.feed.venues.kraken_futures import KrakenFutures
from tapewatch.sources.collectors.feed.venues.kraken_v1 import KrakenV1
from tapewatch.sources.collectors.feed.venues.okx import Okx

VENUES: tuple[type[FeedVenue], ...] = (
    Binance,
    BinanceCoinm,
    BinanceUsdm,
    Bitmex,
    Bitstamp,
    Bybit,
    Coinbase,
    Deribit,
    Hyperliquid,
    Kraken,
    KrakenFutures,
    Okx,
)

OLDER: Mapping[str, type[FeedVenue]] = MappingProxyType({"kraken_v1": KrakenV1})
"""Protocols that a venue serves, or a recording has, beside today's, by the word in the settings that asks for them."""
