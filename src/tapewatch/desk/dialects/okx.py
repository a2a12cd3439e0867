"""OKX v5 public: channels and instruments by subscribe requests; times in milliseconds as text.

Source: www.okx.com/docs-v5, "Subscribe", "WS / Order book channel", "WS / Trades channel", "WS / Tickers channel".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from tapewatch.desk.dialects.base import Offer, Plain, Session, compact, decoded
from tapewatch.desk.dialects.listed import ListedSession, Request
from tapewatch.desk.dialects.times import milliseconds
from tapewatch.desk.stream import Stream

_CONNECTION = "desk"


def arg_of(stream: Stream) -> dict[str, str]:
    """How a request and a message name a stream."""
    return {"channel": stream.channel, "instId": stream.symbol}


def stream_of(arg: dict[str, Any]) -> Stream:
    """Read the name of a stream."""
    return Stream(str(arg.get("instId")), str(arg.get("channel")))


class Okx(Plain):
    """The protocol; without state."""

    venue = "okx"
    path = "/ws/v5/public"
    times = milliseconds(r'"ts":"(\d{13})"')

    def session(self, path: str, offer: Offer) -> Session:
        """See `Dialect.session`."""
        return ListedSession(offer, self)

    def sort(self, text: str) -> tuple[Stream | None, str] | None:
        """See `Dialect.sort`; pongs and answers to requests are left out."""
        message = decoded(text)
        return (stream_of(message["arg"]), text) if message and "data" in message else None

    def asked(self, request: Request) -> tuple[bool, Sequence[Stream]] | None:
        """See `Manners.asked`."""
        args = request.get("args")
        if request.get("op") not in {"subscribe", "unsubscribe"} or not isinstance(args, list):
            return None
        named = [cast("dict[str, Any]", arg) for arg in cast("list[object]", args) if isinstance(arg, dict)]
        return request["op"] == "subscribe", [stream_of(arg) for arg in named]

    def granted(self, request: Request, streams: Sequence[Stream], *, is_added: bool) -> Iterable[str]:
        """See `Manners.granted`: an answer for each stream."""
        for stream in streams:
            yield compact({"event": request["op"], "arg": arg_of(stream), "connId": _CONNECTION})

    def refused(self, request: Request, stream: Stream) -> str:
        """See `Manners.refused`."""
        words = f"Wrong URL or channel:{stream.channel},instId:{stream.symbol} doesn't exist."
        return compact({"event": "error", "code": "60018", "msg": words, "connId": _CONNECTION})

    def other(self, text: str) -> Iterable[str]:
        """See `Manners.other`."""
        yield "pong" if text == "ping" else compact({"event": "error", "code": "60012", "msg": f"Invalid request: {text}"})
