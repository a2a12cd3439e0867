"""The client in an event loop: writing and waiting never hold it up."""

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from tapewatch_client import Client
from tests.client.scripted_server import ScriptedServer, hang

Connect = Callable[..., Client]


async def longest_pause_s(work: Callable[[], object], seconds: float) -> float:
    """Longest time that the loop did not come round while ``work`` was called again and again."""
    longest = 0.0
    last = time.monotonic()
    end = last + seconds
    while last < end:
        work()
        await asyncio.sleep(0)
        now = time.monotonic()
        longest = max(longest, now - last)
        last = now
    return longest


@pytest.mark.alone
async def test_the_loop_runs_while_a_stuck_server_is_waited_for(server: ScriptedServer, connect: Connect) -> None:
    release = threading.Event()
    server.default = hang(release)
    client = connect()
    client.write("kpi", value=1)
    waiting = asyncio.create_task(client.aflush(1.5))
    pause_s = await longest_pause_s(lambda: client.write("kpi", value=2), 0.5)
    assert not waiting.done()
    assert await waiting is False
    assert pause_s < 0.5
    release.set()


async def test_a_client_delivers_at_the_end_of_its_block(server: ScriptedServer, connect: Connect) -> None:
    async with connect(flush_interval_s=60) as client:
        await asyncio.gather(*(asyncio.to_thread(client.write, "kpi", value=number) for number in range(20)))
    assert sorted(server.values("value")) == list(range(20))


async def test_a_wait_that_is_cancelled_leaves_the_client_working(server: ScriptedServer, connect: Connect) -> None:
    release = threading.Event()
    server.acts.append(hang(release))
    client = connect(timeout_s=0.5)
    client.write("kpi", value=1)
    waiting = asyncio.create_task(client.aflush(1))
    await asyncio.sleep(0.05)
    waiting.cancel()
    release.set()
    assert await client.aflush(5)
    assert server.values("value") == [1]
