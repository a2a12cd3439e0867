"""What became of a delivery that waited in the spool, or whose sender was told that its outcome is not known."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tapewatch.model.rows import BodyMark
from tapewatch.store.base import Stored


@dataclass(frozen=True, slots=True)
class Replayed:
    """A delivery that the store has taken from the spool, or has answered for late.

    Attributes:
        stored: The delivery.
        is_new: Whether its rows were stored now; False when its mark was known.
        was_found: Whether it was in the spool already when this process began, which has shown it to nobody and counted it nowhere.
        is_late: Whether it was refused while its call hung: counted in the quarantine, shown to nobody, and there only if it is new.
    """

    stored: Stored
    is_new: bool
    was_found: bool
    is_late: bool = False


def received_at(stored: Stored, now_us: int) -> Stored:
    """A delivery from the spool whose body is remembered from now on, so that a replay that is cut off changes nothing.

    The store still looks for the time at which it came first: it may have taken the body then, in a call that hung.
    """
    if not isinstance(stored.mark, BodyMark):
        return stored
    return replace(stored, mark=replace(stored.mark, received_us=now_us, first_us=stored.mark.received_us))
