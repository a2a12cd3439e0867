"""The hub: who shows what, what is out of date, and one computation for all who show the same."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from tapewatch.clock import Clock, thread_cpu_s
from tapewatch.errors import QueryError, QueryTooLarge, TapewatchError
from tapewatch.ingest.timing import Rate, Timings
from tapewatch.model.rows import RowBatch
from tapewatch.model.table import Table
from tapewatch.query.frame import Frame
from tapewatch.query.series import SeriesBook
from tapewatch.surfaces.dashboards.panel import Dashboard
from tapewatch.surfaces.web.errors import INTERNAL
from tapewatch.surfaces.web.live.asked import Asked, asked_for
from tapewatch.surfaces.web.live.client import LiveClient
from tapewatch.surfaces.web.live.messages import FrameMessage, Subscribe, decode, error_text, written
from tapewatch.surfaces.web.live.pacer import SHARE, Pacer
from tapewatch.surfaces.web.live.topic import Asks, Done, Tools, Topic, Work

_LOG = logging.getLogger(__name__)
TICK_S = 1.0


@dataclass(frozen=True, slots=True)
class HubLimits:
    """Bounds of the live part.

    Attributes:
        subscriptions: Most subscriptions of one client.
        topics: Most distinct topics.
        clients: Most clients.
        stuck_s: Seconds after which a client that takes nothing is cut off.
        threads: Topics computed at once.
        share: Fraction of one core that computing topics may take.
    """

    subscriptions: int = 64
    topics: int = 1_000
    clients: int = 2_000
    stuck_s: float = 30.0
    threads: int = 2
    share: float = SHARE


class Board(Protocol):
    """What the hub needs of `tapewatch.surfaces.web.board.StatusBoard`."""

    is_simulated: bool

    def judge(self) -> None:
        """Judge every series now; called in a thread."""
        ...

    def body(self) -> dict[str, Any]:
        """The tick, without its ``op``."""
        ...

    def frame(self, asked: Asked) -> Frame:
        """The verdicts as a panel shows them."""
        ...


class Hub:
    """Serves all live clients; an observer of accepted rows. Lives on one event loop.

    Args:
        engine: Answers questions; called in threads.
        catalog: Tables by name.
        book: Verdicts on series.
        dashboards: What panels can be asked for.
        board: Gives the tick and the frames of verdicts.
        clock: The time.
        version: Told to browsers, which reload when it changes.
        limits: Bounds.
    """

    def __init__(
        self,
        engine: Asks,
        catalog: Mapping[str, Table],
        book: SeriesBook,
        dashboards: tuple[Dashboard, ...],
        board: Board,
        clock: Clock,
        version: str,
        limits: HubLimits | None = None,
    ) -> None:
        self.limits = limits or HubLimits()
        self._tools = Tools(engine, catalog, book, board.frame)
        self._dashboards = {dashboard.id: dashboard for dashboard in dashboards}
        self._board = board
        self._clock = clock
        self._version = version
        self._clients: set[LiveClient] = set()
        self._topics: dict[str, Topic] = {}
        self._by_table: dict[str, dict[str, Topic]] = {}
        self._names = itertools.count(1)
        self._pacer = Pacer(self.limits.share)
        self._rows = Rate(span_s=2)
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pool = ThreadPoolExecutor(self.limits.threads, thread_name_prefix="live")
        self._running = 0
        self._counts = {"computed": 0, "unchanged": 0, "snapshots": 0, "deltas": 0, "sent": 0, "dropped": 0, "cut_off": 0}
        self._pushes = Timings()
        self._late_s: deque[float] = deque([0.0], maxlen=10)
        self._ticked_s = clock.monotonic_s()

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to compute and to tick."""
        self._spawn(self._compute_forever(), "live computing")
        self._spawn(self._tick_forever(), "live tick")

    async def stop(self) -> None:
        """Stop computing; connections are closed by the server."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- clients ------------------------------------------------------------------------------------------------------

    def join(self, abort: Callable[[], None], straight: Callable[[str], bool] | None = None) -> LiveClient:
        """A browser has connected; `LiveClient` says what it needs of the connection.

        Raises:
            QueryTooLarge: There are too many.
        """
        if len(self._clients) >= self.limits.clients:
            raise QueryTooLarge(f"{len(self._clients)} live connections are open, the limit of this server")
        client = LiveClient(self._clock, abort, straight)
        self._clients.add(client)
        hello = {"server_time_us": self._clock.now_us(), "version": self._version, "simulated": self._board.is_simulated}
        client.answer(written("hello", hello))
        return client

    def leave(self, client: LiveClient) -> None:
        """A browser has gone; topics that nobody shows any more are forgotten."""
        self._clients.discard(client)
        self._counts["dropped"] += client.outbox.dropped
        for name in list(client.topics):
            self._unsubscribe(client, name)

    def handle(self, client: LiveClient, text: str | bytes) -> None:
        """Do what a browser asks; what cannot be done is answered with an error."""
        subscription: str | None = None
        try:
            message = decode(text)
            subscription = message.id
            if isinstance(message, Subscribe):
                self._subscribe(client, message)
            else:
                self._unsubscribe(client, message.id)
        except TapewatchError as error:
            client.answer(error_text(error.code, str(error), subscription))

    def _subscribe(self, client: LiveClient, message: Subscribe) -> None:
        self._unsubscribe(client, message.id)
        if len(client.topics) >= self.limits.subscriptions:
            raise QueryTooLarge(f"{len(client.topics)} subscriptions are the limit of one connection; unsubscribe what is not shown")
        asked = asked_for(message, self._dashboards, self._clock.now_us())
        topic = self._topics.get(asked.key)
        if topic is None:
            if len(self._topics) >= self.limits.topics:
                raise QueryTooLarge(f"{len(self._topics)} different panels are shown, the limit of this server; try again later")
            topic = self._topics[asked.key] = Topic(f"t{next(self._names)}", asked)
            self._by_table.setdefault(asked.table, {})[asked.key] = topic
        topic.clients.setdefault(client, set()).add(message.id)
        client.topics[message.id] = topic
        client.answer(written("subscribed", {"id": message.id, "topic": topic.name}))
        if topic.failure:
            client.answer(error_text(*topic.failure, message.id))
        elif topic.frame is not None:
            client.frame(topic.snapshot())
        self._wake.set()

    def _unsubscribe(self, client: LiveClient, subscription: str) -> None:
        topic = client.topics.pop(subscription, None)
        if topic is None:
            return
        names = topic.clients[client]
        names.discard(subscription)
        if names:
            return
        del topic.clients[client]
        client.outbox.forget(topic.name)
        if not topic.clients:
            del self._topics[topic.asked.key]
            del self._by_table[topic.asked.table][topic.asked.key]

    # --- computing ----------------------------------------------------------------------------------------------------

    def observe(self, batch: RowBatch) -> None:
        """Rows were accepted: topics that show them are out of date."""
        now_s = self._clock.monotonic_s()
        self._rows.add(now_s, batch.count)
        for topic in self._by_table.get(batch.table, {}).values():
            if topic.observe(batch, now_s):
                self._wake.set()

    async def _compute_forever(self) -> None:
        while True:
            self._wake.clear()
            topic, wait_s = self._pacer.next(self._topics.values(), self._clock.monotonic_s())
            if topic is not None and self._running < self.limits.threads:
                work = topic.begin(self._clock.now_us(), self._clock.monotonic_s(), self._tools.catalog)
                self._running += 1
                self._spawn(self._compute(topic, work), f"live {topic.name}")
                continue
            try:
                async with asyncio.timeout(wait_s if topic is None else None):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _compute(self, topic: Topic, work: Work) -> None:
        try:
            done, cost_s = await asyncio.get_running_loop().run_in_executor(self._pool, self._timed, topic, work)
        except TapewatchError as error:
            is_final = isinstance(error, QueryError) and not isinstance(error, QueryTooLarge)
            self._failed(topic, error.code, str(error), is_final=is_final)
        except Exception:  # noqa: BLE001 - one panel's bug must not stop the others; it is logged and shown
            _LOG.exception("live topic %s cannot be computed", topic.asked.key)
            self._failed(topic, "internal", INTERNAL, is_final=False)
        else:
            now_s = self._clock.monotonic_s()
            self._pacer.spent(cost_s, now_s, len(self._topics), self._rows.per_s(now_s))
            self._publish(topic, done, cost_s)
        finally:
            self._running -= 1
            self._wake.set()

    def _timed(self, topic: Topic, work: Work) -> tuple[Done, float]:
        begun_s = thread_cpu_s()
        done = topic.compute(work, self._tools)
        return done, thread_cpu_s() - begun_s

    def _publish(self, topic: Topic, done: Done, cost_s: float) -> None:
        topic.finish(done, self._clock.monotonic_s(), cost_s)
        self._counts["computed"] += 1
        if done.message is None:
            self._counts["unchanged"] += 1
            return
        self._counts["snapshots" if done.message.is_snapshot else "deltas"] += 1
        for client in topic.clients:
            client.frame(done.message)

    def _failed(self, topic: Topic, code: str, message: str, *, is_final: bool) -> None:
        if topic.fail(code, message, self._clock.monotonic_s(), is_final=is_final):
            for client, names in topic.clients.items():
                for name in names:
                    client.answer(error_text(code, message, name))

    # --- ticking ------------------------------------------------------------------------------------------------------

    async def _tick_forever(self) -> None:
        while True:
            planned_s = self._clock.monotonic_s() + TICK_S
            await asyncio.sleep(TICK_S)
            self._ticked_s = self._clock.monotonic_s()
            self._late_s.append(max(0.0, self._ticked_s - planned_s))
            self._cut_off_stuck()
            if self._clients:
                try:
                    await asyncio.to_thread(self._board.judge)
                    text = self.tick_text()
                except Exception:  # noqa: BLE001 - the next second is tried again; it is logged
                    _LOG.exception("the tick of this second is left out")
                    continue
                for client in self._clients:
                    client.tick(text)

    def tick_text(self) -> str:
        """The tick as it is sent."""
        return written("tick", self._board.body())

    def _cut_off_stuck(self) -> None:
        now_s = self._clock.monotonic_s()
        for client in [client for client in self._clients if client.stuck_s(now_s) > self.limits.stuck_s]:
            self._counts["cut_off"] += 1
            client.abort()

    # --- about itself -------------------------------------------------------------------------------------------------

    def pushed(self, message: FrameMessage) -> None:
        """A frame was handed to a connection."""
        self._counts["sent"] += 1
        if message.observed_s is not None:
            now_s = self._clock.monotonic_s()
            self._pushes.add(now_s, now_s - message.observed_s)

    def loop_late_s(self) -> float:
        """Seconds by which the event loop was late at worst in the last ten ticks, or is late now."""
        return max(*self._late_s, self._clock.monotonic_s() - self._ticked_s - TICK_S, 0.0)

    def stats(self) -> dict[str, float]:
        """Clients, topics, counts since the start, and milliseconds from accepted to pushed over the last minute (``push_p99_ms`` …)."""
        found: dict[str, float] = {"clients": len(self._clients), "topics": len(self._topics), **self._counts}
        found["dropped"] += sum(client.outbox.dropped for client in tuple(self._clients))
        found["loop_late_ms"] = self.loop_late_s() * 1_000
        return {**found, **self._pushes.summary(self._clock.monotonic_s()).measures("push")}
