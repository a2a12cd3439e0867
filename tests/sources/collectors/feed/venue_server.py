"""A small local WebSocket server in the place of a venue: it keeps what it was asked and says what the test tells it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from tapewatch.clock import SystemClock
from tapewatch.sources.base import Collector, Context, Shared
from tapewatch.sources.history import History
from tapewatch.sources.http_json import SharedHttp

Talk = Callable[["VenueServer", ServerConnection], Awaitable[None]]


class VenueServer:
    """Takes connections; each runs ``talk`` beside the reading of requests."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.paths: list[str] = []
        self.requests: list[str] = []
        self.open: set[ServerConnection] = set()
        self.port = 0
        self._server: Server | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await serve(self._serve, "127.0.0.1", self.port, close_timeout=0.2)
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def _serve(self, connection: ServerConnection) -> None:
        self.paths.append(connection.request.path if connection.request else "")
        self.open.add(connection)
        talking = asyncio.ensure_future(self.talk(self, connection))
        try:
            async for request in connection:
                self.requests.append(str(request))
        except ConnectionClosed:
            pass
        finally:
            self.open.discard(connection)
            talking.cancel()


@asynccontextmanager
async def venue(talk: Talk) -> AsyncIterator[VenueServer]:
    """A running server."""
    server = VenueServer(talk)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def silent(server: VenueServer, connection: ServerConnection) -> None:
    """Say nothing."""


class Collected:
    """A running collector and its rows so far."""

    def __init__(self) -> None:
        self.feed: list[dict[str, Any]] = []
        self.exchange: list[dict[str, Any]] = []
        self.own: list[dict[str, Any]] = []
        self.of = {"feed": self.feed, "exchange": self.exchange, "self": self.own}

    def total(self, column: str) -> float:
        return sum(row.get(column) or 0 for row in self.feed)


@asynccontextmanager
async def collecting(
    collector: Collector, *, shared: Shared | None = None, state_dir: Path | None = None, history: History | None = None
) -> AsyncIterator[Collected]:
    """Run a collector as the runner does, and end it as the runner does."""
    http = SharedHttp(5.0)
    context = Context("feed-test", "live", "host", SystemClock(), http, shared or Shared(), state_dir, history)
    collected = Collected()
    stream = collector.collect(context)

    async def read() -> None:
        async for batch in stream:
            collected.of[batch.table].extend(batch.rows())

    reading = asyncio.create_task(read())
    try:
        yield collected
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await stream.aclose()  # pyright: ignore[reportAttributeAccessIssue] - it is an asynchronous generator
        await http.close()
        if not reading.cancelled() and reading.exception() is not None:
            raise reading.exception()  # pyright: ignore[reportGeneralTypeIssues] - checked in the line above


async def until(condition: Callable[[], bool], *, within_s: float = 10.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.01)
