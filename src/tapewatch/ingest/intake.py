"""The one way in: a delivery is judged, written, shown to the observers and acknowledged, in this order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from tapewatch.clock import Clock
from tapewatch.errors import StoreRejected, StoreUnavailable, TapewatchError, TooFast, WrongSource
from tapewatch.ingest.intake_stats import IntakeStats
from tapewatch.ingest.limits import Rates, SeriesLimit
from tapewatch.ingest.quarantine import Hold, KeptBefore, Quarantine
from tapewatch.ingest.receipt import Receipt, receipt_of
from tapewatch.ingest.refusals import RefusalCounts
from tapewatch.ingest.spool import Replayed, StoreSpool
from tapewatch.ingest.timing import Rate, Timings
from tapewatch.ingest.validate import Border, Defaults, Judged, validate
from tapewatch.ingest.validate.book import WHOLE_ROW
from tapewatch.ingest.writer import Job, Limits, Writer
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import Delivery, RawBatch, RowBatch
from tapewatch.model.table import Table
from tapewatch.model.tables.self import QUARANTINE
from tapewatch.model.venue import Names
from tapewatch.sources.base import Refusal
from tapewatch.store.base import Store, Stored

log = logging.getLogger("tapewatch.ingest")

REPORT_S = 10.0
"""Seconds between two reports of refusals as rows."""

UNKNOWN_AFTER_S = 30.0
"""Seconds beyond the writer's own bound after which a sender is told that the outcome is not known."""

OWN_SOURCE = "tapewatch"
"""Source of the rows that ingest writes about itself."""

Observer = Callable[[RowBatch], None]


