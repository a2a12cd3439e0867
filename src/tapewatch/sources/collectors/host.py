"""The host that tapewatch or an agent runs on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import psutil

from tapewatch.clock import US_PER_S
from tapewatch.errors import SourceError
from tapewatch.model.rows import RawBatch
from tapewatch.sources.base import Context
from tapewatch.sources.from_settings import Seconds
from tapewatch.sources.kernel_clock import read_kernel_clock
from tapewatch.sources.worker import Worker

_COUNTED_TWICE = frozenset({"guest", "guest_nice"})
"""Processor times that are part of user and nice already."""


@dataclass(slots=True)
class _Processors:
    """Processor times at the last look, seconds since the host started."""

    busy_s: float = 0.0
    total_s: float = 0.0

    def ratio(self) -> float | None:
        """Share of all processors that was busy since the last look; None at the first."""
        times = psutil.cpu_times()._asdict()
        total_s = sum(seconds for name, seconds in times.items() if name not in _COUNTED_TWICE)
        busy_s = total_s - times.get("idle", 0.0) - times.get("iowait", 0.0)
        passed_s, worked_s, is_first = total_s - self.total_s, busy_s - self.busy_s, self.total_s == 0.0
        self.busy_s, self.total_s = busy_s, total_s
        return None if is_first or passed_s <= 0 else min(1.0, max(0.0, worked_s / passed_s))


@dataclass(frozen=True, slots=True)
class HostCollector:
    """Measures processor, memory, disk, network and clock of this host: one row of table ``host`` each time."""

    kind: ClassVar[str] = "host"
    tables: ClassVar[tuple[str, ...]] = ("host",)
    busy: ClassVar[bool] = False

    path: str = field(default="/", metadata={"sentence": "A path on the file system whose space is measured."})
    period_s: Seconds = field(default=1.0, metadata={"sentence": "Seconds between two measurements."})
    _processors: _Processors = field(default_factory=_Processors, init=False, repr=False, compare=False)
    _worker: Worker[dict[str, Any]] = field(default_factory=Worker[dict[str, Any]], init=False, repr=False, compare=False)

    async def collect(self, context: Context) -> AsyncIterator[RawBatch]:
        """See `Collector.collect`; ``cpu_ratio`` is null at the first time, because it needs two looks."""
        now_s = context.clock.now_us() / US_PER_S
        yield RawBatch.of("host", [await self._worker.run(lambda: self._measure(now_s))])

    def _measure(self, now_s: float) -> dict[str, Any]:
        clock = read_kernel_clock()
        memory = psutil.virtual_memory()
        return {
            "clock_synchronised": clock.is_synchronised,
            "clock_error_ms": clock.error_ms,
            "cpu_ratio": self._processors.ratio(),
            "load_1m": psutil.getloadavg()[0],
            "memory_used_bytes": memory.total - memory.available,
            "memory_total_bytes": memory.total,
            "memory_ratio": (memory.total - memory.available) / memory.total,
            "swap_used_bytes": psutil.swap_memory().used,
            "uptime_s": max(0.0, now_s - psutil.boot_time()),
            **self._disk(),
            **_network(),
        }

    def _disk(self) -> dict[str, float]:
        try:
            disk = psutil.disk_usage(self.path)
        except OSError as error:
            raise SourceError(f"path {self.path}: its file system cannot be measured: {error.strerror}") from error
        usable = disk.used + disk.free  # without what is reserved for root: full is when nobody else can write
        return {"disk_used_bytes": disk.used, "disk_total_bytes": disk.total, "disk_ratio": disk.used / usable if usable else 0.0}


def _network() -> dict[str, int]:
    loopback = {name for name, card in psutil.net_if_stats().items() if "loopback" in card.flags.split(",")}
    counters = [card for name, card in psutil.net_io_counters(pernic=True).items() if name not in loopback]
    return {"net_received_bytes": sum(card.bytes_recv for card in counters), "net_sent_bytes": sum(card.bytes_sent for card in counters)}
