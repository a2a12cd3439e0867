"""One process of this host, found by its name, its command line or its pid file."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import psutil

from tapewatch.clock import US_PER_S
from tapewatch.errors import ConfigError, SourceError
from tapewatch.model.rows import RawBatch
from tapewatch.sources.base import Context
from tapewatch.sources.from_settings import Seconds
from tapewatch.sources.worker import Worker


@dataclass(slots=True)
class _Watched:
    """What is remembered between two looks."""

    process: psutil.Process | None = None
    seen: tuple[int, float] | None = None  # id and start of the process seen last
    restarts: int = 0
    cpu_s: float | None = None  # its processor time at the last look
    at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class ProcessCollector:
    """Watches one process: one row of table ``process`` each time, with ``running`` false while none is found.

    All that is given of ``name``, ``command`` and ``pid_file`` must fit. Of several processes that fit, the oldest is watched: that is
    the parent of a group of workers.
    """

    kind: ClassVar[str] = "process"
    tables: ClassVar[tuple[str, ...]] = ("process",)
    busy: ClassVar[bool] = False

    process: str = field(metadata={"sentence": "Name of the process in its rows."})
    name: str = field(default="", metadata={"sentence": "Exact name of the program, such as python3."})
    command: str = field(
        default="", metadata={"sentence": "Regular expression that is found in the command line, arguments separated by spaces."}
    )
    pid_file: str = field(default="", metadata={"sentence": "File with the process id."})
    period_s: Seconds = field(default=1.0, metadata={"sentence": "Seconds between two measurements."})
    _watched: _Watched = field(default_factory=_Watched, init=False, repr=False, compare=False)
    _worker: Worker[dict[str, Any]] = field(default_factory=Worker[dict[str, Any]], init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (self.name or self.command or self.pid_file):
            raise ConfigError("name: give at least one of name, command, pid_file to find the process by")
        try:
            re.compile(self.command)
        except re.error as error:
            raise ConfigError(f"command: {self.command!r} is no regular expression: {error}") from error

    async def collect(self, context: Context) -> AsyncIterator[RawBatch]:
        """See `Collector.collect`; ``cpu_ratio`` is null at the first look at a process, because it needs two."""
        now_s, at_s = context.clock.now_us() / US_PER_S, context.clock.monotonic_s()
        yield RawBatch.of("process", [await self._worker.run(lambda: {"process": self.process, **self._measure(now_s, at_s)})])

    def _measure(self, now_s: float, at_s: float) -> dict[str, Any]:
        watched = self._watched
        if watched.process is None or not _is_alive(watched.process):
            watched.process, watched.cpu_s = self._find(), None
        if watched.process is not None:
            try:
                return self._look(watched.process, now_s, at_s)
            except psutil.NoSuchProcess:
                watched.process = None
        return {"running": False, "restarts": watched.restarts}

    def _look(self, process: psutil.Process, now_s: float, at_s: float) -> dict[str, Any]:
        watched = self._watched
        with process.oneshot():
            started_s = process.create_time()
            if watched.seen not in {None, (process.pid, started_s)}:
                watched.restarts += 1
            watched.seen = (process.pid, started_s)
            times = process.cpu_times()
            cpu_s = times.user + times.system
            passed_s = at_s - watched.at_s
            ratio = None if watched.cpu_s is None or passed_s <= 0 else max(0.0, (cpu_s - watched.cpu_s) / passed_s)
            watched.cpu_s, watched.at_s = cpu_s, at_s
            return {
                "running": True,
                "restarts": watched.restarts,
                "pid": process.pid,
                "cpu_ratio": ratio,
                "rss_bytes": process.memory_info().rss,
                "threads": process.num_threads(),
                "open_files": _open_files(process),
                "uptime_s": max(0.0, now_s - started_s),
            }

    # --- finding it ------------------------------------------------------------------------------------------------

    def _find(self) -> psutil.Process | None:
        found: list[tuple[float, int, psutil.Process]] = []
        for process in self._candidates():
            try:
                if self._fits(process) and _is_alive(process):
                    found.append((process.create_time(), process.pid, process))
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return min(found, key=lambda each: each[:2])[2] if found else None

    def _candidates(self) -> list[psutil.Process]:
        if not self.pid_file:
            return list(psutil.process_iter())
        try:
            text = Path(self.pid_file).read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return []  # how a daemon that does not run looks
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"pid_file {self.pid_file} cannot be read: {error}") from error
        if not text.isdecimal():
            raise SourceError(f"pid_file {self.pid_file} holds {text[:20]!r}, not a process id")
        try:
            return [psutil.Process(int(text))]
        except psutil.NoSuchProcess:
            return []

    def _fits(self, process: psutil.Process) -> bool:
        if self.name and process.name() != self.name:
            return False
        return not self.command or (process.pid != _OWN_PID and re.search(self.command, " ".join(process.cmdline())) is not None)


_OWN_PID = psutil.Process().pid


def _is_alive(process: psutil.Process) -> bool:
    """Whether it is this very process and not one that got its id later, nor one that only waits to be buried."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _open_files(process: psutil.Process) -> int | None:
    try:
        return process.num_fds()
    except psutil.AccessDenied:  # another user's process: not known
        return None
