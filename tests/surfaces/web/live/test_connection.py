"""How a text goes to a browser without the layers between."""

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from tapewatch.surfaces.web.live.connection import LiveProtocol, packet


class Wire:
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.is_ended = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def is_closing(self) -> bool:
        return self.is_ended


@pytest.fixture
async def protocol() -> LiveProtocol:
    async def app(scope: Any, receive: Any, send: Any) -> None: ...

    config = uvicorn.Config(app, lifespan="off", log_config=None)
    config.load()
    made = LiveProtocol(config, ServerState(), {}, asyncio.get_running_loop())
    made.transport = Wire()  # pyright: ignore[reportAttributeAccessIssue] - a fake at the socket
    return made


@pytest.mark.parametrize("size", [0, 125, 126, 65_535, 65_536])
def test_a_client_reads_the_text_that_was_framed(size: int) -> None:
    text = "ö" * (size // 2) + "x" * (size % 2)
    client = ClientProtocol(parse_uri("ws://127.0.0.1/"), state=State.OPEN)
    client.receive_data(packet(text))
    assert client.events_received() == [Frame(Opcode.TEXT, text.encode())]


def test_a_text_that_many_are_sent_is_framed_once() -> None:
    assert packet("the same") is packet("the same")


async def test_a_line_with_room_takes_it_at_once(protocol: LiveProtocol) -> None:
    assert protocol.send_straight("tick")
    assert protocol.transport.written == [packet("tick")]  # pyright: ignore[reportAttributeAccessIssue] - the fake


@pytest.mark.parametrize("trouble", ["full", "closing", "closed", "ended"])
async def test_a_line_that_is_full_or_ends_takes_nothing(protocol: LiveProtocol, trouble: str) -> None:
    if trouble == "full":
        protocol.pause_writing()
    protocol.transport.is_ended = trouble == "closing"  # pyright: ignore[reportAttributeAccessIssue] - the fake
    protocol.close_sent = trouble == "closed"
    protocol.disconnected = trouble == "ended"
    assert not protocol.send_straight("tick")
    assert protocol.transport.written == []  # pyright: ignore[reportAttributeAccessIssue] - the fake
