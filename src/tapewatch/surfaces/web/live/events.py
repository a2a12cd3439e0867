"""The live connection without a WebSocket, where something on the way lets none through: server-sent events one way, requests the other."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator

from tapewatch.surfaces.web.live.client import LiveClient
from tapewatch.surfaces.web.live.hub import Hub
from tapewatch.surfaces.web.live.messages import written


class Channels:
    """Open event streams by their id, which only the browser that opened one knows."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._open: dict[str, LiveClient] = {}

    def join(self) -> AsyncIterator[str]:
        """Open a stream: the events as they are sent, the first of which tells the id.

        Raises:
            QueryTooLarge: There are too many live connections.
        """
        cut_off = asyncio.Event()
        return self._events(self._hub.join(cut_off.set), cut_off)

    async def hear(self, channel: str, text: bytes) -> bool:
        """Do what the browser of a stream asks; False when there is no such stream."""
        client = self._open.get(channel)
        if client is None:
            return False
        self._hub.handle(client, text)
        await client.room()
        return True

    async def _events(self, client: LiveClient, cut_off: asyncio.Event) -> AsyncIterator[str]:
        channel = secrets.token_urlsafe(24)
        self._open[channel] = client
        waiting: asyncio.Queue[str] = asyncio.Queue(1)
        pump = asyncio.create_task(client.pump(waiting.put, self._hub.pushed))
        ended = asyncio.create_task(cut_off.wait())
        try:
            yield _event(written("channel", {"id": channel}))
            while not cut_off.is_set():
                taken = asyncio.create_task(waiting.get())
                await asyncio.wait({taken, ended, pump}, return_when=asyncio.FIRST_COMPLETED)
                if not taken.done():
                    taken.cancel()
                    return
                yield _event(taken.result())
        finally:
            self._open.pop(channel, None)
            self._hub.leave(client)
            for task in (pump, ended):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


def _event(text: str) -> str:
    """One message; JSON has no line breaks of its own."""
    return f"data: {text}\n\n"
