"""A venue that batches: told from a backlog by coming again and again.

Messages that a venue (or something on the way) collects and sends together arrive in lumps, the oldest of a lump about as old as the time
since the lump before. That looks like a queue that drains, over and over. A queue drains once; a rhythm goes on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tapewatch.sources.collectors.feed.offset import Lags

TOGETHER_US = 3_000
"""Messages that follow each other within this time are one lump."""

LUMPS = 6
"""Lumps that a rhythm needs."""

SHORTEST_US = 20_000
"""A shorter rhythm is the jitter of any link."""

OFF_BEAT = 0.25
ON_BEAT_SHARE = 0.8
"""Most lumps come within a quarter of the rhythm of their beat; a beat may be empty."""

AGED = 0.4
"""The oldest message of a lump has waited for at least this share of the rhythm: otherwise the market made the lump."""


def _nothing() -> Lags:
    return np.empty(0, np.int64)


@dataclass(slots=True)
class Rhythm:
    """The rhythm of one connection, learned from the last two intervals.

    Attributes:
        us: Time between two lumps, µs; None when messages come one by one or without a rhythm.
    """

    us: int | None = None
    _received_us: Lags = field(default_factory=_nothing)
    _latency_us: Lags = field(default_factory=_nothing)

    def learn(self, received_us: Lags, latency_us: Lags) -> None:
        """Take an interval that is over, as `find_rhythm` takes it."""
        self.us = find_rhythm(np.concatenate((self._received_us, received_us)), np.concatenate((self._latency_us, latency_us)))
        self._received_us, self._latency_us = received_us, latency_us

    def without_waiting(self, received_us: Lags, latency_us: Lags) -> Lags:
        """Latencies without what messages waited for their lump: as late as the freshest of the lump, at most a rhythm less than before.

        What exceeds a rhythm waited for something else: a stall that ends in a burst is a lump, too. The same without a rhythm.
        """
        if self.us is None or len(received_us) == 0:
            return latency_us
        ends = np.append(_ends(received_us), len(received_us) - 1)
        freshest_us = np.repeat(latency_us[ends], np.diff(ends, prepend=-1))
        return np.maximum(np.minimum(freshest_us, latency_us), latency_us - self.us)


def find_rhythm(received_us: Lags, latency_us: Lags) -> int | None:
    """Time between two lumps of messages, µs; None when they come one by one or without a rhythm.

    Args:
        received_us: Receive times in the order of arrival, µs, shape (n,).
        latency_us: Latency of the same messages above the best seen, µs, shape (n,).
    """
    ends = _ends(received_us)
    if len(ends) < LUMPS:
        return None
    # the first and the last lump may have been cut by the interval
    starts, ends = ends[:-1] + 1, ends[1:]
    steps = np.diff(received_us[starts])
    rhythm = _middle(steps)
    if rhythm < SHORTEST_US or _middle(latency_us[starts] - latency_us[ends]) < AGED * rhythm:
        return None
    beats = steps / rhythm
    off_beat = np.abs(beats - np.maximum(np.rint(beats), 1))
    return rhythm if np.count_nonzero(off_beat <= OFF_BEAT) >= ON_BEAT_SHARE * len(steps) else None


def _ends(received_us: Lags) -> npt.NDArray[np.intp]:
    """Positions of the last message of each lump that is over."""
    return np.flatnonzero(np.diff(received_us) > TOGETHER_US)


def _middle(values: Lags) -> int:
    """Median, the upper one of two."""
    return int(np.sort(values)[len(values) // 2])
