"""Quarantine and spool together: what waits for a declaration is counted once, and moved once, whatever the store does meanwhile."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import StoreFull, StoreUnavailable
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.quarantine import Adoption, Quarantine
from tapewatch.ingest.spool import StoreSpool
from tapewatch.ingest.writer import Limits
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import Delivery, Mark, RawBatch
from tapewatch.model.table import Table
from tapewatch.model.venue import Names
from tapewatch.settings import parse
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Stored
from tests.ingest.spool.test_spooling import until

CLOCK = SystemClock()
SPREADS = '[tables.spreads]\nsentence = "A spread."\nidentity = "none"\n[tables.spreads.columns.x]\nkind = "gauge"\nsentence = "X."\n'


class FillingStore(MemoryStore):
    """A store whose disk can be full: it can be read meanwhile."""

    is_full = False

    def append(self, deliveries: Sequence[Stored]) -> list[bool]:
        if self.is_full:
            raise StoreFull("the disk is full")
        return super().append(deliveries)


@dataclass
class Running:
    intake: Intake
    quarantine: Quarantine
    adoption: Adoption
    spool: StoreSpool

    @property
    def counted(self) -> float:
        return self.quarantine.measures()["rows"]

    async def is_drained(self) -> None:
        await until(lambda: self.spool.is_empty and self.intake.stats.state == "ok")


@asynccontextmanager
async def running(store: FillingStore, folder: Path) -> AsyncIterator[Running]:
    catalog = Catalog()
    spool, quarantine = StoreSpool(folder, 1_000_000), Quarantine(store, CLOCK)
    limits = Limits(wait_s=0.4, spool_after_s=0.1)
    intake = Intake(store, catalog, Names(), CLOCK, quarantine=quarantine, limits=limits, spool=spool)
    intake.start()
    yield Running(intake, quarantine, Adoption(quarantine, store, catalog, Names(), CLOCK, intake.put), spool)
    await intake.stop()


@pytest.fixture
def store() -> FillingStore:
    made = FillingStore()
    for table in Catalog().values():
        made.create(table)
    return made


def spreads(count: int, mark: Mark | None = None) -> Delivery:
    return Delivery((RawBatch.of("spreads", [{"ts": CLOCK.now_us(), "x": number} for number in range(count)]),), "bot", mark=mark)


def declared() -> Table:
    settings, problems = parse(SPREADS)
    assert settings is not None, problems
    return settings.tables["spreads"].table("spreads")


async def test_what_is_sent_again_while_the_store_is_away_is_counted_once(store: FillingStore, tmp_path: Path) -> None:
    async with running(store, tmp_path / "spool") as server:
        await server.intake.accept(spreads(3, Mark("c", 1)))
        store.is_full = True
        await server.intake.accept(spreads(3, Mark("c", 1)))
        await server.intake.accept(spreads(2, Mark("c", 2)))
        store.is_full = False
        await server.is_drained()
        await until(lambda: server.counted == 5)
        assert len(server.quarantine.waiting()) == 5


async def test_what_waited_in_the_spool_over_a_restart_is_counted(store: FillingStore, tmp_path: Path) -> None:
    store.is_full = True
    async with running(store, tmp_path / "spool") as server:
        for _ in range(2):
            await server.intake.accept(spreads(5, Mark("c", 1)))
    async with running(store, tmp_path / "spool") as server:
        await server.intake.accept(spreads(1))
        store.is_full = False
        await server.is_drained()
        await until(lambda: server.counted == 6)
        assert len(server.quarantine.waiting()) == 6


async def test_adopting_waits_for_the_store_and_moves_each_row_once(store: FillingStore, tmp_path: Path) -> None:
    async with running(store, tmp_path / "spool") as server:
        await server.intake.accept(spreads(4))
        store.is_full = True
        await server.intake.accept(spreads(2))
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="leaves the quarantine"):
                await server.adoption.adopt("spreads", declared())
        assert server.spool.rows == 2
        store.is_full = False
        await server.is_drained()
        moved = await server.adoption.adopt("spreads", declared())
        assert (moved.rows, server.counted) == (6, 0)
        assert store.usage().rows_by_table["spreads"] == 6
        assert not server.quarantine.waiting()
