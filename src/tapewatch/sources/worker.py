"""Blocking measurements beside the event loop, one at a time, so that one that hangs holds nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

from tapewatch.errors import SourceError

T = TypeVar("T")


class Worker(Generic[T]):
    """Runs one function at a time in a daemon thread.

    A thread of its own each time, instead of a shared pool: a file system that hangs would use the pool up, and would keep the
    process from ending.
    """

    def __init__(self) -> None:
        self._is_running = False

    async def run(self, function: Callable[[], T]) -> T:
        """Give the outcome of ``function``; cancelling stops the waiting, not the function.

        Raises:
            SourceError: The function of the call before has not returned yet.
        """
        if self._is_running:
            raise SourceError("the measurement before this one has not returned yet; a file system or the process table hangs")
        self._is_running = True
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()

        def work() -> None:
            try:
                value = function()
            except Exception as error:  # noqa: BLE001 - handed to the one who waits
                tell = partial(_fail, outcome, error)
            else:
                tell = partial(_give, outcome, value)
            self._is_running = False
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(tell)

        threading.Thread(target=work, name="tapewatch-measure", daemon=True).start()
        return await outcome


def _give(outcome: asyncio.Future[T], value: T) -> None:
    if not outcome.done():
        outcome.set_result(value)


def _fail(outcome: asyncio.Future[T], error: Exception) -> None:
    if not outcome.done():
        outcome.set_exception(error)
