"""Untouched recordings, message by message through the whole measure: every alarm is false."""

from __future__ import annotations

from pathlib import Path

from bench.feed_trials.recordings import COLLECTORS
from bench.feed_trials.world import ALARMS
from tests.sources.collectors.feed.recorded import read


def alarms_of_recording(folder: Path, venue: str) -> int:
    """Rows with an alarm; nothing was learned before, so that a recording teaches what it is judged by."""
    messages = read(folder, venue)
    start_us = messages[0][0]
    measure = COLLECTORS[venue].open_measure(start_us, 0.0)
    (link,) = measure.links
    link.up(0.0)
    alarms, next_us = 0, start_us + 1_000_000
    for received_us, message in messages:
        while next_us <= received_us:
            alarms += sum(row["verdict"] in ALARMS for row in measure.tick(next_us, (next_us - start_us) / 1e6))
            next_us += 1_000_000
        link.observe(message, received_us, (received_us - start_us) / 1e6)
    return alarms
