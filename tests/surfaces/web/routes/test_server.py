"""About the server itself: metrics, health, readiness, the description and its page."""

import asyncio
import html.parser
import time

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tapewatch.errors import StoreUnavailable
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Usage
from tapewatch.surfaces.web.routes.metrics import COUNTERS
from tests.surfaces.web.stack import Stack, running


async def test_metrics_pass_the_strict_parser_of_the_format(web: Stack) -> None:
    await web.take("exchange", {"venue": "kraken", "connected": True}, {"venue": "okx", "latency_ms": "x"})
    await web.http.get("/api/query?table=exchange")
    answer = await web.http.get("/metrics")
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert all(name.startswith("tapewatch_") for name in families)
    assert families["tapewatch_ingest_accepted_rows"].samples[0].value == 2
    assert families["tapewatch_ingest_accepted_rows"].type == "counter"
    refused = {sample.labels["reason"]: sample.value for sample in families["tapewatch_ingest_refused_by_reason"].samples}
    assert refused["wrong_type"] == 1
    assert families["tapewatch_store_up"].samples[0].value == 1
    rows = {sample.labels["table"]: sample.value for sample in families["tapewatch_store_rows"].samples}
    assert rows["exchange"] == 2
    assert families["tapewatch_ingest_oldest_waiting_seconds"].unit == "seconds"
    assert families["tapewatch_process_cpu_seconds"].samples[0].value > 0
    assert {sample.labels["status"] for sample in families["tapewatch_series_watched"].samples} == {"up", "unknown", "degraded", "down"}


async def test_every_counter_of_the_list_exists(web: Stack) -> None:
    measures = web.parts.metrics()
    assert {(component, metric) for component, metrics in COUNTERS.items() for metric in metrics} <= {
        (component, metric) for component, metrics in measures.items() for metric in metrics
    }


async def test_metrics_survive_a_store_that_is_away() -> None:
    store = MemoryStore()
    async with running(store) as web:

        def away() -> Usage:
            raise StoreUnavailable("away")

        store.usage = away
        families = {family.name for family in text_string_to_metric_families((await web.http.get("/metrics")).text)}
        assert "tapewatch_store_up" in families
        assert "tapewatch_store_rows" not in families


async def test_health_gives_the_reasons_of_the_server(web: Stack) -> None:
    assert (await web.http.get("/health")).json() == {
        "name": "tapewatch",
        "status": "pass",
        "message": "ready for queries and writes",
        "reasons": [],
    }
    web.reasons.append("the store is away: disk full")
    answer = await web.http.get("/health")
    assert answer.status_code == 503
    message = "the store is away: disk full"
    assert answer.json() == {"name": "tapewatch", "status": "fail", "message": message, "reasons": [message]}
    assert (await web.http.head("/health")).status_code == 503
    assert (await web.http.head("/ready")).status_code == 200


async def test_a_probe_with_a_wrong_path_is_not_answered_by_the_page(web: Stack) -> None:
    for path in ("/health/", "/ready/", "/health/live", "/metrics/", "/api", "/docs/"):
        assert (await web.http.get(path)).status_code == 404, path


async def test_ready_asks_the_store_but_not_more_than_once_a_second() -> None:
    store = MemoryStore()
    async with running(store) as web:
        asked: list[int] = []

        def away() -> Usage:
            asked.append(1)
            raise StoreUnavailable("opened by another process")

        assert (await web.http.get("/ready")).status_code == 200
        store.usage = away
        assert (await web.http.get("/ready")).status_code == 200
        await asyncio.sleep(1.05)
        answers = [await web.http.get("/ready") for _ in range(5)]
        assert {answer.status_code for answer in answers} == {503}
        assert "another process" in answers[0].json()["reasons"][0]
        assert len(asked) == 1


async def test_a_store_that_hangs_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    async with running(store) as web:
        monkeypatch.setattr("tapewatch.surfaces.web.routes.health.STORE_S", 0.1)

        def hangs() -> Usage:
            time.sleep(0.5)
            return Usage(0)

        store.usage = hangs
        answer = await web.http.get("/ready")
        assert answer.status_code == 503
        assert "no answer within 0.1 s" in answer.json()["reasons"][0]


class References(html.parser.HTMLParser):
    """Collects what a page refers to."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.ids: set[str] = set()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in {"href", "src", "action"} and value:
                self.addresses.append(value)
            if name == "id" and value:
                self.ids.add(value)


async def test_the_page_of_the_interface_is_served_without_another_host_or_a_script(web: Stack) -> None:
    answer = await web.http.get("/docs")
    page = References()
    page.feed(answer.text)
    assert "script" not in page.tags
    assert "style" not in page.tags
    for address in page.addresses:
        assert address.startswith(("/", "#")), address
        if address.startswith("#"):
            assert address[1:] in page.ids, address
        else:
            assert (await web.http.get(address)).status_code == 200, address
    for words in ("/api/rows", "/api/query", "/api/live", "replace_from_us", "p99(latency_ms)", "FrameOut"):
        assert words in answer.text, words


async def test_every_route_for_programs_is_described(web: Stack) -> None:
    described = (await web.http.get("/openapi.json")).json()
    paths = {"/api/rows", "/api/ping/{check}", "/api/query", "/api/catalog", "/api/dashboards", "/api/values", "/api/status"}
    assert paths | {"/metrics", "/health", "/ready"} <= set(described["paths"])
    operations = [operation for methods in described["paths"].values() for operation in methods.values()]
    assert all(operation.get("description") for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert "HTTPValidationError" not in described["components"]["schemas"]
