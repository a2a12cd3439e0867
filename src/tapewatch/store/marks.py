"""Which deliveries a store has already taken: per client a window of sequence numbers, and the bodies of the last ten minutes."""

from __future__ import annotations

from collections.abc import Iterable

from tapewatch.model.rows import BodyMark, Mark
from tapewatch.store.base import BODY_MARK_US, MARK_WINDOW


class Marks:
    """Marks in memory; whoever owns it keeps the same ones beside the rows.

    A sequence number at or below a client's newest minus `MARK_WINDOW` counts as known. A body is known until `BODY_MARK_US` after its
    receipt.
    """

    def __init__(self, marks: Iterable[Mark | BodyMark] = ()) -> None:
        self._known: dict[str, set[int]] = {}
        self._bodies: dict[str, int] = {}
        self._newest: dict[str, int] = {}
        self._kept = 0
        self.add(marks)

    def __contains__(self, mark: Mark | BodyMark) -> bool:
        if isinstance(mark, BodyMark):
            received_us = self._bodies.get(mark.digest)
            came_us = mark.received_us if mark.first_us is None else min(mark.first_us, mark.received_us)
            return received_us is not None and came_us < received_us + BODY_MARK_US
        newest = self._newest.get(mark.client)
        return newest is not None and (mark.sequence <= newest - MARK_WINDOW or mark.sequence in self._known[mark.client])

    def add(self, marks: Iterable[Mark | BodyMark]) -> None:
        """Remember marks; forget those that fell out of their client's window."""
        for mark in marks:
            if isinstance(mark, BodyMark):
                self._bodies[mark.digest] = max(mark.received_us, self._bodies.get(mark.digest, mark.received_us))
                continue
            known = self._known.setdefault(mark.client, set())
            known.add(mark.sequence)
            self._kept += 1
            newest = max(self._newest.get(mark.client, mark.sequence), mark.sequence)
            self._newest[mark.client] = newest
            if len(known) > 2 * MARK_WINDOW:
                self._known[mark.client] = {sequence for sequence in known if sequence > newest - MARK_WINDOW}

    def windows(self) -> dict[str, int]:
        """Client to the largest sequence number that has fallen out of its window."""
        return {client: newest - MARK_WINDOW for client, newest in self._newest.items()}

    def outgrown(self) -> bool:
        """Whether so many marks lie beside the rows that the old ones should go."""
        return self._kept > 2 * MARK_WINDOW * max(1, len(self._newest))

    def forgot(self) -> None:
        """The old ones went."""
        self._kept = MARK_WINDOW * len(self._newest)

    def forget_bodies(self, until_us: int) -> bool:
        """Forget the bodies received at or before a time; whether there were any."""
        kept = {digest: received_us for digest, received_us in self._bodies.items() if received_us > until_us}
        is_less = len(kept) < len(self._bodies)
        self._bodies = kept
        return is_less
