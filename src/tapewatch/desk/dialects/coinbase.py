"""Coinbase Exchange: product ids and channels by subscribe messages; times in ISO 8601.

Source: Coinbase developer pages, "Exchange, WebSocket overview" and "Channels".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from tapewatch.desk.clock import iso
from tapewatch.desk.dialects.base import Change, Offer, Plain, Session, compact, decoded, words
from tapewatch.desk.stream import Stream
from tapewatch.desk.template import TimeForm

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CHANNEL_OF = {
    "snapshot": "level2",
    "l2update": "level2",
    "ticker": "ticker",
    "match": "matches",
    "last_match": "matches",
    "heartbeat": "heartbeat",
}
"""Type of a message to the channel that carries it."""

CHANNELS = frozenset((*CHANNEL_OF.values(), "level2_batch"))


def _parse(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


class Coinbase(Plain):
    """The protocol; without state."""

    venue = "coinbase"
    path = "/"
    times = TimeForm(pattern=re.compile(r'"time":"([^"]+)"'), parse=_parse, write=iso)

    def session(self, path: str, offer: Offer) -> Session:
        """See `Dialect.session`."""
        return _Session(offer)

    def sort(self, text: str) -> tuple[Stream | None, str] | None:
        """See `Dialect.sort`."""
        message = decoded(text)
        channel = CHANNEL_OF.get(message.get("type", "")) if message else None
        return (Stream(str(message["product_id"]), channel), text) if message and channel else None

    def snapshot(self, texts: Sequence[str], stream: Stream) -> str | None:
        """See `Dialect.snapshot`: the book for level2, nothing for the other channels."""
        if stream.channel != "level2":
            return None
        sides: dict[str, dict[str, str]] = {"buy": {}, "sell": {}}
        for text in texts:
            message = decoded(text) or {}
            if message.get("type") == "snapshot":
                sides = {"buy": dict(message["bids"]), "sell": dict(message["asks"])}
                continue
            for side, price, size in cast("list[tuple[str, str, str]]", message.get("changes", [])):
                if float(size) == 0:
                    sides[side].pop(price, None)
                else:
                    sides[side][price] = size
        asks = sorted(sides["sell"].items(), key=lambda level: float(level[0]))
        bids = sorted(sides["buy"].items(), key=lambda level: -float(level[0]))
        return compact({"type": "snapshot", "product_id": stream.symbol, "asks": asks, "bids": bids})


class _Session:
    """Subscriptions of one connection; ``level2_batch`` carries what ``level2`` carries, under its own name."""

    def __init__(self, offer: Offer) -> None:
        self._offer = offer
        self._named: dict[Stream, Stream] = {}  # stream as the client named it → stream that carries it

    @property
    def streams(self) -> frozenset[Stream]:
        return frozenset(self._named.values())

    def greeting(self) -> tuple[str, ...]:
        return ()

    def answer(self, text: str) -> Change:
        request = decoded(text)
        kind = request.get("type") if request else None
        if request is None or kind not in {"subscribe", "unsubscribe"}:
            return _refusal("Malformed JSON" if request is None else f"Type has to be either subscribe or unsubscribe, not {kind}")
        wanted, wrong = self._wanted(request)
        if wrong:
            return _refusal(wrong)
        before = self.streams
        for stream in wanted:
            if kind == "subscribe":
                self._named[stream] = Stream(stream.symbol, stream.channel.removesuffix("_batch"))
            else:
                self._named.pop(stream, None)
        after = self.streams
        return Change((self._subscriptions(),), added=tuple(sorted(after - before)), removed=tuple(sorted(before - after)))

    def _wanted(self, request: dict[str, Any]) -> tuple[list[Stream], str]:
        """List the streams that a request names, or say what is wrong with it."""
        everywhere = words(request.get("product_ids"))
        wanted: list[Stream] = []
        for item in cast("list[object]", request.get("channels") or []):
            channel, products = str(item), everywhere
            if isinstance(item, dict):
                named = cast("dict[str, Any]", item)
                channel, products = str(named.get("name")), words(named.get("product_ids")) or everywhere
            if channel not in CHANNELS:
                return [], f"{channel} is not a valid channel"
            unknown = [product for product in products if product not in self._offer.symbols]
            if unknown:
                return [], f"{unknown[0]} is not a valid product"
            wanted += [Stream(product, channel) for product in products]
        return wanted, "" if wanted else "No channels provided"

    def _subscriptions(self) -> str:
        """List all subscriptions, as the venue answers every change."""
        channels: dict[str, list[str]] = {}
        for stream in self._named:
            channels.setdefault(stream.channel, []).append(stream.symbol)
        return compact({"type": "subscriptions", "channels": [{"name": name, "product_ids": ids} for name, ids in channels.items()]})

    def dress(self, stream: Stream, text: str) -> str:
        return text


def _refusal(reason: str) -> Change:
    return Change((compact({"type": "error", "message": "Failed to subscribe", "reason": reason}),))
