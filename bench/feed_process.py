"""The process that `bench.feed_cost` measures: an agent's feed collectors without their sockets, fed through its standard input.

Pickled in: collectors, then lists of (number of the collector and of its connection, seconds, message), then None.
Pickled out: what it took.
"""

from __future__ import annotations

import gc
import pickle
import sys
import time
from dataclasses import dataclass

import psutil

import tapewatch.agent  # what an agent loads
import tapewatch.sources.collectors.feed.connection  # noqa: F401 - as above
from tapewatch.clock import US_PER_S
from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.feed.collection import LOOK_S, LOOKS
from tapewatch.sources.collectors.feed.measure import FeedMeasure

START_US = 1_700_000_000_000_000


@dataclass(frozen=True)
class Taken:
    """What it took.

    Attributes:
        streams: Streams measured.
        messages: Messages of them.
        rows: Rows of table ``feed`` that came of them.
        unread: Messages that were not understood.
        cpu_s: Processor time of the measuring alone.
        rss_bytes: Memory of the whole process at the end.
    """

    streams: int
    messages: int
    rows: int
    unread: int
    cpu_s: float
    rss_bytes: int


def main() -> None:
    """Measure until there is nothing more."""
    source = sys.stdin.buffer
    collectors: list[FeedCollector] = pickle.load(source)  # noqa: S301 - from a process of ours
    measures = [collector.open_measure(START_US, 0.0) for collector in collectors]
    links = [link for measure in measures for link in measure.links]
    for link in links:
        link.up(0.0)
    messages = rows = 0
    cpu_s = 0.0
    looks, next_s = 0, LOOK_S
    while (heard := pickle.load(source)) is not None:  # noqa: S301 - as above
        began_s = time.process_time()
        for number, link, at_s, message in heard:
            while next_s <= at_s:
                looks += 1
                rows += look(measures, next_s) if looks % LOOKS else tick(measures, next_s)
                next_s += LOOK_S
            measures[number].links[link].observe(message, START_US + round(at_s * US_PER_S), at_s)
        cpu_s += time.process_time() - began_s
        messages += len(heard)
        del heard
    gc.collect()
    streams, unread = sum(len(link.streams) for link in links), sum(link.unread for link in links)
    rss_bytes = psutil.Process().memory_info().rss
    pickle.dump(Taken(streams, messages, rows, unread, cpu_s, rss_bytes), sys.stdout.buffer)


def look(measures: list[FeedMeasure], now_s: float) -> int:
    """A quarter of a second is over: rows of streams that have become too silent."""
    return sum(len(measure.look(START_US + round(now_s * US_PER_S), now_s)) for measure in measures)


def tick(measures: list[FeedMeasure], now_s: float) -> int:
    """One second is over: rows that are due."""
    return sum(len(measure.tick(START_US + round(now_s * US_PER_S), now_s)) for measure in measures)


if __name__ == "__main__":
    main()
