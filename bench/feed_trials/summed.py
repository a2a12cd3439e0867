"""Whether a fault in the updates of a book with a checksum can be seen at all: it must reach the levels that are summed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tapewatch.sources.collectors.feed.book import Book
from tapewatch.sources.collectors.feed.venues.base import Channel, Event, FeedVenue
from tests.sources.collectors.feed.recorded import Message


def shown_at_us(venue: FeedVenue, channel: Channel, messages: Sequence[Message], changed: Sequence[Message]) -> int | None:
    """When the first message comes whose checksum is not that of the book that the changed messages make, µs; None for never.

    Args:
        venue: How the messages read.
        channel: How the book is summed.
        messages: Those of one stream as they were recorded: after each, its checksum is that of the book.
        changed: The same with a fault; the message itself stays the same object.
    """
    sums = {id(message): checksum for _, message, checksum in _books(venue, channel, messages)}
    wrong = (received_us for received_us, message, checksum in _books(venue, channel, changed) if checksum != sums[id(message)])
    return next(wrong, None)


def _books(venue: FeedVenue, channel: Channel, messages: Sequence[Message]) -> Iterator[tuple[int, bytes, int | None]]:
    """Each message that carries a checksum, with the book's own after it."""
    book = Book(venue.book_levels(), venue.book_entry, channel.checksum)
    for received_us, message in messages:
        event = venue.parse(message)
        if not isinstance(event, Event):
            continue
        if event.is_snapshot:
            book.replace(event.asks, event.bids)
        else:
            book.change(event.asks, event.bids)
        if event.checksum is not None:
            yield received_us, message, book.checksum()
