"""Marks for deliveries whose senders give none: of one client, with numbers that grow over all restarts."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from tapewatch.model.rows import Mark
from tapewatch.store.base import MARK_WINDOW
from tapewatch_client.segment_log import sync_folder

log = logging.getLogger("tapewatch.ingest")

BLOCK = 2**32
"""Numbers that one write of the file sets apart: more than a process uses, so it is written once a start."""


class OwnMarks:
    """One client for ever, so that a store, which remembers a window of numbers for each client, does not keep more with each restart.

    The file says which numbers may have been used; it is durable before the first of them is. A new file means a new client, never a
    number that was used.

    Args:
        file: Where the client and the numbers are kept; made with the first mark.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._client = ""
        self._used = self._most = 0

    def refuse_older(self, is_known: Callable[[Mark], bool]) -> None:
        """Give up a file that is older than the store, as one of a backup beside a newer store: its next numbers were used already.

        Deliveries with such numbers would be taken for those that the store has, and be lost.

        Args:
            is_known: Whether the store has taken a delivery with a mark; it remembers the newest `MARK_WINDOW` of each client, and takes
                all older ones as known.
        """
        client, used = self._read()
        if not any(is_known(Mark(client, used + ahead)) for ahead in range(1, MARK_WINDOW + 1)):
            return
        log.error("%s is older than the store, which knows later numbers of %s; the numbers of a new client are used.", self._file, client)
        self._client, self._used, self._most = _new_client(), 0, BLOCK
        with contextlib.suppress(OSError):  # then these numbers are of this process alone
            self._write(f"{self._client} {self._most}")

    def next(self) -> Mark:
        """A mark that no other delivery has."""
        if self._used == self._most:
            self._set_apart()
        self._used += 1
        return Mark(self._client, self._used)

    def _set_apart(self) -> None:
        """The next block of numbers; a disk that refuses makes it one of a client that only this process has."""
        client, used = self._read()
        self._client, self._used, self._most = client, used, used + BLOCK
        try:
            self._write(f"{client} {self._most}")
        except OSError:
            self._client, self._used, self._most = _new_client(), 0, BLOCK

    def _read(self) -> tuple[str, int]:
        with contextlib.suppress(OSError, ValueError):
            client, used = self._file.read_text("utf-8").split()
            return client, int(used)
        return _new_client(), 0

    def _write(self, text: str) -> None:
        self._file.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
        new = self._file.with_suffix(".new")
        with new.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._file)
        sync_folder(str(self._file.parent))
        sync_folder(str(self._file.parent.parent))


def _new_client() -> str:
    return f"tapewatch-spool-{uuid4().hex}"
