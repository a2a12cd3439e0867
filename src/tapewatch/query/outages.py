"""Stretches of time in which rows could not come, and why: the known causes of holes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from tapewatch.model.rows import RowBatch
from tapewatch.query.noted import word

MOST_OUTAGES = 500
"""The last ones are remembered."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch of time in which a source could not have delivered, and why."""

    source: str
    start_us: int
    end_us: int | None
    why: str


class Outages:
    """Remembers them; an observer of the runs of collectors, and told of others. Fed on the event loop, read from any thread."""

    def __init__(self) -> None:
        self._ended: deque[Outage] = deque(maxlen=MOST_OUTAGES)
        self._failing: dict[str, tuple[int, str]] = {}

    def __call__(self, batch: RowBatch) -> None:
        """Begin and end outages by rows of ``collector_run``; runs that do not say how they went change nothing."""
        if "ok" not in batch.columns:
            return
        ok, names, times = batch.array("ok"), batch.coded("collector").words(), batch.array("ts")
        for i in range(batch.count):
            name, now_us = str(names[i]), int(times[i])
            if ok[i] == 0 and name not in self._failing:
                self._failing[name] = (now_us, word(batch, "error", i) or "failed")
            elif ok[i] == 1 and name in self._failing:
                start_us, why = self._failing.pop(name)
                self._ended.append(Outage(name, start_us, now_us, f"collector {name} failed: {why}"))

    def note(self, outage: Outage) -> None:
        """Remember a stretch without rows whose cause is known, such as a stop of the server itself (source empty: all)."""
        self._ended.append(outage)

    def known(self) -> tuple[Outage, ...]:
        """All of them; those that go on have no end."""
        failing = tuple(self._failing.items())
        going_on = (Outage(name, start_us, None, f"collector {name} fails: {why}") for name, (start_us, why) in failing)
        return (*self._ended, *going_on)
