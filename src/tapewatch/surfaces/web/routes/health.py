"""``/health`` for what restarts servers, ``/ready`` for what sends them work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse

from tapewatch.clock import Clock
from tapewatch.errors import TapewatchError
from tapewatch.store.base import Store
from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.schemas.status import HealthOut

STORE_S = 2.0
"""Seconds within which the store must answer to be ready."""
ANSWER_HOLDS_S = 1.0


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["server"])
    probe = StoreProbe(parts.store, parts.clock)

    @routes.head("/health", include_in_schema=False)
    @routes.get("/health", response_model=HealthOut, responses={503: {"model": HealthOut}})
    async def read_health() -> Response:
        """200 while rows reach the store and the server keeps up; else 503 with the reasons."""
        return _answer(parts.health())

    @routes.head("/ready", include_in_schema=False)
    @routes.get("/ready", response_model=HealthOut, responses={503: {"model": HealthOut}})
    async def read_ready() -> Response:
        """200 once requests are served and the store answers; else 503 with the reason."""
        return _answer(await probe.problems())

    return routes


class StoreProbe:
    """Asks the store whether it answers, at most once a second.

    Args:
        store: The store.
        clock: The time.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._problems: list[str] = []
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="probe")
        self._asking: asyncio.Future[object] | None = None
        self._asked_s: float | None = None
        self.is_silent = False
        """Whether the store gave no answer at all when it was last asked, neither yes nor no."""

    async def problems(self) -> list[str]:
        """Why the store does not answer; nothing when it does."""
        now_s = self._clock.monotonic_s()
        if self._asked_s is None or now_s - self._asked_s > ANSWER_HOLDS_S:
            self._problems = await self._ask()
            self._asked_s = now_s
        return self._problems

    async def _ask(self) -> list[str]:
        self.is_silent = False
        # one question at a time, in a thread of its own: a store that hangs must not take the threads that receive rows
        if self._asking is None:
            self._asking = asyncio.get_running_loop().run_in_executor(self._pool, self._store.usage)
            self._asking.add_done_callback(_look_at)
        asking = self._asking
        try:
            async with asyncio.timeout(STORE_S):
                try:
                    await asyncio.shield(asking)
                finally:
                    self._asking = None if asking.done() else asking
        except TimeoutError:
            self.is_silent = True
            return [f"store: no answer within {STORE_S:g} s"]
        except TapewatchError as error:
            return [f"store: {error}"]
        return []


def _look_at(asking: asyncio.Future[object]) -> None:
    """Whoever asked may be gone, as when the server stops; asyncio would log the error as forgotten."""
    if not asking.cancelled():
        asking.exception()


def _answer(reasons: Sequence[str]) -> Response:
    message = "; ".join(reasons) or "ready for queries and writes"
    body = {"name": "tapewatch", "status": "fail" if reasons else "pass", "message": message, "reasons": list(reasons)}
    return JSONResponse(body, 503 if reasons else 200, {"Cache-Control": "no-store"})
