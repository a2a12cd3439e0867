"""The time call against a real HTTP server: asked, answered, refused, broken, and how often."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from random import Random

import pytest

from tapewatch.clock import SystemClock
from tapewatch.sources.collectors.feed import time_call
from tapewatch.sources.collectors.feed.round_trips import Moment, RoundTrips
from tapewatch.sources.collectors.feed.time_call import ASK_S, BURST, RETRY_MAX_S, RETRY_S, SPREAD, TimeCall, wait_s
from tapewatch.sources.collectors.feed.time_field import TimeField, TimeUnit
from tapewatch.sources.collectors.feed.venues.base import ServerTime
from tapewatch.sources.http_json import SharedHttp
from tests.sources.collectors.feed.time_server import Answer, time_server
from tests.sources.collectors.feed.venue_server import until

FIELD = TimeField(("result", "serverTime"), TimeUnit.MILLISECOND)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_call, "FIRST_S", 0.01)


@asynccontextmanager
async def asking(answer: Callable[[], Answer], *, message: str = "") -> AsyncIterator[tuple[RoundTrips, list[str]]]:
    """Ask a server that answers so; gives what was learned and what was asked."""
    trips, http = RoundTrips(), SharedHttp(1.0)
    async with time_server(answer) as (url, asked):
        call = TimeCall(ServerTime(url, FIELD, message), http(), trips, SystemClock(), Random(1))
        task = asyncio.create_task(call.run())
        try:
            yield trips, asked
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await http.close()


def told(offset_ms: int) -> Callable[[], Answer]:
    """The server's clock is behind the host's by so much."""
    return lambda: (200, json.dumps({"result": {"serverTime": SystemClock().now_us() // 1000 - offset_ms}}))


@pytest.mark.parametrize("offset_ms", [-250, 0, 4000])
async def test_the_offset_is_found_within_its_error(offset_ms: int) -> None:
    async with asking(told(offset_ms)) as (trips, asked):
        await until(lambda: len(asked) == BURST)
        await asyncio.sleep(0.1)
        bounds = trips.bounds(Moment(SystemClock().now_us(), SystemClock().monotonic_s()))
    assert bounds is not None
    assert bounds.low_us <= offset_ms * 1000 <= bounds.high_us + 1000
    assert bounds.error_us < 100_000
    assert trips.errors == 0
    assert {request.split(" ")[0] for request in asked} == {"GET"}


async def test_a_burst_is_all_that_is_asked_for_a_long_time() -> None:
    async with asking(told(0)) as (_, asked):
        await asyncio.sleep(0.8)
        assert len(asked) == BURST


async def test_a_message_is_posted() -> None:
    async with asking(told(0), message='{"type":"exchangeStatus"}') as (trips, asked):
        await until(lambda: len(asked) == BURST)
        await asyncio.sleep(0.1)
    assert asked[0] == 'POST {"type":"exchangeStatus"}'
    assert trips.errors == 0


@pytest.mark.parametrize(
    "answer",
    [
        (503, "down"),
        (200, "<html>"),
        (200, "[]"),
        (200, '{"result":{}}'),
        (200, '{"result":null}'),
        (200, '{"result":{"serverTime":"soon"}}'),
        (200, '{"result":{"serverTime":"1e400"}}'),
        (200, '{"result":{"serverTime":"1e999999"}}'),
        (200, '{"result":{"serverTime":"7"}}'),
        (0, ""),
    ],
    ids=str,
)
async def test_whatever_goes_wrong_is_counted_once_and_waited_out(answer: Answer) -> None:
    async with asking(lambda: answer) as (trips, asked):
        await until(lambda: trips.errors == 1)
        await asyncio.sleep(0.2)
        assert trips.errors == 1
        assert len(asked) == 1
    assert trips.bounds(Moment(0, 0.0)) is None


def test_the_waits_are_long_and_spread_and_grow_with_failures() -> None:
    random = Random(3)
    usual = [wait_s(0, random) for _ in range(200)]
    assert ASK_S * (1 - SPREAD) <= min(usual) < max(usual) <= ASK_S * (1 + SPREAD)
    assert max(usual) - min(usual) > ASK_S * SPREAD
    assert wait_s(1, random) <= RETRY_S * (1 + SPREAD)
    assert wait_s(4, random) >= 8 * RETRY_S * (1 - SPREAD)
    assert RETRY_MAX_S * (1 - SPREAD) <= wait_s(1000, random) <= RETRY_MAX_S * (1 + SPREAD)
