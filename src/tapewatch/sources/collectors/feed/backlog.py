"""Backlog told from skew: how far a connection had fallen behind, seen from messages that grow older or catch up.

A queue (a blocked event loop, a stalled link) delivers old messages faster than they were made: their latency drains, message by
message, to what it was. While it builds up, the latency of each message exceeds the one before. A clock that was set, or a longer
route, moves the latency in one step and then leaves it: that is no backlog (`offset` follows it).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from tapewatch.sources.collectors.feed.offset import Lags

NOTICED_US = 20_000
"""Latencies below this are the jitter of a healthy link."""

MESSAGES = 4
"""Messages that a statement about a queue needs."""

DRAINED = 0.2
"""A queue has drained when a fifth or less of its latency is left."""

STEP = 0.75
"""A fall of which one step is more than this share is a clock or a single late message, not a queue."""

SLOWEST = 5
"""A queue drains in at most this many times its length; a slower fall is a changing network."""

PARTS = 4
GROWTH_SHARE = 0.1
"""Growing: the floor rises from each quarter of the interval to the next by at least a tenth of the whole rise."""


def backlog_us(received_us: Lags, latency_us: Lags) -> int:
    """How far behind a connection was in an interval, µs; 0 when it kept up.

    Args:
        received_us: Receive times in the order of arrival, µs, shape (n,).
        latency_us: Latency of the same messages above the best seen, µs, shape (n,).
    """
    if len(latency_us) < MESSAGES:
        return 0
    return max(_drained(received_us, latency_us), _growing(latency_us))


def _drained(received_us: Lags, latency_us: Lags) -> int:
    # two neighbours must agree, so that one late message among timely ones is no queue
    floor = np.minimum(latency_us[:-1], latency_us[1:])
    start = int(floor.argmax())
    height = int(floor[start])
    if height < NOTICED_US:
        return 0
    below = np.flatnonzero(floor[start:] <= height * DRAINED)
    if len(below) == 0:
        return 0
    end = start + int(below[0]) + 1
    took_us = int(received_us[end] - received_us[start])
    steps = -np.diff(latency_us[start : end + 1])
    is_queue = took_us <= SLOWEST * height and int(steps.max()) <= STEP * height
    return int(latency_us[start]) if is_queue else 0


def _growing(latency_us: Lags) -> int:
    if len(latency_us) < PARTS * MESSAGES:
        return 0
    floors = [int(part.min()) for part in np.array_split(latency_us, PARTS)]
    rise = floors[-1] - floors[0]
    steps = [later - earlier for earlier, later in pairwise(floors)]
    is_growing = rise >= NOTICED_US and min(steps) >= GROWTH_SHARE * rise
    return floors[-1] if is_growing else 0
