"""Arrivals for any length of virtual time: blocks drawn from a recording, stretched by a profile of the week.

A block is a stretch of the whole connection, so that streams which were quiet together stay quiet together; blocks are drawn
with replacement, begin anywhere (the end joins the beginning) and have geometric lengths (the stationary bootstrap of Politis
and Romano, 1994). Where two blocks meet, silences join: silences longer than any recorded one arise. No arrival is ever drawn from a rate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bench.feed_trials.recordings import Times, Traffic

BLOCK_S = 10.0
"""Mean length of a block: a third of a recording."""

HOUR_S = 3600.0

DAY = (0.9, 0.85, 0.8, 0.75, 0.75, 0.8, 0.85, 0.95, 1.0, 1.0, 1.0, 1.05, 1.15, 1.25, 1.35, 1.35, 1.3, 1.2, 1.1, 1.0, 1.0, 1.0, 0.95, 0.9)
"""Speed of a working day's hours in UTC, relative to the recording: the low of the Asian night, the peak when New York opens."""

WEEKEND = 0.85
"""Speed of Saturday and Sunday relative to a working day."""

MOOD = 0.1
"""Standard deviation of the logarithm of a day's own speed: no two Mondays are alike."""

FRIDAY = 4


def speed(hour: float) -> float:
    """Speed of the market at a moment of the week (hours since Monday 00:00 UTC), without steps between the hours."""
    at = hour - 0.5
    before = int(np.floor(at))
    share = at - before
    return _speed_of(before) * (1 - share) + _speed_of(before + 1) * share


def _speed_of(hour: int) -> float:
    day, of_day = divmod(hour % 168, 24)
    return DAY[of_day] * (WEEKEND if day > FRIDAY else 1.0)


@dataclass
class Arrivals:
    """What comes over a connection, in seconds from 0.

    Attributes:
        streams: Of each stream.
        link: Of the connection, of whatever.
    """

    streams: list[Times]
    link: Times


def draw(traffic: Traffic, seconds: float, pace: Callable[[float], float], random: np.random.Generator) -> Arrivals:
    """Draw arrivals.

    Args:
        traffic: The recording.
        seconds: How long.
        pace: Speed at a second, relative to the recording.
        random: Where chance is from.
    """
    # virtual time runs through the recording at the pace: second t shows the recording's moment ∫ pace
    grid_s = np.linspace(0.0, seconds, max(2, int(seconds / 60) + 1))
    paces = np.array([pace(float(moment)) for moment in grid_s])
    played_s = np.concatenate(([0.0], np.cumsum((paces[1:] + paces[:-1]) / 2 * np.diff(grid_s))))
    lengths = random.exponential(BLOCK_S, int(played_s[-1] / BLOCK_S * 1.5) + 20)
    begins = np.concatenate(([0.0], np.cumsum(lengths)[:-1]))
    blocks = int(np.searchsorted(begins, played_s[-1]))
    sources = random.uniform(0, traffic.span_s, len(lengths))[:blocks]
    drawn = [_cut(times, traffic.span_s, sources, lengths[:blocks], begins[:blocks]) for times in _all(traffic)]
    *streams, link = (np.interp(times[times < played_s[-1]], played_s, grid_s) for times in drawn)
    return Arrivals(streams, link)


def _all(traffic: Traffic) -> list[Times]:
    return [*(stream.times_s for stream in traffic.streams), traffic.link_s]


def _cut(times: Times, span_s: float, sources: Times, lengths: Times, begins: Times) -> Times:
    """Put the blocks ``sources`` … ``sources + lengths`` of a recording that begins anew when it ends one after the other."""
    turns = int(np.ceil((span_s + lengths.max()) / span_s)) + 1
    endless = np.concatenate([times + turn * span_s for turn in range(turns)])
    first = np.searchsorted(endless, sources)
    last = np.searchsorted(endless, sources + lengths)
    counts = last - first
    starts = np.repeat(first - np.concatenate(([0], np.cumsum(counts)[:-1])), counts)
    picked = starts + np.arange(int(counts.sum()))
    return endless[picked] + np.repeat(begins - sources, counts)
