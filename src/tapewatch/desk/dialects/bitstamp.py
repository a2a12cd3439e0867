"""Bitstamp: channels named after topic and market, one subscription a message; times in microseconds as text.

Source: Bitstamp, "Websocket API v2" (channels, subscriptions, heartbeat, error responses).
"""

from __future__ import annotations

import re
from typing import Any, cast

from tapewatch.desk.dialects.base import Change, Offer, Plain, Session, compact, decoded
from tapewatch.desk.stream import Stream
from tapewatch.desk.template import TimeForm

_DATA = frozenset({"data", "trade"})


def stream_of(channel: str) -> Stream:
    """Read a channel name such as ``live_trades_btcusd``."""
    topic, _, market = channel.rpartition("_")
    return Stream(market, topic)


def name_of(stream: Stream) -> str:
    """Write a channel name such as ``live_trades_btcusd``."""
    return f"{stream.channel}_{stream.symbol}"


class Bitstamp(Plain):
    """The protocol; without state."""

    venue = "bitstamp"
    path = "/"
    # "timestamp" is the same in whole seconds, which nobody measures by: it stays as it was recorded
    times = TimeForm(pattern=re.compile(r'"microtimestamp":"(\d+)"'), parse=int, write=str)

    def session(self, path: str, offer: Offer) -> Session:
        """See `Dialect.session`."""
        return _Session(offer)

    def sort(self, text: str) -> tuple[Stream | None, str] | None:
        """See `Dialect.sort`."""
        message = decoded(text)
        if message is None or message.get("event") not in _DATA:
            return None
        return stream_of(str(message.get("channel"))), text


class _Session:
    """Subscriptions of one connection."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._streams: set[Stream] = set()

    @property
    def streams(self) -> frozenset[Stream]:
        return frozenset(self._streams)

    def greeting(self) -> tuple[str, ...]:
        return ()

    def answer(self, text: str) -> Change:
        request = decoded(text) or {}
        event, data = request.get("event"), request.get("data")
        if event == "bts:heartbeat":
            return Change((_said("bts:heartbeat", "", {"status": "success"}),))
        name = str(cast("dict[str, Any]", data).get("channel")) if isinstance(data, dict) else ""
        stream = stream_of(name)
        if event not in {"bts:subscribe", "bts:unsubscribe"} or stream not in self._offer.streams:
            return Change((_said("bts:error", "", {"code": None, "message": "Bad subscription string."}),))
        if event == "bts:subscribe":
            added = () if stream in self._streams else (stream,)
            self._streams.add(stream)
            return Change((_said("bts:subscription_succeeded", name_of(stream), {}),), added=added)
        removed = (stream,) if stream in self._streams else ()
        self._streams.discard(stream)
        return Change((_said("bts:unsubscription_succeeded", name_of(stream), {}),), removed=removed)

    def dress(self, stream: Stream, text: str) -> str:
        return text


def _said(event: str, channel: str, data: dict[str, object]) -> str:
    return compact({"event": event, "channel": channel, "data": data})
