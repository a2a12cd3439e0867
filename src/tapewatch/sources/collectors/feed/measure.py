"""The measure of a venue's feed: messages in, rows of tables ``feed`` and ``exchange`` out; no sockets, no clock of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tapewatch.clock import US_PER_S
from tapewatch.sources.collectors.feed.backlog import Backlog
from tapewatch.sources.collectors.feed.link import Link
from tapewatch.sources.collectors.feed.offset import ClockOffset, Lags
from tapewatch.sources.collectors.feed.stream import EARLY_S
from tapewatch.sources.collectors.feed.venues.base import FeedVenue, Route

CLOCK_STEP_US = 5_000
"""A difference between the two clocks that grows by more than this from one tick to the next: the wall clock was set."""

Row = dict[str, Any]


class FeedMeasure:
    """All streams of one venue on all their connections.

    Args:
        venue: The venue.
        routes: One for each connection.
        interval_s: Seconds of a row of table ``feed``.
        now_us: Wall clock at the start, µs.
        now_s: Clock that never goes back at the start, seconds.
    """

    def __init__(self, venue: FeedVenue, routes: Sequence[Route], *, interval_s: float, now_us: int, now_s: float) -> None:
        self.venue = venue
        self.links = [Link(venue, route, now_us, now_s) for route in routes]
        self.offset = ClockOffset()
        self._interval_s = interval_s
        self._taken = [0] * len(self.links)
        self._backlogs = [Backlog() for _ in self.links]
        self._backlogs_ms: list[float | None] = [None] * len(self.links)
        self._block_s = now_s
        self._difference_us = now_us - round(now_s * US_PER_S)

    def tick(self, now_us: int, now_s: float) -> list[Row]:
        """Called about once a second: rows of table ``feed`` whose interval ended or whose verdict changed."""
        self._notice_clock_step(now_us, now_s)
        for index, link in enumerate(self.links):
            _, lags = link.arrivals.arrays(self._taken[index])
            self._taken[index] = len(link.arrivals)
            self.offset.observe(lags, now_s)
        self._measure_backlogs()
        rows = [row for index, link in enumerate(self.links) for row in self._rows(link, self._backlogs_ms[index], now_us, now_s)]
        if now_s - self._block_s >= self._interval_s - EARLY_S:
            for backlog, link in zip(self._backlogs, self.links, strict=True):
                backlog.learn(self._latencies(link)[1])
            self._begin_block(now_s)
        return rows

    def exchange(self) -> Row | None:
        """The row of table ``exchange`` for this moment; None before the first connection succeeded or failed."""
        links = self.links
        if not any(link.connects or link.failures for link in links):
            return None
        trips = [link.round_trip_s for link in links if link.round_trip_s is not None]
        return {
            "venue": self.venue.id,
            "connected": all(link.is_up for link in links),
            "latency_ms": max(trips) * 1000 if trips else None,
            "reconnects": sum(link.reconnects for link in links),
            "last_message_at": max((link.last_message_us for link in links if link.last_message_us is not None), default=None),
            "disconnected_at": min((link.down_since_us for link in links if link.down_since_us is not None), default=None),
        }

    def _begin_block(self, now_s: float) -> None:
        """Begin to collect arrivals anew."""
        self._block_s = now_s
        self._taken = [0] * len(self.links)
        for link in self.links:
            link.arrivals.clear()

    def _rows(self, link: Link, backlog_ms: float | None, now_us: int, now_s: float) -> list[Row]:
        lost_s = link.lost_s(now_s)
        shared = {"ts": now_us, "venue": self.venue.id, "backlog_ms": backlog_ms, **self._clock(link)}
        rows: list[Row] = []
        for stream in link.streams.values():
            judgement = stream.judge(now_s, lost_s=lost_s, reason=link.trouble(stream))
            if judgement.verdict != stream.verdict or stream.is_due(now_s, self._interval_s):
                rows.append({**shared, **stream.row(now_s, judgement, self.offset)})
        return rows

    def _clock(self, link: Link) -> Row:
        """Offset and its error: the way that cannot be told from the offset (half a round trip, when known) and the minima's spread."""
        baseline_us, spread_us = self.offset.baseline_us, self.offset.spread_us
        if baseline_us is None:
            return {}
        errors_ms = [spread_us / 1000 if spread_us is not None else None, link.round_trip_s * 500 if link.round_trip_s else None]
        known_ms = [error for error in errors_ms if error is not None]
        return {"clock_offset_ms": baseline_us / 1000, "clock_offset_error_ms": sum(known_ms) if known_ms else None}

    def _measure_backlogs(self) -> None:
        for index, link in enumerate(self.links):
            received, latencies = self._latencies(link)
            self._backlogs_ms[index] = self._backlogs[index].measure(received, latencies) / 1000 if len(latencies) else None

    def _latencies(self, link: Link) -> tuple[Lags, Lags]:
        """Receive times of the connection's timed messages and their latencies above the best seen, µs."""
        received, lags = link.arrivals.arrays()
        return received, np.maximum(lags - (self.offset.baseline_us or 0), 0)

    def _notice_clock_step(self, now_us: int, now_s: float) -> None:
        """Move the offset by what the wall clock was set, which the clock that never goes back shows exactly."""
        difference_us = now_us - round(now_s * US_PER_S)
        step_us = difference_us - self._difference_us
        self._difference_us = difference_us
        if abs(step_us) > CLOCK_STEP_US:
            self.offset.shift(step_us)
            self._begin_block(now_s)
            for link in self.links:
                for stream in link.streams.values():
                    stream.forget_latency()
