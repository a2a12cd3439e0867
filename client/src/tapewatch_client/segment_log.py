"""Records in files of one folder, first in, first out: what must survive the end of a program lies here until it is done.

A record is a head of 28 bytes (``<4sIIQII``: magic, CRC-32 of all that follows it, length, number, rows, flags; little-endian) and the
payload. Files are written from their beginning to their end and never changed; one is deleted when all its records are done. After a
power cut the last file may end in the middle of a record: reading stops there, and what stands before it is kept.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

SEGMENT_BYTES = 1024 * 1024
SUFFIX = ".seg"

_HEAD = struct.Struct("<4sIIQII")
_MAGIC = b"TWS1"
_CHECKED_FROM = 8  # behind magic and CRC


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Attributes:
        segment: Number of the file it lies in.
        number: What its writer calls it.
        rows: Rows in its payload.
        flags: Bits for its writer.
        payload: The bytes.
    """

    segment: int
    number: int
    rows: int
    flags: int
    payload: bytes


class _Segment:
    """One file, as far as it was written or found."""

    __slots__ = ("number", "open", "path", "read_bytes", "size_bytes")

    def __init__(self, number: int, path: str, size_bytes: int) -> None:
        self.number = number
        self.path = path
        self.size_bytes = size_bytes
        self.read_bytes = 0
        #: Number and rows of each record that is not done.
        self.open: deque[tuple[int, int]] = deque()


