"""A store that neither answers nor fails: the spool takes over, and what the store keeps after all is not there twice."""

import asyncio
import shutil
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tapewatch.clock import Clock, SystemClock
from tapewatch.errors import StoreUnavailable
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.quarantine import Quarantine
from tapewatch.ingest.spool import StoreSpool
from tapewatch.ingest.spool.own_marks import OwnMarks
from tapewatch.ingest.writer import Limits
from tapewatch.ingest.writer.store_calls import StoreCalls
from tapewatch.model.rows import BodyMark, Delivery, Mark, RawBatch, RowBatch
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Store, Stored
from tests.ingest.spool.test_spooling import delivery, until, values
from tests.ingest.stores import CATALOG, NAMES, ListStore


class HangingStore(ListStore):
    """Answers a call only when it is let go, with or without having kept the rows."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()
        self.go.set()
        self.calls = 0
        self.fails_then = False

    def append(self, deliveries: Sequence[Stored]) -> list[bool]:
        self.calls += 1
        is_hung = not self.go.is_set()
        self.go.wait(10)
        if is_hung and self.fails_then:
            raise StoreUnavailable("it went")
        return super().append(deliveries)


@asynccontextmanager
async def taking(
    store: Store, folder: Path, limit_bytes: int = 1_000_000, quarantine: Quarantine | None = None, clock: Clock | None = None
) -> AsyncIterator[tuple[Intake, StoreSpool]]:
    spool = StoreSpool(folder, limit_bytes)
    limits = Limits(wait_s=0.3, spool_after_s=0.05, hang_s=0.1)
    intake = Intake(store, CATALOG, NAMES, clock or SystemClock(), limits=limits, spool=spool, quarantine=quarantine)
    intake.start()
    try:
        yield intake, spool
    finally:
        await intake.stop()


@pytest.mark.parametrize("fails_then", [False, True])
@pytest.mark.parametrize("numbered", [False, True])
async def test_the_spool_takes_over_and_nothing_is_double(tmp_path: Path, *, fails_then: bool, numbered: bool) -> None:
    store = HangingStore()
    async with taking(store, tmp_path / "spool") as (intake, spool):
        store.go.clear()
        store.fails_then = fails_then
        for number in range(4):
            mark = Mark("c", number + 1) if numbered else None
            async with asyncio.timeout(2):
                assert (await intake.accept(delivery(number, mark))).accepted == 1
        assert (values(store), store.calls, spool.rows) == ([], 1, 4)
        assert intake.stats.state == "away"
        assert "has not answered" in intake.stats.message
        assert intake.stats.store_silent_s >= 0.1
        store.go.set()
        await until(lambda: spool.is_empty and intake.stats.state == "ok")
        assert values(store) == [0, 1, 2, 3]
        await intake.accept(delivery(4))
        assert intake.stats.store_silent_s == 0
    assert values(store) == [0, 1, 2, 3, 4]


async def test_a_store_that_hangs_while_it_takes_the_spool_gets_each_row_once(tmp_path: Path) -> None:
    store = HangingStore()
    store.away = "gone"
    async with taking(store, tmp_path / "spool") as (intake, spool):
        for number in range(3):
            await intake.accept(delivery(number))
        store.go.clear()
        store.away = ""
        tried = store.calls
        await until(lambda: store.calls > tried and intake.stats.store_silent_s > 0.15)
        await intake.accept(delivery(3))
        store.go.set()
        await until(lambda: spool.is_empty)
    assert values(store) == [0, 1, 2, 3]


async def test_without_room_in_the_spool_the_outcome_is_said_to_be_unknown(tmp_path: Path) -> None:
    store = HangingStore()
    async with taking(store, tmp_path / "spool", limit_bytes=10) as (intake, _):
        store.go.clear()
        with pytest.raises(StoreUnavailable) as caught:
            await intake.accept(delivery(1, Mark("c", 1)))
        assert caught.value.is_unknown
        store.go.set()
        await until(lambda: values(store) == [1])
        assert (await intake.accept(delivery(1, Mark("c", 1)))).accepted == 1
    assert values(store) == [1]


@pytest.mark.parametrize("has_spool", [False, True])
async def test_a_normal_stop_writes_what_waits_to_the_store(tmp_path: Path, *, has_spool: bool) -> None:
    others = set(threading.enumerate())
    store = ListStore()
    store.delay_s = 0.02
    spool = StoreSpool(tmp_path / "spool", 1_000_000) if has_spool else None
    intake = Intake(store, CATALOG, NAMES, SystemClock(), limits=Limits(group_rows=1), spool=spool)
    intake.start()
    sending = [asyncio.create_task(intake.accept(delivery(number))) for number in range(10)]
    await until(lambda: bool(store.batches))
    await intake.stop()
    assert [receipt.accepted for receipt in await asyncio.gather(*sending)] == [1] * 10
    assert values(store) == list(range(10))
    assert intake.stats.state == "ok"
    await until(lambda: not any(thread.name == "tapewatch-store" for thread in set(threading.enumerate()) - others))


async def test_a_server_that_stops_while_the_store_hangs_keeps_what_it_took(tmp_path: Path) -> None:
    store = HangingStore()
    async with taking(store, tmp_path / "spool") as (intake, _):
        store.go.clear()
        await intake.accept(delivery(1))
    again = ListStore()
    async with taking(again, tmp_path / "spool") as (intake, spool):
        await intake.accept(delivery(2))
        await until(lambda: spool.is_empty)
    store.go.set()
    assert values(again) == [1, 2]


def test_what_is_written_after_the_stop_began_is_still_asked() -> None:
    store = ListStore()
    calls = StoreCalls(store, SystemClock(), 0.1)
    for number in range(3):
        assert calls.append([Stored((), Mark("c", number))]) == [True]
        calls.hurry()
        time.sleep(0.02)  # the thread has nothing to do, and ends


async def test_what_hung_without_a_mark_is_not_there_twice_after_a_kill(tmp_path: Path) -> None:
    store = HangingStore()
    async with taking(store, tmp_path / "spool") as (intake, _):
        store.go.clear()
        await intake.accept(delivery(1))
        shutil.copytree(tmp_path / "spool", tmp_path / "killed")  # as the next process finds it
        store.go.set()
        await until(lambda: values(store) == [1])
    async with taking(store, tmp_path / "killed") as (intake, spool):
        await intake.accept(delivery(2))
        await until(lambda: spool.is_empty)
    assert values(store) == [1, 2]


def test_the_spool_gives_marks_of_one_client_with_numbers_that_grow_over_restarts(tmp_path: Path) -> None:
    file = tmp_path / "spool" / "own-marks"
    first = OwnMarks(file)
    earlier = [first.next(), first.next()]
    later = OwnMarks(file).next()
    assert {mark.client for mark in earlier} == {later.client}
    assert earlier[0].sequence < earlier[1].sequence < later.sequence
    file.write_text("torn")
    assert OwnMarks(file).next().client != later.client


def test_a_disk_that_refuses_gives_marks_of_a_client_of_this_process_alone(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("no folder")
    one, other = (OwnMarks(tmp_path / "spool" / "own-marks").next() for _ in range(2))
    assert one.client != other.client


async def test_what_was_refused_in_doubt_is_shown_when_the_store_has_it_after_all(tmp_path: Path) -> None:
    store = HangingStore()
    shown: list[RowBatch] = []
    async with taking(store, tmp_path / "spool", limit_bytes=10) as (intake, _):
        intake.observe(shown.append)
        await intake.accept(delivery(1, Mark("c", 1)))
        store.go.clear()
        with pytest.raises(StoreUnavailable):
            await intake.accept(delivery(2, Mark("c", 2)))
        assert len(shown) == 1
        store.go.set()
        await until(lambda: len(shown) == 2)  # nobody has to send anything
        assert [batch.array("latency_ms").tolist() for batch in shown] == [[1], [2]]
        assert (await intake.accept(delivery(2, Mark("c", 2)))).duplicate
    assert (values(store), len(shown)) == ([1, 2], 2)


@pytest.mark.parametrize("fails_then", [False, True])
async def test_room_in_quarantine_is_free_again_unless_the_store_has_the_rows_after_all(tmp_path: Path, *, fails_then: bool) -> None:
    store, empty = HangingStore(), MemoryStore()
    empty.create(CATALOG["quarantine"])
    quarantine = Quarantine(empty, SystemClock())
    stray = Delivery((RawBatch.of("stray", [{"a": 1}]),), "bot", mark=Mark("c", 1))
    async with taking(store, tmp_path / "spool", limit_bytes=10, quarantine=quarantine) as (intake, _):
        shown: list[RowBatch] = []
        intake.observe(shown.append)
        store.go.clear()
        store.fails_then = fails_then
        with pytest.raises(StoreUnavailable) as caught:
            await intake.accept(stray)
        assert caught.value.is_unknown
        assert quarantine.measures()["rows"] == 1
        store.go.set()
        await until(lambda: not quarantine.measures()["rows"] if fails_then else shown)
        await intake.accept(stray)
        assert quarantine.measures()["rows"] == len(store.rows("quarantine")) == len(shown) == 1


class LateClock(SystemClock):
    """The time, and what it is moved on by."""

    later_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.later_us


class HangingMemory(MemoryStore):
    """A real store, which answers only when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.create(CATALOG["event"])
        self.go = threading.Event()
        self.go.set()

    def append(self, deliveries: Sequence[Stored]) -> list[bool]:
        self.go.wait(10)
        return super().append(deliveries)

    @property
    def rows(self) -> int:
        return self.usage().rows_by_table["event"]


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_body_is_not_there_twice_however_long_the_store_hung(tmp_path: Path, *, restarts: bool) -> None:
    store, clock = HangingMemory(), LateClock()
    event = {"service": "s", "kind": "k", "severity": "info", "message": "m"}
    body = Delivery((RawBatch.of("event", [event]),), "bot", mark=BodyMark("d", clock.now_us()))
    async with taking(store, tmp_path / "spool", clock=clock) as (intake, spool):
        store.go.clear()
        await intake.accept(body)
        shutil.copytree(tmp_path / "spool", tmp_path / "killed")  # as the next process finds it
        clock.later_us = 11 * 60 * 10**6
        store.go.set()
        await until(lambda: spool.is_empty)
        assert store.rows == 1
    if restarts:
        async with taking(store, tmp_path / "killed", clock=clock) as (_, spool):
            await until(lambda: spool.is_empty)
        assert store.rows == 1
