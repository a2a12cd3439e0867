"""Recorded traffic through a feed collector's measure on virtual time: an incident as a test, in milliseconds and always the same.

`read_traffic` reads what `tapewatch record` has written, and other recordings of that form; `replay` measures it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tapewatch.clock import US_PER_S
from tapewatch.model.recording import Kind, Line, Lines, parsed
from tapewatch.sources.collectors.feed.link import Link
from tapewatch.sources.collectors.feed.measure import FeedMeasure
from tapewatch.sources.collectors.feed.venues.base import UNREADABLE, Event, Route

_CHUNK_BYTES = 1 << 20


class Measuring(Protocol):
    """A collector of kind feed or websocket."""

    @property
    def interval_s(self) -> float:
        """Seconds of a row."""
        ...

    def open_measure(self, now_us: int, now_s: float) -> FeedMeasure:
        """The measure that connections feed."""
        ...


class Recorded(NamedTuple):
    """One line of a recording.

    Attributes:
        connection: Name of the connection: that of its files without their times.
        line: What it says.
    """

    connection: str
    line: Line


@dataclass(frozen=True)
class Replayed:
    """What was measured.

    Attributes:
        rows: Rows of table ``feed``, oldest first.
        missing: Messages that came and are not in the recording, as it says itself. Where some are missing the replay begins the
            connection anew, so that they are a reconnect and no gap.
    """

    rows: Sequence[dict[str, Any]]
    missing: int

    def chosen(self, **tags: str) -> list[dict[str, Any]]:
        """Rows with these tags, such as ``symbol="BTC/USD", channel="book"``."""
        return [row for row in self.rows if all(row[name] == value for name, value in tags.items())]

    def total(self, column: str, **tags: str) -> float | None:
        """Sum of a column over the rows with these tags; None when it is unknown in all of them."""
        values = [row[column] for row in self.chosen(**tags) if row.get(column) is not None]
        return sum(values) if values else None

    def verdicts(self, **tags: str) -> list[str]:
        """Verdicts of the rows with these tags, each as often as it changed."""
        found: list[str] = []
        for row in self.chosen(**tags):
            if row["verdict"] not in found[-1:]:
                found.append(row["verdict"])
        return found


def read_traffic(*paths: Path) -> list[Recorded]:
    """Lines of recordings in the order of their time; the files of one connection, and of several, are put together.

    Of a file that ends in the middle, because its writer was killed, what is before the tear is read.

    Raises:
        ValueError: A file is no recording; names it.
        OSError: A file cannot be read.
    """
    by_connection: dict[str, list[list[Line]]] = {}
    for path in paths:
        by_connection.setdefault(path.name.rsplit(".", 2)[0], []).append(_lines(path))
    streams = [_joined(connection, files) for connection, files in by_connection.items()]
    return list(merge(*streams, key=lambda recorded: recorded.line.at_us))


def replay(collector: Measuring, traffic: Iterable[Recorded], *, after_s: float = 5.0) -> Replayed:
    """Measure recorded traffic as the collector would have, with a tick every second; what it does not ask for is left out.

    Args:
        collector: Says venue, symbols and channels; its address does not matter.
        traffic: What was recorded; it may be changed to see what a lost, late or doubled message does.
        after_s: Seconds of silence at the end.

    Raises:
        ValueError: There is no traffic.
    """
    recorded = list(traffic)
    if not recorded:
        raise ValueError("the recording is empty; name files that tapewatch record has written")
    player = _Player(collector, recorded)
    for connection, line in recorded:
        player.play(connection, line)
    player.wait(after_s)
    return Replayed(player.rows, player.missing)


class _Player:
    """Lets lines happen at their times; the clock that never goes back is the recording's, without its steps back."""

    def __init__(self, collector: Measuring, recorded: Sequence[Recorded]) -> None:
        self._start_us = recorded[0].line.at_us
        self._measure = _measure(collector, recorded, self._start_us)
        self._links = dict(zip(dict.fromkeys(one.connection for one in recorded), self._measure.links, strict=True))
        self._now_s = 0.0
        self._next_s = 1.0
        self.rows: list[dict[str, Any]] = []
        self.missing = 0

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._now_s += seconds
        while self._next_s <= self._now_s:
            self.rows += self._measure.tick(self._start_us + round(self._next_s * US_PER_S), self._next_s)
            self._next_s += 1.0

    def play(self, connection: str, line: Line) -> None:
        """Let a line happen on its connection."""
        self.wait(max(0.0, (line.at_us - self._start_us) / US_PER_S - self._now_s))
        link = self._links[connection]
        match line.kind:
            case Kind.RECEIVED | Kind.BINARY:
                self._receive(link, line)
            case Kind.OPENED:
                self._begin(link, line, "it was made anew")
            case Kind.MISSING:
                self.missing += int(line.text)
                self._begin(link, line, f"{line.text} messages are missing from the recording")
            case Kind.CLOSED:
                link.down(line.text, line.at_us, self._now_s)
            case Kind.SENT | Kind.ANSWERED | Kind.CONTINUED:
                pass

    def _begin(self, link: Link, line: Line, reason: str) -> None:
        if link.is_up:
            link.down(reason, line.at_us, self._now_s)
        link.up(self._now_s)

    def _receive(self, link: Link, line: Line) -> None:
        if not link.is_up:
            link.up(self._now_s)
        event = _event(self._measure, line)
        if event is None or (event.channel, event.symbol) in link.streams:
            link.observe(line.message, line.at_us, self._now_s)


