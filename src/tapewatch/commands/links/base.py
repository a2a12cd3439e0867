"""What a link is, and what a walk over all of them knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from tapewatch.clock import Clock
from tapewatch.settings import Settings
from tapewatch.surfaces.remote import Remote

CANARY = "canary"
"""The table of the row that is sent."""


@dataclass(slots=True)
class Walk:
    """One walk.

    Attributes:
        name: Of this walk; the row that is sent carries it.
        clock: The time.
        settings_path: The settings file; None when there is none.
        settings: What they say; None when they are wrong.
        server: Where the server should be.
        token: What it is asked with.
        status: What the server says of everything.
        receipt: What the receiver answered to the row.
        store_trouble: Why the store is away: what the server said instead of taking the row, or about its store after it took it.
        is_full: Whether that is because its disk is full.
    """

    name: str
    clock: Clock
    settings_path: Path | None
    settings: Settings | None
    server: Remote
    token: str = field(repr=False)
    status: dict[str, Any] = field(default_factory=dict[str, Any])
    receipt: dict[str, Any] | None = None
    store_trouble: str = ""
    is_full: bool = False

    @property
    def host(self) -> str:
        """The host of the row."""
        return self.settings.host if self.settings else "doctor"


class Mark(StrEnum):
    """How a link was found."""

    SOUND = "ok"
    BROKEN = "BROKEN"
    HIDDEN = "?"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about a link; ``words`` say it in a sentence without a full stop, with what to do about it."""

    mark: Mark
    words: str


def sound(words: str) -> Finding:
    """Nothing is wrong."""
    return Finding(Mark.SOUND, words)


def broken(words: str, fix: str) -> Finding:
    """Something is wrong, and what to do about it."""
    return Finding(Mark.BROKEN, f"{words}; {fix}")


def hidden(words: str) -> Finding:
    """It cannot be looked at, and why."""
    return Finding(Mark.HIDDEN, words)


@dataclass(frozen=True, slots=True)
class Link:
    """One link.

    Attributes:
        name: In one word.
        look: Finds out; an error of the tree that it raises means that the link is broken.
        needs: Links without which it cannot be looked at.
    """

    name: str
    look: Callable[[Walk], Finding]
    needs: tuple[str, ...] = ()
