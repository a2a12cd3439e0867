"""Turns: never closer than allowed, in order, shared by host, and none lost with who gives up waiting."""

import asyncio
from itertools import pairwise

from tapewatch.clock import SystemClock
from tapewatch.sources.gates import Gate, Gates


async def test_turns_are_given_in_order_and_never_closer_than_allowed() -> None:
    clock = SystemClock()
    gate = Gate(0.02, clock)
    turns: list[tuple[int, float]] = []

    async def take(number: int) -> None:
        await gate.wait()
        turns.append((number, clock.monotonic_s()))

    await asyncio.gather(*(take(number) for number in range(20)))
    assert [number for number, _ in turns] == list(range(20))
    assert min(later - earlier for (_, earlier), (_, later) in pairwise(turns)) >= 0.0199


async def test_who_gives_up_waiting_takes_no_turn() -> None:
    gate = Gate(0.2, SystemClock())
    await gate.wait()
    impatient = [asyncio.create_task(gate.wait()) for _ in range(10)]
    await asyncio.sleep(0)
    for task in impatient:
        task.cancel()
    await asyncio.gather(*impatient, return_exceptions=True)
    async with asyncio.timeout(0.5):
        await gate.wait()


async def test_a_host_has_one_gate_whoever_asks() -> None:
    gates, clock = Gates(), SystemClock()
    assert gates.of("stream.example", 1.0, clock) is gates.of("stream.example", 1.0, clock)
    assert gates.of("stream.example", 1.0, clock) is not gates.of("other.example", 1.0, clock)
