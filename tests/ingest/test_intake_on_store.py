"""The way in on the real stores: what was acknowledged is there, also after opening the store again."""

from pathlib import Path

import pytest

from tapewatch.clock import US_PER_S, SystemClock
from tapewatch.ingest.intake import Intake
from tapewatch.model.catalog import Catalog
from tapewatch.model.query import Mode, Query
from tapewatch.model.rows import Coded, Delivery, Mark, RawBatch
from tapewatch.model.venue import Names
from tapewatch.store.backends import BACKENDS, open_store
from tapewatch.store.base import Store

CLOCK = SystemClock()


def opened(kind: str, folder: Path) -> Store:
    store = open_store(kind, folder, CLOCK)
    for table in Catalog().values():
        store.create(table)
    return store


def words(store: Store, table: str, column: str) -> list[str | None]:
    now_us = CLOCK.now_us()
    answer = store.scan(Query(table, now_us - 3600 * US_PER_S, now_us + 3600 * US_PER_S, Mode.ROWS, columns=("ts", column)))
    values = answer.columns[column]
    assert isinstance(values, Coded)
    return sorted(values.words().tolist(), key=str)


@pytest.mark.parametrize("kind", [backend.capabilities.name for backend in BACKENDS])
async def test_what_was_acknowledged_is_there_and_a_repeat_changes_nothing(kind: str, tmp_path: Path) -> None:
    store = opened(kind, tmp_path)
    intake = Intake(store, Catalog(), Names(), CLOCK, host="h1")
    intake.start()
    rows = [
        {"venue": "okx", "latency_ms": 1.5, "flags": {"latency_ms": "estimated"}},
        {"venue": "Nowhere", "latency_ms": "x"},
        {"venue": 5},
    ]
    deliveries = [Delivery((RawBatch.of("exchange", rows),), "bot", mark=Mark("c", 1)) for _ in range(2)]
    receipts = [await intake.accept(delivery) for delivery in deliveries]
    await intake.stop()

    assert [(receipt.accepted, receipt.duplicate, receipt.refused_total) for receipt in receipts] == [(2, False, 2), (2, True, 2)]
    if store.capabilities.durable:
        store.close()
        store = opened(kind, tmp_path)
    assert words(store, "exchange", "venue") == ["nowhere", "okx"]
    assert words(store, "exchange", "flags") == ['{"latency_ms":"estimated"}', '{"venue":"unknown_venue","latency_ms":"wrong_type"}']
    assert words(store, "refusal", "reason") == ["unknown_venue", "wrong_type", "wrong_type"]
    store.close()
