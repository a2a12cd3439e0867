"""Bybit v5 public: topics such as ``orderbook.50.BTCUSDT`` by subscribe requests; times in milliseconds.

Source: bybit-exchange.github.io/docs/v5, "Connect", "Orderbook", "Trade", "Ticker".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tapewatch.desk.dialects.base import Offer, Plain, Session, compact, decoded, words
from tapewatch.desk.dialects.listed import ListedSession, Request
from tapewatch.desk.dialects.times import milliseconds
from tapewatch.desk.stream import Stream

_CONNECTION = "desk"


def stream_of(topic: str) -> Stream:
    """Read a topic such as ``orderbook.50.BTCUSDT``."""
    channel, _, symbol = topic.rpartition(".")
    return Stream(symbol, channel)


def topic_of(stream: Stream) -> str:
    """Write a topic."""
    return f"{stream.channel}.{stream.symbol}"


class Bybit(Plain):
    """The protocol; without state."""

    venue = "bybit"
    path = "/v5/public/linear"
    times = milliseconds(r'"(?:ts|cts|T)":(\d{13})(?!\d)')

    def session(self, path: str, offer: Offer) -> Session:
        """See `Dialect.session`."""
        return ListedSession(offer, self)

    def sort(self, text: str) -> tuple[Stream | None, str] | None:
        """See `Dialect.sort`."""
        message = decoded(text)
        return (stream_of(message["topic"]), text) if message and "topic" in message else None

    def asked(self, request: Request) -> tuple[bool, Sequence[Stream]] | None:
        """See `Manners.asked`."""
        if request.get("op") not in {"subscribe", "unsubscribe"}:
            return None
        return request["op"] == "subscribe", [stream_of(topic) for topic in words(request.get("args"))]

    def granted(self, request: Request, streams: Sequence[Stream], *, is_added: bool) -> Iterable[str]:
        """See `Manners.granted`: one answer for the request."""
        yield _said(str(request.get("op")), "")

    def refused(self, request: Request, stream: Stream) -> str:
        """See `Manners.refused`."""
        return compact({"success": False, "ret_msg": f"Invalid symbol :[{topic_of(stream)}]", "op": request.get("op")})

    def other(self, text: str) -> Iterable[str]:
        """See `Manners.other`."""
        request = decoded(text) or {}
        yield _said("ping", "pong") if request.get("op") == "ping" else compact({"success": False, "ret_msg": "Invalid request", "op": ""})


def _said(op: str, message: str) -> str:
    return compact({"success": True, "ret_msg": message, "conn_id": _CONNECTION, "op": op})
