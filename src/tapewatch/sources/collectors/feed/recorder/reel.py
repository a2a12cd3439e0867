"""What is written of one connection: file after file, each beginning with how the connection began."""

from __future__ import annotations

from collections.abc import Sequence

from tapewatch.errors import ConfigError
from tapewatch.model import recording
from tapewatch.sources.collectors.feed.recorder.discretion import Discretion
from tapewatch.sources.collectors.feed.recorder.files import Folder, RecordingFile
from tapewatch.sources.collectors.feed.recorder.piece import Piece, Place


class Reel:
    """Writes pieces of one connection; called by one thread.

    What a file has taken is in the recording when it was flushed, not before: until then the packer holds it, and it is lost with the file.

    Args:
        connection: Its number.
        folder: Where its files are.
        discretion: What is not to be written.
    """

    def __init__(self, connection: int, folder: Folder, discretion: Discretion) -> None:
        self._connection = connection
        self._folder = folder
        self._discretion = discretion
        self._file: RecordingFile | None = None
        self._beginning: list[bytes] = []
        self._held = self._held_told = 0
        self._missing = self._told = 0
        self._last_us = 0
        self.written = 0
        """Messages and other lines that were handed to the operating system."""
        self.unwritten = 0
        """Messages and other lines that were taken and could not be written."""

    def write(self, pieces: Sequence[Piece]) -> None:
        """Write pieces in their order.

        Raises:
            OSError: They cannot be written; they are counted, and the next file says that they are missing.
            ConfigError: Somebody else writes files of this name; the same.
        """
        before = self._beginning
        self._beginning = _beginning(before, pieces)
        self._last_us = pieces[-1].at_us
        try:
            file = self._file_at(pieces[0], before)
            self._tell_missing(file, pieces[0].at_us)
            file.write(b"".join(map(self._line, pieces)))
        except (OSError, ConfigError):
            self._lose(*_counted(pieces))
            self._give_up()
            raise
        count, told = _counted(pieces)
        self._held += count
        self._held_told += told

    def skip(self, pieces: Sequence[Piece]) -> None:
        """Pieces that are not even tried to be written count as missing."""
        self._beginning = _beginning(self._beginning, pieces)
        self._last_us = pieces[-1].at_us
        self._lose(*_counted(pieces))

    def flush(self) -> None:
        """Let everything that was written be readable; raises as `write`."""
        file = self._file
        if file is None:
            return
        try:
            if file.is_open:
                file.flush()
        except OSError:
            self._give_up()
            raise
        self._settle()

    def end(self) -> None:
        """End the recording, which says what is missing at its end; raises as `write`."""
        if self._missing > self._told:
            try:
                nothing = Piece(self._connection, self._last_us, b"", Place.OTHER)
                self._tell_missing(self._file_at(nothing, self._beginning), self._last_us)
            except OSError:
                self._give_up()
                raise
        self.close()

    def close(self) -> None:
        """End the present file; raises as `write`."""
        file = self._file
        if file is None:
            return
        try:
            if file.is_open:
                file.close()
        except OSError:
            self._give_up()
            raise
        self._settle()
        self._file = None

    def _file_at(self, first: Piece, before: Sequence[bytes]) -> RecordingFile:
        """The file for what begins with this piece; a new one when the present one is full, or was the oldest of all."""
        file = self._file
        if file is not None and file.is_open and not self._folder.is_full(file, first.at_us):
            return file
        self.close()
        self._file = file = self._folder.begin(self._connection, first.at_us)
        if first.place is not Place.BEGINS:
            repeated = [*before, recording.continued(first.at_us)] if before else []
            file.write(b"".join(repeated))
        return file

    def _tell_missing(self, file: RecordingFile, at_us: int) -> None:
        untold = self._missing - self._told
        if untold:
            file.write(recording.missing(at_us, untold))
            self._told = self._missing

    def _settle(self) -> None:
        """What was held is on its way to the disk, and so is what was said to be missing."""
        self.written += self._held
        self._missing -= self._told
        self._held = self._held_told = self._told = 0

    def _lose(self, count: int, told: int) -> None:
        self._missing += count + told
        self.unwritten += count

    def _give_up(self) -> None:
        """End the file after its last flush: what came later is missing, and it was not said yet what else is."""
        self._lose(self._held, self._held_told)
        self._held = self._held_told = self._told = 0
        if self._file is not None:
            self._file.give_up()
            self._file = None

    def _line(self, piece: Piece) -> bytes:
        if piece.place is not Place.MESSAGE:
            return piece.data
        return recording.received(piece.at_us, self._discretion.received(piece.data))


def _counted(pieces: Sequence[Piece]) -> tuple[int, int]:
    """How many messages and lines they are, and how many others they say are missing; to say so is no line of its own."""
    return sum(not piece.told for piece in pieces), sum(piece.told for piece in pieces)


def _beginning(before: list[bytes], pieces: Sequence[Piece]) -> list[bytes]:
    """How the present connection began, after these pieces."""
    lines = before
    for piece in pieces:
        if piece.place is Place.BEGINS:
            lines = [piece.data]
        elif piece.place is Place.ASKS:
            lines = [*lines, piece.data]
    return lines