class SegmentLog:
    """The files of one folder, which nobody else writes; not thread-safe.

    Args:
        folder: Where the files are; made with the first record.
        segment_bytes: Size from which on a new file is begun.

    Raises:
        OSError: The folder is there and cannot be read.
    """

    def __init__(self, folder: str, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.folder = folder
        self._segment_bytes = segment_bytes
        self._segments: deque[_Segment] = deque(_found(folder))
        self._file: int | None = None
        self._taken: Record | None = None
        #: Where each record ends that the last `peek` gave.
        self._ends: list[int] = []
        #: What the disk said about the end of a file that was not synced, and whether the folder has a file that its entry may lack.
        self._unsynced: OSError | None = None
        self._is_entry_new = False
        for segment in self._segments:
            segment.open.extend((record.number, record.rows) for record, _ in _records(segment))

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(segment.size_bytes for segment in self._segments)

    @property
    def rows(self) -> int:
        """Rows of the records that are not done."""
        return sum(rows for segment in self._segments for _, rows in segment.open)

    @property
    def records(self) -> int:
        """Records that are not done."""
        return sum(len(segment.open) for segment in self._segments)

    def append(self, number: int, rows: int, flags: int, payload: bytes) -> None:
        """Write a record behind the others: it survives the program from now on, and the machine after `sync`.

        Raises:
            OSError: It could not be written, such as on a full disk; the records before it are as they were.
        """
        head = _HEAD.pack(_MAGIC, 0, len(payload), number, rows, flags)
        crc = zlib.crc32(payload, zlib.crc32(head[_CHECKED_FROM:]))
        text = _HEAD.pack(_MAGIC, crc, len(payload), number, rows, flags) + payload
        segment = self._open_segment()
        assert self._file is not None  # noqa: S101 - made by the line above
        try:
            _write(self._file, text)
        except OSError:
            self._end_segment()  # whatever was written of it is a torn tail, which readers cut
            raise
        segment.size_bytes += len(text)
        segment.open.append((number, rows))

    def _open_segment(self) -> _Segment:
        if self._file is not None and self._segments[-1].size_bytes < self._segment_bytes:
            return self._segments[-1]
        self._end_segment()
        os.makedirs(self.folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - pathlib would double the time of the import
        number = self._segments[-1].number + 1 if self._segments else 1
        segment = _Segment(number, os.path.join(self.folder, f"{number:012d}{SUFFIX}"), 0)  # noqa: PTH118 - as above
        self._file = os.open(segment.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._segments.append(segment)
        self._is_entry_new = True
        return segment

    def _end_segment(self) -> None:
        if self._file is not None:
            try:
                os.fdatasync(self._file)
            except OSError as error:
                self._unsynced = error
            os.close(self._file)
            self._file = None

    def left(self) -> Iterator[Record]:
        """All records that are not done, the oldest first; only reads."""
        for segment in list(self._segments):
            for record, _ in _records(segment):
                yield record

    def take(self) -> Record | None:
        """The oldest record that is not done; the same one until `done` is called. None when there is none."""
        while self._taken is None and self._segments:
            segment = self._segments[0]
            found = next(_records(segment), None)
            if found is not None:
                self._taken, segment.read_bytes = found
                break
            if len(self._segments) == 1 and self._file is not None:
                return None  # what follows is not written yet
            self._remove(segment)
        return self._taken

    def done(self) -> None:
        """Forget the record that was taken; its file goes with its last record."""
        if self._taken is None:
            return
        record, self._taken = self._taken, None
        segment = self._segments[0] if self._segments else None
        if segment is None or segment.number != record.segment:
            return  # it was dropped meanwhile
        segment.open.popleft()
        if segment.read_bytes >= segment.size_bytes:
            self._remove(segment)

    def peek(self) -> list[Record]:
        """The records of the oldest file that are not done, all that are written so far; empty when there is none."""
        while self._segments:
            segment = self._segments[0]
            found = list(_records(segment))
            if found:
                self._ends = [end for _, end in found]
                return [record for record, _ in found]
            if len(self._segments) == 1 and self._file is not None:
                break
            self._remove(segment)
        return []

    def done_with(self, count: int) -> None:
        """Forget the first ``count`` records that the last `peek` gave."""
        if not count:
            return
        segment = self._segments[0]
        segment.read_bytes = self._ends[count - 1]
        del self._ends[:count]
        for _ in range(count):
            segment.open.popleft()
        if segment.read_bytes >= segment.size_bytes:
            self._remove(segment)

    def _remove(self, segment: _Segment) -> None:
        if self._file is not None and segment is self._segments[-1]:
            os.close(self._file)
            self._file = None
        self._segments.remove(segment)
        with suppress(OSError):
            os.unlink(segment.path)  # noqa: PTH108 - as above

    def drop_oldest(self) -> list[tuple[int, int]] | None:
        """Delete the oldest file; number and rows of its records that nobody had taken. None when there is no file."""
        if not self._segments:
            return None
        segment = self._segments[0]
        is_taken = self._taken is not None and self._taken.segment == segment.number
        self._remove(segment)
        return list(segment.open)[1 if is_taken else 0 :]

    def sync(self) -> None:
        """Make what was appended survive a power cut.

        Raises:
            OSError: The disk does not take it.
        """
        error, self._unsynced = self._unsynced, None
        if error is not None:
            raise error
        if self._file is not None:
            os.fdatasync(self._file)
        if self._is_entry_new:  # a file that its folder does not name is lost with all that was synced
            sync_folder(self.folder)
            sync_folder(os.path.dirname(self.folder) or ".")  # noqa: PTH120 - as above
            self._is_entry_new = False

    def close(self) -> None:
        """Make everything durable and let go; an empty folder is removed."""
        self._end_segment()
        if not self._segments:
            with suppress(OSError):
                os.rmdir(self.folder)  # noqa: PTH106 - as above

    def forget(self) -> None:
        """In a forked child: let go of the parent's file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        self._segments.clear()


def _found(folder: str) -> Iterator[_Segment]:
    if not os.path.isdir(folder):  # noqa: PTH112 - as above
        return
    for name in sorted(os.listdir(folder)):  # noqa: PTH208 - as above
        stem, suffix = os.path.splitext(name)  # noqa: PTH122 - as above
        path = os.path.join(folder, name)  # noqa: PTH118 - as above
        if suffix == SUFFIX and stem.isdecimal():
            yield _Segment(int(stem), path, os.path.getsize(path))  # noqa: PTH202 - as above


def _records(segment: _Segment) -> Iterator[tuple[Record, int]]:
    """The records behind what was read, each with the position behind it; ends where a record is not whole."""
    with open(segment.path, "rb") as file:  # noqa: PTH123 - as above
        file.seek(segment.read_bytes)
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            magic, crc, length, number, rows, flags = _HEAD.unpack(head)
            if magic != _MAGIC or file.tell() + length > segment.size_bytes:
                return
            payload = file.read(length)
            if len(payload) < length or zlib.crc32(payload, zlib.crc32(head[_CHECKED_FROM:])) != crc:
                return
            yield Record(segment.number, number, rows, flags, payload), file.tell()


def sync_folder(folder: str) -> None:
    """Make the names of the files in a folder survive a power cut; raises OSError when the disk refuses."""
    file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _write(file: int, text: bytes) -> None:
    """Write all of it: a full disk may take a part first."""
    while text:
        text = text[os.write(file, text) :]
