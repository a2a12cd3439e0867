"""The web surface on a real server in the test's own event loop, over an in-memory store."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect

from tapewatch.clock import Clock, SystemClock
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.quarantine import Adoption, Quarantine
from tapewatch.ingest.receipt import Receipt
from tapewatch.ingest.writer import Limits
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import Delivery, RawBatch
from tapewatch.model.venue import Names
from tapewatch.query.retirements import Retirements, Silence
from tapewatch.query.run import QueryEngine
from tapewatch.query.series import SeriesBook
from tapewatch.settings import Settings
from tapewatch.sources.base import Context
from tapewatch.sources.http_json import SharedHttp
from tapewatch.sources.nearby.look import Nearby
from tapewatch.sources.receivers import RECEIVERS
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Store
from tapewatch.surfaces.dashboards import DASHBOARDS
from tapewatch.surfaces.dashboards.panel import Dashboard
from tapewatch.surfaces.web.app import UVICORN_OPTIONS, build_web
from tapewatch.surfaces.web.board import StatusBoard
from tapewatch.surfaces.web.live import Hub, HubLimits
from tapewatch.surfaces.web.parts import WebParts

S = 1_000_000


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The test process keeps its own signal handlers."""
        yield


@dataclass
class Stack:
    """A running server and everything behind it."""

    url: str
    app: FastAPI
    parts: WebParts
    http: httpx2.AsyncClient
    clock: Clock
    reasons: list[str]

    @property
    def hub(self) -> Hub:
        return self.parts.hub

    @property
    def intake(self) -> Intake:
        return self.parts.intake

    async def take(self, table: str, *rows: Mapping[str, Any], period_s: float | None = None, source: str = "bot") -> Receipt:
        """Accept rows as the server does."""
        return await self.intake.accept(Delivery((RawBatch.of(table, rows, period_s=period_s),), source, host="h1"))

    @asynccontextmanager
    async def tab(self, headers: Mapping[str, str] | None = None, **options: Any) -> AsyncIterator["Tab"]:
        """A live connection, greeted."""
        address = self.url.replace("http://", "ws://") + "/api/live"
        async with connect(address, additional_headers=headers or {}, compression=None, max_size=None, **options) as socket_:
            tab = Tab(socket_)
            await tab.until("hello")
            yield tab


@dataclass
class Tab:
    """A browser's side of a live connection."""

    socket: ClientConnection

    async def send(self, message: Mapping[str, Any]) -> None:
        await self.socket.send(json.dumps(message))

    async def receive(self, within_s: float = 5.0) -> dict[str, Any]:
        async with asyncio.timeout(within_s):
            return json.loads(await self.socket.recv())

    async def until(self, op: str, within_s: float = 5.0, **fields: Any) -> dict[str, Any]:
        """The next message of this kind; others are passed over."""
        async with asyncio.timeout(within_s):
            while True:
                message = await self.receive(within_s)
                if message["op"] == op and all(message.get(name) == value for name, value in fields.items()):
                    return message

    async def subscribe(self, id_: str, panel: str = "", dashboard: str = "exchange", last_s: float = 60, **fields: Any) -> str:
        """Subscribe; gives the topic."""
        where = {} if "query" in fields else {"dashboard": dashboard, "panel": panel}
        await self.send({"op": "subscribe", "id": id_, "range": {"last_s": last_s}, **where, **fields})
        return (await self.until("subscribed", id=id_))["topic"]

    async def silence(self, op: str, for_s: float) -> None:
        """Fails when such a message comes."""
        with contextlib.suppress(TimeoutError):
            found = await self.until(op, for_s)
            raise AssertionError(f"unexpected: {found}")


@asynccontextmanager
async def served(app: FastAPI, token: str, send_buffer_bytes: int) -> AsyncIterator[httpx2.AsyncClient]:
    """Serve on a port of its own; a client that knows the address and the token."""
    listener = socket.create_server(("127.0.0.1", 0))
    if send_buffer_bytes:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = _Server(uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1, **UVICORN_OPTIONS))
    serving = asyncio.create_task(server.serve([listener]))
    headers = {b"Authorization": f"Bearer {token}".encode()} if token else {}
    async with httpx2.AsyncClient(base_url=url, headers=headers, verify=False) as http:
        while not server.started:
            await asyncio.sleep(0.005)
        try:
            yield http
        finally:
            server.should_exit = True
            await serving
            listener.close()


def _with_tables(store: Store, catalog: Catalog) -> Store:
    for table in catalog.values():
        store.create(table)
    return store


def _store_state(intake: Intake) -> dict[str, Any]:
    stats = intake.stats
    return {"state": "ok" if stats.state == "ok" else "down", "since_us": stats.since_us, "message": stats.message or None}


async def _write_silences(intake: Intake, retirements: Retirements, found: Sequence[Silence]) -> None:
    await intake.accept(Delivery((RawBatch.of("silence", retirements.rows(found)),), "tapewatch", host="h1", is_own=True))


@asynccontextmanager
async def running(
    store: Store | None = None,
    *,
    token: str = "",
    allowed_hosts: Sequence[str] = (),
    max_body_bytes: int = 100_000,
    static_dir: Path = Path("/nonexistent"),
    dashboards: tuple[Dashboard, ...] = DASHBOARDS,
    limits: HubLimits | None = None,
    send_buffer_bytes: int = 0,
    clock: Clock | None = None,
    host: str = "h1",
    store_state: Callable[[], dict[str, Any]] | None = None,
) -> AsyncIterator[Stack]:
    """Start everything, serve on a port of its own, stop everything."""
    clock, catalog = clock or SystemClock(), Catalog()
    store = _with_tables(store or MemoryStore(), catalog)
    quarantine = Quarantine(store, clock)
    intake = Intake(store, catalog, Names(), clock, host="h1", quarantine=quarantine, limits=Limits(wait_s=0.3))
    book = SeriesBook(catalog, clock)
    engine = QueryEngine(store, catalog, book, clock)
    retirements = Retirements(book, catalog, clock, Settings().retire.after_s)
    board = StatusBoard(book, dashboards, clock, host=host, store_state=store_state or partial(_store_state, intake))
    hub = Hub(engine, catalog, book, dashboards, board, clock, "1.2.3", limits)
    for observer in (book, board.observe, hub.observe):
        intake.observe(observer)
    reasons: list[str] = []
    parts = WebParts(
        version="1.2.3",
        bound_host="127.0.0.1",
        allowed_hosts=tuple(allowed_hosts),
        token=token,
        max_body_bytes=max_body_bytes,
        catalog=catalog,
        intake=intake,
        engine=engine,
        store=store,
        dashboards=dashboards,
        board=board,
        hub=hub,
        receivers=tuple(RECEIVERS),
        adoption=Adoption(quarantine, store, catalog, Names(), clock, intake.put),
        retirements=retirements,
        write_silences=partial(_write_silences, intake, retirements),
        clock=clock,
        health=lambda: reasons,
        nearby=Nearby((), Context("", "live", "h1", clock, SharedHttp(1.0)), own_port=0, is_on=True),
        metrics=lambda: {"ingest": intake.stats.measures(), "query": engine.stats(), "live": hub.stats()},
        static_dir=static_dir,
    )
    intake.start()
    hub.start()
    try:
        async with served(app := build_web(parts), token, send_buffer_bytes) as http:
            yield Stack(str(http.base_url).rstrip("/"), app, parts, http, clock, reasons)
    finally:
        await hub.stop()
        await intake.stop()
        engine.close()
        store.close()