class Intake:
    """Takes deliveries from receivers, collectors and the server itself.

    Args:
        store: Where rows go; its tables must exist.
        catalog: All tables.
        names: Known venues and symbols.
        clock: The time.
        host: This host, for rows about ingest itself.
        env: Environment of those rows.
        limits: Bounds of the queue.
        quarantine: Keeps what nothing is declared for; None refuses it.
        rates: Bounds what a source may send in a time; None bounds nothing.
        series: Bounds the series of a source; None bounds nothing.
        spool: Keeps what is accepted while the store is away; None for a store whose rows need not survive.
    """

    def __init__(  # noqa: PLR0913 - each is a part of it
        self,
        store: Store,
        catalog: Catalog,
        names: Names,
        clock: Clock,
        *,
        host: str = "unknown",
        env: str = "live",
        limits: Limits | None = None,
        quarantine: Quarantine | None = None,
        rates: Rates | None = None,
        series: SeriesLimit | None = None,
        spool: StoreSpool | None = None,
    ) -> None:
        self._catalog = catalog
        self._quarantine, self._rates, self._series = quarantine, rates, series
        self._names = names
        self._clock = clock
        self._host = host
        self._env = env
        self._limits = limits or Limits()
        self._writer = Writer(store, clock, self._limits, self._note_commit, spool, self._note_replay)
        self._observers: list[Observer] = []
        self._askers: list[Observer] = []
        self._refusals = RefusalCounts()
        self._lag, self._judging, self._rate = Timings(), Timings(), Rate()
        self._rows = self._deliveries = self._duplicates = self._observer_errors = self._quarantined = 0
        self._reporting: asyncio.Task[None] | None = None

    def observe(self, observer: Observer, *, asks_store: bool = False) -> None:
        """Show every batch of accepted rows to ``observer``: on the event loop, when it is durable, in the order of acceptance.

        What it raises is logged and counted; it never reaches the sender.

        Args:
            observer: Gets the batches.
            asks_store: Whether it then asks the store: a batch that went through the spool is shown to it again when the store has it.
        """
        self._observers.append(observer)
        if asks_store:
            self._askers.append(observer)

    def start(self) -> None:
        """Begin to take deliveries; needs the running event loop."""
        self._writer.start()
        self._reporting = asyncio.create_task(self._report_refusals(), name="report refusals")

    async def stop(self) -> None:
        """Write what waits, for at most two seconds, and refuse what comes later."""
        if self._reporting is not None:
            self._reporting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reporting
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._write_refusals()
        await self._writer.stop()

    async def accept(self, delivery: Delivery, refusals: Sequence[Refusal] = (), *, whole: bool = False) -> Receipt:
        """Judge a delivery and make it durable.

        Args:
            delivery: Rows of any tables; all that are accepted become durable together.
            refusals: What the receiver could not even decode; counted and told with the rest.
            whole: Store nothing when anything was refused; what is kept in quarantine does not count as refused.

        Raises:
            TooFast: The source sends more than it may; nothing was kept, the same delivery may be sent again later.
            WrongSource: The sender may not send rows of this source; nothing was kept.
            StoreUnavailable: Nothing is promised: the queue is full, or the store stays away; the same delivery may be sent again.
            StoreRejected: The store will never take these rows.
        """
        began_s = self._clock.monotonic_s()
        rows = sum(batch.count for batch in delivery.batches)
        is_known = self._is_known(delivery)
        if is_known and whole:
            self._duplicates += 1
            return Receipt(rows, duplicate=True)
        if not is_known:
            self._let_in(delivery, rows)
        now_us = self._clock.now_us()
        hold = None if is_known or self._quarantine is None else self._quarantine.hold(now_us)
        border = Border(keeper=self._quarantine and KeptBefore()) if is_known else Border(self._series, hold)
        judged = await self._judged(delivery, rows, now_us, border, hold)
        self._judging.add(self._clock.monotonic_s(), self._clock.monotonic_s() - began_s)
        if is_known:
            self._duplicates += 1
            batches = tuple(outcome.batch for outcome in judged if outcome.batch is not None)
            return receipt_of(judged, refusals, batches, is_duplicate=True)
        self._count(delivery, judged, refusals)
        batches = tuple(outcome.batch for outcome in judged if outcome.batch is not None)
        held = sum(outcome.held_total for outcome in judged)
        is_void = whole and len(refusals) + sum(outcome.refused_total for outcome in judged) > held
        if is_void:
            batches = ()
            if hold is not None:
                hold.let_go()
        stored = is_void or await self._keep(delivery, batches, hold)
        self._lag.add(self._clock.monotonic_s(), self._clock.monotonic_s() - began_s)
        receipt = receipt_of(judged, refusals, batches, is_duplicate=not stored)
        return replace(receipt, quarantined=0) if is_void else receipt

    def _is_known(self, delivery: Delivery) -> bool:
        """Whether all that can be kept of a delivery was kept before: no limit that was reached since can refuse it."""
        return delivery.mark is not None and _defaults(delivery).may_name(delivery.source) and self._writer.knows(delivery.mark)

    async def _judged(self, delivery: Delivery, rows: int, now_us: int, border: Border, hold: Hold | None) -> list[Judged]:
        """Judge a delivery, a large one in a thread; one whose sender goes away meanwhile leaves nothing counted."""
        if rows <= self._limits.thread_rows:
            return self._judge(delivery, now_us, border)
        judging = asyncio.ensure_future(asyncio.to_thread(self._judge, delivery, now_us, border))
        try:
            return await asyncio.shield(judging)
        except asyncio.CancelledError:
            if hold is not None:  # the thread goes on to the end, and counts meanwhile
                judging.add_done_callback(lambda _: hold.let_go())
            raise

    def _let_in(self, delivery: Delivery, rows: int) -> None:
        """Refuse a delivery as a whole because of its sender."""
        defaults = _defaults(delivery)
        if not defaults.may_name(delivery.source):
            self._refusals.count(delivery.bound_to or "", WHOLE_ROW, None, WrongSource.code, rows, delivery.source)
            raise WrongSource(defaults.why_not(delivery.source))
        if self._rates is not None and not delivery.is_own:
            try:
                self._rates.take(delivery.source, rows, delivery.size_bytes)
            except TooFast:
                self._refusals.count(delivery.source, WHOLE_ROW, None, TooFast.code, rows, "")
                raise

    async def _keep(self, delivery: Delivery, batches: tuple[RowBatch, ...], hold: Hold | None) -> bool:
        """Make accepted rows and those for the quarantine durable together; False for a delivery that was stored before."""
        strays = () if hold is None else hold.batches()
        if not (batches or strays):
            return True
        return await self._store(delivery, batches + strays, hold)

    def _settle_hold(self, hold: Hold, settled: asyncio.Future[bool]) -> None:
        """The writer has an outcome, whether or not the sender still waits for it."""
        error = settled.exception()
        if error is None and settled.result():
            self._quarantined += len(hold.entries)
        elif not (isinstance(error, StoreUnavailable) and error.is_unknown):
            hold.let_go()

    def _judge(self, delivery: Delivery, now_us: int, border: Border) -> list[Judged]:
        defaults = _defaults(delivery)
        return [
            validate(batch, self._table_of(batch), names=self._names, now_us=now_us, defaults=defaults, border=border)
            for batch in delivery.batches
        ]

    def _table_of(self, batch: RawBatch) -> Table | None:
        """The table of a batch; the quarantine's own is written by the quarantine alone, and counts for others as not declared."""
        return None if batch.table == QUARANTINE.name else self._catalog.get(batch.table)

    async def _store(self, delivery: Delivery, batches: tuple[RowBatch, ...], hold: Hold | None) -> bool:
        try:
            return await self._written(Stored(batches, delivery.mark), hold)
        except StoreRejected as error:
            for batch in batches:
                self._refusals.count(delivery.source, batch.table, None, "store_rejected", batch.count, str(error))
            raise

    async def put(self, stored: Stored) -> None:
        """Write rows to the store that were judged already, such as those that leave the quarantine; they never wait in the spool.

        Raises:
            StoreUnavailable: As for `accept`, or the store is away or has not yet taken all of the spool.
            StoreRejected: As for `accept`.
        """
        await self._written(stored, may_spool=False)

    async def _written(self, stored: Stored, hold: Hold | None = None, *, may_spool: bool = True) -> bool:
        try:
            settled = self._writer.put(stored, may_spool=may_spool)
        except StoreUnavailable:
            if hold is not None:
                hold.let_go()
            raise
        if hold is not None:
            settled.add_done_callback(partial(self._settle_hold, hold))
        try:
            async with asyncio.timeout(self._limits.wait_s + UNKNOWN_AFTER_S):
                return await asyncio.shield(settled)
        except TimeoutError:
            raise StoreUnavailable(
                "The store has not answered; whether it will keep the rows is not known. Send again with the same client and sequence.",
                retry_after_s=5.0,
                is_unknown=True,
            ) from None

    def _count(self, delivery: Delivery, judged: Sequence[Judged], refusals: Sequence[Refusal]) -> None:
        for batch, outcome in zip(delivery.batches, judged, strict=True):
            self._refusals.add(batch.table, outcome.tallies)
        for refusal in refusals:
            self._refusals.count(delivery.source, refusal.table, refusal.column, refusal.reason, 1, refusal.value)

    def _note_commit(self, jobs: Sequence[Job]) -> None:
        now_s = self._clock.monotonic_s()
        for job in jobs:
            if job.outcome is False:
                self._duplicates += 1
            if job.outcome is not True:
                continue
            self._deliveries += 1
            self._rows += job.rows
            self._rate.add(now_s, job.rows)
            for batch in job.stored.batches:
                self._show(batch, self._observers)

    def _note_replay(self, deliveries: Sequence[Replayed]) -> None:
        for delivery in deliveries:
            for batch in delivery.stored.batches:
                if self._quarantine is not None and batch.table == QUARANTINE.name:
                    is_counted = delivery.is_late or not delivery.was_found
                    self._quarantine.correct(batch, is_counted=is_counted, is_there=delivery.is_new)
                if delivery.is_new or not delivery.is_late:
                    self._show(batch, self._observers if delivery.was_found else self._askers)

    def _show(self, batch: RowBatch, observers: Sequence[Observer]) -> None:
        for observer in observers:
            try:
                observer(batch)
            except Exception:
                self._observer_errors += 1
                log.exception("An observer failed on %d rows of %s.", batch.count, batch.table)

    # --- about itself ------------------------------------------------------------------------------------------------

    @property
    def is_all_stored(self) -> bool:
        """Whether the store answers and holds everything that was accepted."""
        spool = self._writer.spool
        return self._writer.state.state == "ok" and (spool is None or spool.is_empty)

    @property
    def is_shown_as_stored(self) -> bool:
        """Whether the store holds exactly the rows that observers saw: nothing waits, was set aside, or ended in doubt since the start."""
        return self.is_all_stored and not self._writer.has_doubt

    @property
    def stats(self) -> IntakeStats:
        """Ingest at this moment."""
        now_s = self._clock.monotonic_s()
        rows, size, oldest_s = self._writer.queue()
        state = self._writer.state
        return IntakeStats(
            state=state.state,
            since_us=state.since_us,
            message=state.message,
            is_full=state.is_full,
            accepted_rows=self._rows,
            deliveries=self._deliveries,
            duplicates=self._duplicates,
            refused=dict(self._refusals.by_reason),
            quarantined=self._quarantined,
            queue_rows=rows,
            queue_bytes=size,
            oldest_waiting_s=oldest_s,
            store_silent_s=self._writer.silent_s,
            last_commit_us=self._writer.link.last_commit_us,
            rows_per_s=self._rate.per_s(now_s),
            lag=self._lag.summary(now_s),
            commit=self._writer.link.commits.summary(now_s),
            validate=self._judging.summary(now_s),
            observer_errors=self._observer_errors,
        )

    async def _report_refusals(self) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            await self._write_refusals()

    async def _write_refusals(self) -> None:
        rows = self._refusals.drain()
        if not rows:
            return
        try:
            await self.accept(Delivery((RawBatch.of("refusal", rows),), OWN_SOURCE, self._env, self._host, is_own=True))
        except TapewatchError as error:
            log.warning("Refusals could not be written and are reported again later: %s", error)
            self._refusals.put_back(rows)


def _defaults(delivery: Delivery) -> Defaults:
    return Defaults(delivery.source, delivery.env, delivery.host, delivery.bound_to, delivery.barred)
