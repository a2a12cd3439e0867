"""What hosts say of their clocks: times measured with one that is not synchronised carry its error. An observer of accepted rows."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from tapewatch.clock import Clock
from tapewatch.model.rows import NULL_FLAG, Coded, RowBatch
from tapewatch.query.steady import steady_moment

FRESH_S = 300.0
"""What a host said of its clock longer ago is not known any more."""


@dataclass(frozen=True, slots=True)
class HostClock:
    """One host's clock: whether its kernel calls it synchronised (None: it does not say), and its largest error in ms, if known."""

    synchronised: bool | None = None
    error_ms: float | None = None


NOT_KNOWN = HostClock()


class HostClocks:
    """The newest word of each host on its clock.

    Args:
        clock: For ages.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._said: dict[str, tuple[float, HostClock]] = {}

    def __call__(self, batch: RowBatch) -> None:
        """Take note of accepted rows of table ``host``; one that is older than what is known, or silent about its clock, tells nothing."""
        if batch.table != "host":
            return
        times: list[int] = batch.array("ts").tolist()
        now_us, now_s = self._clock.now_us(), self._clock.monotonic_s()
        for row, host in enumerate(batch.coded("host").words().tolist()):
            synchronised = _synchronised(batch, row)
            at_s = steady_moment(times[row], now_us, now_s)
            if host is not None and synchronised is not None and at_s >= self._said.get(host, (-inf, NOT_KNOWN))[0]:
                self._said[host] = (at_s, HostClock(synchronised, _error_ms(batch, row)))

    def of(self, host: str) -> HostClock:
        """What is known of a host's clock."""
        said_s, said = self._said.get(host, (-inf, NOT_KNOWN))
        return said if self._clock.monotonic_s() - said_s <= FRESH_S else NOT_KNOWN

    def unsynchronised(self) -> dict[str, float | None]:
        """Hosts whose clock is known not to be synchronised, with its largest error in ms; safe to call from another thread."""
        found = {host: self.of(host) for host in tuple(self._said)}
        return {host: said.error_ms for host, said in found.items() if said.synchronised is False}


def _synchronised(batch: RowBatch, row: int) -> bool | None:
    values = batch.columns.get("clock_synchronised")
    return None if values is None or isinstance(values, Coded) or values[row] == NULL_FLAG else bool(values[row])


def _error_ms(batch: RowBatch, row: int) -> float | None:
    values = batch.columns.get("clock_error_ms")
    return None if values is None or isinstance(values, Coded) or np.isnan(values[row]) else float(values[row])
