"""The desk's view of time: the same two clocks that tapewatch and its client take as a parameter."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

US_PER_MS = 1_000
US_PER_S = 1_000_000


class Clock(Protocol):
    """Wall time for what is written, monotonic time for what is waited for."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC; may jump."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary moment; never goes back."""
        ...


class SystemClock:
    """The host's clocks."""

    def now_us(self) -> int:
        """See `Clock.now_us`."""
        return time.time_ns() // 1_000

    def monotonic_s(self) -> float:
        """See `Clock.monotonic_s`."""
        return time.monotonic()


def iso(us: int) -> str:
    """Write microseconds since 1970 as ISO 8601 in UTC with six decimals, for example ``2026-01-02T03:04:05.000006Z``."""
    seconds, rest = divmod(us, US_PER_S)
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:06d}Z"
