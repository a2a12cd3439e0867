"""Collectors run on time and apart from each other, and every run is told."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar

import httpx2
import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import SourceError, StoreUnavailable
from tapewatch.ingest import runner as runner_module
from tapewatch.ingest.runner import Runner
from tapewatch.model.rows import Delivery, RawBatch
from tapewatch.sources.base import Collector, Context

Act = Callable[[Context], AsyncIterator[RawBatch]]


@dataclass(frozen=True)
class Acted:
    """A collector that does what the test says."""

    act: Act
    period_s: float | None = 0.05
    times: list[float] = field(default_factory=list)
    kind: ClassVar[str] = "acted"
    tables: ClassVar[tuple[str, ...]] = ("exchange",)
    busy: ClassVar[bool] = False

    def collect(self, context: Context) -> AsyncIterator[RawBatch]:
        self.times.append(time.monotonic())
        return self.act(context)


class Rows:
    """A sink that remembers what it was given."""

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []
        self.refuses = ""

    async def __call__(self, delivery: Delivery) -> None:
        if self.refuses:
            raise StoreUnavailable(self.refuses)
        self.deliveries.append(delivery)

    def of(self, table: str, source: str) -> list[dict[str, Any]]:
        batches = [batch for delivery in self.deliveries if delivery.source == source for batch in delivery.batches]
        return [row for batch in batches if batch.table == table for row in batch.rows()]


@asynccontextmanager
async def running(sink: Any, limit_s: float = 5.0, report_s: float = 0.2, **collectors: Collector) -> AsyncIterator[Runner]:
    async with httpx2.AsyncClient(trust_env=False) as http:
        runner = Runner(collectors, sink, Context("", "paper", "h1", SystemClock(), lambda: http), least_limit_s=limit_s, report_s=report_s)
        runner.start()
        yield runner
        await runner.stop()


def one_row(value: float = 1.0) -> RawBatch:
    return RawBatch.of("exchange", [{"venue": "okx", "latency_ms": value}])


async def good(context: Context) -> AsyncIterator[RawBatch]:
    yield one_row()


async def bad(context: Context) -> AsyncIterator[RawBatch]:
    yield one_row()
    raise SourceError("the daemon does not answer")


async def bug(context: Context) -> AsyncIterator[RawBatch]:
    yield one_row(1 / 0)


async def hangs(context: Context) -> AsyncIterator[RawBatch]:
    await asyncio.sleep(60)
    yield one_row()


async def endless(context: Context) -> AsyncIterator[RawBatch]:
    while True:
        yield one_row()
        await asyncio.sleep(0.01)


async def test_rows_carry_the_names_of_their_collector_and_its_period() -> None:
    rows = Rows()
    async with running(rows, mine=Acted(good)):
        await asyncio.sleep(0.02)

    delivery = rows.deliveries[0]
    assert (delivery.source, delivery.env, delivery.host) == ("mine", "paper", "h1")
    assert [(batch.table, batch.period_s) for batch in delivery.batches] == [("exchange", 0.05), ("collector_run", 0.2)]
    assert rows.of("collector_run", "mine")[0] == {
        "collector": "mine",
        "ok": True,
        "rows": 1,
        "duration_ms": rows.of("collector_run", "mine")[0]["duration_ms"],
    }


async def test_polls_keep_a_fixed_rate_without_drift_and_do_not_pile_up() -> None:
    async def slow_once(context: Context) -> AsyncIterator[RawBatch]:
        await asyncio.sleep(0.12 if len(collector.times) == 3 else 0.01)
        yield one_row()

    collector = Acted(slow_once)
    async with running(Rows(), mine=collector):
        await asyncio.sleep(0.62)

    offsets = [at - collector.times[0] for at in collector.times]
    assert 9 <= len(offsets) <= 11
    assert all(offset % 0.05 < 0.03 for offset in offsets), offsets
    assert min(after - before for before, after in pairwise(offsets)) > 0.02


async def test_a_collector_that_hangs_or_fails_never_delays_another() -> None:
    rows = Rows()
    collector = Acted(good)
    async with running(rows, limit_s=0.15, mine=collector, hangs=Acted(hangs), bad=Acted(bad), bug=Acted(bug)):
        await asyncio.sleep(0.5)

    assert len(rows.of("exchange", "mine")) >= 9
    gaps = [after - before for before, after in pairwise(collector.times)]
    assert max(gaps) < 0.1
    assert rows.of("collector_run", "hangs")[0]["error"] == "it took longer than 0.15 s"
    assert rows.of("collector_run", "bug")[0]["error"] == "ZeroDivisionError: division by zero"


async def test_a_failure_is_told_at_once_with_what_came_before_it(caplog: pytest.LogCaptureFixture) -> None:
    rows = Rows()
    async with running(rows, mine=Acted(bad)):
        await asyncio.sleep(0.12)

    assert len(rows.of("exchange", "mine")) >= 2
    first = rows.of("collector_run", "mine")[0]
    assert (first["ok"], first["rows"], first["error"]) == (False, 1, "the daemon does not answer")
    assert caplog.text.count("the daemon does not answer") == 1, "a failure that goes on is logged once"


async def test_while_nothing_changes_runs_share_a_row() -> None:
    rows = Rows()
    async with running(rows, report_s=0.2, mine=Acted(good)):
        await asyncio.sleep(0.58)

    told = rows.of("collector_run", "mine")
    assert [row["rows"] for row in told[:3]] == [1, 4, 4]


async def test_recovery_is_told_at_once() -> None:
    async def at_first_bad(context: Context) -> AsyncIterator[RawBatch]:
        if len(collector.times) <= 2:
            raise SourceError("not yet")
        yield one_row()

    collector = Acted(at_first_bad)
    rows = Rows()
    async with running(rows, report_s=5.0, mine=collector):
        await asyncio.sleep(0.3)

    assert [row["ok"] for row in rows.of("collector_run", "mine")] == [False, True]


async def reports(rows: Rows, count: int) -> None:
    """Wait for so many rows about the collector's runs; a busy machine may take longer than the periods say."""
    async with asyncio.timeout(10):
        while len(rows.of("collector_run", "mine")) < count:
            await asyncio.sleep(0.01)


