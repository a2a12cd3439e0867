"""Trials of silence on virtual time: a stream is cut or frozen, or a whole connection falls silent, at a random moment of the week."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.feed_trials.bootstrap import HOUR_S, Arrivals, draw, speed
from bench.feed_trials.recordings import Times
from bench.feed_trials.week import VISITED, Untouched, learned_anew, mood_of_day
from bench.feed_trials.world import TIMEOUT_S, World
from tapewatch.sources.collectors.feed.cadence import LEARNED
from tapewatch.sources.collectors.feed.collection import LOOK_S, TICK_S

KINDS = ("cut", "freeze", "connection")
"""A stream says nothing any more; it pauses and then says at once what it kept; all streams of a connection say nothing."""

FAST_PER_S = 5.0
FOUND_S = 5.0
"""Streams of so many messages a second, and whole connections, are found within so many seconds."""

LEAD_S = 30.0
"""Seconds before the fault, at least; up to twice as many."""

GIVEN_UP = 3.0
"""A fault that is not found within this multiple of its bar, and a minute, is missed."""

START_S = 1e9


@dataclass(frozen=True)
class Trial:
    """One fault and when it was found.

    Attributes:
        kind: What was done.
        stream: Venue and stream, for people.
        rate: Messages a second of the stream, or of the connection.
        bar_s: Within how many seconds it is to be found.
        longest_s: Longest silence of the stream while nothing was wrong.
        found_s: After how many it was; None for never.
        timeout_s: After how many a fixed timeout finds it; None when the fault was over before.
        hindsight_s: After how many somebody finds it who knows the longest untouched silence of the stream beforehand, and takes no risk.
    """

    kind: str
    stream: str
    rate: float
    bar_s: float
    longest_s: float
    found_s: float | None
    timeout_s: float | None
    hindsight_s: float | None = None

    @property
    def is_fast(self) -> bool:
        """Whether the bar is the one of fast streams and of connections."""
        return self.kind == "connection" or self.rate >= FAST_PER_S


def bar_s(rate: float, longest_s: float) -> float:
    """The bar of a stream of so many messages a second whose longest untouched silence is known."""
    return FOUND_S if rate >= FAST_PER_S else max(1.5 * math.log(3.6e6 * rate) / rate, 1.5 * longest_s)


def try_silences(untouched: Sequence[Untouched], numbers: Sequence[int], seed: int) -> list[Trial]:
    """Make silences: the kinds in turn by the numbers of the trials, the stream and the moment at random."""
    streams = [(found, number) for found in untouched for number in range(len(found.world.members)) if _is_known(found, number)]
    trials: list[Trial] = []
    for trial in numbers:
        random = np.random.default_rng((seed, trial))
        kind = KINDS[trial % len(KINDS)]
        if kind == "connection":
            trials.append(_silence_connection(untouched[int(random.integers(len(untouched)))], random))
        else:
            found, number = streams[int(random.integers(len(streams)))]
            trials.append(_silence_stream(kind, found, number, random))
    return trials


def _is_known(found: Untouched, number: int) -> bool:
    return found.world.members[number].pulse.cadence.learned >= LEARNED


def _silence_stream(kind: str, found: Untouched, number: int, random: np.random.Generator) -> Trial:
    rate = found.rate(number)
    bar = bar_s(rate, found.longest_s[number])
    # a pause that is no longer than what the stream does by itself is none: nobody could find it
    least_s = 1.5 * max(bar, found.longest_s[number])
    pause_s = float(random.uniform(least_s, 2 * least_s)) if kind == "freeze" else math.inf
    stage = _Stage(found.world, min(pause_s, GIVEN_UP * bar + 60), random)
    times = stage.arrivals.streams[number] = without(stage.arrivals.streams[number], stage.at_s, pause_s)
    heard = times[times < stage.at_s]
    silence_s = stage.at_s - float(heard[-1]) if len(heard) else stage.at_s
    hindsight_s = max(0.0, found.longest_s[number] - silence_s) + LOOK_S / 2
    name = f"{found.world.traffic.venue} {found.world.traffic.streams[number].name}"
    return Trial(kind, name, rate, bar, found.longest_s[number], stage.found(number), _timeout_s(pause_s, silence_s), hindsight_s)


def _silence_connection(found: Untouched, random: np.random.Generator) -> Trial:
    stage = _Stage(found.world, GIVEN_UP * FOUND_S + 60, random)
    stage.arrivals = Arrivals([without(times, stage.at_s) for times in stage.arrivals.streams], without(stage.arrivals.link, stage.at_s))
    # the slowest stream shows it: its own silence would not be unusual yet
    slowest = min((number for number in range(len(found.messages)) if _is_known(found, number)), key=found.rate)
    rate = sum(map(found.rate, range(len(found.messages))))
    return Trial("connection", found.world.traffic.venue, rate, FOUND_S, 0.0, stage.found(slowest), TIMEOUT_S + TICK_S / 2)


def _timeout_s(pause_s: float, silence_s: float) -> float | None:
    """A fixed timeout counts from the last message, and is looked at every second."""
    needed_s = max(0.0, TIMEOUT_S - silence_s) + TICK_S / 2
    return needed_s if needed_s < pause_s else None


def without(times: Times, at_s: float, pause_s: float = math.inf) -> Times:
    """A stream that is silent from a moment on; what a pause held back comes at its end, at once."""
    held = (times >= at_s) & (times < at_s + pause_s)
    return times[~held] if math.isinf(pause_s) else np.where(held, at_s + pause_s, times)


class _Stage:
    """A connection that has learned, and arrivals that something can be done to.

    Attributes:
        arrivals: What comes.
        at_s: When something is done.
    """

    def __init__(self, world: World, watch_s: float, random: np.random.Generator) -> None:
        self.at_s = float(random.uniform(LEAD_S, 2 * LEAD_S))
        self._seconds = self.at_s + watch_s
        self._begin = VISITED[int(random.integers(len(VISITED)))] + float(random.uniform(0, max(0.0, 1 - self._seconds / HOUR_S)))
        mood = mood_of_day(random)
        self.arrivals = draw(world.traffic, self._seconds, lambda second: speed(self._hour(second)) * mood, random)
        self._world = learned_anew(world)

    def _hour(self, second: float) -> float:
        return self._begin + second / HOUR_S

    def found(self, number: int) -> float | None:
        """Seconds from the fault to the alarm of a stream; None for none."""
        for now_s in self._world.play(self.arrivals, START_S, self._seconds, self._hour):
            passed_s = now_s - START_S - self.at_s
            if passed_s >= 0 and self._world.is_alarm(number, now_s):
                return passed_s
        return None
