"""``/api/backup``: a copy of the store into a directory of the server's host, written while rows arrive."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Response

from tapewatch.clock import Clock
from tapewatch.errors import TapewatchError
from tapewatch.store.backup import write_backup
from tapewatch.store.base import Store
from tapewatch.surfaces.web.errors import RequestRefused
from tapewatch.surfaces.web.parts import WebParts
from tapewatch.surfaces.web.schemas.backup import BackupBody, BackupOut
from tapewatch.surfaces.web.schemas.errors import ErrorOut

log = logging.getLogger("tapewatch.backup")


def router(parts: WebParts) -> APIRouter:
    """The routes of this resource."""
    routes = APIRouter(tags=["server"])
    job = BackupJob(parts.store, parts.clock, parts.version)
    errors: dict[int | str, dict[str, Any]] = {status: {"model": ErrorOut} for status in (400, 409)}

    @routes.post("/api/backup", response_model=BackupOut, status_code=202, responses=errors)
    async def start_backup(body: BackupBody, response: Response) -> dict[str, Any]:
        """Begin to write a backup into an empty or new directory, named by its whole path; ask by GET how it goes."""
        response.headers["Cache-Control"] = "no-store"
        return job.start(body.directory)

    @routes.get("/api/backup", response_model=BackupOut)
    async def read_backup(response: Response) -> dict[str, Any]:
        """How the last backup since the start of the server went, or goes."""
        response.headers["Cache-Control"] = "no-store"
        return job.told

    return routes


class BackupJob:
    """One backup at a time, in a thread.

    Args:
        store: What is copied.
        clock: The time.
        version: Of tapewatch.
    """

    def __init__(self, store: Store, clock: Clock, version: str) -> None:
        self._store = store
        self._clock = clock
        self._version = version
        self._task: asyncio.Task[None] | None = None
        self.told: dict[str, Any] = {"state": "none"}

    def start(self, directory: str) -> dict[str, Any]:
        """Begin.

        Raises:
            RequestRefused: 400 for a path that depends on where the server was started, 409 while another one is written.
        """
        if not Path(directory).is_absolute() or "\0" in directory:
            raise RequestRefused(
                400, "bad_request", f"directory: {directory!r} is not a whole path on the server's host, such as /backups/1"
            )
        if self._task is not None and not self._task.done():
            raise RequestRefused(409, "backup_running", f"a backup into {self.told['directory']} is being written; wait for its end")
        self.told = {"state": "running", "directory": directory, "since_us": self._clock.now_us()}
        self._task = asyncio.create_task(self._run(Path(directory)), name="backup")
        return self.told

    async def _run(self, directory: Path) -> None:
        begun = self.told
        began_s = self._clock.monotonic_s()
        try:
            manifest = await asyncio.to_thread(write_backup, self._store, directory, self._clock, self._version)
        except TapewatchError as error:
            log.warning("The backup into %s failed: %s", directory, error)
            self.told = {**begun, "state": "failed", "message": str(error)}
        except Exception:
            log.exception("The backup into %s failed.", directory)
            self.told = {**begun, "state": "failed", "message": "tapewatch met an error of its own; the server's log has the details"}
        else:
            took_s = self._clock.monotonic_s() - began_s
            log.info("A backup of %d rows is in %s after %.1f s.", manifest.rows, directory, took_s)
            self.told = {**begun, "state": "done", "took_s": took_s, "manifest": asdict(manifest)}
