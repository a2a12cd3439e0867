"""What lines have in common that differ in nothing but values and times, remembered from one body to the next."""

from __future__ import annotations

from dataclasses import dataclass

MOST_BYTES = 4_000_000
"""Skeletons that are remembered; a sender of ever new names makes everything be read again now and then, and takes no more memory."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Table, names of tags and fields, and how the values are written: types of `tapewatch.sources.receivers.line_protocol.tokens`."""

    table: str
    tags: tuple[str, ...]
    fields: tuple[str, ...]
    types: bytes


Known = tuple[Shape, tuple[str, ...]]
"""A shape, and the values of the tags."""


class Shapes:
    """What the careful reader has said of lines, by their skeletons (see `tokens.shortened`), for one dialect; thread-safe."""

    def __init__(self) -> None:
        self._known: dict[bytes, Known] = {}
        self._bytes = 0

    def get(self, skeleton: bytes) -> Known | None:
        """What is known of lines with this skeleton."""
        return self._known.get(skeleton)

    def keep(self, skeleton: bytes, known: Known) -> None:
        """Remember it; what was remembered before is forgotten when it is too much."""
        self._bytes += len(skeleton)
        if self._bytes > MOST_BYTES:  # two threads at once may count a little too much: that forgets early
            self._known, self._bytes = {}, len(skeleton)
        self._known[skeleton] = known
