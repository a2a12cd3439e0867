"""Keeps what a running collector learned in its file: read at the start, written now and then and at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from tapewatch.clock import US_PER_S
from tapewatch.sources.base import Context
from tapewatch.sources.collectors.feed.cadence import Cadence
from tapewatch.sources.collectors.feed.learned import SAVE_S, encode, learned_path, read, write

FIRST_SAVE_S = 60.0
"""Seconds until the first writing, so that a process that is killed again and again still learns."""


class Keeping:
    """The file of one collector.

    Args:
        context: Names the collector and the folder; without a folder nothing is kept.
        cadences: What is learned, by name; filled from the file.

    Attributes:
        known_until_us: Rows of table ``feed`` until then tell nothing that the file does not know, µs; None without a sound file.
    """

    def __init__(self, context: Context, cadences: Mapping[str, Cadence]) -> None:
        self._path = learned_path(context.state_dir, context.name) if context.state_dir else None
        self._cadences = cadences
        self._due_s = context.clock.monotonic_s() + FIRST_SAVE_S
        self.known_until_us: int | None = None
        if self._path is not None and read(self._path, cadences):
            self.known_until_us = round((self._path.stat().st_mtime + SAVE_S) * US_PER_S)

    async def keep(self, now_s: float) -> None:
        """Write the file if it is time, in a thread: a slow disk must not hold up the messages."""
        if self._path is not None and now_s >= self._due_s:
            self._due_s = now_s + SAVE_S
            await asyncio.to_thread(write, self._path, encode(self._cadences))

    def __enter__(self) -> None:
        """Nothing is to be done at the start."""

    def __exit__(self, *_: object) -> None:
        """Write the file a last time."""
        if self._path is not None:
            write(self._path, encode(self._cadences))
