"""BitMEX: topics such as ``trade:XBTUSD`` by subscribe requests; times in ISO 8601 with milliseconds.

Source: www.bitmex.com/app/wsAPI.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from tapewatch.desk.clock import iso
from tapewatch.desk.dialects.base import Offer, Plain, Session, compact, decoded, words
from tapewatch.desk.dialects.listed import ListedSession, Request
from tapewatch.desk.stream import Stream
from tapewatch.desk.template import TimeForm

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS_OF_MS = 3
WELCOME = compact({"info": "Welcome to the BitMEX Realtime API.", "version": "2.0.0", "limit": {"remaining": 39}})


def _parse(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


def write_time(us: int) -> str:
    """Write microseconds since 1970 with three decimals of a second, such as ``2026-01-02T03:04:05.678Z``."""
    return f"{iso(us)[: -_MICROSECONDS_OF_MS - 1]}Z"


def stream_of(topic: str) -> Stream:
    """Read a topic such as ``trade:XBTUSD``."""
    table, _, symbol = topic.partition(":")
    return Stream(symbol, table)


def topic_of(stream: Stream) -> str:
    """Write a topic."""
    return f"{stream.channel}:{stream.symbol}"


class Bitmex(Plain):
    """The protocol; without state."""

    venue = "bitmex"
    path = "/realtime"
    times = TimeForm(re.compile(r'"timestamp":"([^"]+)"'), _parse, write_time)

    def session(self, path: str, offer: Offer) -> Session:
        """See `Dialect.session`."""
        return ListedSession(offer, self, (WELCOME,))

    def sort(self, text: str) -> tuple[Stream | None, str] | None:
        """See `Dialect.sort`."""
        message = decoded(text) or {}
        rows = message.get("data")
        return (Stream(str(rows[0]["symbol"]), str(message["table"])), text) if "table" in message and rows else None

    def asked(self, request: Request) -> tuple[bool, Sequence[Stream]] | None:
        """See `Manners.asked`."""
        if request.get("op") not in {"subscribe", "unsubscribe"}:
            return None
        return request["op"] == "subscribe", [stream_of(topic) for topic in words(request.get("args"))]

    def granted(self, request: Request, streams: Sequence[Stream], *, is_added: bool) -> Iterable[str]:
        """See `Manners.granted`: an answer for each topic."""
        for stream in streams:
            yield compact({"success": True, str(request["op"]): topic_of(stream), "request": request})

    def refused(self, request: Request, stream: Stream) -> str:
        """See `Manners.refused`."""
        return compact({"status": 400, "error": f"Unknown or expired symbol or table: {topic_of(stream)}", "meta": {}, "request": request})

    def other(self, text: str) -> Iterable[str]:
        """See `Manners.other`."""
        yield "pong" if text == "ping" else compact({"status": 400, "error": "Unrecognized request", "meta": {}})
