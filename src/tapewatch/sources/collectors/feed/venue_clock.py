"""What is known of a venue's clock, from one-way times and round trips together, as columns of table ``feed``."""

from __future__ import annotations

from typing import Any

from tapewatch.sources.collectors.feed.offset import ClockOffset
from tapewatch.sources.collectors.feed.round_trips import DRIFT, Bounds, Moment, RoundTrips

WIDEST_US = 100_000
"""Round trips that leave the offset more open than this say less than the shortest way does."""


def clock_row(offset: ClockOffset, trips: RoundTrips, ping_s: float | None, now: Moment) -> dict[str, Any]:
    """Offset of the host's clock to the venue's, its error and the shortest way, in ms.

    Args:
        offset: Of one-way times.
        trips: Of the venue's time call.
        ping_s: Round trip of the connection, seconds; None when unknown.
        now: The host's clocks.
    """
    bounds = trips.bounds(now)
    baseline_us, bound_us = offset.baseline_us, offset.bound_us(now.s, DRIFT)
    if bounds is None or bounds.error_us > WIDEST_US:
        return _one_way(offset, ping_s)
    # no message comes before it was sent: the one-way times are an upper bound, unless the venue stamps them with another clock
    both = bounds.common(Bounds(bounds.low_us, bound_us)) if bound_us is not None else None
    known = both or bounds
    middle_us = (known.low_us + known.high_us) / 2
    way_ms = max(0.0, baseline_us - middle_us) / 1000 if both is not None and baseline_us is not None else None
    return {"clock_offset_ms": middle_us / 1000, "clock_offset_error_ms": known.error_us / 1000, "way_ms": way_ms}


def _one_way(offset: ClockOffset, ping_s: float | None) -> dict[str, Any]:
    """Offset with the shortest way in it, and its error: half a round trip, when known, and the minima's spread."""
    if offset.baseline_us is None:
        return {}
    spread_us = offset.spread_us
    errors_ms = [spread_us / 1000 if spread_us is not None else None, ping_s * 500 if ping_s else None]
    known_ms = [error for error in errors_ms if error is not None]
    return {"clock_offset_ms": offset.baseline_us / 1000, "clock_offset_error_ms": sum(known_ms) if known_ms else None}
