"""Looks around on this host when it is asked to, and not more often than it should."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from tapewatch.clock import US_PER_MS, Clock
from tapewatch.errors import SourceError
from tapewatch.sources.base import Context
from tapewatch.sources.collectors.process import ProcessCollector
from tapewatch.sources.nearby.asking import ask
from tapewatch.sources.nearby.base import HOSTS, Answer, Kind, Neighbour, Offer, State

HOLDS_S = 60.0
"""Seconds for which an answer is given again when nobody asks for a new one."""
LEAST_S = 5.0
"""Seconds between two looks, whoever asks."""
_RANK = {State.FOUND: 0, State.OTHER: 1, State.SILENT: 2, State.NOTHING: 3}


@dataclass(frozen=True, slots=True)
class Look:
    """One look around.

    Attributes:
        at_us: When it began, in microseconds since 1970.
        took_ms: Milliseconds until the last answer.
        neighbours: One for each kind, in the given order.
    """

    at_us: int
    took_ms: float
    neighbours: tuple[Neighbour, ...]


class Nearby:
    """Asks every kind at its usual ports of this host, all at once.

    Args:
        kinds: What is looked for.
        context: For looking at processes, and for the time.
        own_port: The port of this server, which is never asked; 0 for none.
        is_on: Whether anything may be asked at all.
    """

    def __init__(self, kinds: Sequence[Kind], context: Context, *, own_port: int, is_on: bool) -> None:
        self._kinds = kinds
        self._context = context
        self._own_port = own_port
        self.is_on = is_on
        self._processes = {
            kind.name: ProcessCollector(process=kind.name, name=kind.process.name, command=kind.process.command) for kind in kinds
        }
        self._lock = asyncio.Lock()
        self._last: Look | None = None
        self._looked_s = 0.0

    @property
    def _clock(self) -> Clock:
        return self._context.clock

    async def look(self, *, again: bool = False) -> Look | None:
        """What stands beside; None when looking is switched off.

        Args:
            again: Whether an older answer than `LEAST_S` is not good enough; otherwise one of `HOLDS_S` is.
        """
        if not self.is_on:
            return None
        async with self._lock:
            holds_s = LEAST_S if again else HOLDS_S
            if self._last is None or self._clock.monotonic_s() - self._looked_s >= holds_s:
                self._last = await self._look()
                self._looked_s = self._clock.monotonic_s()
            return self._last

    async def _look(self) -> Look:
        at_us, began_s = self._clock.now_us(), self._clock.monotonic_s()
        found = await asyncio.gather(*(self._about(kind) for kind in self._kinds))
        return Look(at_us, (self._clock.monotonic_s() - began_s) * US_PER_MS, tuple(found))

    async def _about(self, kind: Kind) -> Neighbour:
        doors = [door for door in kind.doors if door.port != self._own_port]
        answers = await asyncio.gather(*(ask(door, host, kind.title) for door in doors for host in HOSTS))
        nobody = Answer(HOSTS[0], self._own_port, State.NOTHING, "Its usual port is that of this server.")
        answer = min(answers, key=lambda each: _RANK[each.state], default=nobody)
        if answer.state is not State.FOUND:
            return Neighbour(kind, answer)
        watch = await self._watch(kind)
        unseen = (
            "" if watch else f" Its process is not seen from here: it may run in a container or under another name than {kind.title} has."
        )
        return Neighbour(kind, answer, (*watch, *kind.offers), kind.lack + unseen)

    async def _watch(self, kind: Kind) -> tuple[Offer, ...]:
        """The settings that watch its process; none when the very collector that they describe does not find it now."""
        try:
            batches = [batch async for batch in self._processes[kind.name].collect(self._context)]
        except SourceError:
            return ()
        row = dict(zip(batches[0].columns, (values[0] for values in batches[0].columns.values()), strict=True))
        if not row["running"]:
            return ()
        sentence = f"Whether it runs, its processor time, memory and restarts. It fits the process with id {row['pid']} now."
        return (Offer("Watch its process", sentence, "toml", process_settings(kind)),)


def process_settings(kind: Kind) -> str:
    """The table of the settings that watches a kind's process."""
    given = (("name", kind.process.name), ("command", kind.process.command))
    lines = [f"[collectors.{kind.name}]", 'kind = "process"', f'process = "{kind.name}"']
    lines += [f"{key} = '{value}'" for key, value in given if value]  # literal text: a regular expression keeps its backslashes
    return "\n".join((*lines, "period_s = 5", ""))
