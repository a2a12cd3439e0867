"""What is sent without waiting, and what waits for its turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tapewatch.clock import SystemClock
from tapewatch.surfaces.web.live.client import LiveClient
from tapewatch.surfaces.web.live.messages import FrameMessage


class Line:
    """A connection that takes what it is given, or nothing while it is full."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.pushed: list[FrameMessage] = []
        self.has_room = asyncio.Event()
        self.has_room.set()

    def straight(self, text: str) -> bool:
        if self.has_room.is_set():
            self.sent.append(text)
        return self.has_room.is_set()

    async def send(self, text: str) -> None:
        await self.has_room.wait()
        self.sent.append(text)


@asynccontextmanager
async def pumped(line: Line) -> AsyncIterator[LiveClient]:
    client = LiveClient(SystemClock(), lambda: None, line.straight)
    pump = asyncio.create_task(client.pump(line.send, line.pushed.append))
    await asyncio.sleep(0)
    yield client
    pump.cancel()


def frame(sequence: int) -> FrameMessage:
    return FrameMessage("t1", sequence, False, f"frame {sequence}")


async def rest() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_what_nothing_is_before_is_sent_at_once_and_counted() -> None:
    line = Line()
    async with pumped(line) as client:
        client.tick("tick")
        client.frame(frame(1))
        assert line.sent == ["tick", "frame 1"]
        assert line.pushed == [frame(1)]


async def test_nothing_overtakes_what_waits() -> None:
    line = Line()
    async with pumped(line) as client:
        client.answer("answer")
        client.frame(frame(1))
        client.tick("tick")
        await rest()
        client.frame(frame(2))
    assert line.sent == ["answer", "tick", "frame 1", "frame 2"]
    assert line.pushed == [frame(1), frame(2)]


async def test_a_line_that_is_full_gets_everything_in_order_once_it_has_room() -> None:
    line = Line()
    async with pumped(line) as client:
        line.has_room.clear()
        for sequence in (1, 2, 3):
            client.frame(frame(sequence))
            await rest()
        assert line.sent == []
        assert client.stuck_s(SystemClock().monotonic_s()) > 0
        line.has_room.set()
        await rest()
        client.frame(frame(4))
    assert line.sent == [f"frame {sequence}" for sequence in (1, 2, 3, 4)]


@pytest.mark.parametrize("is_begun", [False, True])
async def test_before_the_line_is_open_and_without_a_straight_way_everything_waits(*, is_begun: bool) -> None:
    line = Line()
    client = LiveClient(SystemClock(), lambda: None, None if is_begun else line.straight)
    pump = asyncio.create_task(client.pump(line.send, line.pushed.append)) if is_begun else None
    await rest()
    client.frame(frame(1))
    assert line.sent == []
    await rest()
    assert line.sent == (["frame 1"] if is_begun else [])
    if pump:
        pump.cancel()
