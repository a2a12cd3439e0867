"""One stream of a venue: what its messages say about its quality, as one row of table ``feed`` an interval."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np

from tapewatch.sources.collectors.feed.book import Book
from tapewatch.sources.collectors.feed.cadence import Cadence, Judgement
from tapewatch.sources.collectors.feed.latency import summarize
from tapewatch.sources.collectors.feed.offset import ClockOffset
from tapewatch.sources.collectors.feed.sequence import CONFIRM_S, Chain
from tapewatch.sources.collectors.feed.venues.base import Event, FeedVenue, Rule, Subscription

RESYNC_WAIT_S = 5.0
RESYNC_WAIT_MAX_S = 60.0
"""Seconds between two requests for a new snapshot of a book that disagrees: doubled up to a minute, so that a venue is not flooded."""

EARLY_S = 0.1
"""A tick that comes this much early still ends an interval, so that intervals do not last a tick too long."""


class Stream:
    """State of one stream.

    Args:
        venue: The venue, for its book's texts.
        subscription: Symbol and channel.
        now_s: Start of the first interval, seconds of a clock that never goes back.
    """

    def __init__(self, venue: FeedVenue, subscription: Subscription, now_s: float) -> None:
        self.subscription = subscription
        self.verdict = ""
        self._venue = venue
        self._channel = subscription.channel
        self._is_counted = self._channel.rule in {Rule.LINKED, Rule.COUNTED}
        self._chain = Chain()
        self._cadence = Cadence()
        self._book: Book | None = None
        self._last_s: float | None = None
        self._expects_repeat = self._channel.first_repeats
        self._wait_s = RESYNC_WAIT_S
        self._asked_s: float | None = None
        self._since_s = now_s
        self._lags: array[int] = array("q")
        self._begin(now_s)

    def _begin(self, now_s: float) -> None:
        """Begin an interval."""
        self._since_s = now_s
        del self._lags[:]
        self._messages = 0
        self._resyncs = 0
        self._reconnects = 0
        self._mismatches = 0
        self._crossed: int | None = None

    def observe(self, event: Event, received_us: int, now_s: float) -> int | None:
        """Take one message.

        Returns:
            Received minus venue time in µs; None when the message carries no time or is no fresh event.
        """
        self._messages += 1
        self._last_s = now_s
        self._cadence.arrive(now_s)
        if event.number is not None:
            self._chain.observe(event.previous, event.number, now_s)
        if self._channel.keeps_book:
            self._keep(event, now_s)
        elif event.is_crossed is not None:
            self._crossed = (self._crossed or 0) + event.is_crossed
        if self._expects_repeat:
            self._expects_repeat = False
            return None
        if event.time_us is None or event.is_repeat or event.is_snapshot:
            return None
        lag = received_us - event.time_us
        self._lags.append(lag)
        return lag

    def reconnected(self, *, is_first: bool) -> None:
        """A connection stands (anew): nothing of the numbers and the book before it holds."""
        self._chain.reset()
        self._cadence.interrupt()
        self._book = None
        self._asked_s = None
        self._expects_repeat = self._channel.first_repeats
        self._reconnects += not is_first

    def wants_resync(self, now_s: float) -> bool:
        """Whether the book disagrees with the venue's and a new snapshot should be asked for now; a yes counts as asked."""
        if self._asked_s is None or now_s < self._asked_s:
            return False
        self._asked_s = now_s + self._wait_s
        self._wait_s = min(RESYNC_WAIT_MAX_S, self._wait_s * 2)
        return True

    def forget_latency(self) -> None:
        """The wall clock was set: one-way times of this interval cannot be compared with each other."""
        del self._lags[:]

    def judge(self, now_s: float, *, lost_s: float | None, reason: str) -> Judgement:
        """Judge the stream's present silence; also lets messages that are waited for too long count as lost."""
        self._chain.confirm(now_s)
        age_s = None if self._last_s is None else now_s - self._last_s
        return self._cadence.judge(self._channel.name, age_s, lost_s=lost_s, reason=reason)

    def is_due(self, now_s: float, interval_s: float) -> bool:
        """Whether the interval is over."""
        return now_s - self._since_s >= interval_s - EARLY_S

    def row(self, now_s: float, judgement: Judgement, offset: ClockOffset) -> Mapping[str, Any]:
        """End the interval: its row, without ``ts`` and what is common to the connection."""
        counts = self._chain.take()
        self.verdict = judgement.verdict
        interval_s = now_s - self._since_s
        row = {
            "symbol": self.subscription.symbol,
            "channel": self._channel.name,
            "verdict": judgement.verdict,
            "evidence": judgement.evidence,
            "messages": self._messages,
            "age_ms": None if self._last_s is None else (now_s - self._last_s) * 1000,
            "expected_ms": None if judgement.expected_s is None else judgement.expected_s * 1000,
            "gaps": counts.gaps if self._is_counted else None,
            "duplicates": counts.duplicates if self._is_counted else None,
            "reorders": counts.reorders if self._is_counted else None,
            "resyncs": self._resyncs + counts.restarts,
            "reconnects": self._reconnects,
            "checksum_mismatches": self._mismatches if self._channel.rule is Rule.CHECKSUM else None,
            "crossed": self._crossed,
            "interval_s": interval_s,
            **self._latency(offset),
        }
        self._begin(now_s)
        return row

    def _latency(self, offset: ClockOffset) -> Mapping[str, Any]:
        summary = summarize(offset.above(np.array(self._lags, dtype=np.int64)))
        if summary is None:
            return {}
        return {
            "latency_p50_ms": summary.p50_ms,
            "latency_p95_ms": summary.p95_ms,
            "latency_p99_ms": summary.p99_ms,
            "latency_max_ms": summary.max_ms,
            "latency_ms_sketch": summary.sketch,
        }

    def _keep(self, event: Event, now_s: float) -> None:
        """Keep the book up to date and compare it with what the venue says about its own."""
        if event.is_snapshot:
            self._resyncs += self._book is not None or self._asked_s is not None
            self._book = Book(self._venue.book_levels(), self._venue.book_entry)
            self._book.replace(event.asks, event.bids)
            self._asked_s = None
        elif self._book is None:
            return
        else:
            self._book.change(event.asks, event.bids)
        self._crossed = (self._crossed or 0) + self._book.is_crossed
        if event.checksum is not None:
            self._compare(self._book, event.checksum, now_s)

    def _compare(self, book: Book, checksum: int, now_s: float) -> None:
        if book.checksum() == checksum:
            self._wait_s = RESYNC_WAIT_S
            self._asked_s = None
            return
        self._mismatches += 1
        if self._asked_s is None:
            self._asked_s = now_s + CONFIRM_S
