"""One door of this host: what is told of it, how long it may take, and that no other host is ever asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from tapewatch.sources.nearby import KINDS
from tapewatch.sources.nearby.asking import TIMEOUT_S, ask
from tapewatch.sources.nearby.base import HOSTS, Door, State
from tests.server import unused_port

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def served(serve: Serve) -> AsyncIterator[int]:
    """A server of this host that does what `serve` does with each connection; its port."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(one, HOSTS[0], 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def judge(heard: bytes) -> str | None:
    if heard == b"whole":
        return "It is whole."
    return "" if b"whole".startswith(heard) else None


async def told(serve: Serve, timeout_s: float = TIMEOUT_S) -> tuple[State, str]:
    async with served(serve) as port:
        answer = await ask(Door(port, b"who?", judge), HOSTS[0], "Thing", timeout_s)
    assert answer.address == f"127.0.0.1:{port}"
    return answer.state, answer.evidence


async def test_an_answer_in_pieces_is_found_with_its_evidence() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readexactly(4) == b"who?"
        for piece in (b"wh", b"ole"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    assert await told(serve) == (State.FOUND, "It is whole.")


async def test_another_answer_is_not_taken_for_it() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"-ERR")

    assert await told(serve) == (State.OTHER, "Something answers there, but not as Thing does.")


async def test_half_an_answer_that_ends_is_not_taken_for_it() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"who")

    assert (await told(serve))[0] is State.OTHER


async def test_silence_ends_at_the_time_limit_and_is_told_apart_from_nobody() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    began_s = asyncio.get_running_loop().time()
    assert (await told(serve, 0.05))[0] is State.SILENT
    assert asyncio.get_running_loop().time() - began_s < 2
    nobody = await ask(Door(unused_port(), b"", judge), HOSTS[0], "Thing")
    assert (nobody.state, nobody.evidence) == (State.NOTHING, "Nothing listens there.")


async def test_a_flood_is_read_no_further_than_its_beginning() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                writer.write(b"x" * 65_536)
                await writer.drain()

    async with served(serve) as port:
        answer = await ask(Door(port, b"", lambda heard: ""), HOSTS[0], "Thing", 2.0)
    assert answer.state is State.OTHER


async def test_no_other_host_is_ever_asked() -> None:
    assert set(HOSTS) == {"127.0.0.1", "::1"}
    with pytest.raises(ValueError, match=r"host: '10\.0\.0\.1' is not one of 127\.0\.0\.1, ::1"):
        await ask(KINDS[0].doors[0], "10.0.0.1", "Thing")


def test_the_time_limit_is_three_tenths_of_a_second() -> None:
    assert TIMEOUT_S == 0.3
