"""The command that takes rows out of quarantine: it writes the declaration into the settings file, then moves what waits.

In this order, because the declaration is what makes an interrupted move go on: at the next start of the server, or of this command.
"""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from tapewatch.clock import SystemClock
from tapewatch.errors import ConfigError, StoreUnavailable
from tapewatch.ingest.quarantine import Adoption, Quarantine
from tapewatch.ingest.spool import WAITING
from tapewatch.opening import STORE_SPOOL, catalog, names, opened_store, settings_problems
from tapewatch.settings import Settings, TableSettings, parse
from tapewatch.store.base import Stored
from tapewatch.store.lock import DirectoryLock
from tapewatch.surfaces.remote import Remote

TIMEOUT_S = 600.0


class Desk(Protocol):
    """Where the quarantine is asked: the running server, or the store itself."""

    def propose(self, source: str, name: str) -> dict[str, Any]:
        """``table``, ``toml``, ``rows``, ``columns`` and ``left_out`` of a proposal."""
        ...

    def adopt(self, source: str, name: str, definition: TableSettings) -> dict[str, Any]:
        """``table``, ``rows``, ``waiting``, ``stayed`` and ``reasons`` of what was moved."""
        ...


class ServerDesk:
    """The server that owns the store.

    Args:
        url: Its address.
        token: Its token; empty for none.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token

    def propose(self, source: str, name: str) -> dict[str, Any]:
        """See `Desk.propose`."""
        with Remote(self._url, self._token, TIMEOUT_S) as server:
            return server.get("/api/quarantine", {"table": source, "name": name})

    def adopt(self, source: str, name: str, definition: TableSettings) -> dict[str, Any]:
        """See `Desk.adopt`."""
        body = {"source": source, "name": name, "definition": definition.model_dump(mode="json", exclude_unset=True)}
        with Remote(self._url, self._token, TIMEOUT_S) as server:
            return server.post("/api/quarantine/adopt", body)


class StoreDesk:
    """The store itself, while no server owns it.

    Args:
        settings: Say where it is.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def propose(self, source: str, name: str) -> dict[str, Any]:
        """See `Desk.propose`."""
        return asdict(self._run(source, name, None))

    def adopt(self, source: str, name: str, definition: TableSettings) -> dict[str, Any]:
        """See `Desk.adopt`."""
        moved = asdict(self._run(source, name, definition))
        return moved | {"reasons": [f"{one['column'] or 'row'} {one['value']}: {one['message']}" for one in moved.pop("refusals")]}

    def _run(self, source: str, name: str, definition: TableSettings | None) -> Any:  # noqa: ANN401 - a proposal or what was moved
        waiting = self._settings.data_dir / STORE_SPOOL / WAITING
        if any(waiting.glob("*")):
            message = f"rows wait in {waiting} for the store, and may be for this table; start tapewatch, which gives them to it"
            raise StoreUnavailable(f"{message}, and adopt then")
        clock, tables = SystemClock(), catalog(self._settings)
        store = opened_store(self._settings, tables, clock)

        async def put(stored: Stored) -> None:
            await asyncio.to_thread(store.append, [stored])

        try:
            quarantine = Quarantine(store, clock, self._settings.quarantine)
            adoption = Adoption(quarantine, store, tables, names(self._settings), clock, put)
            work = adoption.propose(source, name) if definition is None else adoption.adopt(source, definition.table(name))
            return asyncio.run(work)
        finally:
            store.close()


def desk_of(settings: Settings, url: str, token: str) -> Desk:
    """The server at ``url`` when one is named or one owns the store, else the store."""
    own = settings.server.token.get_secret_value()
    if url:
        return ServerDesk(url, token or own)
    if settings.store.kind != "memory" and (settings.data_dir / "tapewatch.lock").exists():
        try:
            DirectoryLock(settings.data_dir).release()
        except ConfigError:
            return ServerDesk(settings.url, token or own)
        return StoreDesk(settings)
    return ServerDesk(settings.url, token or own)


def declared(text: str, proposal: Mapping[str, Any]) -> TableSettings | None:
    """The declaration that a settings text has for a proposal: by an adoption that was interrupted, or by hand; None for none."""
    settings, _ = parse(text)
    held = None if settings is None else settings.tables.get(proposal["table"])
    if held is None or not proposal["extends"] or not proposal["columns"]:
        return held
    return None if held.columns.keys().isdisjoint(proposal["columns"]) else held


def with_declaration(text: str, proposal: Mapping[str, Any]) -> tuple[str, TableSettings]:
    """A settings text with the lines of a proposal, and the table that it then declares.

    Raises:
        ConfigError: There is nothing to declare, or the whole of it would be wrong.
    """
    name, toml = proposal["table"], proposal["toml"]
    if not proposal["columns"]:
        raise ConfigError(f"tables.{name}: no column that waits can be declared:\n\n{toml}")
    if proposal["extends"] and name not in tomllib.loads(text).get("tables", {}):
        raise ConfigError(f"tables.{name}: the settings file does not declare this table; name the right one with --config")
    new = f"{text.rstrip()}\n\n{toml}" if text.strip() else toml
    problems = settings_problems(new)
    settings, _ = parse(new)
    if problems or settings is None:
        raise ConfigError(f"the settings file would be wrong with these lines ({problems[0]}); add them by hand:\n\n{toml}")
    return new, settings.tables[name]


def write_text(path: Path, text: str) -> None:
    """Put a text in the place of a file, on disk when it returns; whoever reads meanwhile sees the old one or the new one.

    Raises:
        ConfigError: It cannot be written; the old one is there.
    """
    real = path.resolve()
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{real.name}.", dir=real.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fchmod(file.fileno(), stat.S_IMODE(real.stat().st_mode))
                os.fsync(file.fileno())
            Path(name).replace(real)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(f"the settings file {path} cannot be written: {error.strerror}") from error
