"""Runs collectors: on time, timed, isolated from each other, each run told as a row. The same in the server and in an agent."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from tapewatch.errors import SourceError, TapewatchError
from tapewatch.ingest.run_report import RunReport
from tapewatch.model.rows import Delivery, RawBatch
from tapewatch.sources.base import Collector, Context

log = logging.getLogger("tapewatch.collectors")

REPORT_S = 10.0
"""Seconds between two rows of table ``collector_run`` while nothing changes; polls that are further apart give one each."""

LEAST_LIMIT_S = 5.0
"""A poll may take as long as its period, but at least this many seconds."""

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
SETTLED_S = 30.0
"""A stream that lived for so long starts anew without a long pause."""

STOP_S = 2.0

Sink = Callable[[Delivery], Awaitable[object]]


class Runner:
    """Runs each collector in a task of its own; one that hangs, fails or is slow never delays another.

    Args:
        collectors: By their configured name, which becomes the ``source`` of their rows.
        sink: Takes the rows; what it raises is told as the collector's failure, and the rows of that run are lost.
        context: What each collector is given, under its own name.
        least_limit_s: Least time limit of a poll, in seconds.
        report_s: Seconds between two reports while nothing changes.
    """

    def __init__(
        self,
        collectors: Mapping[str, Collector],
        sink: Sink,
        context: Context,
        *,
        least_limit_s: float = LEAST_LIMIT_S,
        report_s: float = REPORT_S,
    ) -> None:
        self._runs = [_Run(collector, replace(context, name=name), sink, least_limit_s, report_s) for name, collector in collectors.items()]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start all; needs the running event loop."""
        for run in self._runs:
            self._tasks += run.start()

    async def stop(self, within_s: float | None = None) -> None:
        """End all; one that does not end within ``within_s`` seconds (two when left out) is left behind."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=STOP_S if within_s is None else within_s)
        self._tasks.clear()


class _Run:
    """One collector and its tasks."""

    def __init__(self, collector: Collector, context: Context, sink: Sink, least_limit_s: float, report_s: float) -> None:
        self._collector = collector
        self._context = context
        self._sink = sink
        self._period_s = collector.period_s
        self._limit_s = max(self._period_s or 0.0, least_limit_s)
        every = max(1, round(report_s / self._period_s)) if self._period_s else 1_000_000
        self._report = RunReport(every)
        self._undelivered: list[dict[str, Any]] = []
        self._failure: Exception | None = None
        self._logged: str | None = None
        self._report_s = max(report_s, self._period_s * every) if self._period_s else report_s

    def start(self) -> list[asyncio.Task[None]]:
        name = self._context.name
        if self._period_s is not None:
            return [asyncio.create_task(self._poll_on_time(self._period_s), name=f"poll {name}")]
        return [
            asyncio.create_task(self._stream_again(), name=f"stream {name}"),
            asyncio.create_task(self._report_on_time(), name=f"report {name}"),
        ]

    # --- polls -------------------------------------------------------------------------------------------------------

    async def _poll_on_time(self, period_s: float) -> None:
        """At a fixed rate: a poll that takes longer than its period leaves out the times that it missed."""
        clock = self._context.clock
        first_s = clock.monotonic_s()
        while True:
            await self._poll()
            passed_s = clock.monotonic_s() - first_s
            await asyncio.sleep(period_s - passed_s % period_s)

    async def _poll(self) -> None:
        clock = self._context.clock
        began_s = clock.monotonic_s()
        batches: list[RawBatch] = []
        error: str | None = None
        limit = asyncio.timeout(self._limit_s)
        try:
            async with limit, aclosing(self._read()) as stream:
                async for batch in stream:
                    batches.append(batch)  # noqa: PERF401 - what came before an error is kept
        except TimeoutError as late:
            error = f"it took longer than {self._limit_s:g} s" if limit.expired() else self._words(late)
        except Exception as failure:  # noqa: BLE001 - whatever a collector raises is its own failure and nobody else's
            error = self._words(failure)
        self._report.note(rows=sum(batch.count for batch in batches), took_s=clock.monotonic_s() - began_s, error=error)
        await self._deliver(batches)

    # --- streams -----------------------------------------------------------------------------------------------------

    async def _stream_again(self) -> None:
        """Start the stream anew whenever it ends, after a pause that grows while it does not live long."""
        clock = self._context.clock
        pause_s = FIRST_PAUSE_S
        while True:
            began_s = clock.monotonic_s()
            error, is_permanent = "the stream ended", False
            try:
                async with aclosing(self._read()) as stream:
                    async for batch in stream:
                        if self._report.is_failing:
                            self._report.note()
                        self._report.add_rows(batch.count)
                        await self._deliver([batch])
            except Exception as failure:  # noqa: BLE001 - as for polls
                error, is_permanent = self._words(failure), isinstance(failure, SourceError) and failure.permanent
            lived_s = clock.monotonic_s() - began_s
            pause_s = LONGEST_PAUSE_S if is_permanent else FIRST_PAUSE_S if lived_s >= SETTLED_S else pause_s
            self._report.note(error=error)
            await self._deliver([])
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads reconnects, keeps no secret
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _report_on_time(self) -> None:
        while True:
            await asyncio.sleep(self._report_s)
            await self._deliver([], is_due=True)

    # --- both --------------------------------------------------------------------------------------------------------

    async def _read(self) -> AsyncGenerator[RawBatch]:
        stream = self._collector.collect(self._context)
        try:
            async for batch in stream:
                yield batch if batch.period_s is not None or self._period_s is None else replace(batch, period_s=self._period_s)
        finally:
            close = getattr(stream, "aclose", None)
            if close is not None:
                await close()

    async def _deliver(self, batches: Sequence[RawBatch], *, is_due: bool = False) -> None:
        """Hand rows on, together with the report when one is due."""
        context = self._context
        row = self._report.take(is_due=is_due)
        reports = [*self._undelivered, *([] if row is None else [row])]
        told = [RawBatch.of("collector_run", [{"collector": context.name, **each} for each in reports], period_s=self._report_s)]
        delivery = Delivery((*batches, *(told if reports else ())), context.name, context.env, context.host, is_own=True)
        if not delivery.batches:
            return
        if row is not None:
            self._log(row["error"])
        try:
            await self._sink(delivery)
        except Exception as error:  # noqa: BLE001 - as for polls: a sink that fails must not end the collector
            lost = sum(batch.count for batch in batches)
            words = f"{lost} rows could not be delivered: {self._words(error)}"
            self._log(words)
            self._undelivered = [{"ts": context.clock.now_us(), "ok": False, "rows": lost, "error": words}]
            self._report.forget_told()
        else:
            self._undelivered = []

    def _words(self, failure: Exception) -> str:
        if isinstance(failure, TapewatchError):
            self._failure = None
            return str(failure)
        self._failure = failure
        return f"{type(failure).__name__}: {failure}"

    def _log(self, error: str | None) -> None:
        """Log a change once, with the traceback when it is a bug."""
        if error == self._logged:
            return
        self._logged = error
        if error is None:
            log.info("Collector %s works.", self._context.name)
        else:
            log.warning("Collector %s: %s", self._context.name, error, exc_info=self._failure)
