"""Untouched hours on virtual time: what a detector learns from them, and every alarm that it gives although nothing is wrong."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.feed_trials.bootstrap import HOUR_S, MOOD, draw, speed
from bench.feed_trials.recordings import Traffic
from bench.feed_trials.world import TIMEOUT_S, World

VISITED = (14, 15, 28, 29, 100, 101, 130, 131)
"""Hours of the week, from Monday 00:00 UTC: the openings, a low, and a Saturday, each with the hour after it."""

WEEKS = 5
AWAY_S = 86_400.0
"""Between two visits the process is away: each begins with a connection made anew, and with what was learned before."""


@dataclass
class Untouched:
    """What came of the untouched hours of one connection.

    Attributes:
        world: The connection as it has learned.
        hours: Hours that passed.
        messages: Messages of each stream.
        longest_s: Longest silence of each stream.
        alarms: Why each alarm was given; all of them are false.
        timeouts: How many a fixed timeout would have given.
    """

    world: World
    hours: int = 0
    messages: list[int] = field(default_factory=list[int])
    longest_s: list[float] = field(default_factory=list[float])
    alarms: list[str] = field(default_factory=list[str])
    timeouts: int = 0

    @property
    def stream_hours(self) -> int:
        """Hours times streams."""
        return self.hours * len(self.world.members)

    def rate(self, stream: int) -> float:
        """Messages a second of a stream over all hours."""
        return self.messages[stream] / (self.hours * HOUR_S)


def pass_hours(traffic: Traffic, hours: Sequence[int], seed: int) -> Untouched:
    """Let untouched hours of the week pass, one after the other."""
    random = np.random.default_rng(seed)
    world = World(traffic)
    streams = len(world.members)
    found = Untouched(world, messages=[0] * streams, longest_s=[0.0] * streams)
    now_s = 0.0
    for hour in hours:
        _pass_hour(found, hour, now_s, random)
        now_s += HOUR_S + AWAY_S
    return found


def _pass_hour(found: Untouched, hour: int, begin_s: float, random: np.random.Generator) -> None:
    world, mood = found.world, mood_of_day(random)
    streams = range(len(world.members))
    arrivals = draw(world.traffic, HOUR_S, lambda second: speed(hour + second / HOUR_S) * mood, random)
    was_alarm, was_timeout = [False for _ in streams], [False for _ in streams]
    for now_s in world.play(arrivals, begin_s, HOUR_S, lambda second: hour + second / HOUR_S):
        for number in streams:
            silence_s = world.members[number].pulse.silence_s(now_s)
            found.longest_s[number] = max(found.longest_s[number], silence_s)
            found.timeouts += silence_s >= TIMEOUT_S and not was_timeout[number]
            was_timeout[number] = silence_s >= TIMEOUT_S
            is_alarm = world.is_alarm(number, now_s)
            if is_alarm and not was_alarm[number]:
                found.alarms.append(world.evidence(number, now_s))
            was_alarm[number] = is_alarm
    found.hours += 1
    for number, times in enumerate(arrivals.streams):
        found.messages[number] += len(times)


def mood_of_day(random: np.random.Generator) -> float:
    """A day's own speed."""
    return float(np.exp(random.normal(0, MOOD)))


def learned_anew(world: World) -> World:
    """A connection of its own with what another has learned, as after a restart."""
    found = World(world.traffic)
    found.link.cadence = copy.deepcopy(world.link.cadence)
    for member, taught in zip(found.members, world.members, strict=True):
        member.pulse.cadence = copy.deepcopy(taught.pulse.cadence)
    return found
