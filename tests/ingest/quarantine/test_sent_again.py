"""What was kept once and is sent again is recognised before any limit, and counted once whatever becomes of its sender."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import StoreRejected
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.limits import Rates, SeriesLimit
from tapewatch.ingest.quarantine import Quarantine
from tapewatch.ingest.spool import StoreSpool
from tapewatch.ingest.writer import Limits
from tapewatch.model.rows import BodyMark, Delivery, Mark, RawBatch
from tapewatch.settings import QuarantineSettings, SourceLimits
from tapewatch.store.backends.memory import MemoryStore
from tests.ingest.quarantine.test_quarantine import filled
from tests.ingest.quarantine.test_while_away import FillingStore
from tests.ingest.stores import CATALOG, NAMES, ListStore

CLOCK = SystemClock()


@asynccontextmanager
async def taking(
    store: MemoryStore | ListStore,
    *,
    limits: Limits | None = None,
    spool: StoreSpool | None = None,
    of_source: SourceLimits | None = None,
    tables: int = 1,
) -> AsyncIterator[tuple[Intake, Quarantine]]:
    quarantine = Quarantine(filled(MemoryStore()) if isinstance(store, ListStore) else store, CLOCK, QuarantineSettings(tables=tables))
    series = SeriesLimit(lambda _: of_source or SourceLimits(), CLOCK)
    series.open()
    rates = Rates(lambda _: of_source or SourceLimits(), CLOCK)
    intake = Intake(
        store,
        CATALOG,
        NAMES,
        CLOCK,
        quarantine=quarantine,
        limits=limits or Limits(wait_s=0.4, spool_after_s=0.1),
        spool=spool,
        series=series,
        rates=rates,
    )
    intake.start()
    try:
        yield intake, quarantine
    finally:
        await intake.stop()


@pytest.fixture
def store() -> FillingStore:
    made = FillingStore()
    filled(made)
    return made


def of(table: str, count: int = 1, mark: Mark | BodyMark | None = None) -> Delivery:
    rows = [{"ts": CLOCK.now_us(), "x": number, "venue": f"v{number}"} for number in range(count)]
    return Delivery((RawBatch.of(table, rows),), "bot", mark=mark)


@pytest.mark.parametrize("mark", [Mark("c", 1), BodyMark("d", 1)])
@pytest.mark.parametrize("is_away", [False, True])
async def test_a_body_that_was_kept_is_no_fault_when_the_quarantine_filled_meanwhile(
    store: FillingStore, tmp_path: Path, *, mark: Mark | BodyMark, is_away: bool
) -> None:
    store.is_full = is_away
    async with taking(store, spool=StoreSpool(tmp_path / "spool", 1_000_000)) as (intake, quarantine):
        delivery = of("first", 3, mark)
        await intake.accept(delivery, whole=True)
        full = await intake.accept(of("second"), whole=True)
        assert (full.refused_total, full.held_total) == (1, 0)
        quarantine._ledger._bounds = QuarantineSettings(tables=1, bytes=1)  # no byte is free either
        again = await intake.accept(delivery, whole=True)
        assert (again.duplicate, again.refused_total) == (True, 0)
        told = await intake.accept(delivery)
        assert (told.duplicate, told.quarantined, told.held_total, told.refused_total) == (True, 3, 3, 3)
        assert quarantine.measures()["rows"] == 3
        assert intake.stats.quarantined == 3
        assert intake.stats.duplicates == 2
        assert intake.stats.refused.get("unknown_table") == 3
        assert intake.stats.refused.get("quarantine_full") == 1


async def test_a_body_that_was_kept_is_no_fault_when_its_source_has_reached_its_limits(store: FillingStore) -> None:
    bounds = SourceLimits(new_series_per_min=3, rows_per_s=3)
    async with taking(store, of_source=bounds) as (intake, _):
        delivery = of("exchange", 3, Mark("c", 1))
        first = await intake.accept(delivery)
        assert first.accepted == 3
        for _ in range(20):
            again = await intake.accept(delivery)
            assert (again.duplicate, again.accepted) == (True, 3)


async def test_of_one_number_in_the_spool_the_second_is_a_duplicate(store: FillingStore, tmp_path: Path) -> None:
    store.is_full = True
    async with taking(store, spool=StoreSpool(tmp_path / "spool", 1_000_000)) as (intake, _):
        receipts = await asyncio.gather(*(intake.accept(of("exchange", 2, Mark("c", 1))) for _ in range(3)))
        assert sorted(receipt.duplicate for receipt in receipts) == [False, True, True]
        assert intake.stats.deliveries == 1


@pytest.mark.parametrize("rows", [3, 3_000])
async def test_a_sender_that_goes_away_leaves_nothing_counted_that_is_not_kept(rows: int) -> None:
    store = ListStore()
    store.delay_s = 0.1
    store.rejected = lambda stored: stored.batches[0].table == "quarantine" and stored.batches[0].count == rows
    async with taking(store, tables=10) as (intake, quarantine):
        going = asyncio.create_task(intake.accept(of("first", rows)))
        await asyncio.sleep(0)
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        for _ in range(100):
            await asyncio.sleep(0.01)
            if not quarantine.measures()["rows"]:
                break
        assert quarantine.measures()["rows"] == 0
        assert intake.stats.quarantined == 0


async def test_a_sender_that_goes_away_is_counted_when_its_rows_are_kept() -> None:
    store = ListStore()
    store.delay_s = 0.05
    async with taking(store) as (intake, quarantine):
        going = asyncio.create_task(intake.accept(of("first", 3)))
        await asyncio.sleep(0.01)
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        await intake.accept(of("first", 1))
        assert (quarantine.measures()["rows"], intake.stats.quarantined) == (4, 4)


async def test_rows_that_the_store_rejects_are_not_counted() -> None:
    store = ListStore()
    store.rejected = lambda _: True
    async with taking(store) as (intake, quarantine):
        with pytest.raises(StoreRejected):
            await intake.accept(of("first", 3))
        assert (quarantine.measures()["rows"], intake.stats.quarantined) == (0, 0)
