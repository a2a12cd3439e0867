"""A thousand streams that lose their venue: what the venue sees of it, counted by a real server."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tapewatch.clock import SystemClock
from tapewatch.ingest.runner import Runner
from tapewatch.model.rows import Delivery
from tapewatch.sources.base import Context
from tapewatch.sources.collectors.feed import FeedCollector, collection, connection
from tapewatch.sources.collectors.feed.venues.kraken import Kraken
from tapewatch.sources.http_json import SharedHttp
from tests.sources.collectors.feed.venue_server import collecting, until

CONNECT_S, REQUEST_S = 0.02, 0.01
STREAMS = 1000
PER_CONNECTION = 20
CONNECTIONS = STREAMS // PER_CONNECTION


@pytest.fixture(autouse=True)
def _limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits of a venue in small: fifty connections instead of five, so that a herd would be one."""
    limits = replace(
        Kraken.limits,
        streams_per_connection=PER_CONNECTION,
        connect_interval_s=CONNECT_S,
        request_interval_s=REQUEST_S,
        streams_per_request=5,
    )
    monkeypatch.setattr(Kraken, "limits", limits)
    monkeypatch.setattr(collection, "TICK_S", 0.2)
    monkeypatch.setattr(connection, "WATCH_S", 0.1)
    monkeypatch.setattr(connection, "PING_S", 60.0)
    monkeypatch.setattr("tapewatch.sources.collectors.feed.backoff.BASE_S", 0.2)
    monkeypatch.setattr("tapewatch.sources.collectors.feed.backoff.CAP_S", 5.0)


class Door:
    """A venue that counts who knocks, and what each connection asks."""

    def __init__(self) -> None:
        self.attempts_s: list[float] = []
        self.asked_s: dict[ServerConnection, list[float]] = {}
        self.streams: dict[ServerConnection, int] = {}
        self.is_closed = False
        self.url = ""

    def admit(self, connection: ServerConnection, request: Request) -> Response | None:
        self.attempts_s.append(time.monotonic())
        return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "closed\n") if self.is_closed else None

    async def talk(self, connection: ServerConnection) -> None:
        self.asked_s[connection], self.streams[connection] = [], 0
        try:
            async for text in connection:
                self.asked_s[connection].append(time.monotonic())
                self.streams[connection] += len(json.loads(text)["params"]["symbol"])
        finally:
            del self.streams[connection]

    def cut_all(self) -> None:
        for connected in list(self.streams):
            connected.transport.abort()

    @property
    def subscribed(self) -> int:
        return sum(self.streams.values())


@asynccontextmanager
async def door() -> AsyncIterator[Door]:
    made = Door()
    async with serve(made.talk, "127.0.0.1", 0, process_request=made.admit, compression=None, close_timeout=0.1) as server:
        made.url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        yield made


def many(url: str, first: int = 0, count: int = STREAMS) -> FeedCollector:
    return FeedCollector("kraken", tuple(f"C{number}/USD" for number in range(first, first + count)), ("trade",), url=url)


def most_within(times_s: Sequence[float], window_s: float) -> int:
    """Most events in any window of this length."""
    return max(sum(0 <= later - start < window_s for later in times_s[place:]) for place, start in enumerate(times_s))


def obeys(door: Door) -> None:
    """No window of half a second or of two has more attempts, or more requests on a connection, than the venue allows.

    Two more are granted: what is sent on time may arrive a moment later.
    """
    for window_s in (0.5, 2.0):
        assert most_within(door.attempts_s, window_s) <= window_s / CONNECT_S + 2
        for asked_s in door.asked_s.values():
            assert not asked_s or most_within(asked_s, window_s) <= window_s / REQUEST_S + 2


async def test_a_thousand_streams_come_back_within_the_limits_after_one_moment_lost_them_all() -> None:
    async with door() as venue, collecting(many(venue.url)):
        await until(lambda: venue.subscribed == STREAMS, within_s=30)
        assert len(venue.streams) == CONNECTIONS
        before = len(venue.attempts_s)
        venue.cut_all()
        lost_s = time.monotonic()
        await until(lambda: venue.subscribed == 0)
        await until(lambda: venue.subscribed == STREAMS, within_s=30)
        took_s = time.monotonic() - lost_s
    obeys(venue)
    assert len(venue.attempts_s) - before == CONNECTIONS, "one attempt each is enough at a door that is open"
    assert took_s >= (CONNECTIONS - 1) * CONNECT_S


@pytest.mark.slow
async def test_a_venue_that_stays_closed_is_knocked_at_more_and_more_seldom() -> None:
    async with door() as venue, collecting(many(venue.url)):
        await until(lambda: venue.subscribed == STREAMS, within_s=30)
        before = len(venue.attempts_s)
        venue.is_closed = True
        venue.cut_all()
        began_s = time.monotonic()
        await asyncio.sleep(6)
        knocks_s = [at_s - began_s for at_s in venue.attempts_s[before:]]
        venue.is_closed = False
        await until(lambda: venue.subscribed == STREAMS, within_s=40)
    obeys(venue)
    early, late = sum(at_s < 2 for at_s in knocks_s), sum(4 <= at_s < 6 for at_s in knocks_s)
    assert late < early, "each waits longer after each failure"


async def test_collectors_of_one_host_share_its_limit() -> None:
    async def drop(_: Delivery) -> None:
        return None

    async with door() as venue:
        collectors = {f"part-{part}": many(venue.url, part * 200, 200) for part in range(3)}
        runner = Runner(collectors, drop, Context("", "test", "h1", SystemClock(), SharedHttp(5.0)))
        runner.start()
        try:
            await until(lambda: venue.subscribed == 600, within_s=30)
        finally:
            await runner.stop()
    obeys(venue)
    assert len(venue.attempts_s) == 30


async def test_books_that_disagree_all_at_once_are_asked_for_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch.sources.collectors.feed.stream.CONFIRM_S", 0.1)

    async def wrong(connected: ServerConnection) -> None:
        for number in range(PER_CONNECTION):
            book = {"symbol": f"C{number}/USD", "bids": [{"price": 1.0, "qty": 1.0}], "asks": [{"price": 2.0, "qty": 1.0}], "checksum": 1}
            await connected.send(json.dumps({"channel": "book", "type": "snapshot", "data": [book]}))

    asked_s: list[tuple[float, str]] = []

    def note(request: str) -> None:
        asked_s.append((time.monotonic(), request))

    async def talk(connected: ServerConnection) -> None:
        await wrong(connected)
        async for request in connected:
            note(str(request))

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(serve(talk, "127.0.0.1", 0, compression=None, close_timeout=0.1))
        url = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        await stack.enter_async_context(collecting(replace(many(url, 0, PER_CONNECTION), channels=("book",))))
        await until(lambda: len(asked_s) >= 4 + 2 * PER_CONNECTION, within_s=20)
    assert most_within([at_s for at_s, _ in asked_s], 0.2) <= 0.2 / REQUEST_S + 2
    assert sum('"unsubscribe"' in request for _, request in asked_s) >= PER_CONNECTION
