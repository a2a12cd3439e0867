"""What goes to the spool instead of to the store that is away."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Sequence

from tapewatch.errors import ContractError, StoreUnavailable
from tapewatch.ingest.spool import StoreSpool, name_of
from tapewatch.ingest.writer.doubt import Doubt
from tapewatch.ingest.writer.job import Job
from tapewatch.ingest.writer.retries import LONGEST_S
from tapewatch.ingest.writer.telling import Telling

log = logging.getLogger("tapewatch.ingest")

NOT_FOR_SPOOL = "The store is away, or has not yet taken all that waits in the spool; nothing leaves the quarantine until it has."


class Overflow:
    """Puts jobs into the spool, and gives each that is durable there its outcome.

    Attributes:
        trouble: Why the spool took nothing when it was asked last; empty when it did.

    Args:
        spool: Where they go.
        doubt: Takes those that may not go there and whose call hangs.
        telling: Tells the senders.
    """

    def __init__(self, spool: StoreSpool, doubt: Doubt, telling: Telling) -> None:
        self.trouble = ""
        self._spool = spool
        self._doubt = doubt
        self._telling = telling

    def take(self, jobs: Sequence[Job]) -> bool:
        """Put jobs into the spool; False when it takes none of them."""
        for job in jobs:
            if not job.may_spool:
                job.outcome = StoreUnavailable(NOT_FOR_SPOOL, retry_after_s=LONGEST_S, is_unknown=self._doubt.takes(job))
        jobs = [job for job in jobs if job.may_spool]
        if not jobs:
            return True
        try:
            jobs = self._new(jobs)
            if not jobs:
                return True
            kept = self._spool.put([(job.stored, job.rows) for job in jobs])
        except Exception as error:  # noqa: BLE001 - whatever a spool raises must not end the only writer
            return self._has_not_taken(jobs, error)
        self.trouble = ""
        for job in jobs[:kept]:
            job.outcome = True
        self._telling.tell(jobs[:kept])
        return True

    def _new(self, jobs: Sequence[Job]) -> list[Job]:
        """The jobs with their marks; one that waits in the spool is told so, and one that is the same as another waits for it."""
        new: dict[Hashable, Job] = {}
        for job in jobs:
            job.stored = self._spool.marked(job.stored)
            if job.stored.mark is not None and self._spool.knows(job.stored.mark):
                job.outcome = False
                self._telling.tell([job])
            else:
                new.setdefault(name_of(job.stored.mark), job)
        return list(new.values())

    def _has_not_taken(self, jobs: Sequence[Job], error: Exception) -> bool:
        """The spool refused jobs; whether some have an outcome all the same."""
        if isinstance(error, ContractError) and len(jobs) > 1:  # one of them cannot be written, the others can
            taken = [self.take([job]) for job in jobs]
            return any(taken)
        if str(error) != self.trouble:
            is_known = isinstance(error, StoreUnavailable | ContractError)
            log.warning("Rows are not accepted while the store is away: %s", error, exc_info=None if is_known else error)
        self.trouble = str(error)
        if not (isinstance(error, StoreUnavailable) and error.is_unknown):
            return False
        for job in jobs:  # another try would write them a second time
            job.outcome = error
        return True
