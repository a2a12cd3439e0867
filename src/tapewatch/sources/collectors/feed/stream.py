"""One stream of a venue: what its messages say about its quality, as one row of table ``feed`` an interval."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np

from tapewatch.sources.collectors.feed.band import DayBand
from tapewatch.sources.collectors.feed.book import Book
from tapewatch.sources.collectors.feed.freshness import Judgement, Lost, is_calm, judge
from tapewatch.sources.collectors.feed.growth import Growth
from tapewatch.sources.collectors.feed.latency import summarize
from tapewatch.sources.collectors.feed.offset import ClockOffset
from tapewatch.sources.collectors.feed.peers import Member, Peers
from tapewatch.sources.collectors.feed.pulse import Pulse
from tapewatch.sources.collectors.feed.resync import Resync
from tapewatch.sources.collectors.feed.sequence import CONFIRM_S, Chain
from tapewatch.sources.collectors.feed.silences import Silences
from tapewatch.sources.collectors.feed.venues.base import SEQUENCE_FAULTS, Event, Fault, FeedVenue, Rule, Subscription

EARLY_S = 0.1
"""A tick that comes this much early still ends an interval, so that intervals do not last a tick too long."""


class Stream:
    """State of one stream.

    Args:
        venue: The venue, for its book's texts.
        subscription: Symbol and channel.
        link: When the connection that carries it spoke.
        band: The day's range of the symbol's prices, shared with its other streams.
        now_s: Start of the first interval, seconds of a clock that never goes back.
    """

    def __init__(self, venue: FeedVenue, subscription: Subscription, link: Pulse, band: DayBand, now_s: float) -> None:
        self.subscription = subscription
        self.verdict = ""
        self._venue = venue
        self._band = band
        self._channel = channel = subscription.channel
        self._sees = channel.sees
        self.pulse = Pulse()
        self.member = Member(venue.id, subscription.symbol, channel.name, self.pulse, link, on_change=channel.on_change)
        self._counted: frozenset[Fault] = frozenset()
        self._chain = Growth() if self._channel.rule is Rule.GROWING else Chain()
        self._book: Book | None = None
        self._book_number: int | None = None
        self._expects_repeat = self._channel.first_repeats
        self._resync = Resync()
        self._silences = Silences()
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
        self._contradictions: int | None = None

    def observe(self, event: Event, received_us: int, now_s: float) -> int | None:
        """Take one message.

        Returns:
            Received minus venue time in µs; None when the message carries no time or is no fresh event.
        """
        self._messages += 1
        self._silences.arrive(self.pulse, now_s)
        self.pulse.beat(now_s)
        if event.number is not None:
            self._count(event, event.number, now_s)
        if self._channel.keeps_book:
            self._keep(event, now_s)
        elif event.is_crossed is not None:
            self._crossed = (self._crossed or 0) + event.is_crossed
        if self._expects_repeat:
            self._expects_repeat = False
            return None
        if event.is_repeat:
            return None
        if event.high is not None or event.low is not None:
            self._place(event, now_s)
        elif self._channel.on_change:
            self._band.alive(now_s)
        if event.time_us is None or event.is_snapshot:
            return None
        lag = received_us - event.time_us
        self._lags.append(lag)
        return lag

    def reconnected(self, now_s: float, *, is_first: bool) -> None:
        """A connection stands (anew): nothing of the numbers and the book before it holds."""
        self._chain.reset()
        self.pulse.listen(now_s)
        self._book = None
        self._resync.settle()
        self._expects_repeat = self._channel.first_repeats
        self._reconnects += not is_first

    def wants_resync(self, now_s: float) -> bool:
        """Whether the book disagrees with the venue's and a new snapshot should be asked for now; a yes counts as asked."""
        if not self._resync.is_due(now_s):
            return False
        self._resync.ask(now_s)
        return True

    def forget_latency(self) -> None:
        """The wall clock was set: one-way times of this interval cannot be compared with each other."""
        del self._lags[:]

    def confirm(self, now_s: float) -> None:
        """Let messages that are waited for too long count as lost."""
        gaps = self._chain.counts.gaps
        self._chain.confirm(now_s)
        self._distrust(gaps, now_s)

    @property
    def is_fresh(self) -> bool:
        """Whether it was fresh when it was last judged."""
        return self.verdict == "fresh"

    def is_as_before(self, now_s: float) -> bool:
        """Whether it was fresh and nothing calls for a second look."""
        return self.is_fresh and is_calm(self.member, now_s)

    def judge(self, peers: Peers, now_s: float, *, lost: Lost | None, reason: str, retired: str) -> Judgement:
        """Judge the stream's present silence; see `freshness.judge`."""
        return judge(self.member, peers, now_s, lost=lost, reason=reason, retired=retired)

    def is_due(self, now_s: float, interval_s: float) -> bool:
        """Whether the interval is over."""
        return now_s - self._since_s >= interval_s - EARLY_S

    def row(self, now_s: float, judgement: Judgement, offset: ClockOffset) -> Mapping[str, Any]:
        """End the interval: its row, without ``ts`` and what is common to the connection."""
        counts = self._chain.take()
        self.verdict = judgement.verdict
        interval_s = now_s - self._since_s
        age_s = self.pulse.age_s(now_s)
        row = {
            "symbol": self.subscription.symbol,
            "channel": self._channel.name,
            "verdict": judgement.verdict,
            "evidence": judgement.evidence,
            "messages": self._messages,
            "age_ms": None if age_s is None else age_s * 1000,
            "expected_ms": _ms(judgement.limit_s),
            "usual_p50_ms": _ms(self.pulse.cadence.usual_s(0.5)),
            "usual_p999_ms": _ms(self.pulse.cadence.usual_s()),
            **self._silences.take(self.pulse, now_s),
            "gaps": counts.gaps if Fault.GAP in self._counted else None,
            "missing": counts.missing if Fault.GAP in self._counted and self._channel.rule is Rule.COUNTED else None,
            "gap_ms": None if counts.longest_gap_s is None else counts.longest_gap_s * 1000,
            "duplicates": counts.duplicates if Fault.DUPLICATE in self._counted else None,
            "reorders": counts.reorders if Fault.REORDER in self._counted else None,
            "resyncs": self._resyncs + counts.restarts,
            "reconnects": self._reconnects,
            "checksum_mismatches": self._mismatches if Fault.CHECKSUM in self._counted else None,
            "crossed": self._crossed,
            "out_of_band": self._band.take() if Fault.OUT_OF_BAND in self._sees else None,
            "snapshot_mismatches": self._contradictions,
            "interval_s": interval_s,
            **self._latency(offset),
        }
        self._begin(now_s)
        return row

    def _count(self, event: Event, number: int, now_s: float) -> None:
        """Follow the numbers; a snapshot begins them anew. Until one has come (an older protocol has none), events are unknown."""
        if not self._counted:
            self._counted = self._sees & SEQUENCE_FAULTS
        gaps = self._chain.counts.gaps
        if event.is_snapshot:
            self._chain.reset()
        self._chain.observe(event.previous, number, now_s)
        self._distrust(gaps, now_s)

    def _distrust(self, gaps_before: int, now_s: float) -> None:
        """A book that missed an update is not the venue's: it is given up, and a new snapshot is asked for."""
        if self._book is not None and self._chain.counts.gaps > gaps_before:
            self._book = None
            self._resync.want(now_s)

    def _place(self, event: Event, now_s: float) -> None:
        """Hold the prices of trades against the day's range that the ticker gives."""
        if not self._channel.has_day_range:
            self._band.day(event.low, event.high, now_s)
        elif event.low is not None and event.high is not None:
            self._band.trade(event.low, event.high, now_s)

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
            self._resyncs += self._book is not None or self._resync.is_wanted
            self._contradict(event)
            self._book = Book(self._venue.book_levels(), self._venue.book_entry, self._channel.checksum)
            self._book.replace(event.asks, event.bids)
            self._resync.settle()
        elif self._book is None:
            return
        else:
            self._book.change(event.asks, event.bids)
        self._book_number = event.number
        self._crossed = (self._crossed or 0) + self._book.is_crossed
        if event.checksum is not None:
            self._compare(self._book, event.checksum, now_s)

    def _contradict(self, event: Event) -> None:
        """Compare a snapshot that nobody asked for with the book that the changes have made, if both are of the same number."""
        if self._book is None or self._resync.is_wanted or event.number is None or event.number != self._book_number:
            return
        self._contradictions = (self._contradictions or 0) + (not self._book.holds(event.asks, event.bids))

    def _compare(self, book: Book, checksum: int, now_s: float) -> None:
        self._counted |= {Fault.CHECKSUM}
        if book.checksum() == checksum:
            self._resync.settle()
            return
        self._mismatches += 1
        if not self._resync.is_wanted:
            self._resync.want(now_s + CONFIRM_S)


def _ms(value_s: float | None) -> float | None:
    return None if value_s is None else value_s * 1000
