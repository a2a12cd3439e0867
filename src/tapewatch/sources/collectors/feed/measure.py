"""The measure of a venue's feed: messages in, rows of tables ``feed`` and ``exchange`` out; no sockets, no clock of its own."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from tapewatch.clock import US_PER_S
from tapewatch.sources.collectors.feed.backlog import Backlog
from tapewatch.sources.collectors.feed.band import DayBand
from tapewatch.sources.collectors.feed.cadence import Cadence
from tapewatch.sources.collectors.feed.freshness import seconds
from tapewatch.sources.collectors.feed.link import Link
from tapewatch.sources.collectors.feed.lumps import Rhythm
from tapewatch.sources.collectors.feed.offset import ClockOffset, Lags
from tapewatch.sources.collectors.feed.own_delay import Delay
from tapewatch.sources.collectors.feed.peers import Peers
from tapewatch.sources.collectors.feed.race import Racer, VenueTime
from tapewatch.sources.collectors.feed.round_trips import Moment, RoundTrips
from tapewatch.sources.collectors.feed.season import hour_of_week
from tapewatch.sources.collectors.feed.stream import EARLY_S
from tapewatch.sources.collectors.feed.venue_clock import clock_row
from tapewatch.sources.collectors.feed.venues.base import FeedVenue, Route

CLOCK_STEP_US = 5_000
"""A difference between the two clocks that grows by more than this from one tick to the next: the wall clock was set."""

STOOD_STILL_S = 2.5
"""A tick that comes so long after the one before: this process, or its host, stood still, and what came meanwhile waits to be read."""

LATE_LOOK_S = 0.75
"""A look that comes so long after the look or tick before."""

Row = dict[str, Any]


class FeedMeasure:
    """All streams of one venue on all their connections.

    Args:
        venue: The venue.
        routes: One for each connection.
        interval_s: Seconds of a row of table ``feed``.
        now_us: Wall clock at the start, µs.
        now_s: Clock that never goes back at the start, seconds.
        peers: Every stream of the process, which those of the venue join; None for nobody else.
    """

    def __init__(
        self, venue: FeedVenue, routes: Sequence[Route], *, interval_s: float, now_us: int, now_s: float, peers: Peers | None = None
    ) -> None:
        self.venue = venue
        bands = defaultdict[str, DayBand](DayBand)
        self.round_trips = RoundTrips()
        self.links = [Link(venue, route, bands, self.round_trips, now_us, now_s) for route in routes]
        self.offset = ClockOffset()
        self._peers = peers = peers or Peers()
        self._ticked_s = self._looked_s = now_s
        self._own: deque[tuple[float, Delay]] = deque()
        self._interval_s = interval_s
        self._taken = [0] * len(self.links)
        self._backlogs = [Backlog() for _ in self.links]
        self._backlogs_ms: list[float | None] = [None] * len(self.links)
        self._rhythms = [Rhythm() for _ in self.links]
        self._block_s = now_s
        self._difference_us = now_us - round(now_s * US_PER_S)
        for link in self.links:
            for stream in link.streams.values():
                peers.join(stream.member)

    def streams(self) -> dict[tuple[str, str], Cadence]:
        """What is learned of each stream, by its symbol and the name of its channel."""
        streams = [stream for link in self.links for stream in link.streams.values()]
        return {(stream.subscription.symbol, stream.subscription.channel.name): stream.pulse.cadence for stream in streams}

    def cadences(self) -> dict[str, Cadence]:
        """What is learned, by a name that is the same after a restart."""
        found = {f"{symbol} {channel}": cadence for (symbol, channel), cadence in self.streams().items()}
        # a connection that carries other streams than before has another cadence
        return found | {f"connection {crc32(repr(sorted(link.streams)).encode())}": link.pulse.cadence for link in self.links}

    def tick(self, now_us: int, now_s: float) -> list[Row]:
        """Called about once a second: rows of table ``feed`` whose interval ended or whose verdict changed."""
        self._looked_s = now_s
        self._notice_clock_step(now_us, now_s)
        self._keep_time(now_us, now_s)
        for index, link in enumerate(self.links):
            _, lags = link.arrivals.arrays(self._taken[index])
            self._taken[index] = len(link.arrivals)
            self.offset.observe(lags, now_s)
        self._measure_backlogs()
        rows = [row for index in range(len(self.links)) for row in self._rows(index, now_us, now_s)]
        if now_s - self._block_s >= self._interval_s - EARLY_S:
            for backlog, rhythm, link in zip(self._backlogs, self._rhythms, self.links, strict=True):
                received, latencies = self._latencies(link)
                backlog.learn(rhythm.without_waiting(received, latencies))
                rhythm.learn(received, latencies)
            self._begin_block(now_s)
        return rows

    def look(self, now_us: int, now_s: float) -> list[Row]:
        """Called a few times between two ticks: rows of streams that were fresh and are no longer.

        Nothing else is measured. A look that comes late says nothing: what came meanwhile may wait to be read; the next tick sees to it.
        """
        is_late = now_s - self._looked_s >= LATE_LOOK_S
        self._looked_s = now_s
        return [] if is_late else [row for index in range(len(self.links)) for row in self._rows(index, now_us, now_s, only_fresh=True)]

    def delayed(self, own: Delay, now_s: float) -> None:
        """Take how long the collecting process itself has kept messages waiting since the last call; called before `tick`, if at all."""
        self._own.append((now_s, own))
        while now_s - self._own[0][0] >= self._interval_s:
            self._own.popleft()

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
            "time_call_errors": self.round_trips.errors,
            "disconnected_at": min((link.down_since_us for link in links if link.down_since_us is not None), default=None),
        }

    def racers(self, now: Callable[[], Moment]) -> list[Racer]:
        """Every stream of prices, for the comparison with other venues; ``now`` reads the host's clocks."""

        def time() -> VenueTime:
            known = clock_row(self.offset, self.round_trips, None, now())
            if self.round_trips.errors is None:
                return VenueTime(reason="it is not asked for its time")
            if known.get("way_ms") is None:
                return VenueTime(reason="its answers do not tell its time closely enough")
            return VenueTime(known["clock_offset_ms"] / 1000, known["clock_offset_error_ms"] / 1000)

        return [Racer(self, self.venue.id, symbol, prices, time) for link in self.links for symbol, prices in link.prices.items()]

    def __enter__(self) -> None:
        """The streams are peers already: also of what is only played."""

    def __exit__(self, *_: object) -> None:
        """Take the streams out of the peers."""
        self._peers.leave(stream.member for link in self.links for stream in link.streams.values())

    def _keep_time(self, now_us: int, now_s: float) -> None:
        """Tell every cadence the hour of the week; excuse silences that were this process's own."""
        stood_still = now_s - self._ticked_s >= STOOD_STILL_S
        self._ticked_s = now_s
        hour = hour_of_week(now_us)
        for link in self.links:
            for pulse in link.pulses():
                if stood_still:
                    pulse.excuse(now_s)
                pulse.cadence.settle(hour)

    def _begin_block(self, now_s: float) -> None:
        """Begin to collect arrivals anew."""
        self._block_s = now_s
        self._taken = [0] * len(self.links)
        for link in self.links:
            link.arrivals.clear()

    def _rows(self, index: int, now_us: int, now_s: float, *, only_fresh: bool = False) -> list[Row]:
        """Rows of streams whose interval is over or whose verdict changed; on wish only of those that are no longer fresh."""
        link = self.links[index]
        if only_fresh and (not link.is_up or all(stream.is_as_before(now_s) for stream in link.streams.values() if stream.is_fresh)):
            return []
        lost, rhythm_us = link.lost(now_s), self._rhythms[index].us
        shared = {
            "ts": now_us,
            "venue": self.venue.id,
            "backlog_ms": self._backlogs_ms[index],
            "batch_ms": None if rhythm_us is None else rhythm_us / 1000,
            **clock_row(self.offset, self.round_trips, link.round_trip_s, Moment(now_us, now_s)),
        }
        own = self._own_delay(link)
        rows: list[Row] = []
        for stream in link.streams.values():
            if only_fresh and not stream.is_fresh:
                continue
            stream.confirm(now_s)
            is_due = not only_fresh and stream.is_due(now_s, self._interval_s)
            if lost is None and not is_due and stream.is_as_before(now_s):
                continue
            reason, retired = link.trouble(stream), link.retired(stream, now_us)
            judgement = stream.judge(self._peers, now_s, lost=lost, reason=reason, retired=retired)
            if is_due or judgement.verdict != stream.verdict:
                rows.append(_blamed({**shared, **stream.row(now_s, judgement, self.offset)}, own))
        return rows

    def _own_delay(self, link: Link) -> Delay | None:
        """The longest that messages of a connection were kept waiting here; None when nobody measures it."""
        unread = Delay(link.waiting_s, "messages waited to be read")
        return max((unread, *(delay for _, delay in self._own)), key=lambda delay: delay.seconds) if self._own else None

    def _measure_backlogs(self) -> None:
        for index, link in enumerate(self.links):
            received, latencies = self._latencies(link)
            latencies = self._rhythms[index].without_waiting(received, latencies)
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
            self._rhythms = [Rhythm() for _ in self.links]
            self.offset.shift(step_us)
            self._begin_block(now_s)
            for link in self.links:
                for stream in link.streams.values():
                    stream.forget_latency()
                for prices in link.prices.values():
                    prices.clear()


def _blamed(row: Row, own: Delay | None) -> Row:
    """A row with what the collecting process itself did to its latency."""
    if own is None:
        return row
    evidence = row["evidence"]
    if own.explains(row.get("latency_max_ms")):
        evidence = f"{evidence}; this collector itself kept messages waiting for up to {seconds(own.seconds)}: {own.cause}"
    return {**row, "own_delay_ms": own.seconds * 1000, "evidence": evidence}
