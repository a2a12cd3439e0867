"""The desk's simulated venues through the measure on virtual time: faults of a script, rows of table ``feed``."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tapewatch.desk.addresses import SPOKEN
from tapewatch.desk.faults import Fault, Script
from tapewatch.desk.simulation import Simulation
from tapewatch.desk.venues import simulated
from tapewatch.sources.collectors.feed import FeedCollector

START_US = 1_700_000_000_000_000
STEP_S = 0.01


def simulate(venue: str, seconds: int, *faults: Fault, seed: int = 7) -> list[dict[str, Any]]:
    """Rows of every stream of a simulated venue's first ``seconds``, on one connection."""
    spec, messages = simulated(venue)
    simulation = Simulation(spec, messages, seed=seed, script=Script(faults), start_us=START_US)
    collector = FeedCollector(SPOKEN.get(venue, venue), tuple(item.symbol for item in spec.instruments), url="ws://127.0.0.1/stream")
    measure = collector.open_measure(START_US, 0.0)
    (link,) = measure.links
    link.up(0.0)
    address = urlsplit(link.route.url)
    session = spec.dialect.session(f"{address.path}?{address.query}", simulation.offer)
    for request in measure.venue.subscribe(link.route.subscriptions):
        session.answer(request)
    for stream in session.streams:
        simulation.welcome(stream, session, 0.0)
    rows: list[dict[str, Any]] = []
    for step in range(1, round(seconds / STEP_S) + 1):
        now_s = step * STEP_S
        now_us = START_US + round(now_s * 1_000_000)
        for arrival in simulation.advance(now_s):
            if arrival.stream is None:
                link.observe(arrival.text.encode(), now_us, now_s)
            elif arrival.stream in session.streams and arrival.only in {None, session}:
                link.observe(session.dress(arrival.stream, arrival.text).encode(), now_us, now_s)
        if step % round(1 / STEP_S) == 0:
            rows += measure.tick(now_us, now_s)
    assert link.unread == 0, link.unread_reason
    return rows
