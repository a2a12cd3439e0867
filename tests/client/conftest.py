from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tapewatch_client import Client
from tests.client.scripted_server import ScriptedServer


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    server = ScriptedServer()
    yield server
    server.die()


@pytest.fixture
def connect(server: ScriptedServer) -> Iterator[Callable[..., Client]]:
    """Make clients of the server that the end of the test closes."""
    clients: list[Client] = []

    def make(url: str = "", **settings: Any) -> Client:
        client = Client(url or server.url, **({"source": "bot", "host": "h1", "flush_interval_s": 0.02} | settings))
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.close(timeout_s=0.0)
