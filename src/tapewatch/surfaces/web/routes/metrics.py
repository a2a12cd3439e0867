"""``/metrics``: numbers about this server in the OpenMetrics text format, for Prometheus and its relatives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import cast

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.openmetrics import exposition
from prometheus_client.registry import Collector

from tapewatch.errors import StoreError
from tapewatch.model.table import Status
from tapewatch.surfaces.web.parts import WebParts

COUNTERS = {
    "ingest": {
        "accepted_rows": "Rows made durable.",
        "deliveries": "Deliveries made durable.",
        "duplicates": "Deliveries that were known already.",
        "refused": "Values and rows not kept, or marked.",
        "quarantined": "Rows that went to quarantine.",
        "observer_errors": "Times that a part of the server failed on accepted rows.",
    },
    "live": {
        "computed": "Panels computed for live connections.",
        "unchanged": "Computed panels that had not changed and were not sent.",
        "snapshots": "Snapshots encoded.",
        "deltas": "Deltas encoded.",
        "sent": "Frames handed to connections.",
        "dropped": "Frames dropped because a client read too slowly.",
        "cut_off": "Connections cut because the client took nothing.",
    },
}
"""What only grows, by component; every other number of a component is a gauge."""
_UNITS = {"_ms": ("_seconds", "seconds", 0.001), "_s": ("_seconds", "seconds", 1.0), "_bytes": ("_bytes", "bytes", 1.0)}
_PROCESS = "process"


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["server"])
    registry = CollectorRegistry(auto_describe=False)
    registry.register(ServerMetrics(parts))
    ProcessCollector(namespace="tapewatch", registry=registry)

    @routes.get("/metrics", response_class=Response, responses={200: {"content": {"application/openmetrics-text": {}}}})
    async def read_metrics() -> Response:
        """Counters and gauges of ingest, store, queries, live connections and the process."""
        text = await asyncio.to_thread(_written, registry)
        return Response(text, headers={"Content-Type": exposition.CONTENT_TYPE_LATEST, "Cache-Control": "no-store"})

    return routes


def _written(registry: CollectorRegistry) -> bytes:
    write = cast("Callable[[CollectorRegistry], bytes]", exposition.generate_latest)  # pyright: ignore[reportUnknownMemberType] - it has no annotations
    return write(registry)


class ServerMetrics(Collector):
    """Reads the parts when it is asked; keeps nothing.

    Args:
        parts: What to read.
    """

    def __init__(self, parts: WebParts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """All metrics of this server, except those of its process."""
        yield InfoMetricFamily("tapewatch_build", "Version of tapewatch.", {"version": self._parts.version})
        for component, measures in self._parts.metrics().items():
            if component != _PROCESS:
                for metric, value in measures.items():
                    yield _family(component, metric, value)
        yield from self._refused()
        yield from self._store()
        yield from self._series()

    def _refused(self) -> Iterator[Metric]:
        found = CounterMetricFamily("tapewatch_ingest_refused_by_reason", "Values and rows not kept, or marked.", labels=["reason"])
        for reason, count in self._parts.intake.stats.refused.items():
            found.add_metric([reason], count)
        yield found

    def _store(self) -> Iterator[Metric]:
        is_up = self._parts.intake.stats.state == "ok"
        yield GaugeMetricFamily("tapewatch_store_up", "1 while the store takes rows, else 0.", float(is_up))
        try:
            usage = self._parts.store.usage()
        except StoreError:
            return  # tapewatch_store_up says it; the rest of the page is still of use
        yield GaugeMetricFamily("tapewatch_store_size_bytes", "Bytes on disk.", usage.bytes_on_disk, unit="bytes")
        rows = GaugeMetricFamily("tapewatch_store_rows", "Rows kept, by table.", labels=["table"])
        for table, count in usage.rows_by_table.items():
            rows.add_metric([table], count)
        yield rows

    def _series(self) -> Iterator[Metric]:
        counts = {str(status): 0 for status in Status}
        for verdict in self._parts.board.verdicts:
            counts[verdict.status] += 1
        found = GaugeMetricFamily("tapewatch_series_watched", "Series that are judged, by verdict.", labels=["status"])
        for status, count in counts.items():
            found.add_metric([status], count)
        yield found


def _family(component: str, metric: str, value: float) -> Metric:
    """A number of a component under its name: durations in seconds, as the format asks."""
    sentence = COUNTERS.get(component, {}).get(metric)
    if sentence is not None:
        return CounterMetricFamily(f"tapewatch_{component}_{metric}", sentence, value)
    words = f"{component}: {metric.replace('_', ' ')}"
    if not metric.endswith("_per_s"):
        for suffix, (ending, unit, factor) in _UNITS.items():
            if metric.endswith(suffix):
                name = f"tapewatch_{component}_{metric.removesuffix(suffix)}{ending}"
                return GaugeMetricFamily(name, f"{words.removesuffix(suffix.replace('_', ' '))}.", value * factor, unit=unit)
    return GaugeMetricFamily(f"tapewatch_{component}_{metric}", f"{words}.", value)
