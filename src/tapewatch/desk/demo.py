"""What goes wrong in the demo: within the first minute one fault of each kind that a dashboard shows, then again every few minutes."""

from __future__ import annotations

from dataclasses import replace

from tapewatch.desk.faults import Delay, Disconnect, Duplicate, Fault, Freeze, Gap, Script, Skew, Swap

_PERIOD_S = 240.0
_JITTER_S = 12.0


def demo_script(seed: int = 7) -> Script:
    """The demo's faults: Kraken drops out, messages of Binance are lost, a Coinbase book freezes, Binance falls behind."""
    first: tuple[Fault, ...] = (
        Disconnect(12, "kraken", for_s=10),
        Gap(20, "binance_usdm", "ETHUSDT", "depth", count=3),
        Gap(20, "binance_usdm", "ETHUSDT", "aggTrade", count=2),
        Freeze(25, "coinbase", "ETH-USD", "level2", for_s=20),
        Delay(35, "binance_usdm", peak_s=4, for_s=16),
        Duplicate(52, "coinbase", "BTC-USD", "matches"),
        Swap(54, "binance_usdm", "SOLUSDT", "aggTrade"),
        Gap(56, "kraken", "XBT/USD", "book"),
    )
    spread = tuple(replace(fault, at_s=20 + 3 * (fault.at_s - 12)) for fault in first)
    return Script(first, (*spread, Skew(200, "coinbase", offset_ms=-180, for_s=30)), _PERIOD_S, _JITTER_S, seed)
