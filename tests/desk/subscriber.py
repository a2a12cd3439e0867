"""A subscriber for tests: connects as a collector would, and keeps what it hears with the time at which it heard it."""

import asyncio
import json
import time
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


class Subscriber:
    def __init__(self, url: str, *requests: dict[str, Any]) -> None:
        self.url = url
        self.requests = requests
        self.heard: list[tuple[int, Any]] = []  # receive time in µs, decoded message
        self.closed = asyncio.Event()
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.connection: ClientConnection = await connect(self.url, compression=None, max_size=None)
        for request in self.requests:
            await self.say(request)
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.connection.close()
        await self._task

    async def say(self, request: dict[str, Any]) -> None:
        await self.connection.send(json.dumps(request))

    async def _listen(self) -> None:
        try:
            while True:
                text = await self.connection.recv()
                self.heard.append((time.time_ns() // 1000, json.loads(text)))
                self._news.set()
        except ConnectionClosed:
            self.closed.set()

    @property
    def messages(self) -> list[Any]:
        return [message for _, message in self.heard]

    async def until(self, count: int, within_s: float = 10.0) -> list[Any]:
        """Wait for `count` messages."""
        async with asyncio.timeout(within_s):
            while len(self.heard) < count:
                self._news.clear()
                await self._news.wait()
        return self.messages
