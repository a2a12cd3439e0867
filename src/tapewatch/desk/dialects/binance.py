"""Binance, spot and futures: streams named in the address or by SUBSCRIBE; times in milliseconds.

Source: Binance developer pages, "USDⓈ-M Futures, Websocket Market Streams" and "Live Subscribing/Unsubscribing to streams".
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from tapewatch.desk.dialects.base import Change, Offer, Plain, Session, compact, decoded, words
from tapewatch.desk.dialects.times import milliseconds
from tapewatch.desk.stream import Stream

_WRAPPED = re.compile(r'^\{"stream":"([^"]+)","data":(.*)\}$', re.DOTALL)


# E and T are when things happened. t and T of a candle are its bounds: they move along, so that the event stays inside its candle.
_TIMES = milliseconds(r'"[ETt]":(\d{13})(?!\d)')


def stream_of(name: str) -> Stream:
    """Read a stream name such as ``btcusdt@depth@100ms``."""
    symbol, _, channel = name.partition("@")
    return Stream(symbol.upper(), channel)


def name_of(stream: Stream) -> str:
    """Write a stream name such as ``btcusdt@depth@100ms``."""
    return f"{stream.symbol.lower()}@{stream.channel}"


class BinanceFutures(Plain):
    """The protocol of USD-M futures; without state."""

    venue = "binance_usdm"
    path = "/stream"
    times = _TIMES

    def session(self, path: str, offer: Offer) -> Session:
        """See `Dialect.session`."""
        return _Session(path)

    def sort(self, text: str) -> tuple[Stream | None, str] | None:
        """See `Dialect.sort`; only combined streams (``{"stream": …, "data": …}``) say which stream they are."""
        found = _WRAPPED.match(text)
        return (stream_of(found.group(1)), found.group(2)) if found else None


class BinanceCoinm(BinanceFutures):
    """The same at another address."""

    venue = "binance_coinm"


class BinanceSpot(BinanceFutures):
    """The same at another address; a book ticker carries no time."""

    venue = "binance"


class _Session:
    """Subscriptions of one connection; a stream that does not exist is accepted and stays silent, as at the venue."""

    def __init__(self, path: str) -> None:
        address = urlsplit(path)
        self._combined = address.path.rstrip("/").endswith("/stream")
        names = "/".join(parse_qs(address.query).get("streams", []))
        if not self._combined:
            names = address.path.partition("/ws/")[2]
        self._streams = {stream_of(name): None for name in names.split("/") if name}

    @property
    def streams(self) -> frozenset[Stream]:
        return frozenset(self._streams)

    def greeting(self) -> tuple[str, ...]:
        return ()

    def answer(self, text: str) -> Change:
        request = decoded(text)
        if request is None:
            return Change((compact({"error": {"code": 3, "msg": "Invalid JSON"}}),))
        number = request.get("id")
        streams = [stream_of(name) for name in words(request.get("params"))]
        match request.get("method"):
            case "SUBSCRIBE":
                added = tuple(stream for stream in dict.fromkeys(streams) if stream not in self._streams)
                self._streams.update(dict.fromkeys(added))
                return Change((compact({"result": None, "id": number}),), added=added)
            case "UNSUBSCRIBE":
                removed = tuple(stream for stream in dict.fromkeys(streams) if stream in self._streams)
                for stream in removed:
                    del self._streams[stream]
                return Change((compact({"result": None, "id": number}),), removed=removed)
            case "LIST_SUBSCRIPTIONS":
                return Change((compact({"result": [name_of(stream) for stream in self._streams], "id": number}),))
            case other:
                return Change((compact({"error": {"code": 2, "msg": f"Invalid request: unknown method {other!r}"}, "id": number}),))

    def dress(self, stream: Stream, text: str) -> str:
        return f'{{"stream":"{name_of(stream)}","data":{text}}}' if self._combined else text
