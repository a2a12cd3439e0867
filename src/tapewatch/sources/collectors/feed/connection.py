"""One WebSocket connection to a venue: connect, subscribe, read, ping, watch over silence, reconnect."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from random import Random

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from tapewatch.clock import Clock
from tapewatch.sources.collectors.feed.backoff import Gate, backoff_s
from tapewatch.sources.collectors.feed.link import Link

PING_S = 5.0
PING_TIMEOUT_S = 10.0
"""Every so often the round trip is measured by a WebSocket ping; a pong that takes longer than the timeout never comes."""

WATCH_S = 0.5
"""Seconds between two looks at a connection's silence and at books that disagree."""

PROVEN_S = 10.0
"""A connection that stood for so long was good: the next failure starts from the shortest wait."""

OPEN_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 1.0
MESSAGE_MAX_BYTES = 64 * 1024 * 1024
"""A snapshot of a whole book has several megabytes."""

QUEUE_MESSAGES = 1024
"""Messages that wait to be read before the socket is left to the kernel."""

_log = logging.getLogger(__name__)


class Connection:
    """Keeps one connection alive for ever.

    Args:
        link: Takes what arrives.
        clock: The time.
        gate: Spaces the venue's connection attempts.
        random: Jitter of the waits.
        silence_s: Seconds without any message after which the connection counts as broken; None for never.
    """

    def __init__(self, link: Link, clock: Clock, gate: Gate, random: Random, *, silence_s: float | None) -> None:
        self._link = link
        self._clock = clock
        self._gate = gate
        self._random = random
        self._silence_s = silence_s
        self._doom = ""

    async def run(self) -> None:
        """Connect and read; after every end, wait and connect again. Ends only when it is cancelled."""
        failures = 0
        while True:
            await self._gate.wait()
            began_s = self._clock.monotonic_s()
            reason = await self._stand()
            self._link.down(reason, self._clock.now_us(), self._clock.monotonic_s())
            _log.warning("%s: %s", self._link.venue.id, reason)
            failures = 0 if self._clock.monotonic_s() - began_s >= PROVEN_S else failures + 1
            await asyncio.sleep(backoff_s(failures, self._random))

    async def _stand(self) -> str:
        """Hold one connection until it ends; give the reason in words."""
        self._doom = ""
        try:
            async with self._open() as socket:
                for request in self._link.venue.subscribe(self._link.route.subscriptions):
                    await socket.send(request)
                self._link.up(self._clock.monotonic_s())
                async with self._watched(socket):
                    await self._read(socket)
        except ConnectionClosed as error:
            return self._doom or f"the connection was closed ({error})"
        except InvalidStatus as error:
            return f"the venue refused the connection with HTTP status {error.response.status_code}"
        except TimeoutError:
            return f"no connection within {OPEN_TIMEOUT_S:.0f} s"
        except (OSError, WebSocketException) as error:
            return f"no connection: {error}"
        return "the connection ended"

    def _open(self) -> connect:
        return connect(
            self._link.route.url,
            compression=None,
            open_timeout=OPEN_TIMEOUT_S,
            ping_interval=None,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=MESSAGE_MAX_BYTES,
            max_queue=QUEUE_MESSAGES,
        )

    async def _read(self, socket: ClientConnection) -> None:
        receive, observe = socket.recv, self._link.observe
        now_us, monotonic_s = self._clock.now_us, self._clock.monotonic_s
        while True:
            message = await receive(decode=False)
            observe(message, now_us(), monotonic_s())

    @contextlib.asynccontextmanager
    async def _watched(self, socket: ClientConnection) -> AsyncGenerator[None]:
        """Ping and watch beside the reading, and stop with it."""
        tasks = [asyncio.create_task(self._ping(socket)), asyncio.create_task(self._watch(socket))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with contextlib.suppress(asyncio.CancelledError, ConnectionClosed):
                    await task

    async def _ping(self, socket: ClientConnection) -> None:
        while True:
            pong = await socket.ping()
            try:
                async with asyncio.timeout(PING_TIMEOUT_S):
                    self._link.round_trip_s = await pong
            except TimeoutError:
                await self._end(socket, f"a ping was not answered within {PING_TIMEOUT_S:.0f} s")
                return
            await asyncio.sleep(PING_S)

    async def _watch(self, socket: ClientConnection) -> None:
        link = self._link
        while True:
            await asyncio.sleep(WATCH_S)
            now_s = self._clock.monotonic_s()
            silence_s = now_s - link.last_message_s
            if self._silence_s is not None and silence_s > self._silence_s:
                await self._end(socket, f"no message of any kind for {silence_s:.0f} s")
                return
            for stream in link.streams.values():
                if stream.wants_resync(now_s):
                    for request in link.venue.resync(stream.subscription):
                        await socket.send(request)

    async def _end(self, socket: ClientConnection, reason: str) -> None:
        self._doom = reason
        await socket.close()
