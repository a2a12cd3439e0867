"""Turns for what others allow only so often: connection attempts of a host, messages on a connection."""

from __future__ import annotations

import asyncio

from tapewatch.clock import Clock


class Gate:
    """Lets callers through one by one, at least ``interval_s`` apart, in the order in which they came.

    So no window of time holds more than its share: in W seconds at most W / interval_s, rounded up. Who is cancelled while it waits
    takes no turn.

    Args:
        interval_s: Seconds between two turns at least.
        clock: The time.
    """

    def __init__(self, interval_s: float, clock: Clock) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._free_s = clock.monotonic_s()
        self._lock = asyncio.Lock()

    async def wait(self) -> None:
        """Wait for one's turn."""
        async with self._lock:
            await asyncio.sleep(max(0.0, self._free_s - self._clock.monotonic_s()))
            self._free_s = self._clock.monotonic_s() + self._interval_s


class Gates:
    """One gate for each host, shared by everything in a process that asks there."""

    def __init__(self) -> None:
        self._gates: dict[tuple[str, float], Gate] = {}

    def of(self, host: str, interval_s: float, clock: Clock) -> Gate:
        """The gate of a host, made when it is asked for the first time."""
        key = (host, interval_s)
        if key not in self._gates:
            self._gates[key] = Gate(interval_s, clock)
        return self._gates[key]
