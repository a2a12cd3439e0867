"""``/metrics``: numbers about this server in the OpenMetrics text format, for Prometheus and its relatives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import cast

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.openmetrics import exposition
from prometheus_client.registry import Collector

from tapewatch.errors import StoreError
from tapewatch.model.table import Status
from tapewatch.surfaces.web.parts import WebParts


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
        """All metrics of this server."""
        yield InfoMetricFamily("tapewatch_build", "Version of tapewatch.", {"version": self._parts.version})
        yield from self._ingest()
        yield from self._store()
        yield from self._query()
        yield from self._live()
        yield from self._series()

    def _ingest(self) -> Iterator[Metric]:
        stats = self._parts.intake.stats
        yield CounterMetricFamily("tapewatch_ingest_rows", "Rows made durable since the start.", stats.accepted_rows)
        yield CounterMetricFamily("tapewatch_ingest_deliveries", "Deliveries made durable since the start.", stats.deliveries)
        yield CounterMetricFamily("tapewatch_ingest_duplicates", "Deliveries that were known already.", stats.duplicates)
        yield _counts("tapewatch_ingest_refused", "Values and rows not kept or marked, by reason.", "reason", stats.refused)
        yield GaugeMetricFamily("tapewatch_ingest_queue_rows", "Rows that are not durable yet.", stats.queue_rows)
        yield GaugeMetricFamily(
            "tapewatch_ingest_queue_bytes", "Bytes that are not durable yet, estimated.", stats.queue_bytes, unit="bytes"
        )
        yield _seconds("tapewatch_ingest_oldest_waiting", "Age of the oldest row that is not durable yet.", stats.oldest_waiting_s)
        for name, summary in (("lag", stats.lag), ("commit", stats.commit), ("validate", stats.validate)):
            yield from _quantiles(f"tapewatch_ingest_{name}", summary.p50_ms, summary.p99_ms, summary.max_ms)

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

    def _query(self) -> Iterator[Metric]:
        stats = self._parts.engine.stats()
        yield from _quantiles("tapewatch_query", stats.get("p50_ms"), stats.get("p99_ms"), None)

    def _live(self) -> Iterator[Metric]:
        stats = self._parts.hub.stats()
        yield GaugeMetricFamily("tapewatch_live_clients", "Live connections.", stats["clients"])
        yield GaugeMetricFamily("tapewatch_live_topics", "Different panels shown by live connections.", stats["topics"])
        for name, sentence in _LIVE_COUNTERS.items():
            yield CounterMetricFamily(f"tapewatch_live_{name}", sentence, stats[name])
        yield from _quantiles("tapewatch_live_push", stats.get("push_p50_ms"), stats.get("push_p99_ms"), None)
        yield _seconds(
            "tapewatch_event_loop_late", "By how much the event loop was late at worst in ten seconds.", stats["loop_late_ms"] / 1e3
        )

    def _series(self) -> Iterator[Metric]:
        counts = {str(status): 0 for status in Status}
        for verdict in self._parts.hub.board.verdicts:
            counts[verdict.status] += 1
        found = GaugeMetricFamily("tapewatch_series", "Series that are watched, by verdict.", labels=["status"])
        for status, count in counts.items():
            found.add_metric([status], count)
        yield found


_LIVE_COUNTERS = {
    "computed": "Panels computed for live connections.",
    "unchanged": "Computed panels that had not changed and were not sent.",
    "snapshots": "Snapshots encoded.",
    "deltas": "Deltas encoded.",
    "sent": "Frames handed to connections.",
    "dropped": "Frames dropped because a client read too slowly.",
    "cut_off": "Connections cut because the client took nothing.",
}


def _seconds(name: str, sentence: str, seconds: float) -> Metric:
    return GaugeMetricFamily(f"{name}_seconds", sentence, seconds, unit="seconds")


def _quantiles(name: str, p50_ms: float | None, p99_ms: float | None, max_ms: float | None) -> Iterator[Metric]:
    for word, value_ms in (("p50", p50_ms), ("p99", p99_ms), ("max", max_ms)):
        if value_ms is not None:
            yield _seconds(f"{name}_{word}", f"Of the recent ones: {word}.", value_ms / 1_000)


def _counts(name: str, sentence: str, label: str, counts: Mapping[str, float]) -> Metric:
    found = CounterMetricFamily(name, sentence, labels=[label])
    for value, count in counts.items():
        found.add_metric([value], count)
    return found
