"""The agent: collectors in a process of their own, on another host or beside the server, delivering through the client."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import math
import os
import random
import re
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tapewatch.clock import Clock, SystemClock
from tapewatch.errors import ConfigError
from tapewatch.ingest.runner import Runner
from tapewatch.model.rows import Delivery, RawBatch
from tapewatch.settings import Settings
from tapewatch.sources.base import Collector, Context
from tapewatch.sources.collectors import collector_from_settings
from tapewatch.sources.collectors.own import SelfCollector
from tapewatch.sources.history import ServerHistory
from tapewatch.sources.http_json import SharedHttp
from tapewatch_client import Client

log = logging.getLogger("tapewatch.agent")

FLUSH_WITHIN_S = 1.0
"""Seconds that the last rows get when an agent stops."""
END_COLLECTORS_WITHIN_S = 0.5
STOP_WITHIN_S = 1.8
"""Seconds that a child agent gets to stop by itself before it is killed."""
FIRST_RESTART_S = 0.5
LONGEST_RESTART_S = 30.0
SOUND_AFTER_S = 60.0
"""A child that ran for this long is restarted without a long pause again."""
SPOOL, AGENT_SPOOLS = "spool", "agent-spools"
"""Folders in the data directory for rows that wait for their answer: of the server's own child, and of agents by their server."""
LEARNED = "learned"
"""Folder in the data directory for what collectors learned; of a child agent beside its spool."""
PARENT_VARIABLE = "TAPEWATCH_AGENT_PARENT"
"""Environment variable with the process id of the server that a child agent belongs to."""

_PR_SET_PDEATHSIG = 1
_HTTP_TIMEOUT_S = 10.0


# --- in the agent's process ------------------------------------------------------------------------------------------


def collectors(settings: Settings) -> dict[str, Collector]:
    """The collectors of the settings by name.

    Raises:
        ConfigError: One of them is wrong; names key, value and what is allowed.
    """
    return {name: collector_from_settings(name, fields) for name, fields in settings.collectors.items()}


def serve_agent(settings: Settings, to: str, token: str, only: Sequence[str], spool_dir: Path | None = None) -> None:
    """Run collectors here and deliver elsewhere, until told to stop.

    Rows wait in ``spool_dir``; left out, in a folder of the data directory that is named after the server, so that rows for one
    server never reach another.

    Raises:
        ConfigError: The settings are wrong, or name no collector to run.
    """
    found = collectors(settings)
    missing = sorted(set(only) - set(found))
    if missing:
        raise ConfigError(f"collectors.{missing[0]}: there is no such collector; there are {', '.join(found) or 'none'}")
    chosen = {name: collector for name, collector in found.items() if not only or name in only}
    if not chosen:
        raise ConfigError("collectors: the settings have none, so that an agent has nothing to do")
    state_dir = (spool_dir.parent if spool_dir else settings.data_dir) / LEARNED
    spool_dir = spool_dir or settings.data_dir / AGENT_SPOOLS / re.sub(r"[^A-Za-z0-9.-]+", "_", to)
    run_agent(to, chosen, token=token, env=settings.env, host=settings.host, clock=SystemClock(), spool_dir=spool_dir, state_dir=state_dir)


def run_agent(
    to: str,
    collectors: Mapping[str, Collector],
    *,
    token: str,
    env: str,
    host: str,
    clock: Clock,
    spool_dir: Path | None = None,
    state_dir: Path | None = None,
) -> None:
    """Run collectors and deliver their rows to the server at ``to``, until SIGINT or SIGTERM; then it ends within two seconds.

    Rows that the server has not confirmed are kept in ``spool_dir`` (None: in memory), within a bound, and sent again when it is back:
    also those that an agent before this one left there. What collectors learn is kept in ``state_dir`` (None: forgotten).

    Raises:
        ConfigError: The address cannot be used.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if not _end_with_parent():
        return
    source = f"agent-{next(iter(collectors))}" if len(collectors) == 1 else "agent"
    try:
        client = Client(to, source=source, env=env, host=host, token=token or None, clock=clock, spool_dir=spool_dir)
    except ValueError as error:
        raise ConfigError(f"--to: {error}") from error
    own = {source: SelfCollector(lambda: {"agent": _measures(client)})}
    http = SharedHttp(_HTTP_TIMEOUT_S)
    context = Context("", env, host, clock, http, state_dir=state_dir, history=ServerHistory(to, token, http))
    asyncio.run(_run(client, {**collectors, **own}, context, http))


async def _run(client: Client, collectors: Mapping[str, Collector], context: Context, http: SharedHttp) -> None:
    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)

    async def deliver(delivery: Delivery) -> None:
        now_us = context.clock.now_us()
        for batch in delivery.batches:
            client.write_rows(batch.table, rows_of(batch, delivery.source, now_us), period_s=batch.period_s)

    runner = Runner(collectors, deliver, context)
    runner.start()
    log.info("%s deliver to %s", ", ".join(collectors), client)
    await told_to_stop.wait()
    await runner.stop(END_COLLECTORS_WITHIN_S)
    await http.close()
    await asyncio.to_thread(client.close, FLUSH_WITHIN_S)
    lost = client.stats().dropped
    log.log(logging.WARNING if lost else logging.INFO, "Stopped; %d rows were never delivered.", lost)


def rows_of(batch: RawBatch, source: str, now_us: int) -> list[dict[str, Any]]:
    """Rows as the client takes them: with the collector's name as source and a time, without what numpy columns hold for missing."""
    measured = [name for name, values in batch.columns.items() if isinstance(values, np.ndarray) and values.dtype.kind == "f"]
    rows = batch.rows()
    for row in rows:
        for name in measured:
            if math.isnan(row[name]):
                del row[name]
        row.setdefault("source", source)
        row.setdefault("ts", now_us)
    return rows


