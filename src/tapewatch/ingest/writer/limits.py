"""Bounds of what waits for the store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the queue before the store.

    Attributes:
        queue_rows: Rows that may wait.
        queue_bytes: Bytes that may wait, estimated.
        group_rows: Rows after which a group takes no further delivery.
        linger_s: Seconds that a group waits for company at most while several senders write at once.
        fast_linger_s: The same while rows come fast: a screen is a quarter of a second later, and the store costs half.
        fast_rows_per_s: Pace of all senders together that is fast.
        alone_s: Seconds without a further delivery after which it waits no longer for senders that are not known by name.
        company_rows: Rows from which it waits for no company: a commit costs milliseconds however few rows it has, then microseconds a row.
        wait_s: Seconds that a sender waits for a store that is away before it is told to come back.
        spool_after_s: Seconds that a store must have been away before deliveries go to the spool.
        hang_s: Seconds after which a store that does not answer at all counts as away, when there is a spool.
        thread_rows: Rows of a delivery from which validation leaves the event loop for a thread.
    """

    queue_rows: int = 500_000
    queue_bytes: int = 256_000_000
    group_rows: int = 50_000
    linger_s: float = 0.08
    fast_linger_s: float = 0.25
    fast_rows_per_s: float = 4_000.0
    alone_s: float = 0.012
    company_rows: int = 5_000
    wait_s: float = 10.0
    spool_after_s: float = 1.0
    hang_s: float = 5.0
    thread_rows: int = 2_000
