"""Deliveries that were refused while their call hung: the store may keep them all the same, which is told when it shows."""

from __future__ import annotations

from tapewatch.ingest.spool import Replayed, StoreSpool
from tapewatch.ingest.writer.job import Job
from tapewatch.ingest.writer.store_calls import StoreCalls
from tapewatch.ingest.writer.telling import Telling


class Doubt:
    """Jobs whose outcome is not known.

    Attributes:
        was_any: Whether anything has ended so since the start that observers may have seen other rows than the store holds.

    Args:
        calls: Of which one may hang.
        spool: Where a job that was sent again may wait.
        telling: Tells what shows.
    """

    def __init__(self, calls: StoreCalls, spool: StoreSpool | None, telling: Telling) -> None:
        self.was_any = False
        self._calls = calls
        self._spool = spool
        self._telling = telling
        self._jobs: list[Job] = []

    @property
    def is_empty(self) -> bool:
        """Whether no outcome is awaited."""
        return not self._jobs

    def takes(self, job: Job) -> bool:
        """Whether a job that is refused now may be stored all the same; what comes of it is looked for later."""
        if not (job.is_in_doubt and self._calls.hangs):
            return False
        self.was_any = True
        self._jobs.append(job)
        return True

    def settle(self) -> None:
        """Tell what a call that hung has done with the jobs that were refused meanwhile.

        One that was sent again and waits in the spool has been shown already, and the store is asked for it again from there.

        Raises:
            StoreHangs: It has not ended yet.
        """
        self._calls.settle()
        jobs, self._jobs = self._jobs, []
        late: list[Replayed] = []
        for job in jobs:
            mark = job.stored.mark
            waits = self._spool is not None and mark is not None and self._spool.knows(mark)
            is_new = not waits and self._calls.answer_to(mark) is True
            late.append(Replayed(job.stored, is_new, was_found=True, is_late=True))
        self._telling.tell_replayed(late)
