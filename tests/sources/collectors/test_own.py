"""The server about itself."""

import asyncio
import math
import threading

import pytest

from tapewatch.errors import SourceError
from tapewatch.ingest.validate import Defaults, validate
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import RawBatch
from tapewatch.model.venue import Names
from tapewatch.sources.collectors.own import SelfCollector, StorageCollector
from tapewatch.store.base import Usage
from tests.sources.collectors.polling import poll


async def test_every_finite_number_becomes_a_row() -> None:
    rows = await poll(SelfCollector(lambda: {"ingest": {"lag_p99_ms": 12.5, "rows": 3}, "live": {"clients": 1, "late_s": math.nan}}))

    assert rows == [
        {"component": "ingest", "metric": "lag_p99_ms", "value": 12.5},
        {"component": "ingest", "metric": "rows", "value": 3.0},
        {"component": "live", "metric": "clients", "value": 1.0},
    ]


async def test_sizes_become_rows_of_each_table_and_of_all() -> None:
    rows = await poll(StorageCollector(lambda: Usage(4096, {"exchange": 3, "host": 4})))

    assert rows == [
        {"database": "tapewatch", "table_name": "exchange", "rows": 3},
        {"database": "tapewatch", "table_name": "host", "rows": 4},
        {"database": "tapewatch", "table_name": "*", "rows": 7, "size_bytes": 4096},
    ]
    judged = validate(
        RawBatch.of("storage_stats", rows), Catalog()["storage_stats"], names=Names(), now_us=1_800_000_000_000_000, defaults=Defaults("s")
    )
    assert judged.refusals == []


async def test_a_store_that_hangs_holds_nothing_else() -> None:
    hangs = threading.Event()
    collector = StorageCollector(lambda: (hangs.wait(5), Usage(0))[1])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await poll(collector)
    with pytest.raises(SourceError, match="has not returned yet"):
        await poll(collector)
    hangs.set()
    await asyncio.sleep(0.05)
    assert len(await poll(collector)) == 1
