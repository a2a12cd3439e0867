"""The composition root: builds every object from the settings, starts and stops them; nothing else constructs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from tapewatch import __version__
from tapewatch.agent import SPOOL, ChildAgent, collectors
from tapewatch.clock import Clock
from tapewatch.errors import StoreUnavailable, TapewatchError
from tapewatch.heartbeat import Heartbeat, refuse_no_address
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.limits import Rates, SeriesLimit
from tapewatch.ingest.quarantine import Adoption, Quarantine
from tapewatch.ingest.receipt import Receipt
from tapewatch.ingest.runner import Runner
from tapewatch.ingest.writer import NOT_FOR_SPOOL
from tapewatch.model.rows import Delivery, RawBatch
from tapewatch.model.tables.self import SILENCE
from tapewatch.opening import catalog, names, opened_spool, opened_store, refuse_open_door
from tapewatch.query.plan import Limits as QueryLimits
from tapewatch.query.recent import Recent, Standing
from tapewatch.query.retirements import Retirements, Silence
from tapewatch.query.run import QueryEngine
from tapewatch.query.series import SeriesBook
from tapewatch.settings import Settings
from tapewatch.sources.base import Collector, Context
from tapewatch.sources.collectors.host import HostCollector
from tapewatch.sources.collectors.own import SelfCollector, StorageCollector
from tapewatch.sources.http_json import SharedHttp
from tapewatch.sources.nearby import KINDS
from tapewatch.sources.nearby.look import Nearby
from tapewatch.sources.receivers import RECEIVERS
from tapewatch.store.base import Maintained
from tapewatch.surfaces.dashboards import DASHBOARDS
from tapewatch.surfaces.dashboards.marks import MARKS
from tapewatch.surfaces.web.app import build_web
from tapewatch.surfaces.web.board import StatusBoard
from tapewatch.surfaces.web.live import Hub
from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.routes.health import StoreProbe
from tapewatch.warming import Warming

log = logging.getLogger("tapewatch")

MAINTAIN_S = 10.0
RETIRE_S = 60.0
CLOSE_S, CLOSE_SILENT_S = 10.0, 0.5
"""Seconds that a store gets to close when the server stops, and one that is known to hang; its upkeep may hang without anybody's notice."""
STALLED_S = 5.0
"""A delivery that waits for longer, or an event loop that is later, means that the server is not healthy."""


