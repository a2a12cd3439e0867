"""What travels over the live connection, both ways, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson

from tapewatch.clock import US_PER_S
from tapewatch.errors import QueryError
from tapewatch.query.frame import Frame

MOST_MESSAGE_BYTES = 64 * 1024
"""Largest message a browser may send."""


class Range(msgspec.Struct):
    """Either the last ``last_s`` seconds, moving with the clock, or from ``start_us`` to ``end_us``."""

    last_s: float | None = None
    start_us: int | None = None
    end_us: int | None = None


class Subscribe(msgspec.Struct, tag_field="op", tag="subscribe"):
    """Send me this panel (or this question) now and whenever it changes; ``id`` is the browser's own name for it."""

    id: str
    range: Range = msgspec.field(default_factory=Range)
    dashboard: str = ""
    panel: str = ""
    vars: dict[str, list[str]] = {}
    query: dict[str, Any] | None = None


class Unsubscribe(msgspec.Struct, tag_field="op", tag="unsubscribe"):
    """I no longer show it."""

    id: str


_DECODER = msgspec.json.Decoder(Subscribe | Unsubscribe)


def decode(text: str | bytes) -> Subscribe | Unsubscribe:
    """Read a browser's message.

    Raises:
        QueryError: It is not one of the two messages; says what was found.
    """
    try:
        return _DECODER.decode(text)
    except msgspec.MsgspecError as error:
        raise QueryError(f"a message is a JSON object with op subscribe or unsubscribe: {error}") from error


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time a panel shows.

    Attributes:
        last_us: Length of a window that ends now; None for a fixed one.
        start_us: Start of a fixed window.
        end_us: End of a fixed window, exclusive.
    """

    last_us: int | None = None
    start_us: int = 0
    end_us: int = 0

    @classmethod
    def of(cls, asked: Range) -> Window:
        """The window a browser asked for.

        Raises:
            QueryError: Neither form is complete, or the window is empty.
        """
        if asked.last_s is not None:
            if not 0 < asked.last_s < 100 * 366 * 86_400:
                raise QueryError(f"{asked.last_s} is not a length in seconds", position="range.last_s")
            return cls(last_us=round(asked.last_s * US_PER_S))
        if asked.start_us is None or asked.end_us is None:
            raise QueryError("give last_s, or start_us and end_us", position="range")
        if asked.end_us <= asked.start_us:
            raise QueryError(f"end {asked.end_us} is not after start {asked.start_us}", position="range.end_us")
        return cls(start_us=asked.start_us, end_us=asked.end_us)

    def at(self, now_us: int) -> tuple[int, int]:
        """Start and end at a moment."""
        return (self.start_us, self.end_us) if self.last_us is None else (now_us - self.last_us, now_us)

    def includes(self, now_us: int) -> bool:
        """Whether new rows can still fall into it."""
        return self.last_us is not None or self.start_us <= now_us < self.end_us


@dataclass(frozen=True, slots=True)
class FrameMessage:
    """One encoded frame; the same text goes to every client of the topic.

    Attributes:
        topic: Name of the topic.
        sequence: Counts the topic's changes from 1.
        is_snapshot: Whether it stands alone; else it changes the frame before it.
        text: The message as it is sent.
        observed_s: Monotonic second at which the oldest row in it had been accepted; None when none is new.
    """

    topic: str
    sequence: int
    is_snapshot: bool
    text: str = field(repr=False)
    observed_s: float | None = None


def frame_message(topic: str, sequence: int, frame: Frame, replace_from_us: int | None, observed_s: float | None) -> FrameMessage:
    """Write a frame: a snapshot, or with ``replace_from_us`` a delta."""
    is_snapshot = replace_from_us is None
    head = orjson.dumps(
        {
            "op": "frame",
            "topic": topic,
            "sequence": sequence,
            "kind": "snapshot" if is_snapshot else "delta",
            "replace_from_us": replace_from_us,
        }
    )
    text = (head[:-1] + b',"frame":' + frame.encode() + b"}").decode()
    return FrameMessage(topic, sequence, is_snapshot, text, observed_s)


def written(op: str, body: Mapping[str, Any]) -> str:
    """Any other message to the browser: its ``op`` and its fields."""
    return orjson.dumps({"op": op, **body}).decode()


def error_text(code: str, message: str, subscription: str | None = None) -> str:
    """Something a browser asked for cannot be done."""
    return written("error", {"id": subscription, "code": code, "message": message})
