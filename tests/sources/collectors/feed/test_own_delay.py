"""What this process does to its own messages, measured on real clocks, sockets and collections."""

import asyncio
import gc
import socket
import time

import pytest

from tapewatch.clock import SystemClock
from tapewatch.sources.collectors.feed.own_delay import NOTED_S, Delay, OwnDelay, unread_bytes, unread_s


async def test_an_event_loop_that_is_blocked_is_noticed_and_told_once() -> None:
    with OwnDelay(SystemClock()) as own:
        watching = asyncio.create_task(own.watch())
        await asyncio.sleep(0.15)
        time.sleep(0.3)  # noqa: ASYNC251 - what a careless program does
        await asyncio.sleep(0.05)
        delay = own.take()
        watching.cancel()
    assert delay.seconds >= 0.15
    assert delay.cause == "the event loop was late"
    assert own.take().seconds < NOTED_S


def test_a_garbage_collection_is_timed_while_it_is_measured_and_not_after() -> None:
    kept = [[index] for index in range(300_000)]
    with OwnDelay(SystemClock()) as own:
        gc.collect()
        delay = own.take()
    own.take()
    assert delay.seconds > 0
    assert delay.cause == "garbage collection"
    gc.collect()
    assert own.take() == Delay()
    assert len(kept) == 300_000


def test_unread_bytes_of_a_socket_are_counted() -> None:
    here, there = socket.socketpair()
    with here, there:
        assert unread_bytes(here) == 0
        there.sendall(b"x" * 1000)
        assert unread_bytes(here) == 1000
        here.recv(400)
        assert unread_bytes(here) == 600
    assert unread_bytes(here) == 0
    assert unread_bytes(None) == 0


def test_what_waits_takes_as_long_as_its_size_at_the_pace_of_reading() -> None:
    assert unread_s(500, 1000, 0.5) == 0.25
    assert unread_s(5000, 1000, 0.5) == 2.5
    assert unread_s(5000, 0, 0.5) == 0.0


@pytest.mark.parametrize("latency_ms", [None, 150.0, 200.0])
def test_half_of_a_latency_explains_it(latency_ms: float | None) -> None:
    assert Delay(0.1, "the event loop was late").explains(latency_ms)


def test_less_than_half_and_what_is_usual_explain_nothing() -> None:
    assert not Delay(0.1, "the event loop was late").explains(201.0)
    assert not Delay(NOTED_S / 2, "garbage collection").explains(1.0)
