"""The recordings as arrival times, stream by stream; as messages for faults that only their content shows."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tapewatch.sources.collectors.feed.venues.base import UNREADABLE, Event
from tests.sources.collectors.feed.recorded import COLLECTORS as RECORDED
from tests.sources.collectors.feed.recorded import OLDER, read

Times = npt.NDArray[np.float64]
"""Arrival times in seconds, ascending, shape (n,)."""

SETTLED_S = 2.0
"""Seconds at the beginning of a recording that are left out as a source of arrivals: subscriptions are answered and snapshots sent."""

COLLECTORS = {**RECORDED, **OLDER}
"""Collectors whose streams are those of the recordings, by venue."""


@dataclass(frozen=True)
class StreamTimes:
    """One stream of a recording.

    Attributes:
        symbol: Canonical symbol.
        channel: Name of the channel.
        on_change: Whether it speaks only when something changes.
        times_s: Arrivals since the beginning of the usable part.
    """

    symbol: str
    channel: str
    on_change: bool
    times_s: Times

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.symbol} {self.channel}"


@dataclass(frozen=True)
class Traffic:
    """A recorded connection as arrival times.

    Attributes:
        venue: Venue id.
        span_s: Length of the usable part.
        streams: Those that spoke in it.
        link_s: Arrivals of every message of the connection, acknowledgements and heartbeats included.
    """

    venue: str
    span_s: float
    streams: tuple[StreamTimes, ...]
    link_s: Times


def traffic(folder: Path, venue: str) -> Traffic:
    """The arrival times of one recording."""
    messages = read(folder, venue)
    collector = COLLECTORS[venue]
    protocol = collector.open_venue()
    begin_us = messages[0][0] + round(SETTLED_S * 1_000_000)
    heard = [(received_us, message) for received_us, message in messages if received_us >= begin_us]
    times: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    for received_us, message in heard:
        try:
            event = protocol.parse(message)
        except UNREADABLE:
            continue
        if isinstance(event, Event):
            times[event.channel, event.symbol].append((received_us - begin_us) / 1e6)
    streams = tuple(
        StreamTimes(wanted.symbol, wanted.channel.name, wanted.channel.on_change, np.array(times[wanted.key]))
        for wanted in collector.subscriptions()
        if wanted.key in times
    )
    link_s = np.array([(received_us - begin_us) / 1e6 for received_us, _ in heard])
    return Traffic(venue, (messages[-1][0] - begin_us) / 1e6, streams, link_s)
