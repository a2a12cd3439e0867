"""From the writer's thread to the event loop: observers hear of what became durable, then its senders."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence

from tapewatch.errors import ContractError
from tapewatch.ingest.spool import Replayed
from tapewatch.ingest.writer.job import Job
from tapewatch.ingest.writer.queue import Queue


class Telling:
    """Tells outcomes, each once.

    Args:
        queue: What is told leaves it.
        committed: Called on the event loop with the jobs that have an outcome, in their order, before the senders hear of it.
        replayed: Called on the event loop with what the store took from the spool, and with what it answered late.
    """

    def __init__(
        self, queue: Queue, committed: Callable[[Sequence[Job]], None], replayed: Callable[[Sequence[Replayed]], None] | None
    ) -> None:
        self._queue = queue
        self._committed = committed
        self._replayed = replayed
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Tell on the running event loop."""
        self._loop = asyncio.get_running_loop()

    def tell(self, jobs: Sequence[Job]) -> None:
        """Settle jobs on the event loop, from any thread."""
        if self._loop is not None and jobs:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self.settle, jobs)

    def tell_replayed(self, replayed: Sequence[Replayed]) -> None:
        """Tell what became of deliveries whose senders have their answer, from any thread."""
        if self._loop is not None and self._replayed is not None and replayed:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody looks any more
                self._loop.call_soon_threadsafe(self._replayed, replayed)

    def settle(self, jobs: Sequence[Job]) -> None:
        """Observers first, then the senders; a job is settled once. On the event loop."""
        jobs = [job for job in jobs if not job.is_told]
        self._queue.let_go(jobs)
        self._committed(jobs)
        for job in jobs:
            job.is_told = True
            if job.settled.done():
                continue
            if isinstance(job.outcome, bool):
                job.settled.set_result(job.outcome)
            else:
                job.settled.set_exception(job.outcome or ContractError("A delivery was settled without an outcome."))
