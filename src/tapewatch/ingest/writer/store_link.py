"""How the store answers: each call timed, when it was last well, and when one that is away is asked again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from tapewatch.clock import Clock
from tapewatch.errors import StoreFull, StoreUnavailable
from tapewatch.ingest.timing import Timings
from tapewatch.ingest.writer.retries import Retries
from tapewatch.ingest.writer.store_calls import StoreCalls
from tapewatch.store.base import Store, Stored

log = logging.getLogger("tapewatch.ingest")


@dataclass(frozen=True, slots=True)
class StoreState:
    """How the store answered last: ``ok``, or ``away`` since a moment, why, and whether it is only its disk that is full."""

    state: str = "ok"
    since_us: int | None = None
    message: str = ""
    is_full: bool = False


class StoreLink:
    """The way to the store, for one thread; its state and numbers may be read from others.

    Attributes:
        state: How it answered last.
        calls: The calls themselves.
        tries: When it is asked again.
        commits: How long its transactions take.
        last_commit_us: When the last one ended, microseconds since 1970; None before the first.

    Args:
        store: Where rows go.
        clock: The time.
        hang_s: Seconds after which a call that does not end counts as away; None waits for ever.
    """

    def __init__(self, store: Store, clock: Clock, hang_s: float | None) -> None:
        self.state = StoreState()
        self.calls = StoreCalls(store, clock, hang_s)
        self.tries = Retries(clock)
        self.commits = Timings()
        self.last_commit_us: int | None = None
        self._clock = clock

    def append(self, deliveries: Sequence[Stored]) -> list[bool]:
        """See `StoreCalls.append`; the store is well when it answers."""
        began_s = self._clock.monotonic_s()
        taken = self.calls.append(deliveries)
        ended_s = self._clock.monotonic_s()
        self.commits.add(ended_s, ended_s - began_s)
        self.last_commit_us = self._clock.now_us()
        self.tries.worked()
        if self.state.state != "ok":
            log.warning("The store answers again.")
            self.state = StoreState("ok", self.last_commit_us)
        return taken

    def failed(self, error: StoreUnavailable) -> None:
        """The store is away."""
        self.tries.failed()
        if self.state.state != "away":
            log.error("The store is away: %s", error)
        since_us = self.state.since_us if self.state.state == "away" else self._clock.now_us()
        self.state = StoreState("away", since_us, str(error), isinstance(error, StoreFull))

    @property
    def why_away(self) -> str:
        """A part of a sentence that says why rows wait; empty while the store is well."""
        return f"the store is away ({self.state.message})" if self.state.state == "away" else ""
