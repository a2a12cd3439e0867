"""Streams as a table for a terminal, in which the past never passes for the present."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from tapewatch.clock import US_PER_S, iso
from tapewatch.model.table import Status
from tapewatch.query.verdict import duration, written
from tapewatch.surfaces.terminal.frame import STATUS_STYLE
from tapewatch.surfaces.terminal.streams import KNOWN, RANGE, Stream, Streams, age_s

_NAMES = ("venue", "symbol", "channel", "verdict", "age", "msg/s", "gaps", "p50 ms", "p99 ms")
_NUMBERS_FROM = _NAMES.index("age")
_LEFT_OUT_FIRST = tuple(map(_NAMES.index, ("p50 ms", "msg/s", "p99 ms", "gaps")))
_GAP = "  "

_LEAST_EVIDENCE = 30
"""Characters that the evidence needs beside the numbers; with less, it stands under the streams that are not up."""

_UNKNOWN = "–"
_NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class View:
    """What is shown and when.

    Attributes:
        streams: What the server said; None before it has said anything.
        server: Its address.
        since_s: Seconds since it said so.
        away: Why it does not answer any more; empty while it does.
        only_wrong: Whether streams that are up are left out.
    """

    streams: Streams | None
    server: str
    since_s: float = 0.0
    away: str = ""

    only_wrong: bool = False

    @property
    def shown(self) -> Sequence[Stream]:
        """The streams that are listed."""
        known = self.streams.streams if self.streams else ()
        return [stream for stream in known if stream.status != Status.UP.value] if self.only_wrong else known

    @property
    def worst(self) -> str:
        """The worst status of all streams; unknown when that is not known of now, or when there are none."""
        told = self.streams
        if told is None or not told.streams or self.away:
            return Status.UNKNOWN.value
        worst = told.streams[0].status
        return Status.UNKNOWN.value if (told.trouble or told.is_cut) and worst == Status.UP.value else worst

    def as_json(self) -> dict[str, Any]:
        """For a program: ``streams`` is empty while the server does not answer, since nothing is known of now."""
        told = self.streams
        is_known = told is not None and not self.away
        return {
            "server": self.server,
            "as_of": iso(told.as_of_us) if told and is_known else None,
            "worst": self.worst,
            "known_for": KNOWN,
            "retired": told.retired if told else 0,
            "truncated": told.is_cut if told else False,
            "trouble": self.away or (told.trouble if told else ""),
            "unsynchronised": list(told.unsynchronised) if told else [],
            "streams": [stream.as_json() for stream in self.shown] if is_known else [],
        }


def board(view: View, width: int, most_lines: int | None = None) -> Text:
    """The streams under lines that say what they are worth.

    Args:
        view: What to show.
        width: Characters in a line.
        most_lines: Lines in all; None for as many as there are streams.
    """
    lines = list(_head(view, width))
    streams = view.shown
    if streams:
        room = None if most_lines is None else max(1, most_lines - len(lines) - 1)
        lines += _table(view, streams, width, room)
    return Text("\n").join(lines)


def _head(view: View, width: int) -> Iterable[Text]:
    told = view.streams
    if view.away:
        yield _cut(Text(view.away, style="bold red"), width)
        if told is not None:
            yield Text(f"what stands below is of {_clock(told.as_of_us)}, {duration(round(view.since_s * US_PER_S))} ago", style="bold red")
        return
    if told is None:
        yield Text(f"{view.server} is being asked", style="dim")
        return
    if told.trouble:
        yield _cut(Text(f"not of now: {told.trouble}", style="bold red"), width)
    if told.is_cut:
        words = f"only {len(told.streams)} streams: there are more, which may be worse; choose with --venue, --symbol or --channel"
        yield _cut(Text(words, style="bold red"), width)
    if told.unsynchronised:
        words = f"the clock of {', '.join(told.unsynchronised)} is not synchronised: latencies are marked by ?"
        yield _cut(Text(words, style="yellow"), width)
    if not told.streams:
        yield Text("no stream is measured, or none that was asked for", style="bold")
        return
    counted = Counter(stream.status for stream in told.streams)
    words = ", ".join(f"{counted[status]} {status}" for status in ("down", "degraded", "unknown", "up") if counted[status])
    words += f", {told.retired} more retired" if told.retired else ""
    yield _cut(Text(f"{len(told.streams)} streams: {words} · {_clock(told.as_of_us)} · gaps and latency of {RANGE}", style="bold"), width)


def _table(view: View, streams: Sequence[Stream], width: int, room: int | None) -> Iterable[Text]:
    """A line for the names, one for each stream, and those of the evidence; within ``room`` lines, if that is given."""
    shown = streams if room is None else streams[:room]
    rows = [[Text(name, style="bold") for name in _NAMES], *(list(_cells(view, stream)) for stream in shown)]
    columns = _columns_that_fit(rows, width)
    left = width - sum(wide + len(_GAP) for _, wide in columns)
    yield _line(rows[0], columns, Text("evidence" if left >= _LEAST_EVIDENCE else "", style="bold"))
    used = told = 0
    for stream, cells in zip(shown, rows[1:], strict=True):
        words = f"then: {stream.evidence}" if view.away else stream.evidence
        evidence = [Text(words)] if left >= _LEAST_EVIDENCE else []
        below = [] if evidence or stream.status == "up" else [_cut(Text(f"  {words}", style="dim"), width)]
        used += 1 + len(below)
        rest = 1 if told + 1 < len(streams) else 0
        if room is not None and used + rest > room and told:
            break
        told += 1
        yield _line(cells, columns, *(_cut(text, left) for text in evidence))
        yield from below
    if told < len(streams):
        yield Text(f"{len(streams) - told} more, none of them worse", style="dim")


def _columns_that_fit(rows: Sequence[Sequence[Text]], width: int) -> list[tuple[int, int]]:
    """Position and characters of each column that is shown; the least needed are left out first."""
    columns = [(place, max(row[place].cell_len for row in rows)) for place in range(len(_NAMES))]
    for place in _LEFT_OUT_FIRST:
        if sum(wide + len(_GAP) for _, wide in columns) <= width:
            break
        columns = [column for column in columns if column[0] != place]
    return columns


def _line(cells: Sequence[Text], columns: Iterable[tuple[int, int]], *rest: Text) -> Text:
    padded = [_padded(cells[place], wide, is_number=place >= _NUMBERS_FROM) for place, wide in columns]
    return Text(_GAP).join([*padded, *rest])


def _padded(cell: Text, wide: int, *, is_number: bool) -> Text:
    blank = " " * (wide - cell.cell_len)
    return Text.assemble(blank, cell) if is_number else Text.assemble(cell, blank)


def _cut(text: Text, width: int) -> Text:
    text.truncate(width, overflow="ellipsis")
    return text


def _cells(view: View, stream: Stream) -> Iterable[Text]:
    for tag in ("venue", "symbol", "channel"):
        yield Text(stream.key.get(tag, _UNKNOWN))
    yield Text(_NOT_KNOWN, style="bold red") if view.away else Text(stream.verdict, style=STATUS_STYLE.get(stream.status, ""))
    told = view.streams
    now_us = (told.as_of_us if told else 0) + round(view.since_s * US_PER_S)
    age = age_s(stream, now_us)
    yield Text(_UNKNOWN if age is None else duration(round(age * US_PER_S)))
    style = "dim" if view.away else ""
    yield Text(_UNKNOWN if stream.rate is None else f"{stream.rate:.1f}", style=style)
    yield Text(_UNKNOWN if stream.gaps is None else str(stream.gaps), style="dim" if view.away else "yellow" if stream.gaps else "")
    mark = " ?" if told and stream.key.get("host") in told.unsynchronised else ""
    for value in (stream.p50_ms, stream.p99_ms):
        yield Text(_UNKNOWN if value is None else f"{written(value, 'ms').partition(' ')[0]}{mark}", style=style)


def _clock(at_us: int) -> str:
    return f"{iso(at_us)[11:19]} UTC"
