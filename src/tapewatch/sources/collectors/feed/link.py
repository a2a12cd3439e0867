"""What one connection carries: its streams, whether it stands, and what it learned in the present interval."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from tapewatch.sources.collectors.feed.band import DayBand
from tapewatch.sources.collectors.feed.freshness import Lost
from tapewatch.sources.collectors.feed.offset import Lags
from tapewatch.sources.collectors.feed.prices import Prices
from tapewatch.sources.collectors.feed.pulse import Pulse
from tapewatch.sources.collectors.feed.retired import expired
from tapewatch.sources.collectors.feed.round_trips import Moment, RoundTrips
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
        bands: The day's ranges by symbol, shared by all connections of the venue.
        trips: Takes answers to a time call that is asked on the connection.
        now_us: Wall clock, µs.
        now_s: Clock that never goes back, seconds.
    """

    def __init__(self, venue: FeedVenue, route: Route, bands: Mapping[str, DayBand], trips: RoundTrips, now_us: int, now_s: float) -> None:
        self.route = route
        self.venue = venue
        self.pulse = Pulse()
        self.streams = {wanted.key: Stream(venue, wanted, self.pulse, bands[wanted.symbol], now_s) for wanted in route.subscriptions}
        self.arrivals = Arrivals()
        self.is_up = False
        self.connects = 0
        self.failures = 0
        self.reason = ""
        self.last_message_us: int | None = None
        self.down_since_us: int | None = now_us
        self.round_trip_s: float | None = None
        self.read_bytes = 0
        self.waiting_s = 0.0
        self.unread = 0
        self.unread_reason = ""
        self.answers: list[str] = []
        self.prices = {wanted.symbol: Prices() for wanted in route.subscriptions}
        self._trips = trips
        self._asked: Moment | None = None
        self._questions = 0
        self._announced = ""
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
        self.pulse.listen(now_s)
        self._refusals.clear()
        self.answers.clear()
        self._announced = ""
        for stream in self.streams.values():
            stream.reconnected(now_s, is_first=self.connects == 1)

    def down(self, reason: str, now_us: int, now_s: float) -> None:
        """The connection was lost, or an attempt failed."""
        self.failures += 1
        self.reason = reason
        self._asked = None
        self.waiting_s = 0.0
        self.round_trip_s = None
        if self.is_up:
            self.is_up = False
            self.down_since_us = now_us
            self._down_since_s = now_s
            for pulse in self.pulses():
                pulse.deaf()

    def observe(self, message: bytes, received_us: int, now_s: float) -> None:
        """Take one message as it came from the socket."""
        self.read_bytes += len(message)
        self.last_message_us = received_us
        self.pulse.beat(now_s)
        try:
            event = self.venue.parse(message)
            if isinstance(event, Event):
                self._measure(event, message, received_us, now_s)
            elif event is not None:
                self._note(event, received_us, now_s)
        except UNREADABLE as error:
            self._cannot_read(message, str(error))

    def _measure(self, event: Event, message: bytes, received_us: int, now_s: float) -> None:
        stream = self.streams.get((event.channel, event.symbol))
        if stream is None:
            self._cannot_read(message, f"nobody asked for {event.channel} of {event.symbol}")
            return
        lag_us = stream.observe(event, received_us, now_s)
        if lag_us is not None and event.time_us is not None:
            self._price(stream, event, event.time_us, now_s)
        if lag_us is not None:
            self.arrivals.received_us.append(received_us)
            self.arrivals.lags_us.append(lag_us)

    def _price(self, stream: Stream, event: Event, time_us: int, now_s: float) -> None:
        """Keep the price of trades; the range that a ticker gives is none."""
        price = event.price
        if price is None and stream.subscription.channel.has_day_range and event.low is not None and event.high is not None:
            price = (event.low + event.high) / 2
        if price is not None:
            self.prices[stream.subscription.symbol].note(now_s, time_us, price)

    def pulses(self) -> list[Pulse]:
        """Those of the connection and of its streams."""
        return [self.pulse, *(stream.pulse for stream in self.streams.values())]

    def lost(self, now_s: float) -> Lost | None:
        """For how long and why there is no connection; None while it stands."""
        if self.is_up:
            return None
        reason = f"{self.reason}; before, the venue announced {self._announced!r}" if self._announced else self.reason
        return Lost(now_s - self._down_since_s, reason)

    def retired(self, stream: Stream, now_us: int) -> str:
        """Why a stream has come to its end; empty when nothing says so.

        A refusal ends only what once lived: of a stream that never spoke it may be a mistake in the settings.
        """
        ended = expired(stream.subscription.symbol, now_us) or expired(stream.subscription.native, now_us)
        refusal = self._refusal(stream)
        if not ended and refusal and stream.pulse.cadence.learned and not stream.pulse.has_spoken:
            return f"the venue, which used to serve it, now answers {refusal!r}"
        return ended

    def trouble(self, stream: Stream) -> str:
        """Why a stream of a connection that stands may be silent, in the venue's words; empty when nothing is known."""
        refusal = self._refusal(stream) or self._refusals.get(("", ""))
        if refusal:
            return f"the venue answered {refusal!r}"
        if self._announced:
            return f"the venue announced {self._announced!r}"
        if self.unread:
            return f"{self.unread} messages of the connection could not be read ({self.unread_reason})"
        return ""

    def _refusal(self, stream: Stream) -> str | None:
        """What the venue answered when it was asked for this stream; None when it refused nothing."""
        channel, symbol = stream.subscription.key
        return self._refusals.get((channel, symbol)) or self._refusals.get(("", symbol))

    def ask_time(self, now_us: int, now_s: float) -> int:
        """The venue's time call is being sent, with this number; one before it that was not answered has failed."""
        if self._asked is not None:
            self._trips.failed()
        self._asked = Moment(now_us, now_s)
        self._questions += 1
        return self._questions

    def _note(self, notice: Notice, received_us: int, now_s: float) -> None:
        if notice.venue_us is not None:
            # an older question's answer may have waited here: it is not that of the newest one
            if self._asked is not None and notice.question == self._questions:
                asked, self._asked = self._asked, None
                self._trips.observe(asked, Moment(received_us, now_s), notice.venue_us, 1)
            return
        if notice.answer:
            self.answers.append(notice.answer)
        if notice.is_maintenance:
            self._announced = notice.text[:NAMED_TROUBLE]
        elif not notice.is_refusal and not notice.answer:
            self._announced = ""
        if notice.is_refusal:
            self._refusals[(notice.channel, notice.symbol)] = notice.text[:NAMED_TROUBLE]

    def _cannot_read(self, message: bytes, reason: str) -> None:
        self.unread += 1
        if not self.unread_reason:
            self.unread_reason = f"{reason}: {message[:NAMED_TROUBLE].decode(errors='replace')}"
