"""Deribit: channels such as ``book.BTC-PERPETUAL.100ms`` by JSON-RPC requests; times in milliseconds.

Source: docs.deribit.com, "Notifications", "book", "trades", "quote", "platform_state".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from tapewatch.desk.dialects.base import Offer, Plain, Session, compact, decoded, words
from tapewatch.desk.dialects.listed import ListedSession, Request
from tapewatch.desk.dialects.times import milliseconds
from tapewatch.desk.stream import Stream

_PLATFORM = "platform_state"
_SUBSCRIBE, _UNSUBSCRIBE = "public/subscribe", "public/unsubscribe"


def stream_of(channel: str) -> Stream:
    """Read a channel such as ``book.BTC-PERPETUAL.100ms``: its instrument stands in the middle."""
    kind, _, rest = channel.partition(".")
    symbol, _, interval = rest.partition(".")
    return Stream(symbol, f"{kind}.{interval}" if interval else kind)


def channel_of(stream: Stream) -> str:
    """Write a channel."""
    kind, _, interval = stream.channel.partition(".")
    return ".".join(part for part in (kind, stream.symbol, interval) if part)


def notified(stream: Stream, data: object) -> str:
    """Write a notification."""
    return compact({"jsonrpc": "2.0", "method": "subscription", "params": {"channel": channel_of(stream), "data": data}})


class Deribit(Plain):
    """The protocol; without state."""

    venue = "deribit"
    path = "/ws/api/v2"
    times = milliseconds(r'"timestamp":(\d{13})(?!\d)')

    def session(self, path: str, offer: Offer) -> Session:
        """See `Dialect.session`."""
        return ListedSession(offer, self)

    def sort(self, text: str) -> tuple[Stream | None, str] | None:
        """See `Dialect.sort`."""
        message = decoded(text) or {}
        if message.get("method") != "subscription":
            return None
        channel = str(message["params"]["channel"])
        return (None if channel.startswith(_PLATFORM) else stream_of(channel)), text

    def asked(self, request: Request) -> tuple[bool, Sequence[Stream]] | None:
        """See `Manners.asked`; the state of the platform is granted to everybody, and never changes."""
        if request.get("method") not in {_SUBSCRIBE, _UNSUBSCRIBE}:
            return None
        channels = words(cast("dict[str, Any]", request.get("params") or {}).get("channels"))
        return request["method"] == _SUBSCRIBE, [stream_of(channel) for channel in channels if channel != _PLATFORM]

    def granted(self, request: Request, streams: Sequence[Stream], *, is_added: bool) -> Iterable[str]:
        """See `Manners.granted`: the channels that exist, in one answer."""
        yield compact({"jsonrpc": "2.0", "id": request.get("id"), "result": [channel_of(stream) for stream in streams]})

    def refused(self, request: Request, stream: Stream) -> str:
        """See `Manners.refused`."""
        wrong = {"reason": "unknown channel", "param": channel_of(stream)}
        return compact({"jsonrpc": "2.0", "id": request.get("id"), "error": {"code": -32602, "message": "Invalid params", "data": wrong}})

    def other(self, text: str) -> Iterable[str]:
        """See `Manners.other`."""
        number = (decoded(text) or {}).get("id")
        yield compact({"jsonrpc": "2.0", "id": number, "error": {"code": -32601, "message": "Method not found"}})
