"""Binance COIN-M futures: the messages of the USD-M futures about contracts that settle in their base."""

from __future__ import annotations

from dataclasses import replace

from tapewatch.desk.dialects.binance import BinanceCoinm
from tapewatch.desk.market import Instrument
from tapewatch.desk.venues import binance

SPEC = replace(
    binance.SPEC,
    dialect=BinanceCoinm(),
    instruments=(
        Instrument("BTCUSD_PERP", "BTC/USD:BTC", 96_420.0, price_decimals=1, tick=1, size_decimals=0, lot=900),
        Instrument("ETHUSD_PERP", "ETH/USD:ETH", 3_310.0, price_decimals=2, tick=1, size_decimals=0, lot=2_000),
    ),
    latency_ms=26.0,
    trades_per_s=1.5,
)
