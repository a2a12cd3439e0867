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
from tapewatch.sources.collectors.feed.backoff import backoff_s
from tapewatch.sources.collectors.feed.link import Link
from tapewatch.sources.collectors.feed.own_delay import unread_bytes, unread_s
from tapewatch.sources.collectors.feed.recorder.tape import NO_TAPE, Tape
from tapewatch.sources.collectors.feed.resync import Budget
from tapewatch.sources.collectors.feed.time_call import BURST, wait_s
from tapewatch.sources.collectors.feed.venues.base import ServerTime
from tapewatch.sources.gates import Gate

PING_S = 5.0
PING_TIMEOUT_S = 10.0
"""Every so often the round trip is measured by a WebSocket ping; a pong that takes longer than the timeout never comes."""

WATCH_S = 0.5
"""Seconds between two looks at a connection's silence, at what it was asked, and at books that disagree."""

QUESTION_S = 2.0
"""About so many seconds between the questions of one burst: the answer to one has come before the next is sent."""

PROVEN_S = 10.0
"""A connection that stood for so long was good: the next failure starts from the shortest wait."""

TURN_S = 0.001
"""Seconds within which an event loop that is not busy reads what has arrived."""

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
        gate: Spaces the attempts to connect to the venue's host.
        random: Jitter of the waits.
        silence_s: Seconds without any message after which the connection counts as broken; None for never.
        question: Asks for the venue's time; None when it is not asked here.
        tape: Where its traffic is recorded.
        requests: Spaces its messages together with those of others; None for its own alone.
    """

    def __init__(
        self,
        link: Link,
        clock: Clock,
        gate: Gate,
        random: Random,
        *,
        silence_s: float | None,
        question: ServerTime | None = None,
        tape: Tape = NO_TAPE,
        requests: Gate | None = None,
    ) -> None:
        self._link = link
        self._clock = clock
        self._gate = gate
        self._requests = requests or Gate(link.venue.limits.request_interval_s, clock)
        self._budget = Budget(link.venue.limits.asks_per_hour)
        self._random = random
        self._silence_s = silence_s
        self._question = question
        self._tape = tape
        self._doom = ""

    async def run(self) -> None:
        """Connect and read; after every end, wait and connect again. Ends only when it is cancelled."""
        failures = 0
        while True:
            await self._gate.wait()
            began_s = self._clock.monotonic_s()
            reason = await self._stand()
            self._tape.closed(self._clock.now_us(), reason)
            self._link.down(reason, self._clock.now_us(), self._clock.monotonic_s())
            _log.warning("%s: %s", self._link.venue.id, reason)
            failures = 0 if self._clock.monotonic_s() - began_s >= PROVEN_S else failures + 1
            await asyncio.sleep(backoff_s(failures, self._random))

    async def _stand(self) -> str:
        """Hold one connection until it ends; give the reason in words."""
        self._doom = ""
        self._budget = Budget(self._link.venue.limits.asks_per_hour)
        try:
            async with self._open() as socket:
                self._tape.opened(self._clock.now_us())
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
        receive, observe, record = socket.recv, self._link.observe, self._tape.received
        now_us, monotonic_s = self._clock.now_us, self._clock.monotonic_s
        while True:
            message = await receive(decode=False)
            received_us = now_us()
            record(received_us, message)
            observe(message, received_us, monotonic_s())

    @contextlib.asynccontextmanager
    async def _watched(self, socket: ClientConnection) -> AsyncGenerator[None]:
        """Ask for the streams, ping and watch beside the reading, and stop with it."""
        works = (self._ask, self._ping, self._watch, self._beat, self._answer, self._resync, self._ask_time)
        tasks = [asyncio.create_task(work(socket)) for work in works]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            # not one await for each: who is cancelled while it waits for them must not take it for the end of one of them
            for end in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(end, Exception) and not isinstance(end, ConnectionClosed):
                    raise end

    async def _ask(self, socket: ClientConnection) -> None:
        """Ask for every stream; what the first ones say is read meanwhile."""
        for request in self._link.venue.subscribe(self._link.route.subscriptions):
            await self._requests.wait()
            self._budget.spend(self._clock.monotonic_s())
            self._tape.asked(self._clock.now_us(), request)
            await socket.send(request)

    async def _send(self, socket: ClientConnection, text: str) -> None:
        """Send something, no faster than the venue allows."""
        await self._requests.wait()
        self._tape.sent(self._clock.now_us(), text)
        await socket.send(text)

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

    async def _beat(self, socket: ClientConnection) -> None:
        """Send what the venue wants to hear regularly, if it wants anything."""
        heartbeat = self._link.venue.heartbeat
        while heartbeat.request:
            await asyncio.sleep(heartbeat.every_s)
            await self._send(socket, heartbeat.request)

    async def _ask_time(self, socket: ClientConnection) -> None:
        """Ask for the venue's time as rarely as over HTTP; the answers come among the messages."""
        while self._question is not None:
            for _ in range(BURST):
                await asyncio.sleep(self._random.uniform(0.5, 1.5) * QUESTION_S)
                await self._requests.wait()
                number = self._link.ask_time(self._clock.now_us(), self._clock.monotonic_s())
                question = self._question.question(number)
                self._tape.sent(self._clock.now_us(), question)
                await socket.send(question)
            await asyncio.sleep(wait_s(0, self._random))

    async def _watch(self, socket: ClientConnection) -> None:
        link = self._link
        looked_s, looked_bytes = self._clock.monotonic_s(), link.read_bytes
        while True:
            await asyncio.sleep(WATCH_S)
            now_s = self._clock.monotonic_s()
            link.waiting_s = unread_s(await _unread(socket), link.read_bytes - looked_bytes, now_s - looked_s)
            looked_s, looked_bytes = now_s, link.read_bytes
            silence_s = link.pulse.silence_s(now_s)
            if self._silence_s is not None and silence_s > self._silence_s:
                await self._end(socket, f"no message of any kind for {silence_s:.0f} s")
                return

    async def _answer(self, socket: ClientConnection) -> None:
        """Answer what the venue asks."""
        while True:
            await asyncio.sleep(WATCH_S)
            answers, self._link.answers = self._link.answers, []
            for answer in answers:
                await self._send(socket, answer)

    async def _resync(self, socket: ClientConnection) -> None:
        """Ask for the books that disagree anew; apart from the answers, which must not wait behind many of them."""
        while True:
            await asyncio.sleep(WATCH_S)
            for stream in self._link.streams.values():
                requests, now_s = self._link.venue.resync(stream.subscription), self._clock.monotonic_s()
                if self._budget.allows(len(requests), now_s) and stream.wants_resync(now_s):
                    for request in requests:
                        self._budget.spend(self._clock.monotonic_s())
                        await self._send(socket, request)

    async def _end(self, socket: ClientConnection, reason: str) -> None:
        self._doom = reason
        await socket.close()


async def _unread(socket: ClientConnection) -> int:
    """Bytes that wait to be read and go on waiting when the event loop has had its turn: others have only just arrived."""
    raw = socket.transport.get_extra_info("socket")
    unread = unread_bytes(raw)
    if unread:
        await asyncio.sleep(TURN_S)
        unread = min(unread, unread_bytes(raw))
    return unread
