"""Messages a second and core that the feed collector measures, with books kept.

Three numbers a venue, from messages of the desk's simulated venue: the measure alone (reading, sequence, latency, book, rows), the
whole collector reading from a local WebSocket server in another process, and the same while it records what it receives; CPU time of all
threads. ``--short`` takes a twenty-fifth of the messages.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
import time
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

import httpx2
from websockets.asyncio.server import ServerConnection, serve

from bench.bars import Bar, run
from tapewatch.clock import US_PER_S, SystemClock
from tapewatch.desk.addresses import SPOKEN
from tapewatch.desk.simulation import Simulation
from tapewatch.desk.venues import SIMULATED
from tapewatch.sources.base import Context
from tapewatch.sources.collectors.feed import FeedCollector

TARGET_PER_S = 20_000
MESSAGES = 60_000
SHORT = 25
START_US = 1_700_000_000_000_000
STEP_S = 0.05


@dataclass(frozen=True)
class Traffic:
    """What a venue says to one connection: messages and the seconds at which they arrive."""

    collector: FeedCollector
    messages: list[bytes]
    arrivals_s: list[float]


def traffic(index: int, count: int) -> Traffic:
    """Let the simulated venue talk on virtual time until it has said ``count`` messages."""
    spec, messages = SIMULATED[index]
    simulation = Simulation(spec, messages, start_us=START_US)
    collector = FeedCollector(
        SPOKEN.get(spec.name, spec.name), tuple(item.symbol for item in spec.instruments), url="ws://127.0.0.1/stream"
    )
    measure = collector.open_measure(START_US, 0.0)
    (link,) = measure.links
    address = urlsplit(link.route.url)
    session = spec.dialect.session(f"{address.path}?{address.query}", simulation.offer)
    for request in measure.venue.subscribe(link.route.subscriptions):
        session.answer(request)
    for stream in session.streams:
        simulation.welcome(stream, session, 0.0)
    said: list[bytes] = []
    arrivals_s: list[float] = []
    now_s = 0.0
    while len(said) < count:
        now_s += STEP_S
        for arrival in simulation.advance(now_s):
            if arrival.stream is not None and arrival.stream in session.streams and arrival.only in {None, session}:
                said.append(session.dress(arrival.stream, arrival.text).encode())
                arrivals_s.append(now_s)
    return Traffic(collector, said, arrivals_s)


def measure_alone(given: Traffic) -> float:
    """Messages a CPU second through the measure, ticks included."""
    measure = given.collector.open_measure(START_US, 0.0)
    (link,) = measure.links
    link.up(0.0)
    next_tick_s = 1.0
    began_s = time.process_time()
    for message, now_s in zip(given.messages, given.arrivals_s, strict=True):
        if now_s >= next_tick_s:
            measure.tick(START_US + round(next_tick_s * US_PER_S), next_tick_s)
            next_tick_s += 1.0
        link.observe(message, START_US + round(now_s * US_PER_S), now_s)
    rate = len(given.messages) / (time.process_time() - began_s)
    if link.unread:
        raise SystemExit(f"{link.unread} messages were not understood: {link.unread_reason}")
    return rate


def talk(messages: list[bytes], told: Connection) -> None:
    """In a process of its own: say everything, as fast as it is taken, to whoever connects."""

    async def run() -> None:
        async def say(connection: ServerConnection) -> None:
            for number, message in enumerate(messages):
                await connection.send(message, text=True)
                if number % 100 == 0:
                    await asyncio.sleep(0)
            await connection.wait_closed()

        async with serve(say, "127.0.0.1", 0, compression=None) as server:
            told.send(next(iter(server.sockets)).getsockname()[1])
            await server.serve_forever()

    asyncio.run(run())


async def collect(given: Traffic, port: int, folder: str) -> float:
    """Messages a CPU second through the whole collector, from the socket to the rows; recorded into a folder, if one is named."""
    collector = replace(given.collector, url=f"ws://127.0.0.1:{port}/stream", interval_s=1.0, record_dir=folder)
    async with httpx2.AsyncClient() as http:
        context = Context("bench", "live", "bench", SystemClock(), lambda: http)
        taken = 0
        began_s = time.process_time()
        async with aclosing(collector.collect(context)) as batches:  # pyright: ignore[reportArgumentType] - it is an asynchronous generator
            async for batch in batches:
                if batch.table == "feed":
                    taken += sum(row["messages"] for row in batch.rows())
                if taken >= len(given.messages):
                    break
        return taken / (time.process_time() - began_s)


def measure_collector(given: Traffic, *, is_recorded: bool) -> float:
    """Start the talking process, collect, end it."""
    told, teller = multiprocessing.Pipe(duplex=False)
    talker = multiprocessing.get_context("spawn").Process(target=talk, args=(given.messages, teller), daemon=True)
    talker.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            return asyncio.run(collect(given, told.recv(), folder if is_recorded else ""))
    finally:
        talker.terminate()
        talker.join()


def bars(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the form of every script's measure
    """All numbers."""
    count = MESSAGES // SHORT if is_short else MESSAGES
    for index, (spec, _) in enumerate(SIMULATED):
        given = traffic(index, count)
        rates = {
            "measure alone": measure_alone(given),
            "collector from a socket": measure_collector(given, is_recorded=False),
            "the same, recording": measure_collector(given, is_recorded=True),
        }
        for name, rate in rates.items():
            yield Bar(f"{spec.name}: {name}, per core", rate, "msg/s", TARGET_PER_S, is_least=True)


if __name__ == "__main__":
    run(bars, "Messages a second of CPU time that the feed collector measures, books kept.")
