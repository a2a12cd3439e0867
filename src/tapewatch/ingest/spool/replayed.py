"""What became of a delivery that waited in the spool."""

from __future__ import annotations

from dataclasses import dataclass

from tapewatch.store.base import Stored


@dataclass(frozen=True, slots=True)
class Replayed:
    """A delivery that the store has taken from the spool.

    Attributes:
        stored: The delivery.
        is_new: Whether its rows were stored now; False when its mark was known.
        was_found: Whether it was in the spool already when this process began, which has shown it to nobody and counted it nowhere.
    """

    stored: Stored
    is_new: bool
    was_found: bool
