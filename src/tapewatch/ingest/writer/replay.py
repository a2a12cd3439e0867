"""From the spool to the store that is back, in the order of acceptance."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from tapewatch.clock import Clock
from tapewatch.errors import StoreUnavailable
from tapewatch.ingest.spool import Replayed, StoreSpool, received_at
from tapewatch.ingest.writer.doubt import Doubt
from tapewatch.ingest.writer.store_link import StoreLink
from tapewatch.ingest.writer.telling import Telling
from tapewatch.store.base import Stored

log = logging.getLogger("tapewatch.ingest")


class Replay:
    """Gives the store what waits in the spool.

    Args:
        spool: What waits.
        link: The way to the store.
        clock: The time.
        doubt: Settled before each call, because its answers would be taken for those of the call.
        telling: Tells what the store has taken.
    """

    def __init__(self, spool: StoreSpool, link: StoreLink, clock: Clock, doubt: Doubt, telling: Telling) -> None:
        self._spool = spool
        self._link = link
        self._clock = clock
        self._doubt = doubt
        self._telling = telling

    def give(self) -> bool:
        """Give the store the oldest deliveries of the spool; whether it took any."""
        deliveries: list[Stored] = []
        try:
            deliveries = [received_at(stored, self._clock.steady_us()) for stored in self._spool.oldest()]
            taken = self._stored(deliveries) if deliveries else []
        except StoreUnavailable as error:
            self._link.failed(error)
            return False
        except Exception as error:
            if deliveries:
                return self._give_one(deliveries[0], error)
            log.exception("The spool failed in a way that it should not; it is tried again.")
            self._link.failed(StoreUnavailable(f"the spool cannot be read: {type(error).__name__}: {error}"))
            return False
        self._has_given(deliveries, taken)
        return True

    def _give_one(self, delivery: Stored, why: Exception) -> bool:
        """One of several failed: the first alone; what fails alone is set aside, so that the others come through."""
        try:
            taken = self._stored([delivery])
        except StoreUnavailable as error:
            self._link.failed(error)
            return False
        except Exception as error:  # noqa: BLE001 - whatever a store raises must not end the only writer
            why = error
        else:
            self._has_given([delivery], taken)
            return True
        self._doubt.was_any = True
        try:
            self._spool.set_aside(f"{type(why).__name__}: {why}")
        except StoreUnavailable as error:
            self._link.failed(error)
            return False
        return True

    def _stored(self, deliveries: Sequence[Stored]) -> list[bool]:
        self._doubt.settle()
        return self._link.append(deliveries)

    def _has_given(self, deliveries: Sequence[Stored], taken: Sequence[bool]) -> None:
        found = self._spool.found
        replayed = [Replayed(stored, taken[i], i < found) for i, stored in enumerate(deliveries)]
        self._spool.done(len(deliveries))
        if self._spool.is_empty:
            log.warning("The store has taken everything that waited in the spool.")
        self._telling.tell_replayed(replayed)
