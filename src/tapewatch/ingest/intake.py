"""The one way in: a delivery is judged, written, shown to the observers and acknowledged, in this order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from tapewatch.clock import Clock
from tapewatch.errors import ContractError, StoreRejected, StoreUnavailable, TapewatchError, TooFast, WrongSource
from tapewatch.ingest.job import Job
from tapewatch.ingest.limits import Rates, SeriesLimit
from tapewatch.ingest.quarantine import Hold, Quarantine
from tapewatch.ingest.refusals import RefusalCounts
from tapewatch.ingest.spool import Replayed, StoreSpool
from tapewatch.ingest.timing import Rate, Summary, Timings
from tapewatch.ingest.validate import KEPT_REFUSALS, Border, Defaults, Judged, validate
from tapewatch.ingest.validate.book import WHOLE_ROW
from tapewatch.ingest.writer import Limits, Writer
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


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a delivery; given only when its rows are durable.

    Attributes:
        accepted: Rows stored (those of a duplicate were stored the first time).
        duplicate: Whether the mark was known, so that nothing was stored again.
        refused: The first hundred refusals: what is not in the table and column that it was meant for.
        refused_total: All refusals, of rows and of single values.
        noted: Reason to the number of values that were changed or marked, such as ``nan``.
        quarantined: How many of the refusals (``unknown_table``, ``unknown_column``) are not lost but durable in quarantine.
        held_total: How many of them the quarantine would take; more than ``quarantined`` when nothing was stored because of the others.
    """

    accepted: int
    duplicate: bool = False
    refused: tuple[Refusal, ...] = ()
    refused_total: int = 0
    noted: dict[str, int] = field(default_factory=dict[str, int])
    quarantined: int = 0
    held_total: int = 0


@dataclass(frozen=True, slots=True)
class IntakeStats:
    """Ingest at one moment.

    Attributes:
        state: ``ok``, or ``away`` when the store does not answer.
        since_us: When it took this state; None when it never changed.
        message: Why it is away.
        is_full: Whether it is away because its disk is full: it can be read.
        accepted_rows: Rows made durable since the start.
        deliveries: Deliveries made durable since the start.
        duplicates: Deliveries whose mark was known.
        refused: Refusals and notes since the start, by reason.
        quarantined: Rows that went to quarantine since the start.
        queue_rows: Rows not durable yet.
        queue_bytes: Bytes of them, estimated.
        oldest_waiting_s: Age of the oldest of them.
        store_silent_s: Seconds for which the store has not answered a call at all; 0 while it is not asked.
        last_commit_us: When the store last confirmed a commit; None before the first.
        rows_per_s: Durable rows per second over the last ten seconds.
        lag: Received to durable, over the last minute.
        commit: The store's part of it.
        validate: The part of judging, for deliveries.
        observer_errors: Times that an observer raised.
    """

    state: str
    since_us: int | None
    message: str
    is_full: bool
    accepted_rows: int
    deliveries: int
    duplicates: int
    refused: dict[str, int]
    quarantined: int
    queue_rows: int
    queue_bytes: int
    oldest_waiting_s: float
    store_silent_s: float
    last_commit_us: int | None
    rows_per_s: float
    lag: Summary
    commit: Summary
    validate: Summary
    observer_errors: int

    def measures(self) -> dict[str, float]:
        """The numbers as metrics of component ``ingest`` for table ``self``."""
        return {
            "accepted_rows": self.accepted_rows,
            "deliveries": self.deliveries,
            "duplicates": self.duplicates,
            "refused": sum(self.refused.values()),
            "quarantined": self.quarantined,
            "queue_rows": self.queue_rows,
            "queue_bytes": self.queue_bytes,
            "oldest_waiting_s": self.oldest_waiting_s,
            "rows_per_s": self.rows_per_s,
            "observer_errors": self.observer_errors,
            **self.lag.measures("lag"),
            **self.commit.measures("commit"),
            **self.validate.measures("validate"),
        }


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
        self._let_in(delivery, rows)
        now_us = self._clock.now_us()
        hold = None if self._quarantine is None else self._quarantine.hold(now_us)
        if rows > self._limits.thread_rows:
            judged = await asyncio.to_thread(self._judge, delivery, now_us, hold)
        else:
            judged = self._judge(delivery, now_us, hold)
        self._judging.add(self._clock.monotonic_s(), self._clock.monotonic_s() - began_s)
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
        receipt = _receipt(judged, refusals, batches, is_duplicate=not stored)
        return replace(receipt, quarantined=0) if is_void else receipt

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
        try:
            stored = not (batches or strays) or await self._store(delivery, batches + strays)
        except StoreUnavailable as error:
            if hold is not None and not error.is_unknown:
                hold.let_go()
            raise
        except (StoreRejected, ContractError):
            if hold is not None:
                hold.let_go()
            raise
        if hold is not None and stored:
            self._quarantined += len(hold.entries)
        elif hold is not None:
            hold.let_go()
        return stored

    def _judge(self, delivery: Delivery, now_us: int, hold: Hold | None) -> list[Judged]:
        defaults, border = _defaults(delivery), Border(self._series, hold)
        return [
            validate(batch, self._table_of(batch), names=self._names, now_us=now_us, defaults=defaults, border=border)
            for batch in delivery.batches
        ]

    def _table_of(self, batch: RawBatch) -> Table | None:
        """The table of a batch; the quarantine's own is written by the quarantine alone, and counts for others as not declared."""
        return None if batch.table == QUARANTINE.name else self._catalog.get(batch.table)

    async def _store(self, delivery: Delivery, batches: tuple[RowBatch, ...]) -> bool:
        try:
            return await self._written(Stored(batches, delivery.mark))
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

    async def _written(self, stored: Stored, *, may_spool: bool = True) -> bool:
        settled = self._writer.put(stored, may_spool=may_spool)
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
                    self._quarantine.correct(batch, is_counted=not delivery.was_found, is_there=delivery.is_new)
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
            last_commit_us=self._writer.last_commit_us,
            rows_per_s=self._rate.per_s(now_s),
            lag=self._lag.summary(now_s),
            commit=self._writer.commits.summary(now_s),
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


def _receipt(judged: Sequence[Judged], refusals: Sequence[Refusal], batches: Sequence[RowBatch], *, is_duplicate: bool) -> Receipt:
    found = (*refusals, *(refusal for outcome in judged for refusal in outcome.refusals))
    told = sorted(found, key=lambda refusal: refusal.is_held)  # what is lost comes first
    noted: dict[str, int] = {}
    for outcome in judged:
        for reason, count in outcome.noted.items():
            noted[reason] = noted.get(reason, 0) + count
    return Receipt(
        accepted=sum(batch.count for batch in batches),
        duplicate=is_duplicate,
        refused=tuple(told[:KEPT_REFUSALS]),
        refused_total=len(refusals) + sum(outcome.refused_total for outcome in judged),
        noted=noted,
        quarantined=sum(outcome.held_total for outcome in judged),
        held_total=sum(outcome.held_total for outcome in judged),
    )
