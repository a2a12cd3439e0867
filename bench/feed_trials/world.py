"""One connection with its streams on virtual time: arrivals into the detector that the collector uses, looks and ticks as it has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bench.feed_trials.bootstrap import Arrivals
from bench.feed_trials.recordings import Traffic
from tapewatch.sources.collectors.feed.collection import LOOK_S, LOOKS
from tapewatch.sources.collectors.feed.freshness import is_calm, judge
from tapewatch.sources.collectors.feed.peers import Member, Peers
from tapewatch.sources.collectors.feed.pulse import Pulse
from tapewatch.sources.collectors.feed.season import HOURS

ALARMS = frozenset(("late", "stale", "dead"))
"""Verdicts that call somebody."""

TIMEOUT_S = 30.0
"""The usual way: a stream that is silent for so long is stale, whichever stream it is."""


class World:
    """Streams of a recorded connection.

    Attributes:
        members: The streams, in the order of the traffic.
        link: The connection.
    """

    def __init__(self, traffic: Traffic) -> None:
        self.traffic = traffic
        self.link = Pulse()
        self.members = [
            Member(traffic.venue, stream.symbol, stream.channel, Pulse(), self.link, on_change=stream.on_change)
            for stream in traffic.streams
        ]
        self._verdicts = ["unknown"] * len(self.members)
        self._is_tick = True
        self._peers = Peers()
        for member in self.members:
            self._peers.join(member)

    def play(self, arrivals: Arrivals, begin_s: float, seconds: float, hour: Callable[[float], float]) -> Iterator[float]:
        """Make the connection anew and let time pass; every look gives the time, after what has come by then was taken.

        Args:
            arrivals: What comes, in seconds since ``begin_s``.
            begin_s: Second of the clock at which it begins.
            seconds: How long.
            hour: Hours since Monday at a second since ``begin_s``.
        """
        pulses = [*(member.pulse for member in self.members), self.link]
        times = [(stream + begin_s).tolist() for stream in (*arrivals.streams, arrivals.link)]
        places = [0] * len(pulses)
        for pulse in pulses:
            pulse.listen(begin_s)
        for look in range(1, int(seconds / LOOK_S) + 1):
            now_s = begin_s + look * LOOK_S
            self._is_tick = look % LOOKS == 0
            now_hour = hour(look * LOOK_S) % HOURS
            for number, pulse in enumerate(pulses):
                places[number] = _feed(pulse, times[number], places[number], now_s)
                if self._is_tick:
                    pulse.cadence.settle(now_hour)
            yield now_s

    def is_alarm(self, number: int, now_s: float) -> bool:
        """Whether the verdict on a stream calls somebody; between ticks only what was fresh is judged, as the collector does it."""
        member = self.members[number]
        if self._is_tick or self._verdicts[number] == "fresh":
            self._verdicts[number] = "fresh" if is_calm(member, now_s) else judge(member, self._peers, now_s).verdict
        return self._verdicts[number] in ALARMS

    def evidence(self, number: int, now_s: float) -> str:
        """Why, in the words that an operator reads."""
        return f"{self.members[number].symbol}: {judge(self.members[number], self._peers, now_s).evidence}"


def _feed(pulse: Pulse, times: list[float], place: int, now_s: float) -> int:
    """Let the arrivals until a moment come; give the place of the next."""
    beat, end = pulse.beat, len(times)
    while place < end and times[place] <= now_s:
        beat(times[place])
        place += 1
    return place
