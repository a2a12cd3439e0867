"""Subscriptions of venues that are asked for streams by JSON requests, and refuse those that they do not have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from tapewatch.desk.dialects.base import Change, Offer, decoded
from tapewatch.desk.stream import Stream

Request = dict[str, Any]


class Manners(Protocol):
    """How a venue reads requests and answers them; without state."""

    def asked(self, request: Request) -> tuple[bool, Sequence[Stream]] | None:
        """Streams of a request, and whether it subscribes them or ends them; None when it is about something else."""
        ...

    def granted(self, request: Request, streams: Sequence[Stream], *, is_added: bool) -> Iterable[str]:
        """Answers to streams that exist."""
        ...

    def refused(self, request: Request, stream: Stream) -> str:
        """The answer to a stream that does not exist."""
        ...

    def other(self, text: str) -> Iterable[str]:
        """Answers to what is no request for streams: a ping, or what cannot be read."""
        ...


class ListedSession:
    """Subscriptions of one connection.

    Args:
        offer: What there is.
        manners: The venue's.
        greeting: What it says when a connection opens.
    """

    def __init__(self, offer: Offer, manners: Manners, greeting: Sequence[str] = ()) -> None:
        self._offer = offer
        self._manners = manners
        self._greeting = greeting
        self._streams: set[Stream] = set()

    @property
    def streams(self) -> frozenset[Stream]:
        """See `Session.streams`."""
        return frozenset(self._streams)

    def greeting(self) -> Sequence[str]:
        """See `Session.greeting`."""
        return self._greeting

    def answer(self, text: str) -> Change:
        """See `Session.answer`."""
        request = decoded(text)
        asked = self._manners.asked(request) if request is not None else None
        if request is None or asked is None:
            return Change(tuple(self._manners.other(text)))
        is_added, streams = asked
        known = [stream for stream in dict.fromkeys(streams) if stream in self._offer.streams]
        replies = [self._manners.refused(request, stream) for stream in streams if stream not in self._offer.streams]
        replies += self._manners.granted(request, known, is_added=is_added)
        changed = tuple(stream for stream in known if (stream in self._streams) != is_added)
        if is_added:
            self._streams.update(changed)
            return Change(tuple(replies), added=changed)
        self._streams.difference_update(changed)
        return Change(tuple(replies), removed=changed)

    def dress(self, stream: Stream, text: str) -> str:
        """See `Session.dress`: every connection hears the same."""
        return text
