"""Kraken futures: feeds of products by subscribe events; times in milliseconds.

Source: docs.kraken.com, futures WebSocket API, "book", "trade", "ticker".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tapewatch.desk.dialects.base import Offer, Plain, Session, compact, decoded, words
from tapewatch.desk.dialects.listed import ListedSession, Request
from tapewatch.desk.dialects.times import milliseconds
from tapewatch.desk.stream import Stream

FEED_OF = {"book_snapshot": "book", "book": "book", "trade_snapshot": "trade", "trade": "trade", "ticker": "ticker"}
"""Feed of a message to the feed that is subscribed."""


class KrakenFutures(Plain):
    """The protocol; without state."""

    venue = "kraken_futures"
    path = "/ws/v1"
    times = milliseconds(r'"(?:timestamp|time)":(\d{13})(?!\d)')

    def session(self, path: str, offer: Offer) -> Session:
        """See `Dialect.session`."""
        return ListedSession(offer, self, (compact({"event": "info", "version": 1}),))

    def sort(self, text: str) -> tuple[Stream | None, str] | None:
        """See `Dialect.sort`."""
        message = decoded(text) or {}
        feed = FEED_OF.get(str(message.get("feed")))
        return (Stream(str(message["product_id"]), feed), text) if feed and "product_id" in message and "event" not in message else None

    def asked(self, request: Request) -> tuple[bool, Sequence[Stream]] | None:
        """See `Manners.asked`."""
        if request.get("event") not in {"subscribe", "unsubscribe"}:
            return None
        streams = [Stream(product, str(request.get("feed"))) for product in words(request.get("product_ids"))]
        return request["event"] == "subscribe", streams

    def granted(self, request: Request, streams: Sequence[Stream], *, is_added: bool) -> Iterable[str]:
        """See `Manners.granted`: one answer for the request."""
        event = "subscribed" if is_added else "unsubscribed"
        yield compact({"event": event, "feed": request.get("feed"), "product_ids": [stream.symbol for stream in streams]})

    def refused(self, request: Request, stream: Stream) -> str:
        """See `Manners.refused`."""
        return compact({"event": "subscribed_failed", "feed": stream.channel, "product_ids": [stream.symbol]})

    def other(self, text: str) -> Iterable[str]:
        """See `Manners.other`."""
        yield compact({"event": "error", "message": "Invalid JSON" if decoded(text) is None else "Unknown event"})
