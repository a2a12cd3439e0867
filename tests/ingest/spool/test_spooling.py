"""The way in while the store is away: what is acknowledged is on disk, and reaches the store once, in order."""

import asyncio
import os
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapewatch.clock import SystemClock
from tapewatch.errors import StoreUnavailable
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.spool import StoreSpool
from tapewatch.ingest.writer import Limits
from tapewatch.model.rows import BodyMark, Delivery, Mark, RawBatch, RowBatch
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Stored
from tests.ingest.stores import CATALOG, NAMES, ListStore

LIMITS = Limits(wait_s=0.4, spool_after_s=0.1)


def delivery(value: int, mark: Mark | None = None) -> Delivery:
    return Delivery((RawBatch.of("exchange", [{"venue": "okx", "latency_ms": value}]),), "bot", mark=mark)


def values(store: ListStore) -> list[float]:
    return [row["latency_ms"] for row in store.rows("exchange")]


@asynccontextmanager
async def taking(store: ListStore, folder: Path, limit_bytes: int = 1_000_000, file_bytes: int = 500) -> AsyncIterator[Intake]:
    intake = Intake(store, CATALOG, NAMES, SystemClock(), limits=LIMITS, spool=StoreSpool(folder, limit_bytes, file_bytes))
    intake.start()
    yield intake
    await intake.stop()


async def until(is_so: Callable[[], object], within_s: float = 5.0) -> None:
    end_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < end_s, "it did not come"
        await asyncio.sleep(0.01)


async def test_rows_are_acknowledged_while_the_store_is_away_and_reach_it_once_in_order(tmp_path: Path) -> None:
    store = ListStore()
    store.away = "gone"
    async with taking(store, tmp_path / "spool") as intake:
        for number in range(5):
            receipt = await intake.accept(delivery(number, Mark("c", number + 1) if number % 2 else None))
            assert (receipt.accepted, receipt.duplicate) == (1, False)
        assert (values(store), intake.stats.state) == ([], "away")
        assert intake.stats.accepted_rows == 5
        repeated = [await intake.accept(delivery(1, Mark("c", 2))) for _ in range(2)]
        assert [receipt.accepted for receipt in repeated] == [1, 1]
        store.away = ""
        await until(lambda: intake.stats.state == "ok" and len(values(store)) == 5)
        await intake.accept(delivery(5))
    assert values(store) == [0, 1, 2, 3, 4, 5]
    assert not list((tmp_path / "spool").rglob("*.seg"))


async def test_what_comes_while_the_spool_is_replayed_stays_behind_it(tmp_path: Path) -> None:
    store = ListStore()
    store.away = "gone"
    async with taking(store, tmp_path / "spool", file_bytes=1) as intake:
        for number in range(8):
            await intake.accept(delivery(number))
        store.away, store.delay_s = "", 0.05
        await until(lambda: values(store))
        assert len(values(store)) < 8
        for number in range(8, 12):
            await intake.accept(delivery(number))
        await until(lambda: len(values(store)) == 12)
    assert values(store) == list(range(12))


async def test_file_and_folders_are_synced_before_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    for name in ("fsync", "fdatasync"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, lambda file, real=real: (synced.append(str(Path(f"/proc/self/fd/{file}").readlink())), real(file))[1])
    store = ListStore()
    store.away = "gone"
    spool = tmp_path / "spool"
    async with taking(store, spool) as intake:
        await intake.accept(delivery(1))
        file = next(spool.rglob("*.seg"))
        assert set(synced) == {str(tmp_path), str(spool), str(file.parent), str(file), str(spool / "own-marks.new")}
        synced.clear()
        await intake.accept(delivery(2))
        assert set(synced) == {str(file)}


async def test_a_hiccup_goes_to_no_disk(tmp_path: Path) -> None:
    store = ListStore()
    store.away = "gone"
    async with taking(store, tmp_path / "spool") as intake:
        accepting = asyncio.create_task(intake.accept(delivery(1)))
        await until(lambda: store.tries)
        store.away = ""
        await accepting
    assert values(store) == [1]
    assert not list((tmp_path / "spool").rglob("*.seg"))


async def test_a_restart_in_the_outage_forgets_nothing(tmp_path: Path) -> None:
    store = ListStore()
    store.away = "gone"
    async with taking(store, tmp_path / "spool") as intake:
        for number in range(3):
            await intake.accept(delivery(number))
    async with taking(store, tmp_path / "spool") as intake:
        await intake.accept(delivery(3))
        store.away = ""
        await until(lambda: len(values(store)) == 4)
    assert values(store) == [0, 1, 2, 3]


async def test_a_replay_that_is_cut_off_before_it_is_noted_changes_nothing_when_it_comes_again(tmp_path: Path) -> None:
    store = ListStore()
    store.away = "gone"
    async with taking(store, tmp_path / "spool") as intake:
        for number in range(3):
            await intake.accept(delivery(number, Mark("c", 9) if number == 1 else None))
        shutil.copytree(tmp_path / "spool", tmp_path / "as it was")
        store.away = ""
        await until(lambda: len(values(store)) == 3)
    async with taking(store, tmp_path / "as it was") as intake:
        await until(lambda: not list((tmp_path / "as it was").rglob("*.seg")))
        await intake.accept(delivery(3))
    assert values(store) == [0, 1, 2, 3]


async def test_a_full_spool_refuses_and_drops_nothing(tmp_path: Path) -> None:
    store = ListStore()
    store.away = "gone"
    accepted: list[float] = []
    async with taking(store, tmp_path / "spool", limit_bytes=1_500) as intake:
        refusal = ""
        while not refusal:
            try:
                await intake.accept(delivery(len(accepted)))
                accepted.append(len(accepted))
            except StoreUnavailable as error:
                refusal = str(error)
        assert re.search(r"the spool in .* holds [\d,]+ of 1,500 bytes", refusal)
        assert 1 < len(accepted) < 20
        store.away = ""
        await until(lambda: len(values(store)) >= len(accepted))
        await intake.accept(delivery(100))
    assert values(store) == [*accepted, 100]


