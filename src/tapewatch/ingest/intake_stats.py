"""Ingest in numbers."""

from __future__ import annotations

from dataclasses import dataclass

from tapewatch.ingest.timing import Summary


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
