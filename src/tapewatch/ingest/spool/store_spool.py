"""The server's spool: what was accepted while the store was away, on disk in the order of acceptance until the store has it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tapewatch.errors import ContractError, StoreUnavailable
from tapewatch.ingest.spool.own_marks import OwnMarks
from tapewatch.ingest.spool.record import pack, unpack
from tapewatch.model.rows import BodyMark, Mark
from tapewatch.store.base import Stored
from tapewatch_client.segment_log import SEGMENT_BYTES, Record, SegmentLog, sync_folder

log = logging.getLogger("tapewatch.ingest")

WAITING, SET_ASIDE, OWN_MARKS = "waiting", "set-aside", "own-marks"
HEAD_BYTES = 28
"""What the log adds to each payload."""


class SpoolFull(StoreUnavailable):
    """The spool has reached its bound; nothing of the call is kept, and nothing that was accepted is dropped for it."""


class StoreSpool:
    """A log of judged deliveries, each with a mark: a replay that is cut off and begins again changes nothing in the store.

    Not thread-safe; the numbers may be read from other threads. One process owns the folder, as it owns the data directory around it.

    Args:
        folder: Where the files are; made with the first delivery.
        limit_bytes: Bound on the files.
        file_bytes: Size from which on a new file is begun; the store gets what one file holds at a time.
        is_known: Whether the store has taken a delivery with this mark; None for one that does not say.

    Raises:
        OSError: The folder is there and cannot be read.
    """

    def __init__(
        self, folder: Path, limit_bytes: int, file_bytes: int = SEGMENT_BYTES, is_known: Callable[[Mark], bool] | None = None
    ) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self._log = SegmentLog(str(folder / WAITING), file_bytes)
        self._aside = SegmentLog(str(folder / SET_ASIDE))
        self._own_marks = OwnMarks(folder / OWN_MARKS)
        if is_known is not None:
            self._own_marks.refuse_older(is_known)
        self._sequence = 0
        self._rows_read: list[int] = []
        self._read: list[Mark | str | None] = []
        self._marks: set[Mark | str | None] = set()
        """Marks of this process's deliveries that wait; those of bodies by their digest."""
        self.rows = self._log.rows
        self.found = self._log.records
        """Deliveries of an earlier process that still wait: they are the first."""
        self.size_bytes = self._log.size_bytes
        self.rows_set_aside = self._aside.rows
        if self.rows:
            log.warning("%d accepted rows wait in %s for the store.", self.rows, folder)

    @property
    def is_empty(self) -> bool:
        """Whether the store has everything."""
        return self.size_bytes == 0

    def marked(self, stored: Stored) -> Stored:
        """The delivery with its mark, or with one of this spool when its sender gave none: so it is stored once, whatever happens."""
        if stored.mark is not None:
            return stored
        return replace(stored, mark=self._own_marks.next())

    def knows(self, mark: Mark | BodyMark) -> bool:
        """Whether a delivery with this mark waits here; one of an earlier process is not known until the store is asked for it."""
        return name_of(mark) in self._marks

    def put(self, deliveries: Sequence[tuple[Stored, int]]) -> int:
        """Make deliveries durable behind the others; each comes with its number of rows.

        Returns:
            How many of them are durable, at least one: a disk that fills up takes the first of them and nothing of the rest.

        Raises:
            SpoolFull: They do not fit; none was kept.
            StoreUnavailable: The disk refuses; none was kept, unless ``is_unknown`` says that all of them may be.
        """
        payloads = [(pack(stored), rows) for stored, rows in deliveries]
        size_bytes = sum(len(payload) + HEAD_BYTES for payload, _ in payloads)
        if self.size_bytes + size_bytes > self.limit_bytes:
            raise SpoolFull(f"the spool in {self.folder} holds {self.size_bytes:,} of {self.limit_bytes:,} bytes", retry_after_s=5.0)
        kept = 0
        try:
            self._make_folder()
            for payload, rows in payloads:
                self._sequence += 1
                self._log.append(self._sequence, rows, 0, payload)
                self.rows += rows
                kept += 1
        except OSError as error:
            if not kept:
                raise self._refusal(error) from error
            log.warning("The spool in %s took %d of %d deliveries: %s", self.folder, kept, len(payloads), error.strerror or error)
        finally:
            self.size_bytes = self._log.size_bytes
        try:
            self._log.sync()
        except OSError as error:
            raise self._refusal(error, is_unknown=True) from error
        self._marks.update(name_of(stored.mark) for stored, _ in deliveries[:kept])
        return kept

    def _refusal(self, error: OSError, *, is_unknown: bool = False) -> StoreUnavailable:
        message = f"the spool in {self.folder} cannot be written: {error.strerror or error}"
        return StoreUnavailable(message, retry_after_s=5.0, is_unknown=is_unknown)

    def _make_folder(self) -> None:
        if not self.folder.exists():
            self.folder.mkdir(parents=True, mode=0o700)
            sync_folder(str(self.folder.parent))

    def oldest(self) -> list[Stored]:
        """The deliveries to give to the store next, in order: those of one file, about a megabyte; empty when there is none.

        A record that cannot be read is set aside.

        Raises:
            StoreUnavailable: The disk cannot be read.
        """
        try:
            while records := self._log.peek():
                readable = self._readable(records)
                if readable:
                    self._read = [name_of(stored.mark) for stored in readable]
                    return readable
        except OSError as error:
            raise StoreUnavailable(f"the spool in {self.folder} cannot be read: {error.strerror or error}") from error
        self.size_bytes = self._log.size_bytes
        self.rows = self._log.rows  # a torn record at the end of a file is gone by now
        return []

    def _readable(self, records: Sequence[Record]) -> list[Stored]:
        readable: list[Stored] = []
        for record in records:
            try:
                readable.append(unpack(record.payload))
            except ContractError as error:
                if not readable:
                    self.set_aside(str(error))
                break
        self._rows_read = [record.rows for record in records]
        return readable

    def done(self, count: int) -> None:
        """The store has the first ``count`` deliveries that `oldest` gave."""
        self._log.done_with(count)
        self.found = max(0, self.found - count)
        self.rows -= sum(self._rows_read[:count])
        del self._rows_read[:count]
        self._marks.difference_update(self._read[:count])
        del self._read[:count]
        self.size_bytes = self._log.size_bytes

    def set_aside(self, reason: str) -> None:
        """The store will never take the first delivery that `oldest` gave: it is kept beside, and told.

        Raises:
            StoreUnavailable: The disk refuses; the delivery stays where it is.
        """
        try:
            record = self._log.peek()[0]
            self._aside.append(record.number, record.rows, 0, record.payload)
            self._aside.sync()
        except OSError as error:
            raise self._refusal(error) from error
        self._rows_read = [record.rows]
        self.done(1)
        self.rows_set_aside += record.rows
        log.error("The store refuses %d rows that were accepted while it was away; they stay in %s: %s", record.rows, self.folder, reason)

    def measures(self) -> dict[str, float]:
        """The numbers as metrics of component ``spool`` for table ``self``."""
        return {"rows": self.rows, "size_bytes": self.size_bytes, "limit_bytes": self.limit_bytes, "set_aside_rows": self.rows_set_aside}

    def close(self) -> None:
        """Let go; what is left is replayed after the next start."""
        self._log.close()
        self._aside.close()


def name_of(mark: Mark | BodyMark | None) -> Mark | str | None:
    """What two marks of one delivery have in common: a body may have come at two times."""
    return mark.digest if isinstance(mark, BodyMark) else mark