def _measures(client: Client) -> dict[str, float]:
    """How the delivery goes, and what the agent itself takes."""
    stats = client.stats()
    process = psutil.Process()
    return {
        "written_rows": stats.written,
        "delivered_rows": stats.delivered,
        "queued_rows": stats.queued,
        "queued_bytes": stats.queued_bytes,
        "spooled_bytes": stats.spooled_bytes,
        "recovered_rows": stats.recovered,
        "dropped_rows": stats.dropped,
        "refused_rows": stats.refused_rows,
        "retries": stats.retries,
        "rss_bytes": process.memory_info().rss,
        "cpu_s": sum(process.cpu_times()[:2]),
    }


def _end_with_parent() -> bool:
    """Let a child agent end with its server, even when that is killed; False when the server has ended already.

    Only Linux offers it; elsewhere such a child stays until it is told.
    """
    parent = os.environ.get(PARENT_VARIABLE, "")
    if not parent or sys.platform != "linux":
        return True
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return str(os.getppid()) == parent


# --- in the server's process -----------------------------------------------------------------------------------------


class ChildAgent:
    """Keeps one agent process alive for the busy collectors, so that a flood of messages never slows the server.

    Args:
        url: Address of this server.
        config_path: The settings file; None for an agent that needs none.
        names: The collectors that the child runs.
        spool_dir: Where rows of the child wait for their answer, so that a killed server or child loses none of them.
        token: Bearer token of this server; handed over in the environment, never in the arguments.
        report: Told when the child died: a row of table ``collector_run`` says so, until the child's own rows say that it works.
        clock: For the length of its runs.
    """

    def __init__(
        self,
        url: str,
        config_path: Path | None,
        names: Sequence[str],
        *,
        spool_dir: Path,
        token: str,
        report: Callable[[Delivery], Awaitable[object]],
        clock: Clock,
    ) -> None:
        self._command = [sys.executable, "-m", "tapewatch", "agent", "--to", url, "--spool", str(spool_dir)]
        self._command += [word for name in names for word in ("--only", name)]
        self._command += ["--config", str(config_path)] if config_path else []
        self._environment = {**os.environ, PARENT_VARIABLE: str(os.getpid()), "TAPEWATCH_TOKEN": token}
        self._names = tuple(names)
        self._report = report
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """Process id of the running child; None while there is none."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def start(self) -> None:
        """Begin; needs the running event loop."""
        self._task = asyncio.create_task(self._keep_alive(), name="agent")

    async def _keep_alive(self) -> None:
        pause_s = FIRST_RESTART_S
        while not self._stopping.is_set():
            began_s = self._clock.monotonic_s()
            died = await self._live()
            if self._stopping.is_set():
                return
            lived_s = self._clock.monotonic_s() - began_s
            pause_s = FIRST_RESTART_S if lived_s > SOUND_AFTER_S else pause_s
            log.error("The agent of %s: %s after %.0f s; it is started again.", ", ".join(self._names), died, lived_s)
            await self._tell(died, lived_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads restarts, no secret
            pause_s = min(2 * pause_s, LONGEST_RESTART_S)

    async def _live(self) -> str:
        """Start the child and wait for its end; says in words how it ended."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches the server, which stops its children in order
            )
        except OSError as error:
            return f"agent process could not be started: {error}"
        if self._stopping.is_set():  # stop() came while it was being started and could not see it
            self._process.terminate()
        code = await self._process.wait()
        return f"agent process died with {signal.Signals(-code).name if code < 0 else f'exit code {code}'}"

    async def _tell(self, died: str, lived_s: float) -> None:
        runs = [
            {"collector": name, "source": name, "ok": False, "duration_ms": lived_s * 1_000, "rows": 0, "error": died}
            for name in self._names
        ]
        try:
            await self._report(Delivery((RawBatch.of("collector_run", runs),), "agent"))
        except Exception:
            log.exception("The death of the agent could not be recorded.")

    async def stop(self) -> None:
        """End the child within two seconds: asked first, killed when it does not listen."""
        self._stopping.set()
        if self._task is None:
            return
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        await asyncio.wait([self._task], timeout=STOP_WITHIN_S)
        process = self._process
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
        await asyncio.gather(self._task, return_exceptions=True)