async def test_a_stream_is_reported_on_time() -> None:
    rows = Rows()
    async with running(rows, report_s=0.1, mine=Acted(endless, period_s=None)):
        await reports(rows, 3)

    told = rows.of("collector_run", "mine")
    assert all(row["ok"] and "duration_ms" not in row for row in told)
    assert sum(row["rows"] for row in told) <= len(rows.of("exchange", "mine"))
    assert told[1]["rows"] > 3


async def test_a_silent_stream_is_reported_too() -> None:
    rows = Rows()
    async with running(rows, report_s=0.05, mine=Acted(hangs, period_s=None)):
        await reports(rows, 2)

    assert {(row["ok"], row["rows"]) for row in rows.of("collector_run", "mine")} == {(True, 0)}


async def test_a_stream_that_ends_or_fails_starts_again_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "FIRST_PAUSE_S", 0.05)

    async def by_turns(context: Context) -> AsyncIterator[RawBatch]:
        yield one_row()
        if len(collector.times) == 2:
            raise SourceError("lost the connection")

    collector = Acted(by_turns, period_s=None)
    rows = Rows()
    async with running(rows, report_s=60, mine=collector):
        await asyncio.sleep(0.5)

    assert 3 <= len(collector.times) <= 7
    pauses = [after - before for before, after in pairwise(collector.times)]
    assert pauses[0] > 0.02
    assert max(pauses[2:]) > pauses[0], "pauses grow while it does not live long"
    told = [(row["ok"], row.get("error")) for row in rows.of("collector_run", "mine")]
    assert told[:5] == [(True, None), (False, "the stream ended"), (True, None), (False, "lost the connection"), (True, None)]


async def test_rows_that_could_not_be_delivered_are_told_later_and_the_collector_goes_on() -> None:
    rows = Rows()
    rows.refuses = "the disk is full"
    async with running(rows, report_s=60, mine=Acted(good)):
        await asyncio.sleep(0.12)
        rows.refuses = ""
        await asyncio.sleep(0.1)

    told = rows.of("collector_run", "mine")
    assert [row["ok"] for row in told] == [False, True]
    assert told[0]["error"] == "1 rows could not be delivered: the disk is full"
    assert told[0]["ts"] < time.time_ns() // 1000
    assert len(rows.of("exchange", "mine")) >= 1


async def test_a_sink_with_a_bug_does_not_end_the_collector() -> None:
    async def broken(delivery: Delivery) -> None:
        raise KeyError("sink")

    collector = Acted(good)
    async with running(broken, mine=collector):
        await asyncio.sleep(0.18)

    assert len(collector.times) >= 3


async def test_stopping_ends_all_promptly_and_leaves_the_stubborn_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "STOP_S", 0.2)
    released = asyncio.Event()

    async def stubborn(context: Context) -> AsyncIterator[RawBatch]:
        while not released.is_set():
            try:
                await asyncio.wait_for(released.wait(), 1)
            except asyncio.CancelledError:
                continue
        yield one_row()

    async with running(
        Rows(), good=Acted(good), hangs=Acted(hangs), endless=Acted(endless, period_s=None), stubborn=Acted(stubborn)
    ) as runner:
        await asyncio.sleep(0.05)
        began_s = time.monotonic()
        await runner.stop()
        assert time.monotonic() - began_s < 0.5
        released.set()
        await asyncio.sleep(0.05)


class SetClock(SystemClock):
    """The host's clocks, of which the wall clock can be set."""

    ahead_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.ahead_us


@pytest.mark.parametrize("jump_s", [-86_400, -3_600, -2, 2, 3_600, 86_400])
async def test_polls_keep_their_pace_when_the_clock_is_set(jump_s: int) -> None:
    clock, sink, polled = SetClock(), Rows(), Acted(good, period_s=0.02)
    async with httpx2.AsyncClient(trust_env=False) as http:
        runner = Runner({"a": polled}, sink, Context("", "paper", "h1", clock, lambda: http), least_limit_s=5.0, report_s=0.02)
        runner.start()
        await asyncio.sleep(0.07)
        clock.ahead_us = jump_s * 1_000_000
        before = len(polled.times)
        await asyncio.sleep(0.13)
        await runner.stop()
    assert 3 <= len(polled.times) - before <= 7
    assert all(row["ok"] and 0 <= row["duration_ms"] < 1_000 for row in sink.of("collector_run", "a"))
