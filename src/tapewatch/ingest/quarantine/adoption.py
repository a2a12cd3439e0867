"""Adopting: what waits in quarantine for a table that is declared now is moved into it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tapewatch.clock import Clock
from tapewatch.errors import ConfigError, QueryError
from tapewatch.ingest.quarantine.entry import Entry
from tapewatch.ingest.quarantine.move import Moved, gains, pages
from tapewatch.ingest.quarantine.propose import Proposal, can_extend, proposal
from tapewatch.ingest.quarantine.quarantine import Quarantine
from tapewatch.model.catalog import BUILT_IN, Catalog
from tapewatch.model.table import NAME, Table
from tapewatch.model.venue import Names
from tapewatch.sources.shown import shown
from tapewatch.store.base import Store, Stored

Put = Callable[[Stored], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Adoption:
    """Proposes and adopts, for one server or for one command.

    Attributes:
        quarantine: What waits.
        store: Where tables are made.
        catalog: All tables; gets those that are adopted.
        names: Known venues and symbols.
        clock: The time.
        put: Makes a page durable.
        check: Raises `StoreUnavailable` while the store does not hold everything that was accepted.
        declared: Hears of a table that is declared or extended, when everything that waited for it has been moved.
    """

    quarantine: Quarantine
    store: Store
    catalog: Catalog
    names: Names
    clock: Clock
    put: Put
    check: Callable[[], None] = lambda: None
    declared: Callable[[Table], Awaitable[None]] | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    async def propose(self, source: str, name: str = "") -> Proposal:
        """How what waits for table ``source`` could be declared, as a table of another name when one is given.

        Raises:
            QueryError: Nothing waits for it.
            ConfigError: It cannot be declared under this name; says which would do.
        """
        entries = await asyncio.to_thread(self.quarantine.waiting, source)
        if not entries:
            waiting = sorted({entry.table for entry in await self._counted()})
            there = f"tables in quarantine: {', '.join(map(shown, waiting))}" if waiting else "nothing is in quarantine"
            raise QueryError(f"nothing waits in quarantine for table {shown(source)!r}; {there}", position="table")
        base = self.catalog.get(source)
        extends = base is not None and (name or source) == source
        self._check_name(source, name, base, extends=extends)
        return await asyncio.to_thread(proposal, name or source, entries, base, extends=extends)

    def _check_name(self, source: str, name: str, base: Table | None, *, extends: bool) -> None:
        wanted = name or source
        path = ("tables", wanted)
        other = f"name one of your own with --as, such as --as {_own_name(source)}"
        if not NAME.fullmatch(wanted):
            raise ConfigError(f"tables.{shown(wanted)}: the name of a table must match {NAME.pattern}; {other}", path=path)
        if wanted in BUILT_IN:
            message = f"tables.{wanted}: the columns of a built-in table are tapewatch's own; {other}: it gets the tags of {wanted}"
            raise ConfigError(f"{message} and the columns that wait", path=path)
        if extends and base is not None and not can_extend(base):
            message = f"tables.{wanted}: its identity is none, so that a row that is there already cannot get further columns; {other}"
            raise ConfigError(message, path=path)

    async def _counted(self) -> list[Entry]:
        """Everything that waits, without what it says."""
        return await asyncio.to_thread(self.quarantine.waiting, with_content=False)

    async def adopt(self, source: str, table: Table) -> Moved:
        """Declare a table and move what waits for ``source`` into it. Whatever interrupts it, the same call goes on where it ended.

        Raises:
            ConfigError: The table does not fit those that are there.
            StoreError: The store did not do its part; what was moved is moved.
        """
        async with self._one_at_a_time:
            self.check()
            return await self._adopt(source, table)

    async def _adopt(self, source: str, table: Table) -> Moved:
        held = self.catalog.get(table.name)
        if held is not None and table.column.keys() <= held.column.keys():
            table = held
        else:
            self.catalog.check(table)
            await asyncio.to_thread(self.store.create, table)  # first: from the moment it is declared, rows may come for it
            self.catalog.declare(table)
            held = None
        moved = Moved(table.name)
        entries = await asyncio.to_thread(self.quarantine.waiting, source)
        todo = pages(entries, table, self.names, self.clock.now_us())
        while (page := await asyncio.to_thread(next, todo, None)) is not None:
            if page.stored is not None:
                await self.put(page.stored)
                self.quarantine.replace(page.old, page.new)
            moved.add(page)
        if held is None and self.declared is not None:
            await self.declared(table)
        return moved

    async def catch_up(self) -> list[Moved]:
        """Move what waits for tables and columns that the settings declare by now: the rest of an adoption, or one by hand.

        Raises:
            StoreError: As for `adopt`.
        """
        self.check()
        found: list[Moved] = []
        waiting: dict[str, list[Entry]] = {}
        for entry in await self._counted():
            waiting.setdefault(entry.table, []).append(entry)
        for name, entries in waiting.items():
            table = self.catalog.get(name)
            if table is not None and any(gains(entry, table) for entry in entries):
                found.append(await self.adopt(name, table))
        return found


def _own_name(source: str) -> str:
    letters = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in source.lower()).strip("_")[:50]
    return f"{letters}_own" if letters[:1].isalpha() else "own_rows"
