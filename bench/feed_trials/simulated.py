"""Arrival times of the desk's simulated venues: what the bench uses where there are no recordings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import urlsplit

import numpy as np

from bench.feed_trials.recordings import StreamTimes, Traffic
from tapewatch.clock import US_PER_S
from tapewatch.desk.addresses import SPOKEN
from tapewatch.desk.faults import Fault, Script
from tapewatch.desk.simulation import Simulation
from tapewatch.desk.venues import VENUES
from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.feed.measure import FeedMeasure
from tapewatch.sources.collectors.feed.venues.base import Event

START_US = 1_700_000_000_000_000
STEP_S = 0.01
SECONDS = 30


def simulate(venue: str, seconds: int, *faults: Fault, seed: int = 7) -> Iterator[tuple[FeedMeasure, float, list[bytes]]]:
    """Let a simulated venue talk to one connection: the measure that listens, the second, and what comes in every step."""
    spec, messages = next(item for item in VENUES if item[0].name == venue)
    simulation = Simulation(spec, messages, seed=seed, script=Script(faults), start_us=START_US)
    symbols = tuple(item.symbol for item in spec.instruments)
    collector = FeedCollector(SPOKEN.get(venue, venue), symbols, url="ws://127.0.0.1/stream")
    measure = collector.open_measure(START_US, 0.0)
    (link,) = measure.links
    link.up(0.0)
    address = urlsplit(link.route.url)
    session = spec.dialect.session(f"{address.path}?{address.query}", simulation.offer)
    for request in measure.venue.subscribe(link.route.subscriptions):
        session.answer(request)
    for stream in session.streams:
        simulation.welcome(stream, session, 0.0)
    for step in range(1, round(seconds / STEP_S) + 1):
        now_s = step * STEP_S
        said: list[bytes] = []
        for arrival in simulation.advance(now_s):
            if arrival.stream is None:
                said.append(arrival.text.encode())
            elif arrival.stream in session.streams and arrival.only in {None, session}:
                said.append(session.dress(arrival.stream, arrival.text).encode())
        yield measure, now_s, said


def simulated_traffic(venue: str) -> Traffic:
    """Half a minute of a simulated venue, as long as a recording."""
    times: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    link: list[float] = []
    wanted = ()
    for measure, now_s, said in simulate(venue, SECONDS):
        wanted = measure.links[0].route.subscriptions
        for message in said:
            link.append(now_s)
            event = measure.venue.parse(message)
            if isinstance(event, Event):
                times[event.channel, event.symbol].append(now_s)
    streams = tuple(
        StreamTimes(item.symbol, item.channel.name, item.channel.on_change, np.array(times[item.key]))
        for item in wanted
        if item.key in times
    )
    return Traffic(venue, float(SECONDS), streams, np.array(link))


def wall_us(now_s: float) -> int:
    """Wall clock at a second of a simulation."""
    return START_US + round(now_s * US_PER_S)
