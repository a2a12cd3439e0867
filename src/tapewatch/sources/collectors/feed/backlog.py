"""Backlog told from skew: how far a connection had fallen behind, seen from messages that grow older or catch up.

A queue (a blocked event loop, a stalled link, a venue that is behind) delivers old messages faster than they were made: their latency
drains, message by message, to what it was. While it builds up, the latency of each message exceeds the one before. A clock that was
set, or a longer route, moves the latency in one step and then leaves it: that is no backlog (`offset` follows it).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import numpy as np

from tapewatch.sources.collectors.feed.offset import Lags

NOTICED_US = 20_000
NOTICED_TIMES = 3
USUAL_FRACTION = 0.95
"""A backlog is at least 20 ms more than three times what the latency of the link usually stays under; what is below is its jitter.

One late packet holds up those behind it, which looks like a small queue. Where latencies fall off exponentially, one message in twenty
exceeds the usual and one in 8,000 three times as much; twice, one in 400, would be a false backlog every minute or so.
"""

UNKNOWN_US = 200_000
"""What a backlog must exceed while nothing is known of the link yet: more than the jitter of a way around the world."""

REMEMBERED = 24
"""Intervals by which the usual latency is known: two minutes of five seconds, longer than most backlogs."""

MESSAGES = 4
"""Messages that a statement about a queue needs."""

DRAINED = 0.2
"""A queue has drained when a fifth or less of its latency is left."""

STEP = 0.75
"""A fall of which one step is more than this share is a clock or a single late message, not a queue."""

SLOWEST = 5
"""A queue drains in at most this many times its length; a slower fall is a changing network."""

PARTS = 4
PART_MESSAGES = 8
MOVING_SHARE = 0.1
"""Moving: the floor rises (or falls) from each quarter of the interval to the next by at least a tenth of the whole."""


@dataclass(slots=True)
class Backlog:
    """Backlog of one connection; knows what latency is usual on it."""

    _usual_us: deque[float] = field(default_factory=lambda: deque[float](maxlen=REMEMBERED))

    def measure(self, received_us: Lags, latency_us: Lags) -> int:
        """How far behind the connection was, µs; 0 when it kept up.

        Args:
            received_us: Receive times in the order of arrival, µs, shape (n,).
            latency_us: Latency of the same messages above the best seen, µs, shape (n,).
        """
        if len(latency_us) < MESSAGES:
            return 0
        noticed_us = NOTICED_US + NOTICED_TIMES * median(self._usual_us) if self._usual_us else UNKNOWN_US
        return max(_drained(received_us, latency_us, noticed_us), _moving(latency_us, noticed_us))

    def learn(self, latency_us: Lags) -> None:
        """Remember the latencies of an interval that is over."""
        if len(latency_us) >= MESSAGES:
            self._usual_us.append(float(np.quantile(latency_us, USUAL_FRACTION)))


def _drained(received_us: Lags, latency_us: Lags, noticed_us: float) -> int:
    """Height of a queue that was emptied within the interval."""
    # two neighbours must agree, so that one late message among timely ones is no queue
    floor = np.minimum(latency_us[:-1], latency_us[1:])
    start = int(floor.argmax())
    height = int(floor[start])
    if height < noticed_us:
        return 0
    below = np.flatnonzero(floor[start:] <= height * DRAINED)
    if len(below) == 0:
        return 0
    end = start + int(below[0]) + 1
    took_us = int(received_us[end] - received_us[start])
    steps = -np.diff(latency_us[start : end + 1])
    is_queue = took_us <= SLOWEST * height and int(steps.max()) <= STEP * height
    return int(latency_us[start]) if is_queue else 0


def _moving(latency_us: Lags, noticed_us: float) -> int:
    """Longest that a queue was, if it grew or drained throughout the interval."""
    if len(latency_us) < PARTS * PART_MESSAGES:
        return 0
    floors = [int(part.min()) for part in np.array_split(latency_us, PARTS)]
    whole = floors[-1] - floors[0]
    steps = [later - earlier if whole > 0 else earlier - later for earlier, later in pairwise(floors)]
    ends = int(max(latency_us[:PART_MESSAGES].min(), latency_us[-PART_MESSAGES:].min()))
    is_moving = abs(whole) >= NOTICED_US and ends >= noticed_us and min(steps) >= MOVING_SHARE * abs(whole)
    return ends if is_moving else 0
