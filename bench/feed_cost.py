"""Memory and processor time of 2,000 streams in one process, as an agent has them.

The mix: of each simulated venue 223 symbols, each with trades, a kept book and a ticker: Kraken with the ten levels of its checksum,
Coinbase with every level of its book, Binance futures with its changes only. Coinbase's books are as deep as real ones: 5,000 levels a side
for one symbol in ten, 500 for the others. Messages come at the pace of the simulation, about five a second and stream; the process that
measures is another one than the process that simulates. ``--short`` takes a few seconds of them.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import IO
from urllib.parse import urlsplit

from bench.bars import Bar, run
from bench.feed_process import START_US, Taken
from tapewatch.desk.addresses import FEED_CHANNELS, SPOKEN
from tapewatch.desk.dialects.base import Session
from tapewatch.desk.market import Instrument
from tapewatch.desk.simulation import Simulation
from tapewatch.desk.venues import VENUES
from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.feed.link import Link

SYMBOLS = 223
TARGET_MB = 300.0
TARGET_PER_S = 20_000.0
SECONDS, SHORT_S = 60, 6
DEEP, DEEP_EVERY, SHALLOW = 5_000, 10, 500

Heard = tuple[int, int, float, bytes]
"""Number of the collector and of its connection, seconds, message."""


def instruments(spec_number: int) -> tuple[Instrument, ...]:
    """So many symbols that are traded as the venue's first."""
    first = VENUES[spec_number][0].instruments[0]
    base = first.unified.partition("/")[0]
    native = "XBT" if "XBT" in first.symbol else base
    return tuple(
        replace(first, symbol=first.symbol.replace(native, f"Q{number}Z"), unified=first.unified.replace(base, f"Q{number}Z"))
        for number in range(SYMBOLS)
    )


class Venue:
    """One simulated venue and who listens to it."""

    def __init__(self, number: int) -> None:
        spec, messages = VENUES[number]
        self.number = number
        self.spec = replace(spec, instruments=instruments(number))
        self._simulation = Simulation(self.spec, messages, start_us=START_US)
        symbols = tuple(item.symbol for item in self.spec.instruments)
        self.collector = FeedCollector(SPOKEN.get(spec.name, spec.name), symbols, FEED_CHANNELS, url="ws://127.0.0.1/stream")
        measure = self.collector.open_measure(START_US, 0.0)
        self.links = measure.links
        self._sessions = [self._session(link) for link in measure.links]
        for session in self._sessions:
            for stream in session.streams:
                self._simulation.welcome(stream, session, 0.0)

    def _session(self, link: Link) -> Session:
        """What the venue knows of one connection."""
        address = urlsplit(link.route.url)
        session = self.spec.dialect.session(f"{address.path}?{address.query}", self._simulation.offer)
        for request in link.venue.subscribe(link.route.subscriptions):
            session.answer(request)
        return session

    def second(self, now_s: float) -> list[Heard]:
        """What is heard within the second that ends now."""
        return [
            (self.number, place, now_s, session.dress(arrival.stream, arrival.text).encode())
            for arrival in self._simulation.advance(now_s)
            if arrival.stream is not None
            for place, session in enumerate(self._sessions)
            if arrival.stream in session.streams and arrival.only in {None, session}
        ]


def deep_books(venue: Venue) -> list[Heard]:
    """A snapshot of each Coinbase book beyond the levels of the simulation."""
    heard: list[Heard] = []
    for place, item in enumerate(venue.spec.instruments):
        levels = DEEP if place % DEEP_EVERY == 0 else SHALLOW
        asks = ",".join(f'["{item.base_price + number / 10 + 1:.2f}","0.{number:08d}"]' for number in range(1, levels))
        bids = ",".join(f'["{item.base_price - number / 20 - 1:.2f}","0.{number:08d}"]' for number in range(1, levels))
        text = f'{{"type":"snapshot","product_id":"{item.symbol}","asks":[{asks}],"bids":[{bids}]}}'
        link = next(link for link, found in enumerate(venue.links) if ("book", item.symbol) in found.streams)
        heard.append((venue.number, link, 1.0, text.encode()))
    return heard


def measured(seconds: int) -> Taken:
    """Let the venues talk for so long to a process of their own."""
    venues = [Venue(number) for number in range(len(VENUES))]
    command = [sys.executable, "-m", "bench.feed_process"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        sink, source = process.stdin, process.stdout
        if sink is None or source is None:
            raise SystemExit("the process that measures has no pipes")
        say(sink, [venue.collector for venue in venues])
        for second in range(1, seconds + 1):
            for venue in venues:
                say(sink, venue.second(float(second)))
                if second == 1 and venue.spec.name == "coinbase":
                    say(sink, deep_books(venue))
        say(sink, None)
        taken: Taken = pickle.load(source)  # noqa: S301 - from a process of ours
    if taken.unread:
        raise SystemExit(f"{taken.unread} messages were not understood")
    return taken


def say(sink: IO[bytes], what: object) -> None:
    """Hand something over."""
    pickle.dump(what, sink)
    sink.flush()


def bars(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the form of every script's measure
    """All numbers."""
    taken = measured(SHORT_S if is_short else SECONDS)
    yield Bar("streams of the mix", taken.streams, "", 2_000, is_least=True)
    yield Bar("messages of the mix", taken.messages, "")
    yield Bar(f"{taken.streams:,} streams: memory of the process", taken.rss_bytes / 1e6, "MB", TARGET_MB)
    yield Bar(f"{taken.streams:,} streams: measured, per core", taken.messages / taken.cpu_s, "msg/s", TARGET_PER_S, is_least=True)


if __name__ == "__main__":
    run(bars, "Memory and processor time of 2,000 streams.")