async def test_what_the_store_will_never_take_is_set_aside_and_the_rest_comes_through(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = ListStore()
    store.away = "gone"
    store.rejected = lambda stored: stored.batches[0].table == "exchange" and stored.batches[0].array("latency_ms")[0] == 1
    spool = tmp_path / "spool"
    async with taking(store, spool) as intake:
        for number in range(3):
            await intake.accept(delivery(number))
        store.away = ""
        await until(lambda: len(values(store)) == 2)
    assert values(store) == [0, 2]
    assert "The store refuses 1 rows that were accepted" in caplog.text
    kept = StoreSpool(spool, 1_000_000)
    assert (kept.rows, kept.rows_set_aside) == (0, 1)


async def test_a_panel_hears_of_rows_again_when_the_store_has_them_and_a_verdict_does_not(tmp_path: Path) -> None:
    store = ListStore()
    store.away = "gone"
    judged: list[RowBatch] = []
    asked: list[RowBatch] = []
    async with taking(store, tmp_path / "spool") as intake:
        intake.observe(judged.append)
        intake.observe(asked.append, asks_store=True)
        await intake.accept(delivery(1))
        assert (len(judged), len(asked)) == (1, 1)
        store.away = ""
        await until(lambda: len(asked) == 2)
        await intake.accept(delivery(2))
    assert (len(judged), len(asked)) == (2, 3)


async def test_after_a_restart_everybody_hears_of_the_rows_that_waited_and_only_once(tmp_path: Path) -> None:
    store = ListStore()
    store.away = "gone"
    async with taking(store, tmp_path / "spool", file_bytes=1) as intake:
        for number in range(3):
            await intake.accept(delivery(number))
    judged: list[RowBatch] = []
    asked: list[RowBatch] = []
    async with taking(store, tmp_path / "spool", file_bytes=1) as intake:
        intake.observe(judged.append)
        intake.observe(asked.append, asks_store=True)
        await intake.accept(delivery(3))
        store.away = ""
        await until(lambda: len(values(store)) == 4 and len(asked) == 5)
    assert [batch.array("latency_ms")[0] for batch in judged] == [3, 0, 1, 2]
    assert [batch.array("latency_ms")[0] for batch in asked] == [3, 0, 1, 2, 3]


async def test_the_numbers_tell_of_the_spool(tmp_path: Path) -> None:
    store = ListStore()
    store.away = "gone"
    spool = StoreSpool(tmp_path / "spool", 5_000)
    intake = Intake(store, CATALOG, NAMES, SystemClock(), limits=LIMITS, spool=spool)
    intake.start()
    await intake.accept(delivery(1))
    told = spool.measures()
    assert told == {"rows": 1, "size_bytes": told["size_bytes"], "limit_bytes": 5_000, "set_aside_rows": 0}
    assert told["size_bytes"] > 50
    await intake.stop()
    store.away = ""


ACTS = st.lists(st.sampled_from(["send", "send", "send", "repeat", "leave", "return", "restart"]), max_size=25)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=ACTS, marked=st.booleans())
async def test_whatever_happens_each_acknowledged_row_is_there_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, acts: list[str], *, marked: bool
) -> None:
    store = ListStore()
    folder = tmp_path_factory.mktemp("spooling") / "spool"
    sent: list[float] = []
    left = [*acts, "return"]
    while left:
        async with taking(store, folder) as intake:
            while left and (act := left.pop(0)) != "restart":
                if act == "send":
                    sent.append(len(sent))
                    await intake.accept(delivery(len(sent) - 1, Mark("c", len(sent)) if marked else None))
                elif act == "repeat" and marked and sent:
                    await intake.accept(delivery(len(sent) - 1, Mark("c", len(sent))))
                else:
                    store.away = {"leave": "gone", "return": ""}.get(act, store.away)
            if not left:
                await until(lambda: len(values(store)) >= len(sent))
    assert values(store) == sent


@pytest.mark.parametrize("jump_s", [-86_400.0, -3_600.0, 3_600.0, 86_400.0])
async def test_a_clock_that_is_set_keeps_nothing_in_the_spool_and_doubles_nothing(tmp_path: Path, jump_s: float) -> None:
    clock, store = Jumping(), Leaving()
    store.create(CATALOG["exchange"])
    intake = Intake(store, CATALOG, NAMES, clock, limits=LIMITS, spool=StoreSpool(tmp_path / "spool", 1_000_000, 500))
    intake.start()

    def sent() -> Delivery:
        return replace(delivery(1), mark=BodyMark("d", clock.steady_us()))

    assert (await intake.accept(sent())).accepted == 1
    clock.ahead_us = round(jump_s * 1e6)
    await intake.accept(delivery(2, Mark("c", 1)))
    store.is_away = False
    await until(lambda: store.usage().rows_by_table["exchange"] == 2)
    assert (await intake.accept(sent())).duplicate, "a body is known for ten minutes of time that passes"
    assert (await intake.accept(delivery(2, Mark("c", 1)))).duplicate
    await intake.stop()
    assert store.usage().rows_by_table["exchange"] == 2


class Leaving(MemoryStore):
    """A store that is away at first."""

    is_away = True

    def append(self, deliveries: Sequence[Stored]) -> list[bool]:
        if self.is_away:
            raise StoreUnavailable("gone")
        return super().append(deliveries)


class Jumping(SystemClock):
    """The host's clocks, of which the wall clock can be set."""

    ahead_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.ahead_us
