"""The files of one recorder: never more bytes than allowed, the oldest goes first."""

from __future__ import annotations

import contextlib
import os
import re
import zlib
from datetime import UTC, datetime
from pathlib import Path

from tapewatch.clock import US_PER_S
from tapewatch.model.recording import SUFFIX
from tapewatch.sources.collectors.feed.recorder.lock import NameLock

FILES = 16
"""Into so many files the allowed bytes are cut at least: what goes when there is no more room is a small part."""

LONGEST_US = 3600 * US_PER_S
"""A file is of one hour at most, so that an incident can be found by its time."""

_LEVEL = 6
_GZIP = 16 + zlib.MAX_WBITS
_STAMP = r"\d{8}T\d{6}_\d{6}Z"


class RecordingFile:
    """One file of one connection, being written. What has been flushed can be read, also after the process was killed.

    Args:
        path: Where; nothing is there yet.
        at_us: Time of its first line, µs since 1970.
        folder: Gives room for every byte.

    Raises:
        OSError: It cannot be written; so do all methods, and then the file is to be given up.
    """

    def __init__(self, path: Path, at_us: int, folder: Folder) -> None:
        self.path = path
        self.began_us = at_us
        self._folder = folder
        self._packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._written = self._flushed = 0
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)

    @property
    def is_open(self) -> bool:
        """Whether it can still be written."""
        return self._file >= 0

    def write(self, data: bytes) -> None:
        """Take lines; they reach the disk with the next flush at the latest."""
        self._store(self._packer.compress(data))

    def flush(self) -> None:
        """Hand everything to the operating system."""
        self._store(self._packer.flush(zlib.Z_SYNC_FLUSH))
        self._flushed = self._written

    def close(self) -> None:
        """End it in good order."""
        self._store(self._packer.flush(zlib.Z_FINISH))
        file, self._file = self._file, -1
        os.close(file)

    def give_up(self) -> None:
        """End it as it was when it was flushed last, so that what counts as missing is not in it."""
        if self._file >= 0:
            file, self._file = self._file, -1
            with contextlib.suppress(OSError):
                os.ftruncate(file, self._flushed)
                self._folder.cut(self, self._flushed)
            with contextlib.suppress(OSError):
                os.close(file)

    def _store(self, packed: bytes) -> None:
        if packed:
            self._folder.make_room(self, len(packed))
            left = memoryview(packed)
            while left:
                count = os.write(self._file, left)
                self._written += count
                left = left[count:]


class Folder:
    """The files that one recorder has in a directory, also those of a run before. Nothing is read or made before the first file begins.

    Args:
        directory: Where; made when it is missing.
        name: The recorder's; its files are ``NAME.ws.CONNECTION.TIME.gz``.
        limit_bytes: What all of them may take.
    """

    def __init__(self, directory: Path, name: str, limit_bytes: int) -> None:
        self._directory = directory
        self._name = name
        self._limit_bytes = limit_bytes
        self._lock = NameLock(directory, name)
        self._sizes: dict[Path, int] | None = None
        self._open: dict[Path, RecordingFile] = {}
        self.size_bytes = 0
        """What they take."""

    @property
    def files(self) -> int:
        """How many there are."""
        return len(self._sizes or ())

    def take(self) -> None:
        """Become the one who writes here; so does `begin`.

        Raises:
            ConfigError: Another process, or another recorder of this one, writes files of this name here.
            OSError: The directory cannot be written.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        self._lock.take()

    def give_back(self) -> None:
        """Let another one write; no file is open any more."""
        self._lock.give_back()

    def begin(self, connection: int, at_us: int) -> RecordingFile:
        """A new file of a connection whose first line is of this time.

        Raises:
            ConfigError: Somebody else writes here.
            OSError: It cannot be made.
        """
        sizes = self._known()
        while True:
            path = self._directory / f"{self._name}.ws.{connection}.{_stamp(at_us)}{SUFFIX}"
            try:
                file = RecordingFile(path, at_us, self)
            except FileExistsError:
                at_us += 1
                continue
            sizes[path] = 0
            self._open = {open_path: known for open_path, known in self._open.items() if known.is_open} | {path: file}
            return file

    def is_full(self, file: RecordingFile, at_us: int) -> bool:
        """Whether what comes at this time belongs into another file."""
        return self._known().get(file.path, 0) >= self._limit_bytes // FILES or not 0 <= at_us - file.began_us < LONGEST_US

    def make_room(self, file: RecordingFile, count: int) -> None:
        """Let a file grow by ``count`` bytes; the oldest files go for it, also one that is still written.

        Raises:
            OSError: There is no room for so many.
        """
        sizes = self._known()
        while self.size_bytes + count > self._limit_bytes:
            oldest = next((path for path in sizes if path != file.path), None)
            if oldest is None:
                raise OSError(f"{count} bytes more do not fit into {self._limit_bytes}")
            if oldest in self._open:
                self._open.pop(oldest).give_up()
            self.size_bytes -= sizes.pop(oldest, 0)
            oldest.unlink(missing_ok=True)
        sizes[file.path] += count
        self.size_bytes += count

    def cut(self, file: RecordingFile, size_bytes: int) -> None:
        """A file was cut to this size; an empty one goes."""
        sizes = self._known()
        if file.path in sizes:
            self.size_bytes += size_bytes - sizes[file.path]
            sizes[file.path] = size_bytes
            if not size_bytes:
                del sizes[file.path]
                file.path.unlink(missing_ok=True)

    def _known(self) -> dict[Path, int]:
        """Size of each file, the oldest first."""
        if self._sizes is None:
            self.take()
            form = re.compile(rf"{re.escape(self._name)}\.ws\.\d+\.({_STAMP}){re.escape(SUFFIX)}")
            kept = [(found[1], path) for path in self._directory.iterdir() if (found := form.fullmatch(path.name))]
            self._sizes = {path: path.stat().st_size for _, path in sorted(kept)}
            self.size_bytes = sum(self._sizes.values())
        return self._sizes


def _stamp(at_us: int) -> str:
    """A time as it stands in the name of a file: sorted by name is sorted by time.

    >>> _stamp(1_700_000_000_000_001)
    '20231114T221320_000001Z'
    """
    seconds, rest = divmod(at_us, US_PER_S)
    return datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y%m%dT%H%M%S") + f"_{rest:06d}Z"
