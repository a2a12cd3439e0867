"""Blocking work beside the event loop."""

import asyncio
import threading

import pytest

from tapewatch.errors import SourceError
from tapewatch.sources.worker import Worker


async def test_the_outcome_comes_back_and_errors_too() -> None:
    worker: Worker[int] = Worker()

    assert await worker.run(lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        await worker.run(lambda: 1 // 0)
    assert await worker.run(threading.get_ident) != threading.get_ident()


async def test_the_event_loop_goes_on_while_it_works_and_a_second_call_is_refused() -> None:
    worker: Worker[bool] = Worker()
    goes_on = threading.Event()
    first = asyncio.create_task(worker.run(lambda: goes_on.wait(5)))
    await asyncio.sleep(0.01)
    with pytest.raises(SourceError, match="hangs"):
        await worker.run(lambda: True)
    goes_on.set()

    assert await first is True


async def test_cancelling_stops_the_waiting() -> None:
    worker: Worker[bool] = Worker()
    goes_on = threading.Event()
    waiting = asyncio.create_task(worker.run(lambda: goes_on.wait(5)))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    goes_on.set()
    await asyncio.sleep(0.02)
    assert await worker.run(lambda: True)
