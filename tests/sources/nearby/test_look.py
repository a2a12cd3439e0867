"""Looking around: everything at once, not too often, not at all when it is switched off, and only what works is offered."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator

import pytest

from tapewatch.clock import ManualClock
from tapewatch.sources.base import Context
from tapewatch.sources.http_json import SharedHttp
from tapewatch.sources.nearby.base import Door, Kind, Offer, Process, State
from tapewatch.sources.nearby.look import HOLDS_S, LEAST_S, Nearby
from tests.server import unused_port

OFFER = Offer("Ping", "It pings.", "sh", "true")


class Bell:
    """A server that counts who rings."""

    def __init__(self) -> None:
        self.rung = 0
        self.port = 0

    def kind(self, process: Process | None = None, port: int | None = None) -> Kind:
        door = Door(port or self.port, b"?", lambda heard: "It rang.")
        return Kind("bell", "Bell", (door,), process or Process(name="no such program"), "tapewatch does not listen.", (OFFER,))


@pytest.fixture
async def bell() -> AsyncIterator[Bell]:
    found = Bell()

    async def ring(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.rung += 1
        writer.write(b"!")
        writer.close()

    server = await asyncio.start_server(ring, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()


def nearby(clock: ManualClock, *kinds: Kind, own_port: int = 0, is_on: bool = True) -> Nearby:
    return Nearby(kinds, Context("", "live", "here", clock, SharedHttp(1.0)), own_port=own_port, is_on=is_on)


async def test_one_answer_serves_everybody_for_a_minute_and_a_new_one_is_had_every_five_seconds(bell: Bell) -> None:
    clock = ManualClock()
    around = nearby(clock, bell.kind())
    looks = await asyncio.gather(*(around.look() for _ in range(5)))
    assert bell.rung == 1
    assert len({id(look) for look in looks}) == 1
    clock.advance(LEAST_S - 1)
    await around.look(again=True)
    assert bell.rung == 1
    clock.advance(1)
    await around.look()
    assert bell.rung == 1
    await around.look(again=True)
    assert bell.rung == 2
    clock.advance(HOLDS_S)
    await around.look()
    assert bell.rung == 3


async def test_switched_off_nobody_is_asked(bell: Bell) -> None:
    assert await nearby(ManualClock(), bell.kind(), is_on=False).look(again=True) is None
    assert bell.rung == 0


async def test_the_servers_own_port_is_not_asked(bell: Bell) -> None:
    look = await nearby(ManualClock(), bell.kind(), own_port=bell.port).look()
    assert look is not None
    assert look.neighbours[0].answer.state is State.NOTHING
    assert bell.rung == 0


async def test_what_is_not_there_is_offered_nothing() -> None:
    look = await nearby(ManualClock(), Bell().kind(port=unused_port())).look()
    assert look is not None
    [one] = look.neighbours
    assert (one.answer.state, one.offers, one.remark) == (State.NOTHING, (), "")


async def test_settings_are_offered_only_when_they_find_the_process_now(bell: Bell) -> None:
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()  # bell-of-this-test", stdin=asyncio.subprocess.PIPE)
    try:
        seen = await nearby(ManualClock(), bell.kind(Process(command="bell-of-this-test"))).look()
        unseen = await nearby(ManualClock(), bell.kind(Process(command="bell-of-no-" + "test"))).look()
    finally:
        child.kill()
        await child.wait()
    assert seen is not None
    assert unseen is not None
    watch, *others = seen.neighbours[0].offers
    assert (watch.language, others) == ("toml", [OFFER])
    assert re.search(rf"process with id {child.pid} now", watch.sentence)
    assert "command = 'bell-of-this-test'" in watch.code
    assert unseen.neighbours[0].offers == (OFFER,)
    assert "not seen from here" in unseen.neighbours[0].remark
