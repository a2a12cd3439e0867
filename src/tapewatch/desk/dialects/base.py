"""What the desk must know of a venue's protocol to stand in for it: subscriptions, times, books."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from tapewatch.desk.stream import Stream
from tapewatch.desk.template import TimeForm


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server has to give.

    Attributes:
        streams: Every stream that will carry messages.
        channel_ids: Numbers of streams, where the venue numbers them.
    """

    streams: frozenset[Stream]
    channel_ids: Mapping[Stream, int] = field(default_factory=dict[Stream, int])

    @property
    def symbols(self) -> frozenset[str]:
        """Symbols of all streams."""
        return frozenset(stream.symbol for stream in self.streams)


@dataclass(frozen=True, slots=True)
class Change:
    """What a message of a client did.

    Attributes:
        replies: Answers, in order.
        added: Streams that are now subscribed.
        removed: Streams that no longer are.
    """

    replies: tuple[str, ...] = ()
    added: tuple[Stream, ...] = ()
    removed: tuple[Stream, ...] = ()


class Session(Protocol):
    """The subscriptions of one connection, by the venue's protocol; owned by that connection."""

    @property
    def streams(self) -> frozenset[Stream]:
        """Subscribed streams."""
        ...

    def greeting(self) -> Sequence[str]:
        """Messages that the venue sends when a connection opens."""
        ...

    def answer(self, text: str) -> Change:
        """Take a client's message; one that cannot be read is answered as the venue does and never raises."""
        ...

    def dress(self, stream: Stream, text: str) -> str:
        """Put a message into the form that this connection asked for."""
        ...


class Dialect(Protocol):
    """A venue's protocol; without state."""

    @property
    def venue(self) -> str:
        """Tapewatch's name of the venue."""
        ...

    @property
    def path(self) -> str:
        """Path of the WebSocket address."""
        ...

    @property
    def times(self) -> TimeForm:
        """How messages carry times."""
        ...

    def session(self, path: str, offer: Offer) -> Session:
        """Open a session for a connection to ``path`` (with its query)."""
        ...

    def sort(self, text: str) -> tuple[Stream | None, str] | None:
        """Name the stream of a recorded message and give its undressed text.

        Returns:
            None for what a server answers by itself (acknowledgements, status); a stream of None for what goes to every subscriber.
        """
        ...

    def channel_ids(self, texts: Iterable[tuple[Stream, str]]) -> dict[Stream, int]:
        """Numbers that recorded streams carry; empty where the venue has none."""
        ...

    def narrow(self, texts: Sequence[str], wanted: Stream) -> list[str | None]:
        """Derive ``wanted`` from all messages of the stream that `source_of` names.

        Returns:
            One text for each message; None where the derived stream says nothing.
        """
        ...

    def source_of(self, offered: Iterable[Stream], wanted: Stream) -> Stream | None:
        """Name the recorded stream from which ``wanted`` can be derived; None when there is none."""
        ...

    def snapshot(self, texts: Sequence[str], stream: Stream) -> str | None:
        """State of a stream after these messages, as its venue tells a new subscriber; None when the venue tells nothing."""
        ...


class Plain:
    """Answers of a dialect whose venue numbers nothing and derives nothing."""

    def channel_ids(self, texts: Iterable[tuple[Stream, str]]) -> dict[Stream, int]:
        """See `Dialect.channel_ids`."""
        return {}

    def source_of(self, offered: Iterable[Stream], wanted: Stream) -> Stream | None:
        """See `Dialect.source_of`."""
        return None

    def narrow(self, texts: Sequence[str], wanted: Stream) -> list[str | None]:
        """See `Dialect.narrow`."""
        return []

    def snapshot(self, texts: Sequence[str], stream: Stream) -> str | None:
        """See `Dialect.snapshot`."""
        return None


def decoded(text: str) -> dict[str, Any] | None:
    """Read a JSON object; None when the text is not one."""
    try:
        value: object = json.loads(text)
    except ValueError:
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def words(value: object) -> list[str]:
    """Read a JSON list of strings; anything else counts as empty."""
    if not isinstance(value, list):
        return []
    return [item for item in cast("list[object]", value) if isinstance(item, str)]


def compact(value: object) -> str:
    """Write JSON without spaces, as the venues do."""
    return json.dumps(value, separators=(",", ":"))
