"""Hyperliquid: one subscription a request, by type and coin; times in milliseconds.

Source: hyperliquid.gitbook.io, "WebSocket", "Subscriptions", "Timeouts and heartbeats".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from tapewatch.desk.dialects.base import Offer, Plain, Session, compact, decoded
from tapewatch.desk.dialects.listed import ListedSession, Request
from tapewatch.desk.dialects.times import milliseconds
from tapewatch.desk.stream import Stream

_CHANNELS = frozenset({"trades", "l2Book", "bbo"})


class Hyperliquid(Plain):
    """The protocol; without state."""

    venue = "hyperliquid"
    path = "/ws"
    times = milliseconds(r'"time":(\d{13})(?!\d)')

    def session(self, path: str, offer: Offer) -> Session:
        """See `Dialect.session`."""
        return ListedSession(offer, self)

    def sort(self, text: str) -> tuple[Stream | None, str] | None:
        """See `Dialect.sort`."""
        message = decoded(text) or {}
        data: Any = message.get("data")
        if message.get("channel") not in _CHANNELS or not data:
            return None
        first = cast("list[dict[str, Any]]", data)[0] if isinstance(data, list) else cast("dict[str, Any]", data)
        return Stream(str(first["coin"]), str(message["channel"])), text

    def asked(self, request: Request) -> tuple[bool, Sequence[Stream]] | None:
        """See `Manners.asked`."""
        subscription = request.get("subscription")
        if request.get("method") not in {"subscribe", "unsubscribe"} or not isinstance(subscription, dict):
            return None
        wanted = cast("dict[str, Any]", subscription)
        return request["method"] == "subscribe", [Stream(str(wanted.get("coin")), str(wanted.get("type")))]

    def granted(self, request: Request, streams: Sequence[Stream], *, is_added: bool) -> Iterable[str]:
        """See `Manners.granted`."""
        for stream in streams:
            named = {"type": stream.channel, "coin": stream.symbol}
            yield compact({"channel": "subscriptionResponse", "data": {"method": request["method"], "subscription": named}})

    def refused(self, request: Request, stream: Stream) -> str:
        """See `Manners.refused`."""
        return compact({"channel": "error", "data": f"Invalid subscription {compact(request.get('subscription'))}"})

    def other(self, text: str) -> Iterable[str]:
        """See `Manners.other`."""
        is_ping = (decoded(text) or {}).get("method") == "ping"
        yield compact({"channel": "pong"} if is_ping else {"channel": "error", "data": "Error parsing JSON into valid websocket request"})
