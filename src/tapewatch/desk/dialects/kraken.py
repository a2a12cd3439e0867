"""Kraken WebSockets v1: subscriptions by pair and name, numbered channels, a checksum over the book; times in decimal seconds.

Source: Kraken, "WebSockets API v1" (subscribe, subscriptionStatus, book, trade, ping).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, cast

from tapewatch.desk.clock import US_PER_S
from tapewatch.desk.dialects.base import Change, Offer, Session, compact, decoded, words
from tapewatch.desk.stream import Stream
from tapewatch.desk.template import TimeForm
from tapewatch.desk.text_book import Level, Side, TextBook

DEPTHS = (10, 25, 100, 500, 1000)
NAMES = frozenset({"book", "trade", "ticker", "spread", "ohlc"})
HEARTBEAT = compact({"event": "heartbeat"})
_VERSION = "1.9.6"


def _parse(text: str) -> int:
    return round(float(text) * US_PER_S)


def write_time(us: int) -> str:
    """Write microseconds as decimal seconds with six places."""
    return f"{us // US_PER_S}.{us % US_PER_S:06d}"


def depth_of(stream: Stream) -> int | None:
    """Depth of a book stream; None for other channels."""
    name, _, depth = stream.channel.partition("-")
    return int(depth) if name == "book" and depth.isdigit() else None


def update(channel_id: int, sides: dict[Side, list[Level]], checksum: int | str, stream: Stream) -> str:
    """Write a book update: one object per changed side, the checksum in the last."""
    objects: list[dict[str, object]] = [{side: levels} for side, levels in sides.items() if levels]
    objects[-1]["c"] = str(checksum)
    return compact([channel_id, *objects, stream.channel, stream.symbol])


class Kraken:
    """The protocol; without state."""

    venue = "kraken"
    path = "/"
    # The third text of a level or trade is its time: [price, volume, time, …].
    times = TimeForm(pattern=re.compile(r'\["[^"]*","[^"]*","(\d+\.\d+)"'), parse=_parse, write=write_time)

    def session(self, path: str, offer: Offer) -> Session:
        """See `Dialect.session`."""
        return _Session(offer)

    def sort(self, text: str) -> tuple[Stream | None, str] | None:
        """See `Dialect.sort`; heartbeats go to every subscriber."""
        message: Any = json.loads(text)
        if isinstance(message, list):
            parts = cast("list[Any]", message)
            return Stream(str(parts[-1]), str(parts[-2])), text
        return (None, text) if isinstance(message, dict) and cast("dict[str, Any]", message).get("event") == "heartbeat" else None

    def channel_ids(self, texts: Iterable[tuple[Stream, str]]) -> dict[Stream, int]:
        """See `Dialect.channel_ids`."""
        return {stream: int(text[1 : text.index(",")]) for stream, text in texts}

    def source_of(self, offered: Iterable[Stream], wanted: Stream) -> Stream | None:
        """See `Dialect.source_of`: a book of another depth, when the recorded one is deeper."""
        depth = depth_of(wanted)
        deeper = [s for s in offered if s.symbol == wanted.symbol and depth is not None and (depth_of(s) or 0) > depth]
        return max(deeper, key=lambda stream: depth_of(stream) or 0, default=None)

    def narrow(self, texts: Sequence[str], wanted: Stream) -> list[str | None]:
        """See `Dialect.narrow`: what a subscriber at a smaller depth hears; the checksum covers ten levels at any depth."""
        depth = depth_of(wanted) or DEPTHS[0]
        book = TextBook()
        return [_narrowed(text, book, wanted, depth) for text in texts]

    def snapshot(self, texts: Sequence[str], stream: Stream) -> str | None:
        """See `Dialect.snapshot`: the book for book streams, nothing for the other channels."""
        depth = depth_of(stream)
        if depth is None or not texts:
            return None
        book, channel_id = TextBook(), 0
        for text in texts:
            channel_id, objects = _book_objects(text)
            if _is_snapshot(objects):
                book = TextBook()
            for side, levels in _sides(objects).items():
                book.apply(side, levels)
        return snapshot(channel_id, book, stream)


def snapshot(channel_id: int, book: TextBook, stream: Stream) -> str:
    """Write the snapshot of a book stream at its depth."""
    depth = depth_of(stream) or DEPTHS[0]
    return compact([channel_id, {"as": book.best("a", depth), "bs": book.best("b", depth)}, stream.channel, stream.symbol])


def _book_objects(text: str) -> tuple[int, list[dict[str, Any]]]:
    parts: list[Any] = json.loads(text)
    return int(parts[0]), parts[1:-2]


def _is_snapshot(objects: list[dict[str, Any]]) -> bool:
    return "as" in objects[0] or "bs" in objects[0]


def _sides(objects: list[dict[str, Any]]) -> dict[Side, list[Level]]:
    """Levels by side, of a snapshot or an update."""
    sides: dict[Side, list[Level]] = {}
    for part in objects:
        for name in ("a", "b"):
            levels = [*part.get(f"{name}s", []), *part.get(name, [])]
            if levels:
                sides[name] = [*sides.get(name, []), *levels]
    return sides


def _narrowed(text: str, book: TextBook, wanted: Stream, depth: int) -> str | None:
    channel_id, objects = _book_objects(text)
    if _is_snapshot(objects):
        for side, levels in _sides(objects).items():
            book.apply(side, levels)
        return snapshot(channel_id, book, wanted)
    told: dict[Side, list[Level]] = {side: book.apply_at(side, levels, (depth,))[depth] for side, levels in _sides(objects).items()}
    if not any(told.values()):
        return None
    return update(channel_id, told, objects[-1]["c"], wanted)


class _Session:
    """Subscriptions of one connection."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._streams: set[Stream] = set()

    @property
    def streams(self) -> frozenset[Stream]:
        return frozenset(self._streams)

    def greeting(self) -> tuple[str, ...]:
        return (compact({"connectionID": 17843232920108168701, "event": "systemStatus", "status": "online", "version": _VERSION}),)

    def answer(self, text: str) -> Change:
        request = decoded(text)
        event = request.get("event") if request else None
        if request is None or event not in {"subscribe", "unsubscribe", "ping"}:
            return Change((compact({"errorMessage": "Malformed request", "event": "error"}),))
        if event == "ping":
            return Change((compact({"event": "pong", **_echo(request)}),))
        return self._subscribe(request, adding=event == "subscribe")

    def _subscribe(self, request: dict[str, Any], *, adding: bool) -> Change:
        asked = cast("dict[str, Any]", request.get("subscription") or {})
        replies: list[str] = []
        changed: list[Stream] = []
        for pair in words(request.get("pair")):
            stream, wrong = self._judge(pair, asked)
            status = "error" if wrong else "subscribed" if adding else "unsubscribed"
            reply: dict[str, object] = {"event": "subscriptionStatus", "pair": pair, "status": status, "subscription": asked}
            if wrong:
                reply = {"errorMessage": wrong, **reply}
            else:
                depth = depth_of(stream)
                shown = {"depth": depth, "name": "book"} if depth else {"name": stream.channel}
                reply = {"channelID": self._channel_id(stream), "channelName": stream.channel, **reply, "subscription": shown}
                if (stream in self._streams) != adding:
                    changed.append(stream)
            replies.append(compact({**reply, **_echo(request)}))
        if adding:
            self._streams.update(changed)
            return Change(tuple(replies), added=tuple(changed))
        self._streams.difference_update(changed)
        return Change(tuple(replies), removed=tuple(changed))

    def _judge(self, pair: str, asked: dict[str, Any]) -> tuple[Stream, str]:
        """Name the stream that is asked for and what is wrong with it."""
        name, depth = str(asked.get("name")), asked.get("depth", DEPTHS[0])
        stream = Stream(pair, f"book-{depth}" if name == "book" else name)
        if pair not in self._offer.symbols:
            return stream, f"Currency pair not supported {pair}"
        if name not in NAMES:
            return stream, "Subscription name invalid"
        if name == "book" and depth not in DEPTHS:
            return stream, "Subscription depth not supported"
        return stream, ""

    def _channel_id(self, stream: Stream) -> int:
        """Number of the stream; a book keeps its pair's number at any depth."""
        known = self._offer.channel_ids.get(stream)
        if known is None:
            name = stream.channel.split("-", 1)[0]
            known = next((number for other, number in self._offer.channel_ids.items() if other.is_of(stream.symbol, name)), 0)
        return known

    def dress(self, stream: Stream, text: str) -> str:
        return text


def _echo(request: dict[str, Any]) -> dict[str, object]:
    """Give a request's number back, when it has one."""
    return {"reqid": request["reqid"]} if "reqid" in request else {}
