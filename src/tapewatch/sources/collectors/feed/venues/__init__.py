"""One file per venue: address, subscription, parsing and the venue's own sequence rule."""

from __future__ import annotations

from tapewatch.sources.collectors.feed.venues.base import FeedVenue
from tapewatch.sources.collectors.feed.venues.binance_usdm import BinanceUsdm
from tapewatch.sources.collectors.feed.venues.coinbase import Coinbase
from tapewatch.sources.collectors.feed.venues.kraken import Kraken

VENUES: tuple[type[FeedVenue], ...] = (BinanceUsdm, Coinbase, Kraken)
