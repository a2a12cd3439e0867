"""Trials of what only the content shows: messages of a recording lost, swapped and doubled on every channel that numbers them.

On books whose updates carry a checksum messages are lost and swapped, too. Whether that shows depends on the levels that they reach: a
place is tried where the levels that are summed differ from the venue's at one of the messages that follow (`bench.feed_trials.summed`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.feed_trials.recordings import COLLECTORS
from bench.feed_trials.summed import shown_at_us
from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.feed.sequence import CONFIRM_S
from tapewatch.sources.collectors.feed.venues.base import UNREADABLE, Event, Fault, Subscription
from tests.sources.collectors.feed.recorded import Message, play, read

MADE = {"drop": Fault.GAP, "swap": Fault.REORDER, "double": Fault.DUPLICATE}
"""What is done to a message, and what it is to be seen as where messages are numbered."""

SUMMED = "drop", "swap"
"""What is done to updates of books with a checksum; one that comes twice changes nothing."""

TRIED = 200
"""Places of a book that are looked at for one that shows."""

BORDER = 3
"""Messages at both ends of a stream that nothing is done to: its start would be another, and its end is waited for."""

AFTER_S = 8.0
FOUND_S = 5.0


@dataclass(frozen=True)
class SequenceTrial:
    """One fault in a sequence and what was made of it.

    Attributes:
        kind: What was done.
        stream: Venue and stream, for people.
        fault: What it is to be seen as.
        found_s: Seconds from the message that shows it to the row that counts it; None for never.
        others: Other events that were counted although nothing else was wrong.
    """

    kind: str
    stream: str
    fault: Fault
    found_s: float | None
    others: int


@dataclass(frozen=True)
class Recorded:
    """One stream of a recording.

    Attributes:
        collector: What collects it, with a row a second.
        subscription: Symbol and channel.
        messages: Its messages.
        is_numbered: Whether they have numbers.
        is_summed: Whether they carry a checksum of the book.
    """

    collector: FeedCollector
    subscription: Subscription
    messages: Sequence[Message]
    is_numbered: bool
    is_summed: bool


def try_sequences(folder: Path, trials: int, random: np.random.Generator) -> Iterator[SequenceTrial]:
    """Lose, swap and double messages: the kinds in turn, stream and message at random."""
    streams = [stream for venue in COLLECTORS for stream in _recorded(folder, venue)]
    numbered = [(kind, fault, [stream for stream in streams if stream.is_numbered]) for kind, fault in MADE.items()]
    summed = [(kind, Fault.CHECKSUM, [stream for stream in streams if stream.is_summed]) for kind in SUMMED]
    kinds = [*numbered, *summed]
    for trial in range(trials):
        kind, fault, among = kinds[trial % len(kinds)]
        visible = [stream for stream in among if fault in stream.subscription.channel.sees]
        yield _try(kind, fault, visible[int(random.integers(len(visible)))], random)


def summed_streams(folder: Path, venue: str) -> list[Recorded]:
    """Streams of a recording whose updates carry a checksum of the book."""
    return [stream for stream in _recorded(folder, venue) if stream.is_summed]


def _recorded(folder: Path, venue: str) -> Iterator[Recorded]:
    """Streams of a recording whose messages have numbers or checksums."""
    collector = replace(COLLECTORS[venue], interval_s=1.0)
    protocol = collector.open_venue()
    found: dict[tuple[str, str], list[Message]] = {}
    numbered, summed = set[tuple[str, str]](), set[tuple[str, str]]()
    for received_us, message in read(folder, venue):
        try:
            event = protocol.parse(message)
        except UNREADABLE:
            continue
        if isinstance(event, Event):
            key = (event.channel, event.symbol)
            found.setdefault(key, []).append((received_us, message))
            if event.number is not None and not event.is_snapshot:
                numbered.add(key)
            if event.checksum is not None:
                summed.add(key)
    for wanted in collector.subscriptions():
        if wanted.key in numbered | summed and len(found[wanted.key]) > 3 * BORDER:
            yield Recorded(collector, wanted, found[wanted.key], wanted.key in numbered, wanted.key in summed)


def _try(kind: str, fault: Fault, stream: Recorded, random: np.random.Generator) -> SequenceTrial:
    messages = stream.messages
    places = [
        place for place in range(BORDER, len(messages) - BORDER) if kind != "swap" or _are_close(messages[place], messages[place + 1])
    ]
    for _ in range(TRIED):
        place = places[int(random.integers(len(places)))]
        changed = _changed(kind, messages, place)
        shown_us = messages[place if kind == "double" else place + 1][0]
        if fault is Fault.CHECKSUM:
            shown_us = shown_at_us(stream.collector.open_venue(), stream.subscription.channel, messages, changed)
        if shown_us is not None:
            break
    else:
        raise ValueError(f"{_name(stream)}: at none of {TRIED} places a {kind} reaches the levels that are summed")
    counted = _counted(stream, changed)
    rows = [row for row in counted if row.get(fault)]
    others = sum(int(row.get(other) or 0) for row in counted for other in MADE.values() if other is not fault)
    return SequenceTrial(kind, _name(stream), fault, (rows[0]["ts"] - shown_us) / 1e6 if rows else None, others)


def _changed(kind: str, messages: Sequence[Message], place: int) -> list[Message]:
    """The messages with one of them lost, doubled, or swapped with the one behind it."""
    changed = list(messages)
    here, there = changed[place], changed[place + 1]
    if kind == "drop":
        del changed[place]
    elif kind == "double":
        changed.insert(place, here)
    else:
        changed[place], changed[place + 1] = (here[0], there[1]), (there[0], here[1])
    return changed


def _name(stream: Recorded) -> str:
    wanted = stream.subscription
    return f"{stream.collector.venue} {wanted.symbol} {wanted.channel.name}"


def _are_close(first: Message, second: Message) -> bool:
    """Whether two messages come so soon after each other that the first one, coming second, is still waited for."""
    return second[0] - first[0] < CONFIRM_S * 1e6


def _counted(stream: Recorded, messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Rows of the stream when these messages come."""
    rows = play(stream.collector, messages, after_s=AFTER_S, subscription=stream.subscription).rows
    wanted = stream.subscription
    return [row for row in rows if (row["symbol"], row["channel"]) == (wanted.symbol, wanted.channel.name)]
