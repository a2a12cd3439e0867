"""Polls a collector once against a server that gives one answer."""

from collections.abc import Callable

import httpx2

from tapewatch.clock import Clock, SystemClock
from tapewatch.model.rows import RawBatch
from tapewatch.sources.base import Collector, Context
from tapewatch.testing.scripted_http import Scripted, ScriptedServer


async def poll_answer(make: Callable[[str], Collector], *answers: object, clock: Clock | None = None) -> list[RawBatch]:
    """Batches of one poll for each JSON answer, by one collector made for the server's address."""
    scripted = [answer if isinstance(answer, Scripted) else Scripted(answer) for answer in answers]
    found: list[RawBatch] = []
    async with ScriptedServer(scripted) as server, httpx2.AsyncClient(trust_env=False) as http:
        collector = make(server.url)
        for _ in answers:
            found += [batch async for batch in collector.collect(Context("mine", "live", "h1", clock or SystemClock(), lambda: http))]
    return found


async def poll(collector: Collector, clock: Clock | None = None) -> list[dict[str, object]]:
    """Rows of one poll of a collector that reads no HTTP."""
    async with httpx2.AsyncClient(trust_env=False) as http:
        context = Context("mine", "live", "h1", clock or SystemClock(), lambda: http)
        return [row async for batch in collector.collect(context) for row in batch.rows()]
