"""What one connection carries: its streams, whether it stands, and what it learned in the present interval."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np

from tapewatch.sources.collectors.feed.offset import Lags
from tapewatch.sources.collectors.feed.stream import Stream
from tapewatch.sources.collectors.feed.venues.base import UNREADABLE, Event, FeedVenue, Notice, Route

NAMED_TROUBLE = 120
"""Characters of a venue's own words that are quoted as evidence."""


@dataclass(slots=True)
class Arrivals:
    """Timed messages since a moment, in order of arrival: receive time and one-way time, µs."""

    received_us: array[int] = field(default_factory=lambda: array("q"))
    lags_us: array[int] = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return len(self.lags_us)

    def arrays(self, start: int = 0) -> tuple[Lags, Lags]:
        """Copies of both, from position ``start``."""
        return np.array(self.received_us[start:], np.int64), np.array(self.lags_us[start:], np.int64)

    def clear(self) -> None:
        """Begin anew."""
        del self.received_us[:]
        del self.lags_us[:]


class Link:
    """One connection's measurements; knows nothing of sockets.

    Args:
        venue: How its messages read.
        route: What it carries.
        now_us: Wall clock, µs.
        now_s: Clock that never goes back, seconds.
    """

    def __init__(self, venue: FeedVenue, route: Route, now_us: int, now_s: float) -> None:
        self.route = route
        self.venue = venue
        self.streams = {wanted.key: Stream(venue, wanted, now_s) for wanted in route.subscriptions}
        self.arrivals = Arrivals()
        self.is_up = False
        self.connects = 0
        self.failures = 0
        self.reason = ""
        self.last_message_us: int | None = None
        self.last_message_s = now_s
        self.down_since_us: int | None = now_us
        self.round_trip_s: float | None = None
        self.unread = 0
        self.unread_reason = ""
        self._down_since_s = now_s
        self._refusals: dict[tuple[str, str], str] = {}

    @property
    def reconnects(self) -> int:
        """Connections made after the first."""
        return max(0, self.connects - 1)

    def up(self, now_s: float) -> None:
        """The connection stands and its streams have been asked for."""
        self.connects += 1
        self.is_up = True
        self.reason = ""
        self.down_since_us = None
        self.last_message_s = now_s
        self._refusals.clear()
        for stream in self.streams.values():
            stream.reconnected(is_first=self.connects == 1)

    def down(self, reason: str, now_us: int, now_s: float) -> None:
        """The connection was lost, or an attempt failed."""
        self.failures += 1
        self.reason = reason
        self.round_trip_s = None
        if self.is_up:
            self.is_up = False
            self.down_since_us = now_us
            self._down_since_s = now_s

    def observe(self, message: bytes, received_us: int, now_s: float) -> None:
        """Take one message as it came from the socket."""
        self.last_message_us = received_us
        self.last_message_s = now_s
        try:
            event = self.venue.parse(message)
            if isinstance(event, Event):
                self._measure(event, message, received_us, now_s)
            elif event is not None:
                self._note(event)
        except UNREADABLE as error:
            self._cannot_read(message, str(error))

    def _measure(self, event: Event, message: bytes, received_us: int, now_s: float) -> None:
        stream = self.streams.get((event.channel, event.symbol))
        if stream is None:
            self._cannot_read(message, f"nobody asked for {event.channel} of {event.symbol}")
            return
        lag_us = stream.observe(event, received_us, now_s)
        if lag_us is not None:
            self.arrivals.received_us.append(received_us)
            self.arrivals.lags_us.append(lag_us)

    def lost_s(self, now_s: float) -> float | None:
        """Seconds without a connection; None while it stands."""
        return None if self.is_up else now_s - self._down_since_s

    def trouble(self, stream: Stream) -> str:
        """Why a stream may be silent, in the venue's or the network's words; empty when nothing is known."""
        if not self.is_up:
            return self.reason
        channel, symbol = stream.subscription.key
        for key in ((channel, symbol), ("", symbol), ("", "")):
            if key in self._refusals:
                return f"the venue answered {self._refusals[key]!r}"
        if self.unread:
            return f"{self.unread} messages of the connection could not be read ({self.unread_reason})"
        return ""

    def _note(self, notice: Notice) -> None:
        if notice.is_refusal:
            self._refusals[(notice.channel, notice.symbol)] = notice.text[:NAMED_TROUBLE]

    def _cannot_read(self, message: bytes, reason: str) -> None:
        self.unread += 1
        if not self.unread_reason:
            self.unread_reason = f"{reason}: {message[:NAMED_TROUBLE].decode(errors='replace')}"
