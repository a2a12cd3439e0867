"""The queue before the store: its bounds, its groups, and what is left at the end."""

import asyncio

import pytest

from tapewatch.clock import ManualClock
from tapewatch.errors import StoreUnavailable
from tapewatch.ingest.writer.job import Job
from tapewatch.ingest.writer.limits import Limits
from tapewatch.ingest.writer.queue import Queue
from tapewatch.store.base import Stored


def job(rows: int, clock: ManualClock) -> Job:
    loop = asyncio.new_event_loop()
    made = Job(Stored(()), rows, rows * 10, clock.monotonic_s(), clock.monotonic_s() + 1, loop.create_future())
    loop.close()
    return made


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def queue(clock: ManualClock) -> Queue:
    return Queue(clock, Limits(queue_rows=10, group_rows=6, company_rows=1))


def test_one_that_is_larger_than_the_queue_is_taken_alone_and_no_other_beside_it(queue: Queue, clock: ManualClock) -> None:
    large = job(50, clock)
    queue.put(large)
    with pytest.raises(StoreUnavailable, match="50 rows wait to be written, and at most 10 may; send again"):
        queue.put(job(1, clock))
    with pytest.raises(StoreUnavailable, match=r"and at most 10 may: the store is away \(gone\)\.") as refused:
        queue.put(job(1, clock), "the store is away (gone)")
    assert refused.value.retry_after_s == 2.0
    queue.let_go([large])
    queue.put(job(1, clock))


def test_groups_hold_whole_jobs_in_order_and_count_until_they_are_let_go(queue: Queue, clock: ManualClock) -> None:
    jobs = [job(rows, clock) for rows in (4, 2, 3)]
    for each in jobs:
        queue.put(each)
    clock.advance(2)
    first = queue.next_group(0.0)
    assert first is not None
    assert [each.rows for each in first] == [4, 2]
    assert queue.measures() == (9, 90, 2.0), "what is written is not durable yet"
    queue.landed()
    queue.let_go(first)
    assert queue.measures() == (3, 30, 2.0)
    assert queue.next_group(0.0) == jobs[2:]
    queue.landed()
    assert queue.next_group(0.0) == [], "time for something else"


def test_at_the_end_what_waits_is_written_and_what_does_not_land_is_left_once(queue: Queue, clock: ManualClock) -> None:
    jobs = [job(4, clock), job(4, clock)]
    for each in jobs:
        queue.put(each)
    queue.stop()
    with pytest.raises(StoreUnavailable, match="stopping"):
        queue.put(job(1, clock))
    assert queue.next_group(None) == jobs[:1]
    assert queue.left() == jobs
    assert queue.next_group(None) is None
    queue.landed()
    assert queue.left() == []
