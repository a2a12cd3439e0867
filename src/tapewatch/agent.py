"""The agent: collectors in a process of their own, on another host or beside the server, delivering through the client."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import httpx2

from tapewatch.clock import Clock
from tapewatch.ingest.runner import Runner
from tapewatch.model.rows import Delivery, RawBatch
from tapewatch.sources.base import Collector
from tapewatch_client import Client

log = logging.getLogger("tapewatch.agent")

FLUSH_WITHIN_S = 1.0
"""Seconds that the last rows get when an agent stops."""
STOP_WITHIN_S = 1.5
"""Seconds that a child agent gets to stop by itself before it is killed."""
FIRST_RESTART_S = 0.5
LONGEST_RESTART_S = 30.0
SOUND_AFTER_S = 60.0
"""A child that ran for this long is restarted without delay again."""
_PR_SET_PDEATHSIG = 1


def run_agent(to: str, collectors: Mapping[str, Collector], *, token: str, env: str, host: str, clock: Clock) -> None:
    """Run collectors and deliver their rows to the server at ``to``, until SIGINT or SIGTERM.

    Rows that the server has not confirmed are kept in memory, within a bound, and sent again when it is back.
    """
    _die_with_parent()
    asyncio.run(_run(to, collectors, token=token, env=env, host=host, clock=clock))


async def _run(to: str, collectors: Mapping[str, Collector], *, token: str, env: str, host: str, clock: Clock) -> None:
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told_to_stop.set)
    client = Client(to, source="agent", env=env, host=host, token=token or None, clock=clock)

    async def deliver(delivery: Delivery) -> None:
        for batch in delivery.batches:
            rows = batch.rows()
            for row in rows:
                row.setdefault("source", delivery.source)
                row.setdefault("ts", clock.now_us())
            client.write_rows(batch.table, rows, period_s=batch.period_s)

    async with httpx2.AsyncClient(timeout=10.0) as http:
        runner = Runner(collectors, deliver, clock, env, host, http)
        runner.start()
        log.info("agent: %s deliver to %s", ", ".join(collectors), to)
        await told_to_stop.wait()
        await runner.stop()
    await asyncio.to_thread(client.close, FLUSH_WITHIN_S)


def _die_with_parent() -> None:
    """A child agent ends with the server, even when that is killed; only Linux offers it, elsewhere the agent stays until told."""
    if os.environ.get("TAPEWATCH_AGENT_CHILD") and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class ChildAgent:
    """Keeps one agent process alive for a busy collector, so that a flood of messages never slows the server.

    Args:
        url: Address of this server.
        config_path: The settings file; None for an agent that needs none.
        name: The collector that the child runs.
        token: Bearer token of this server; handed over in the environment, never in the arguments.
        report: Told when the child died: the rows say so on the System page.
        clock: For the length of its runs.
    """

    def __init__(
        self, url: str, config_path: Path | None, name: str, *, token: str, report: Callable[[Delivery], Awaitable[object]], clock: Clock
    ) -> None:
        self._command = [sys.executable, "-m", "tapewatch", "agent", "--to", url, "--only", name]
        self._command += ["--config", str(config_path)] if config_path else []
        self._environment = {**os.environ, "TAPEWATCH_AGENT_CHILD": "1", "TAPEWATCH_TOKEN": token}
        self._name = name
        self._report = report
        self._clock = clock
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; needs the running event loop."""
        self._task = asyncio.create_task(self._keep_alive(), name=f"agent {self._name}")

    async def _keep_alive(self) -> None:
        wait_s = FIRST_RESTART_S
        while True:
            began_s = self._clock.monotonic_s()
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C reaches the server, which stops its children in order
            )
            code = await self._process.wait()
            lived_s = self._clock.monotonic_s() - began_s
            wait_s = FIRST_RESTART_S if lived_s > SOUND_AFTER_S else min(2 * wait_s, LONGEST_RESTART_S)
            log.error("agent %s died with exit code %s after %.0f s and is started again", self._name, code, lived_s)
            await self._tell(code, lived_s)
            await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads restarts, no secret

    async def _tell(self, code: int, lived_s: float) -> None:
        run = {
            "collector": self._name,
            "ok": False,
            "duration_ms": lived_s * 1_000,
            "rows": 0,
            "error": f"agent process died with exit code {code}",
        }
        try:
            await self._report(Delivery((RawBatch.of("collector_run", [run]),), self._name))
        except Exception:
            log.exception("the death of agent %s could not be recorded", self._name)

    async def stop(self) -> None:
        """End the child: asked first, killed when it does not listen."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
