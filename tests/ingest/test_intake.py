"""The way in: judged, durable, observed, acknowledged, in this order and without loss."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import ContractError, StoreRejected, StoreUnavailable, TooFast
from tapewatch.ingest import intake as intake_module
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.limits import Rates
from tapewatch.ingest.writer import Limits
from tapewatch.ingest.writer import writer as writer_module
from tapewatch.model.rows import Delivery, Mark, RawBatch, RowBatch
from tapewatch.settings import SourceLimits
from tapewatch.sources.base import Refusal
from tapewatch.store.base import Stored
from tests.ingest.stores import CATALOG, NAMES, ListStore


def delivery(*latencies: object, source: str = "bot", mark: Mark | None = None) -> Delivery:
    rows = [{"venue": "okx", "latency_ms": latency} for latency in latencies]
    return Delivery((RawBatch.of("exchange", rows),), source, mark=mark)


def first_latency(stored: Stored) -> float:
    batch = stored.batches[0]
    return batch.array("latency_ms")[0] if batch.table == "exchange" else -1.0


@pytest.fixture
def store() -> ListStore:
    return ListStore()


@pytest.fixture
async def intake(store: ListStore) -> AsyncIterator[Intake]:
    intake = Intake(store, CATALOG, NAMES, SystemClock(), host="h1", limits=Limits(wait_s=0.3))
    intake.start()
    yield intake
    await intake.stop()


async def test_an_accepted_delivery_is_in_the_store_and_the_receipt_tells_what_was_refused(intake: Intake, store: ListStore) -> None:
    receipt = await intake.accept(delivery(1, "x", float("nan")))

    assert [str(row["latency_ms"]) for row in store.rows("exchange")] == ["1.0", "nan", "nan"]
    assert receipt.accepted == 3
    assert receipt.refused_total == 1
    assert [(refusal.row, refusal.column, refusal.reason) for refusal in receipt.refused] == [(1, "latency_ms", "wrong_type")]
    assert receipt.noted == {"nan": 1}
    assert not receipt.duplicate


async def test_observers_see_a_batch_after_its_commit_and_before_the_sender_hears_of_it(intake: Intake, store: ListStore) -> None:
    seen: list[int] = []
    intake.observe(lambda batch: seen.append(len(store.rows("exchange"))))
    await intake.accept(delivery(1, 2))

    assert seen == [2]


async def test_an_observer_that_fails_harms_nobody(intake: Intake, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[RowBatch] = []

    def broken(batch: RowBatch) -> None:
        raise ValueError("broken observer")

    intake.observe(broken)
    intake.observe(seen.append)
    receipt = await intake.accept(delivery(1))

    assert receipt.accepted == 1
    assert len(seen) == 1
    assert intake.stats.observer_errors == 1
    assert "broken observer" in caplog.text


async def test_a_known_mark_changes_nothing_and_is_observed_once(intake: Intake, store: ListStore) -> None:
    seen: list[RowBatch] = []
    intake.observe(seen.append)
    first = await intake.accept(delivery(1, mark=Mark("c", 1)))
    second = await intake.accept(delivery(1, mark=Mark("c", 1)))

    assert (first.duplicate, second.duplicate) == (False, True)
    assert len(store.rows("exchange")) == len(seen) == 1
    assert intake.stats.duplicates == 1


async def test_many_senders_share_a_commit(intake: Intake, store: ListStore) -> None:
    store.delay_s = 0.02
    await asyncio.gather(*(intake.accept(delivery(i)) for i in range(200)))

    assert len(store.rows("exchange")) == 200
    assert len(store.groups) < 10
    assert store.threads == {"tapewatch-store"}


async def test_deliveries_of_one_sender_are_stored_and_observed_in_their_order(intake: Intake, store: ListStore) -> None:
    seen: list[float] = []
    intake.observe(lambda batch: seen.extend(batch.array("latency_ms").tolist()))
    await asyncio.gather(*(intake.accept(delivery(i)) for i in range(100)))

    assert seen == [float(i) for i in range(100)]
    assert [row["latency_ms"] for row in store.rows("exchange")] == seen


async def test_a_store_that_is_away_for_a_moment_loses_nothing(intake: Intake, store: ListStore) -> None:
    store.away = "disk is full"
    waiting = asyncio.create_task(intake.accept(delivery(1)))
    await asyncio.sleep(0.1)

    stats = intake.stats
    assert (stats.state, stats.message) == ("away", "disk is full")
    assert stats.since_us is not None
    assert stats.queue_rows == 1
    assert stats.oldest_waiting_s > 0.05
    store.away = ""
    assert (await waiting).accepted == 1
    assert intake.stats.state == "ok"
    assert intake.stats.queue_rows == 0
    assert len(store.rows("exchange")) == 1


async def test_a_store_that_stays_away_is_told_after_the_bound_and_nothing_is_stored_later(intake: Intake, store: ListStore) -> None:
    store.away = "disk is full"
    began_s = time.monotonic()
    with pytest.raises(StoreUnavailable, match="disk is full") as caught:
        await intake.accept(delivery(1))

    assert time.monotonic() - began_s < 1.5
    assert caught.value.retry_after_s > 0
    store.away = ""
    await intake.accept(delivery(2))
    assert [row["latency_ms"] for row in store.rows("exchange")] == [2.0]


async def test_a_store_that_hangs_is_told_as_not_known(store: ListStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "UNKNOWN_AFTER_S", 0.05)
    monkeypatch.setattr(writer_module, "STOP_S", 0.1)
    intake = Intake(store, CATALOG, NAMES, SystemClock(), limits=Limits(wait_s=0.05))
    intake.start()
    store.delay_s = 1.0
    with pytest.raises(StoreUnavailable, match=r"not known\. Send again with the same client and sequence"):
        await intake.accept(delivery(1))
    waiting = asyncio.create_task(intake.accept(delivery(2)))
    await asyncio.sleep(0.01)
    began_s = time.monotonic()
    await intake.stop()

    assert time.monotonic() - began_s < 0.9, "a store that hangs does not hold up the stop"
    with pytest.raises(StoreUnavailable):
        await waiting


async def test_a_full_queue_refuses_at_once(store: ListStore) -> None:
    intake = Intake(store, CATALOG, NAMES, SystemClock(), limits=Limits(queue_rows=10, wait_s=5))
    intake.start()
    store.delay_s = 0.3
    first = asyncio.create_task(intake.accept(delivery(*range(8))))
    await asyncio.sleep(0.05)
    with pytest.raises(StoreUnavailable, match="8 rows wait to be written, and at most 10 may"):
        await intake.accept(delivery(1, 2, 3))
    assert (await first).accepted == 8
    assert (await intake.accept(delivery(*range(50)))).accepted == 50, "an empty queue takes a delivery of any size"
    await intake.stop()


async def test_a_rejected_delivery_fails_alone(intake: Intake, store: ListStore) -> None:
    store.rejected = lambda stored: first_latency(stored) == 13
    store.delay_s = 0.02
    outcomes = await asyncio.gather(*(intake.accept(delivery(i)) for i in range(20)), return_exceptions=True)

    assert [i for i, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)] == [13]
    assert isinstance(outcomes[13], StoreRejected)
    assert len(store.rows("exchange")) == 19
    assert intake.stats.refused == {"store_rejected": 1}
    assert intake.stats.state == "ok"


async def test_a_bug_of_the_store_fails_only_its_delivery_and_the_writer_lives(
    intake: Intake, store: ListStore, caplog: pytest.LogCaptureFixture
) -> None:
    store.broken = lambda stored: first_latency(stored) == 3
    outcomes = await asyncio.gather(*(intake.accept(delivery(i)) for i in range(6)), return_exceptions=True)

    assert isinstance(outcomes[3], ContractError)
    assert "ZeroDivisionError" in str(outcomes[3])
    assert len(store.rows("exchange")) == 5
    assert "a bug in the store" in caplog.text


async def test_stopping_writes_what_waits_and_refuses_what_comes_later(store: ListStore) -> None:
    intake = Intake(store, CATALOG, NAMES, SystemClock())
    intake.start()
    store.delay_s = 0.1
    waiting = [asyncio.create_task(intake.accept(delivery(i))) for i in range(5)]
    await asyncio.sleep(0.01)
    await intake.stop()

    assert [receipt.accepted for receipt in await asyncio.gather(*waiting)] == [1] * 5
    with pytest.raises(StoreUnavailable, match="stopping"):
        await intake.accept(delivery(1))


async def test_stopping_while_the_store_is_away_is_quick_and_promises_nothing(store: ListStore) -> None:
    intake = Intake(store, CATALOG, NAMES, SystemClock())
    intake.start()
    store.away = "gone"
    waiting = [asyncio.create_task(intake.accept(delivery(i))) for i in range(5)]
    await asyncio.sleep(0.05)
    began_s = time.monotonic()
    await intake.stop()

    assert time.monotonic() - began_s < 2
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(outcome, StoreUnavailable) for outcome in outcomes)


async def test_a_delivery_without_a_single_good_row_is_told_and_never_written(intake: Intake, store: ListStore) -> None:
    receipt = await intake.accept(Delivery((RawBatch.of("nonsense", [{"a": 1}]),), "bot"))

    assert (receipt.accepted, receipt.refused_total) == (0, 1)
    assert store.tries == 0


async def test_refusals_of_the_receiver_stand_before_those_of_the_judgement(intake: Intake) -> None:
    broken = Refusal("exchange", 0, None, "{", "bad_json", "Line 1 is no JSON.")
    receipt = await intake.accept(delivery("x"), [broken])

    assert [refusal.reason for refusal in receipt.refused] == ["bad_json", "wrong_type"]
    assert receipt.refused_total == 2
    assert intake.stats.refused == {"bad_json": 1, "wrong_type": 1}


async def test_refusals_become_rows_with_cumulative_counts(store: ListStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "REPORT_S", 0.05)
    intake = Intake(store, CATALOG, NAMES, SystemClock(), host="h1")
    intake.start()
    await intake.accept(delivery("x", "y", source="bot-7"))
    await asyncio.sleep(0.12)
    await intake.accept(delivery("z", source="bot-7"))
    await intake.accept(Delivery((RawBatch.of("no\nsense", [{"a": 1}]),), "bot-8"))
    await intake.stop()

    rows = [(row["sender"], row["table_name"], row["column_name"], row["reason"], row["values"]) for row in store.rows("refusal")]
    assert rows == [
        ("bot-7", "exchange", "latency_ms", "wrong_type", 2.0),
        ("bot-7", "exchange", "latency_ms", "wrong_type", 3.0),
        ("bot-8", "no\ufffdsense", "*", "unknown_table", 1.0),
    ]
    assert {row["host"] for row in store.rows("refusal")} == {"h1"}
    assert store.rows("refusal")[1]["example"] == "z"


async def test_a_big_delivery_is_judged_beside_the_event_loop(intake: Intake, store: ListStore) -> None:
    rows = [{"venue": "okx", "latency_ms": float(i), "last_message_at": "2026-11-21T10:00:00.123456Z"} for i in range(40_000)]
    big = Delivery((RawBatch.of("exchange", rows),), "bot")
    longest_s = 0.0

    async def tick() -> None:
        nonlocal longest_s
        while True:
            began_s = time.monotonic()
            await asyncio.sleep(0.001)
            longest_s = max(longest_s, time.monotonic() - began_s)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.01)
    receipt = await intake.accept(big)
    ticking.cancel()

    assert receipt.accepted == 40_000
    assert longest_s < 0.25, "the event loop stood still while a delivery was judged"


async def test_a_sender_that_goes_away_takes_nothing_with_it(intake: Intake, store: ListStore) -> None:
    store.delay_s = 0.1
    waiting = asyncio.create_task(intake.accept(delivery(1)))
    await asyncio.sleep(0.02)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await intake.accept(delivery(2))

    assert [row["latency_ms"] for row in store.rows("exchange")] == [1.0, 2.0]


async def test_the_measures_say_how_it_goes(intake: Intake, store: ListStore) -> None:
    await intake.accept(delivery(1, 2, 3))
    measures = intake.stats.measures()

    assert measures["accepted_rows"] == 3
    assert measures["deliveries"] == 1
    assert 0 < measures["commit_p50_ms"] <= measures["lag_p99_ms"] <= measures["lag_max_ms"]
    assert json.dumps(measures)


async def test_a_delivery_that_must_be_whole_stores_nothing_when_anything_was_refused(intake: Intake, store: ListStore) -> None:
    receipt = await intake.accept(delivery(1, "x"), whole=True)
    assert (receipt.accepted, receipt.refused_total) == (0, 1)
    unreadable = Refusal("exchange", 1, None, "", "syntax", "It cannot be read.")
    assert (await intake.accept(delivery(1), [unreadable], whole=True)).accepted == 0
    assert store.rows("exchange") == []
    assert intake.stats.refused == {"wrong_type": 1, "syntax": 1}
    assert (await intake.accept(delivery(1, 2), whole=True)).accepted == 2


async def test_without_a_quarantine_what_is_not_known_is_refused_like_anything_else(intake: Intake, store: ListStore) -> None:
    known = RawBatch.of("exchange", [{"venue": "okx", "latency_ms": 1.0, "colour": "red"}])
    receipt = await intake.accept(Delivery((known,), "bot"), whole=True)
    assert (receipt.accepted, receipt.refused_total) == (0, 1)
    assert store.rows("exchange") == []


async def test_limits_hold_for_whoever_calls_itself_tapewatch() -> None:
    store = ListStore()
    limits = Rates(lambda _source: SourceLimits(rows_per_s=1), SystemClock())
    intake = Intake(store, CATALOG, NAMES, SystemClock(), rates=limits)
    intake.start()
    outside = Delivery((RawBatch.of("exchange", [{"venue": "okx", "latency_ms": float(i)} for i in range(50)]),), "tapewatch")
    await intake.accept(outside)
    with pytest.raises(TooFast):
        await intake.accept(outside)
    await intake.accept(replace(outside, is_own=True))
    await intake.stop()
