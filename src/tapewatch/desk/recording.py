"""Recorded WebSocket traffic of a venue, as the desk plays it; `tapewatch.model.recording` says what its lines mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from heapq import merge
from operator import attrgetter
from pathlib import Path

from tapewatch.desk.dialects.base import Dialect, Offer
from tapewatch.desk.stream import Stream
from tapewatch.desk.template import Template
from tapewatch.model.recording import Kind, Lines, parsed

_CHUNK_BYTES = 1 << 20


class RecordingError(ValueError):
    """A recording cannot be read, or an edit names a message that it does not have."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One received message.

    Attributes:
        order: Position among all messages of the recording; counted from the first line.
        received_us: When the recorder had it.
        stream: Whose it is; None goes to every subscriber.
        template: Its text, with times that can be moved.
    """

    order: int
    received_us: int
    stream: Stream | None
    template: Template


class Recording:
    """Messages of a venue in the order of their arrival.

    Args:
        dialect: The venue's protocol.
        entries: The messages, sorted by ``order``.
    """

    def __init__(self, dialect: Dialect, entries: Sequence[Entry]) -> None:
        self.dialect = dialect
        self.entries = tuple(entries)
        self._of_stream: dict[Stream | None, list[Entry]] = {}
        for entry in entries:
            self._of_stream.setdefault(entry.stream, []).append(entry)
        self._shared = self._of_stream.pop(None, [])
        recorded = {stream: held for stream, held in self._of_stream.items() if stream is not None}
        firsts = [(stream, held[0].template.render()) for stream, held in recorded.items()]
        self.offer = Offer(frozenset(recorded), dialect.channel_ids(firsts))

    def of(self, stream: Stream) -> Sequence[Entry]:
        """Messages of a stream, recorded or derived from a recorded one; empty when there are none."""
        held = self._of_stream.get(stream)
        if held is None:
            held = self._of_stream[stream] = self._derived(stream)
        return held

    def of_all(self, streams: Iterable[Stream]) -> list[Entry]:
        """Messages of several streams with those that go to every subscriber, in order; nothing when no stream is named."""
        picked = [entry for stream in streams for entry in self.of(stream)]
        return sorted((*picked, *self._shared), key=attrgetter("order")) if picked else []

    def state_at(self, stream: Stream, order: int) -> Template | None:
        """What the venue tells somebody who subscribes after the message ``order`` (a book); None when that is nothing."""
        texts = [entry.template.render() for entry in self.of(stream) if entry.order <= order]
        text = self.dialect.snapshot(texts, stream) if texts else None
        return None if text is None else Template(text, self.dialect.times)

    def _derived(self, stream: Stream) -> list[Entry]:
        source = self.dialect.source_of(self.offer.streams, stream)
        if source is None:
            return []
        entries = self._of_stream[source]
        texts = self.dialect.narrow([entry.template.render() for entry in entries], stream)
        return [
            Entry(entry.order, entry.received_us, stream, Template(text, self.dialect.times))
            for entry, text in zip(entries, texts, strict=True)
            if text is not None
        ]


def read_recording(paths: Path | Sequence[Path], dialect: Dialect) -> Recording:
    """Read a recording; acknowledgements, REST answers and what the recorder sent are left out.

    Args:
        paths: Its file, or several: the connections of one venue, and what was recorded of each one file after the other. Their messages
            are put together by the time at which they were received. Of a file that ends in the middle, because its writer was killed,
            what is before the tear is read.
        dialect: The venue's protocol.

    Raises:
        RecordingError: A file cannot be read, a line has none of the known forms, or no message of the venue is in it.
    """
    files = [_read(path, dialect) for path in ([paths] if isinstance(paths, Path) else paths)]
    if len(files) == 1:
        return Recording(dialect, files[0])
    merged = merge(*files, key=attrgetter("received_us"))
    return Recording(dialect, [replace(entry, order=order) for order, entry in enumerate(merged, start=1)])


def _read(path: Path, dialect: Dialect) -> list[Entry]:
    """Messages of one file."""
    entries: list[Entry] = []
    try:
        with path.open("rb") as file:
            for number, line in enumerate(Lines(iter(lambda: file.read(_CHUNK_BYTES), b"")), start=1):
                entry = _entry(line, number, path, dialect)
                if entry is not None:
                    entries.append(entry)
    except RecordingError:
        raise
    except (OSError, ValueError) as error:
        raise RecordingError(f"cannot read the recording {path}: {error}") from error
    if not entries:
        raise RecordingError(f"{path} holds no message of {dialect.venue}; name a WebSocket recording of that venue")
    return entries


def _entry(line: str, number: int, path: Path, dialect: Dialect) -> Entry | None:
    try:
        found = parsed(line)
    except ValueError as error:
        raise RecordingError(f"{path}, line {number}: {error}") from error
    if found is None or found.kind is not Kind.RECEIVED:
        return None
    try:
        sorted_text = dialect.sort(found.text)
    except ValueError as error:
        raise RecordingError(f"{path}, line {number}: not a message of {dialect.venue}: {error}") from error
    if sorted_text is None:
        return None
    stream, text = sorted_text
    return Entry(number, found.at_us, stream, Template(text, dialect.times))
