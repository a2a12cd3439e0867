"""The only module of tapewatch that reads the time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

US_PER_MS = 1_000
US_PER_S = 1_000_000


class Clock(Protocol):
    """Wall time for the edge, monotonic time for durations inside."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC, as the host's clock says; may jump."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary moment; never goes back."""
        ...

    def steady_us(self) -> int:
        """Microseconds since 1970 as the host's clock said when this one was made, and time has gone on since; never jumps.

        For what must not end early or late because a clock was set; to people and in rows the time is `now_us`.
        """
        ...


class SystemClock:
    """The host's clocks."""

    def __init__(self) -> None:
        self._began_us = self.now_us() - round(self.monotonic_s() * US_PER_S)

    def now_us(self) -> int:
        """See `Clock.now_us`."""
        return time.time_ns() // 1_000

    def monotonic_s(self) -> float:
        """See `Clock.monotonic_s`."""
        return time.monotonic()

    def steady_us(self) -> int:
        """See `Clock.steady_us`."""
        return self._began_us + round(self.monotonic_s() * US_PER_S)


class ManualClock:
    """A clock that moves only when told; for tests and for runs on virtual time."""

    def __init__(self, now_us: int = 1_700_000_000_000_000) -> None:
        self._began_us = self._now_us = now_us
        self._monotonic_us = 0

    def now_us(self) -> int:
        """See `Clock.now_us`."""
        return self._now_us

    def monotonic_s(self) -> float:
        """See `Clock.monotonic_s`."""
        return self._monotonic_us / US_PER_S

    def steady_us(self) -> int:
        """See `Clock.steady_us`."""
        return self._began_us + self._monotonic_us

    def advance(self, seconds: float) -> None:
        """Move both clocks forward by ``seconds``."""
        self._now_us += round(seconds * US_PER_S)
        self._monotonic_us += round(seconds * US_PER_S)

    def jump(self, seconds: float) -> None:
        """Move only the wall clock, as a time server or an operator would."""
        self._now_us += round(seconds * US_PER_S)


def thread_cpu_s() -> float:
    """Seconds of processor time that the calling thread has used; stands still while the thread waits."""
    return time.thread_time()


def iso(us: int) -> str:
    """Write microseconds since 1970 as ISO 8601 in UTC, for example ``2026-01-02T03:04:05.000006Z``; beyond its years as a number."""
    seconds, rest = divmod(us, US_PER_S)
    try:
        return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:06d}Z"
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s since 1970"
