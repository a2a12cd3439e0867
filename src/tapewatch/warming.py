"""What a server knows right after its start: what was alive before, read from the newest stored rows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from tapewatch.clock import US_PER_S, Clock, iso
from tapewatch.errors import TapewatchError
from tapewatch.ingest.limits import SeriesLimit
from tapewatch.model.rows import RowBatch
from tapewatch.model.table import Table
from tapewatch.model.tables.self import SILENCE
from tapewatch.query.outages import Outage
from tapewatch.query.recent import Recent
from tapewatch.query.retirements import Retirements
from tapewatch.query.run import MOST_AHEAD_US, QueryEngine
from tapewatch.query.series import SeriesBook

log = logging.getLogger("tapewatch")

WARM_S = 24 * 3600.0
"""After a start the newest rows of this many seconds are looked at, so that a restart forgets nothing that is alive."""
MOST_WARMING_S = 60.0
"""Reading what was alive before takes less; rows that old when it began may be missing."""
DAY_S = 24 * 3600.0


class Warming:
    """Reads what was alive before the start, once, and later what a table holds that was declared meanwhile.

    Args:
        engine: Asks the store.
        catalog: Tables by name.
        book: Learns which series there are.
        recent: Learns their newest rows.
        retirements: Learns which of them had stopped.
        series_limit: Learns that they are no new ones; it is open when everything is read.
        clock: The time.
    """

    def __init__(
        self,
        engine: QueryEngine,
        catalog: Mapping[str, Table],
        book: SeriesBook,
        recent: Recent,
        retirements: Retirements,
        series_limit: SeriesLimit,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._catalog = catalog
        self._book = book
        self._recent = recent
        self._retirements = retirements
        self._series_limit = series_limit
        self._clock = clock
        self.is_done = False

    async def run(self) -> None:
        """Remember what was alive before the restart, and that nothing could arrive meanwhile."""
        try:
            now_us = self._clock.now_us()
            newest_us = await asyncio.to_thread(self._engine.newest_us, "self")
            if newest_us is not None:
                self._book.outages.note(Outage("", newest_us, now_us, "tapewatch was not running"))
            self._retirements.remember(await asyncio.to_thread(self._engine.newest_of, SILENCE.name, SILENCE.retention.raw_days * DAY_S))
            # what fell silent in the last hours before the stop is not written down yet
            since_us = min(now_us, newest_us or now_us) - round(WARM_S * US_PER_S)
            await self._engine.warm((now_us - since_us) / US_PER_S, self._learn, self._recent.seed)
            for name in tuple(self._catalog):
                await asyncio.to_thread(self._leave_ahead, name, now_us)
            self._recent.answers_from(since_us + round(MOST_WARMING_S * US_PER_S))
            self.is_done = True
        except TapewatchError:
            log.exception("The newest stored rows could not be read; verdicts begin with the next rows.")
        finally:
            self._series_limit.open()

    async def know(self, table: Table) -> None:
        """A table was declared or extended: what it holds already is known from here on, as after a start."""
        now_us = self._clock.now_us()
        since_us = now_us - round(WARM_S * US_PER_S)
        newest = await asyncio.to_thread(self._engine.newest_of, table.name, WARM_S)
        for learn in (self._book, self._learn, self._recent.seed):
            learn(newest)
        await asyncio.to_thread(self._leave_ahead, table.name, now_us)
        self._recent.answers_from(since_us + round(MOST_WARMING_S * US_PER_S), table.name)

    def _leave_ahead(self, name: str, now_us: int) -> None:
        """Rows that a clock has stamped which was far ahead before the start are the store's to tell when their time comes."""
        span = self._engine.span_from(name, now_us + MOST_AHEAD_US)
        if span is not None:
            log.warning("Table %s has rows from %s to %s, stamped by a clock that was ahead.", name, *map(iso, span))
            self._recent.leave_to_store(name, *span)

    def _learn(self, batch: RowBatch) -> None:
        """Stored series are no new ones."""
        self._series_limit.learn(self._catalog[batch.table], batch)
