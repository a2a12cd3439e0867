"""Group commit: deliveries that come close together share a commit; who sends one after the other waits for nobody."""

import asyncio
import time
from collections.abc import Awaitable

import pytest

from tapewatch.clock import SystemClock
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.receipt import Receipt
from tapewatch.ingest.writer import Limits
from tapewatch.ingest.writer.company import SPAN_S, Company
from tapewatch.model.rows import Delivery, Mark, RawBatch
from tests.ingest.stores import CATALOG, NAMES, ListStore


def delivery(rows: int = 1, mark: Mark | None = None) -> Delivery:
    return Delivery((RawBatch.of("exchange", [{"venue": "okx", "latency_ms": i} for i in range(rows)]),), "bot", mark=mark)


async def started(store: ListStore, limits: Limits) -> Intake:
    intake = Intake(store, CATALOG, NAMES, SystemClock(), host="h1", limits=limits)
    intake.start()
    store.delay_s = 0.02  # the first commit lasts while two further deliveries come: from then on several write at once
    while not store.groups or store.groups[-1] < 2:  # on a busy machine one may come too late
        await asyncio.gather(*(intake.accept(delivery()) for _ in range(3)))
    store.delay_s = 0.0
    store.groups.clear()
    return intake


async def test_deliveries_that_come_within_a_moment_of_each_other_share_commits() -> None:
    store = ListStore()
    intake = await started(store, Limits(linger_s=10.0, alone_s=0.3))
    pending: list[Awaitable[Receipt]] = []
    for _ in range(8):
        pending.append(asyncio.create_task(intake.accept(delivery())))
        await asyncio.sleep(0.005)
    await asyncio.gather(*pending)
    await intake.stop()

    assert store.groups == [8]


async def test_a_group_waits_no_longer_than_it_may_and_not_at_all_with_many_rows() -> None:
    store = ListStore()
    intake = await started(store, Limits(linger_s=0.05, alone_s=30.0))
    began_s = time.monotonic()
    await intake.accept(delivery())
    waited_s = time.monotonic() - began_s
    await intake.stop()
    assert 0.04 < waited_s < 10.0

    store = ListStore()
    intake = await started(store, Limits(linger_s=30.0, alone_s=30.0, company_rows=100))
    await asyncio.wait_for(intake.accept(delivery(100)), 10.0)
    await intake.stop()


async def test_who_sends_one_after_the_other_waits_once_for_company_and_then_no_more() -> None:
    store = ListStore()
    intake = await started(store, Limits(linger_s=0.4, alone_s=0.2))
    began_s = time.monotonic()
    for _ in range(20):
        await intake.accept(delivery())
    waited_s = time.monotonic() - began_s
    await intake.stop()

    assert store.groups == [1] * 20
    assert 0.2 <= waited_s < 1.0


def seen(times: int, *senders: str) -> Company:
    company = Company()
    for number in range(times):
        for sender in senders:
            company.came(sender, number / times)
    return company


def test_others_are_expected_when_they_send_often_and_are_not_here() -> None:
    company = seen(10, "a", "b", "c")
    assert company.is_expected({"a"}, 0.15, 0.95)
    assert not company.is_expected({"a", "b"}, 0.15, 0.95), "one that comes ten times a second hardly comes in 150 ms"
    assert company.is_expected({"a", "b"}, 0.3, 0.95)
    assert not company.is_expected({"a", "b", "c"}, 10.0, 0.95)
    assert not company.is_expected({"a"}, 0.08, 0.95 + SPAN_S), "they have gone"


def test_who_came_once_is_not_expected_again() -> None:
    company = Company()
    for number in range(100):
        company.came(f"script{number}", 0.5)
    assert not company.is_expected({"a"}, 1.0, 0.6)


def test_what_is_looked_back_on_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch.ingest.writer.company.MOST_SEEN", 4)
    company = Company()
    for number in range(100):
        company.came(f"client{number}", 0.0)
    assert not company.is_expected({f"client{number}" for number in range(96, 100)}, 100.0, 0.0)


def test_the_pace_is_that_of_the_last_second() -> None:
    company = Company()
    for number in range(10):
        company.came("a", number / 10, 200)
    assert company.rows_per_s(0.95) == 2_000
    assert company.rows_per_s(1.55) == 800
    assert company.rows_per_s(3.0) == 0


@pytest.mark.parametrize(("rows", "together"), [(10, 1), (1_000, 2)])
async def test_two_programs_share_commits_only_while_rows_come_fast(rows: int, together: int) -> None:
    store = ListStore()
    intake = Intake(store, CATALOG, NAMES, SystemClock(), host="h1", limits=Limits(fast_linger_s=0.5, fast_rows_per_s=4_000.0))
    intake.start()
    pending: list[Awaitable[Receipt]] = []
    for number in range(1, 9):
        for client in ("a", "b"):
            pending.append(asyncio.create_task(intake.accept(delivery(rows, Mark(client, number)))))
            await asyncio.sleep(0.05)
    async with asyncio.timeout(4.0):
        await asyncio.gather(*pending)
    await intake.stop()

    assert sorted(store.groups)[len(store.groups) // 2] == together


async def test_clients_that_each_wait_for_their_answer_share_commits_without_delay() -> None:
    store = ListStore()
    intake = Intake(store, CATALOG, NAMES, SystemClock(), host="h1", limits=Limits(linger_s=0.5))
    intake.start()

    async def send(client: str) -> None:
        for number in range(1, 41):
            await intake.accept(delivery(mark=Mark(client, number)))

    async with asyncio.timeout(10.0):  # waits to the end would take twice as long; for one who has ended, the others wait once or twice
        await asyncio.gather(*(send(client) for client in ("a", "b", "c")))
    await intake.stop()
    assert sum(store.groups) == 120
    assert sorted(store.groups)[len(store.groups) // 2] == 3


async def test_a_client_alone_never_waits() -> None:
    store = ListStore()
    intake = Intake(store, CATALOG, NAMES, SystemClock(), host="h1", limits=Limits(linger_s=30.0, alone_s=30.0))
    intake.start()
    async with asyncio.timeout(20.0):
        for number in range(1, 41):
            await intake.accept(delivery(mark=Mark("a", number)))
    await intake.stop()
    assert store.groups == [1] * 40