def _measure(collector: Measuring, recorded: Iterable[Recorded], start_us: int) -> FeedMeasure:
    """A measure with a link for each recorded connection, which carries the streams that came on it."""
    asked = collector.open_measure(start_us, 0.0)
    wanted = {stream.subscription.key: stream.subscription for link in asked.links for stream in link.streams.values()}
    carried: dict[str, set[tuple[str, str]]] = {}
    for connection, line in recorded:
        keys = carried.setdefault(connection, set())
        event = _event(asked, line) if line.kind in {Kind.RECEIVED, Kind.BINARY} else None
        if event is not None:
            keys.add((event.channel, event.symbol))
    left = set(wanted)
    routes: list[Route] = []
    for keys in carried.values():
        routes.append(Route("", tuple(wanted[key] for key in wanted if key in keys & left)))
        left -= keys
    routes[0] = Route("", (*routes[0].subscriptions, *(wanted[key] for key in wanted if key in left)))
    return FeedMeasure(asked.venue, routes, interval_s=collector.interval_s, now_us=start_us, now_s=0.0)


def _event(measure: FeedMeasure, line: Line) -> Event | None:
    try:
        read = measure.venue.parse(line.message)
    except UNREADABLE:
        return None
    return read if isinstance(read, Event) else None


def _lines(path: Path) -> list[Line]:
    lines: list[Line] = []
    with path.open("rb") as file:
        try:
            for text in Lines(iter(lambda: file.read(_CHUNK_BYTES), b"")):
                line = parsed(text)
                if line is not None:
                    lines.append(line)
        except ValueError as error:
            raise ValueError(f"{path}, after line {len(lines)}: {error}") from error
    return lines


def _joined(connection: str, files: Iterable[list[Line]]) -> Iterator[Recorded]:
    """The lines of one connection's files; each file after the first repeats how the connection began.

    Where the files before are not there, the connection begins when the first file does.
    """
    seen: set[Line] = set()
    for lines in sorted(filter(None, files), key=lambda lines: lines[-1].at_us):
        began = next((place for place, line in enumerate(lines) if line.kind is Kind.CONTINUED), 0)
        for line in lines[:began]:
            if line not in seen:
                seen.add(line)
                yield Recorded(connection, line._replace(at_us=lines[began].at_us))
        for line in lines[began + 1 if began else 0 :]:
            if line.kind in {Kind.OPENED, Kind.SENT}:
                if line in seen:
                    continue
                seen.add(line)
            yield Recorded(connection, line)
