"""Store and spool on one disk that is full: 503 instead of a promise; afterwards everything that was promised is there, once."""

from pathlib import Path

from tapewatch.clock import US_PER_S, SystemClock
from tapewatch.errors import StoreUnavailable
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.spool import StoreSpool
from tapewatch.ingest.writer import Limits
from tapewatch.model.query import Mode, Query
from tapewatch.model.rows import Delivery, Mark, RawBatch
from tapewatch.store.backends.duckdb import DuckDBStore
from tests.ingest.stores import CATALOG, NAMES
from tests.small_disk import fill, small_disk

CLOCK = SystemClock()


def delivery(number: int) -> Delivery:
    rows = [{"ts": CLOCK.now_us() + i, "venue": "okx", "latency_ms": number, "message": "x" * 50} for i in range(500)]
    return Delivery((RawBatch.of("exchange", rows),), "bot", mark=Mark("c", number))


async def test_a_full_disk_is_a_refusal_and_loses_nothing(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "40m") as disk:
        store = DuckDBStore(disk / "store", CLOCK)
        for table in CATALOG.values():
            store.create(table)
        spool = StoreSpool(disk / "spool", 1_000_000_000)
        intake = Intake(store, CATALOG, NAMES, CLOCK, limits=Limits(wait_s=0.5, spool_after_s=0.05), spool=spool)
        intake.start()
        await intake.accept(delivery(1))
        filler = fill(disk)
        accepted = [1]
        refusal = ""
        for number in range(2, 200):
            try:
                await intake.accept(delivery(number))
            except StoreUnavailable as error:
                refusal = str(error)
                break
            accepted.append(number)
        assert "No space left" in refusal or "disk" in refusal.lower(), refusal
        refused = accepted[-1] + 1
        filler.unlink()
        await intake.accept(delivery(refused))
        await intake.stop()
        assert spool.is_empty
        now_us = CLOCK.now_us()
        query = Query("exchange", now_us - 600 * US_PER_S, now_us + 600 * US_PER_S, Mode.ROWS, columns=("ts", "latency_ms"), limit=200_000)
        values = store.scan(query).columns["latency_ms"].tolist()  # pyright: ignore[reportAttributeAccessIssue] - a gauge
        store.close()
    assert {number: values.count(number) for number in {*accepted, refused}} == dict.fromkeys({*accepted, refused}, 500)
    assert refused + 1 not in values
