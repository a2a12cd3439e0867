"""What the client says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """The client at one moment; ``written == delivered + refused_rows + dropped + queued``.

    Attributes:
        written: Rows given to the client.
        queued: Rows not answered yet, those on disk and those being sent included.
        queued_bytes: Estimate of the memory that they take.
        spooled_bytes: Bytes on disk, what other programs left in the same spool included.
        recovered: Rows of earlier programs that the server has accepted from this one.
        delivered: Rows that the server accepted, on its disk when it answered.
        refused_rows: Rows that the server (or the encoding) refused.
        refused: Refusals by reason: of whole rows, and of single values whose row was accepted.
        noted: Values accepted with a remark, by remark, such as ``nan``.
        dropped: Rows given up: the oldest when memory or the spool was full, those left in memory at close, those written after it.
        retries: Attempts beyond the first of each batch.
        last_error: The newest failure or refusal in words; None when there was none.
        connected: Whether the last attempt was answered.
        last_delivery_age_s: Seconds since the server last accepted a batch; None before the first.
    """

    written: int
    queued: int
    queued_bytes: int
    spooled_bytes: int
    recovered: int
    delivered: int
    refused_rows: int
    refused: Mapping[str, int]
    noted: Mapping[str, int]
    dropped: int
    retries: int
    last_error: str | None
    connected: bool
    last_delivery_age_s: float | None


class Tally:
    """Running counts, written by the background thread alone."""

    def __init__(self) -> None:
        self.refused: dict[str, int] = {}
        self.noted: dict[str, int] = {}
        self.retries = 0
        self.recovered = 0
        self.last_error: str | None = None
        self.is_connected = False
        self.last_delivery_s: float | None = None

    def count(self, counts: dict[str, int], more: Mapping[str, int]) -> None:
        """Add ``more`` to one of the tables of counts."""
        for name, number in more.items():
            counts[name] = counts.get(name, 0) + number
