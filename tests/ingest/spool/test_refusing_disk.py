"""A disk that refuses what the spool writes: nothing is promised that is not there, and nothing is there twice."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from tapewatch.errors import StoreUnavailable
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.spool import StoreSpool
from tapewatch.model.rows import Delivery, Mark
from tapewatch_client.segment_log import Record, SegmentLog
from tests.ingest.spool.test_spooling import delivery, taking, until, values
from tests.ingest.stores import ListStore


async def test_a_disk_that_refuses_is_no_promise_and_no_doubling(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: int) -> None:
        raise OSError(28, "No space left on device")

    store = ListStore()
    store.away = "gone"
    async with taking(store, tmp_path / "spool") as intake:
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", refuse)
            with pytest.raises(StoreUnavailable, match="No space left on device"):
                await intake.accept(delivery(1, Mark("c", 1)))
        store.away = ""
        await intake.accept(delivery(1, Mark("c", 1)))
        await until(lambda: intake.stats.state == "ok")
    assert values(store) == [1]


async def together(intake: Intake, patch: pytest.MonkeyPatch, *deliveries: Delivery) -> list[object]:
    """The answers to deliveries that reach the spool in one group: they queue up while the disk syncs another one."""
    is_syncing, may_go_on, real = threading.Event(), threading.Event(), os.fdatasync

    def sync(file: int) -> None:
        is_syncing.set()
        may_go_on.wait(5.0)
        real(file)

    with patch.context() as held:
        held.setattr(os, "fdatasync", sync)
        first = asyncio.create_task(intake.accept(delivery(100)))
        await until(is_syncing.is_set)
        others = [asyncio.create_task(intake.accept(one)) for one in deliveries]
        await until(lambda: intake.stats.queue_rows == 1 + len(deliveries))
    may_go_on.set()
    await first
    return list(await asyncio.gather(*others, return_exceptions=True))


async def test_a_disk_that_is_full_within_a_group_keeps_what_it_took_and_promises_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, written = os.write, 0

    def write(file: int, data: bytes) -> int:
        nonlocal written
        if b"latency_ms" not in data:
            return real(file, data)
        written += 1
        if written > 2:
            raise OSError(28, "No space left on device")
        return real(file, data)

    store = ListStore()
    store.away = "gone"
    async with taking(store, tmp_path / "spool") as intake:
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", write)
            kept, refused = await together(intake, monkeypatch, delivery(1), delivery(2))
        assert getattr(kept, "accepted", kept) == 1
        assert isinstance(refused, StoreUnavailable)
        assert "No space left on device" in str(refused)
        assert not refused.is_unknown
        await intake.accept(delivery(2))
        store.away = ""
        await until(lambda: len(values(store)) >= 3)
        await intake.accept(delivery(3))
    assert values(store) == [100, 1, 2, 3]


async def test_rows_of_which_the_disk_does_not_say_whether_it_has_them_are_told_as_unknown_and_written_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: int) -> None:
        raise OSError(5, "Input/output error")

    store = ListStore()
    store.away = "gone"
    async with taking(store, tmp_path / "spool") as intake:
        await intake.accept(delivery(0))
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", refuse)
            with pytest.raises(StoreUnavailable, match="Input/output error") as refusal:
                await intake.accept(delivery(1))
        assert refusal.value.is_unknown
        store.away = ""
        await until(lambda: len(values(store)) >= 2)
        await intake.accept(delivery(2))
    assert values(store) == [0, 1, 2]


async def test_a_spool_that_fails_as_it_never_should_does_not_end_the_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug in the spool")

    store = ListStore()
    store.away = "gone"
    async with taking(store, tmp_path / "spool") as intake:
        await intake.accept(delivery(0))
        with monkeypatch.context() as patch:
            patch.setattr(StoreSpool, "put", fail)
            patch.setattr(StoreSpool, "oldest", fail)
            with pytest.raises(StoreUnavailable, match="a bug in the spool"):
                await intake.accept(delivery(1))
        store.away = ""
        await until(lambda: values(store) == [0])
        await intake.accept(delivery(2))
    assert values(store) == [0, 2]


async def test_a_delivery_that_cannot_be_set_aside_stays_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, reads = SegmentLog.peek, 0

    def peek(log: SegmentLog) -> list[Record]:
        nonlocal reads
        reads += 1
        if reads == 2:  # the first is for the store, the second for setting it aside
            raise OSError(5, "Input/output error")
        return real(log)

    store = ListStore()
    store.away = "gone"
    store.rejected = lambda stored: stored.batches[0].array("latency_ms")[0] == 0
    async with taking(store, tmp_path / "spool") as intake:
        await intake.accept(delivery(0))
        with monkeypatch.context() as patch:
            patch.setattr(SegmentLog, "peek", peek)
            store.away = ""
            await intake.accept(delivery(1))
            await until(lambda: values(store) == [1])
        assert reads > 2
    assert StoreSpool(tmp_path / "spool", 1_000_000).rows_set_aside == 1