class Server:
    """Everything that one server process consists of.

    Args:
        settings: All of them.
        clock: The time.
        config_path: The settings file, for child agents; None when there is none.

    Raises:
        ConfigError: The settings, the data directory or another process do not allow a start.
    """

    def __init__(self, settings: Settings, clock: Clock, config_path: Path | None = None) -> None:
        self.settings = settings
        self._clock = clock
        refuse_open_door(settings)
        refuse_no_address(settings.heartbeat)
        self._collectors = collectors(settings)
        self.catalog = catalog(settings)
        self.store = opened_store(settings, self.catalog, clock)
        self.spool = opened_spool(settings, self.store) if self.store.capabilities.durable else None
        self.quarantine = Quarantine(self.store, clock, settings.quarantine)
        self.series_limit = SeriesLimit(settings.limits_of, clock)
        self.intake = Intake(
            self.store,
            self.catalog,
            names(settings),
            clock,
            host=settings.host,
            env=settings.env,
            quarantine=self.quarantine,
            rates=Rates(settings.limits_of, clock),
            series=self.series_limit,
            spool=self.spool,
        )
        self.book = SeriesBook(self.catalog, clock, lambda: self.intake.is_all_stored)
        self.retirements = Retirements(self.book, self.catalog, clock, settings.retire.after_s)
        self.recent = Recent(self.catalog, clock, lambda: self.intake.is_shown_as_stored)
        # rows that other processes write into a shared store are not known here
        standing = Standing(self.catalog, self.recent, partial(self.store.scan, timeout_s=QueryLimits().timeout_s), clock)
        memory = (self.recent, standing) if self.store.capabilities.exclusive else (None, None)
        self.engine = QueryEngine(self.store, self.catalog, self.book, clock, None, *memory)
        self._warming = Warming(self.engine, self.catalog, self.book, self.recent, self.retirements, self.series_limit, clock)
        self.adoption = Adoption(
            self.quarantine, self.store, self.catalog, names(settings), clock, self.intake.put, self._check_store, self._warming.know
        )
        self.board = StatusBoard(
            self.book, DASHBOARDS, clock, host=settings.host, store_state=self._store_state, is_simulated=settings.simulated
        )
        self.hub = Hub(self.engine, self.catalog, self.book, (*DASHBOARDS, MARKS), self.board, clock, __version__)
        for observer in (self.book, self.board.observe, self.recent, standing):
            self.intake.observe(observer)
        self.intake.observe(self.hub.observe, asks_store=True)
        self._http = SharedHttp(timeout_s=10.0)
        here = {name: collector for name, collector in self._collectors.items() if not collector.busy}
        context = Context("", settings.env, settings.host, clock, self._http)
        self._runner = Runner({**self._own_collectors(), **here}, self.intake.accept, context)
        busy = [name for name, collector in self._collectors.items() if collector.busy]
        token = settings.server.token.get_secret_value()
        spool_dir = settings.data_dir / SPOOL
        child = ChildAgent(settings.url, config_path, busy, spool_dir=spool_dir, token=token, report=self._take, clock=clock)
        self._child = child if busy else None
        self._nearby = Nearby(KINDS, context, own_port=settings.server.port, is_on=settings.look_nearby)
        self._config_path = config_path
        self._probe = StoreProbe(self.store, clock)
        self._heartbeat = Heartbeat(settings.heartbeat, clock, self.troubles, self._take) if settings.heartbeat.is_set else None
        self.has_left_store = False
        """Whether `stop` ended while the store still hung: threads wait for it, so only the end of the process ends them."""
        self._tasks: list[asyncio.Task[None]] = []
        self.web = build_web(self._web_parts())

    async def _take(self, delivery: Delivery) -> Receipt:
        """Rows of this server itself: its name and environment where they do not say."""
        return await self.intake.accept(replace(delivery, env=self.settings.env, host=delivery.host or self.settings.host))

    def _own_collectors(self) -> dict[str, Collector]:
        watch_host: dict[str, Collector] = {"host": HostCollector(path=str(self.settings.data_dir))} if self.settings.watch_self else {}
        own: dict[str, Collector] = {"tapewatch": SelfCollector(self.measures), "storage": StorageCollector(self.store.usage)}
        return watch_host | own

    def _web_parts(self) -> WebParts:
        settings = self.settings
        return WebParts(
            version=__version__,
            bound_host=settings.server.host,
            allowed_hosts=tuple(settings.server.allowed_hosts),
            token=settings.server.token.get_secret_value(),
            source_tokens=settings.source_tokens(),
            max_body_bytes=settings.server.max_body_bytes,
            catalog=self.catalog,
            intake=self.intake,
            engine=self.engine,
            store=self.store,
            dashboards=DASHBOARDS,
            board=self.board,
            hub=self.hub,
            receivers=RECEIVERS,
            adoption=self.adoption,
            retirements=self.retirements,
            write_silences=self._write_silences,
            clock=self._clock,
            health=self.troubles,
            metrics=self.measures,
            nearby=self._nearby,
            settings_file=str(self._config_path.resolve()) if self._config_path else "",
        )

    def _store_state(self) -> Mapping[str, Any]:
        stats = self.intake.stats
        waiting = f"{self.spool.rows:,} accepted rows wait in the spool" if self.spool is not None and self.spool.rows else ""
        message = "; ".join(part for part in (stats.message, waiting) if part)
        state = "ok" if stats.state == "ok" else "down"
        return {"state": state, "is_full": stats.is_full, "since_us": stats.since_us, "message": message}

    def measures(self) -> dict[str, Mapping[str, float]]:
        """Numbers about the server: component to metric to value."""
        process = psutil.Process()
        return {
            "ingest": {**self.intake.stats.measures(), "known_series": self.series_limit.count()},
            "query": {**self.engine.stats(), "series": self.book.count(), "retired_series": self.book.retired_count()},
            "live": self.hub.stats(),
            "store": self.store.measures() if isinstance(self.store, Maintained) else {},
            "quarantine": self.quarantine.measures(),
            **({"heartbeat": self._heartbeat.measures()} if self._heartbeat else {}),
            **({"spool": self.spool.measures()} if self.spool is not None else {}),
            "process": {"rss_bytes": process.memory_info().rss, "threads": process.num_threads(), "open_files": process.num_fds()},
        }

    def troubles(self) -> Sequence[str]:
        """Why the server is not healthy; empty when it is."""
        stats = self.intake.stats
        found: list[str] = []
        if stats.state != "ok":
            found.append(f"the store is away: {stats.message}")
        if self.spool is not None and self.spool.rows_set_aside:
            found.append(f"the store has refused {self.spool.rows_set_aside} accepted rows; they are kept in {self.spool.folder}")
        if stats.oldest_waiting_s > STALLED_S:
            found.append(f"ingest stalls: the oldest delivery has waited {stats.oldest_waiting_s:.1f} s for the store")
        if self.hub.loop_late_s() > STALLED_S:
            found.append(f"the event loop is {self.hub.loop_late_s():.1f} s late")
        return found

    async def hangs(self) -> Sequence[str]:
        """Why only a restart would help; empty also while the server works, or waits for a store that says what it lacks."""
        found: list[str] = []
        if self.intake.stats.store_silent_s > STALLED_S:
            found.append(f"the store has not answered a commit for {self.intake.stats.store_silent_s:.0f} s")
        if self.hub.loop_late_s() > STALLED_S:
            found.append(f"the event loop is {self.hub.loop_late_s():.1f} s late")
        problems = await self._probe.problems()
        return [*found, *problems] if self._probe.is_silent else found

    async def start(self) -> None:
        """Start everything; needs the running event loop."""
        self.intake.start()
        self.hub.start()
        self._runner.start()
        if self._child:
            self._child.start()
        self._spawn(self._warming.run(), "warm")
        self._spawn(self._catch_up(), "adopt")
        self._spawn(self._retire(), "retire")
        if self._heartbeat:
            self._spawn(self._heartbeat.run(), "heartbeat")
        if isinstance(self.store, Maintained):
            self._spawn(self._maintain(self.store), "maintain")

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        self._tasks.append(asyncio.create_task(work, name=name))

    async def _retire(self) -> None:
        """Every minute, once it is known what was alive before the start: retire what has stopped for good, and write it down."""
        waiting: list[Silence] = []
        while True:
            await asyncio.sleep(RETIRE_S)
            if not self._warming.is_done:
                continue
            waiting += await asyncio.to_thread(self.retirements.sweep)
            try:
                await self._write_silences(waiting)
            except TapewatchError as error:
                log.warning("What became of %d series is not written down yet, and is tried again soon: %s", len(waiting), error)
            else:
                waiting = []

    async def _write_silences(self, found: Sequence[Silence]) -> None:
        """Make what became of series durable: the next start reads it."""
        if found:
            await self._take(Delivery((RawBatch.of(SILENCE.name, self.retirements.rows(found)),), "tapewatch", is_own=True))

    def _check_store(self) -> None:
        """Raise `StoreUnavailable` unless the store answers and holds everything that was accepted."""
        if not self.intake.is_all_stored:
            raise StoreUnavailable(NOT_FOR_SPOOL, retry_after_s=2.0)

    async def _catch_up(self) -> None:
        """Rows that waited for a table that the settings declare by now; when the store has what waited in the spool."""
        while True:
            try:
                for moved in await self.adoption.catch_up():
                    log.info("%d rows left the quarantine for table %s; %d stay.", moved.rows, moved.table, moved.stayed)
            except StoreUnavailable as error:
                await asyncio.sleep(error.retry_after_s)
                continue
            except TapewatchError as error:
                log.warning("The quarantine could not be looked through, the next start tries again: %s", error)
            return

    async def _maintain(self, store: Maintained) -> None:
        """Let the store tidy up; a failure is told and tried again."""
        while True:
            await asyncio.sleep(MAINTAIN_S)
            try:
                await asyncio.to_thread(store.maintain, self._clock.now_us())
            except TapewatchError as error:
                log.warning("The store could not tidy up and tries again soon: %s", error)

    async def stop_sources(self) -> None:
        """Stop what we ask; what others push still comes in."""
        await asyncio.gather(self._runner.stop(), *([self._child.stop()] if self._child else []))

    async def stop(self) -> None:
        """Stop everything in the order of the flow: sources first, the store last; see `has_left_store`."""
        await self.stop_sources()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.hub.stop()
        await self.intake.stop()
        await self._http.close()
        self.engine.close()
        await self._close_store()

    async def _close_store(self) -> None:
        """Close the store, unless it hangs: what is not acknowledged is not promised, and what is waits in the spool."""
        closing = asyncio.create_task(asyncio.to_thread(self.store.close), name="close the store")
        is_silent = self.intake.stats.store_silent_s > 0
        await asyncio.wait({closing}, timeout=CLOSE_SILENT_S if is_silent else CLOSE_S)
        self.has_left_store = not closing.done()
        if self.has_left_store:
            log.error("The store does not answer; the server ends without closing it.")
        else:
            closing.result()
