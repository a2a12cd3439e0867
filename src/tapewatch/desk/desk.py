"""The paper desk: simulated venues, a daemon that reads them, and the reporter that tells tapewatch."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from tapewatch.desk.addresses import Addresses, VenueAddress
from tapewatch.desk.clock import Clock, SystemClock
from tapewatch.desk.daemon import MarketDaemon
from tapewatch.desk.daemon.page import StatusPage
from tapewatch.desk.demo import demo_script
from tapewatch.desk.exchange import Exchange
from tapewatch.desk.faults import Script
from tapewatch.desk.reporter import Reporter
from tapewatch.desk.simulation import Simulation
from tapewatch.desk.venues import VENUES
from tapewatch_client import Client


class Desk:
    """Builds and runs everything that is simulated.

    Args:
        client: Where rows go; None writes none. The desk does not close it.
        seed: Of all randomness.
        script: What goes wrong; None plays the demo's faults.
        host: Address to listen on.
        port_base: First of the four ports that are used (three venues, one daemon); 0 takes free ones.
        clock: Source of time.
    """

    def __init__(
        self,
        client: Client | None = None,
        *,
        seed: int = 7,
        script: Script | None = None,
        host: str = "127.0.0.1",
        port_base: int = 0,
        clock: Clock | None = None,
    ) -> None:
        now = clock or SystemClock()
        faults = demo_script(seed) if script is None else script
        simulations = [Simulation(spec, messages, seed=seed, script=faults, start_us=now.now_us()) for spec, messages in VENUES]
        ports = [port_base + place if port_base else 0 for place in range(len(simulations) + 1)]
        self.exchanges = tuple(
            Exchange(simulation, host=host, port=port, clock=now, seed=seed) for simulation, port in zip(simulations, ports, strict=False)
        )
        self.daemon = MarketDaemon(self.exchanges, clock=now, seed=seed)
        documents = {
            "/status": self.daemon.get_status,
            "/exchanges": self.daemon.exchange_status,
            "/pipeline": self.daemon.pipeline_status,
        }
        self._page = StatusPage(documents, host=host, port=ports[-1])
        self._reporter = None if client is None else Reporter(self.daemon, client, clock=now)

    @property
    def addresses(self) -> Addresses:
        """Where the parts listen; complete once started."""
        venues = [
            VenueAddress(exchange.spec.name, exchange.url, tuple(item.unified for item in exchange.spec.instruments), exchange.time_url)
            for exchange in self.exchanges
        ]
        return Addresses(tuple(venues), self._page.url)

    async def start(self) -> None:
        """Start the venues, then the daemon, then the reporter; what was started is stopped again when a part cannot start.

        Raises:
            OSError: A port is taken.
        """
        try:
            for exchange in self.exchanges:
                await exchange.start()
            await self._page.start()
            await self.daemon.start()
            if self._reporter is not None:
                await self._reporter.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything; returns within a second or so."""
        if self._reporter is not None:
            await self._reporter.stop()
        await self.daemon.stop()
        await self._page.stop()
        await asyncio.gather(*(exchange.stop() for exchange in self.exchanges))

    async def failure(self) -> None:
        """Wait until a part fails, and raise its error; a part that works never ends by itself."""
        tasks = [*(task for exchange in self.exchanges for task in exchange.tasks), *self.daemon.tasks]
        if self._reporter is not None:
            tasks += self._reporter.tasks
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()
