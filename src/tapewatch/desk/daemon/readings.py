"""What the daemon reads from a venue's messages: trades and forced orders with their number and time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

from tapewatch.desk.clock import US_PER_MS
from tapewatch.desk.dialects import dialect
from tapewatch.desk.dialects.base import compact

TRADE, LIQUIDATION, OPEN_INTEREST, FUNDING = "trade", "liquidation", "open_interest", "funding"


class Reading(NamedTuple):
    """One record of a message.

    Attributes:
        data_type: `TRADE` or `LIQUIDATION`.
        symbol: As the venue spells it.
        number: The venue's number of a trade; None where it counts nothing.
        time_us: The venue's time.
    """

    data_type: str
    symbol: str
    number: int | None
    time_us: int


class Dialogue(NamedTuple):
    """How the daemon speaks with a venue.

    Attributes:
        query: Symbols to what is appended to the address to name the streams; None when a message does.
        request: Symbols to the message that subscribes; None when the address does.
        read: Message to records.
    """

    query: Callable[[Sequence[str]], str] | None
    request: Callable[[Sequence[str]], str] | None
    read: Callable[[str], Iterable[Reading]]


def _binance_query(symbols: Sequence[str]) -> str:
    return "?streams=" + "/".join(f"{symbol.lower()}@{channel}" for symbol in symbols for channel in ("aggTrade", "forceOrder"))


def _binance(text: str) -> Iterable[Reading]:
    data = cast("dict[str, Any]", json.loads(text)).get("data", {})
    match data.get("e"):
        case "aggTrade":
            yield Reading(TRADE, data["s"], data["a"], data["E"] * US_PER_MS)
        case "forceOrder":
            yield Reading(LIQUIDATION, data["o"]["s"], None, data["E"] * US_PER_MS)
        case _:
            return


def _coinbase_request(symbols: Sequence[str]) -> str:
    return compact({"type": "subscribe", "product_ids": list(symbols), "channels": ["matches"]})


def _coinbase(text: str) -> Iterable[Reading]:
    message: dict[str, Any] = json.loads(text)
    if message.get("type") == "match":
        yield Reading(TRADE, message["product_id"], message["trade_id"], dialect("coinbase").times.parse(message["time"]))


def _kraken_request(symbols: Sequence[str]) -> str:
    return compact({"event": "subscribe", "pair": list(symbols), "subscription": {"name": "trade"}})


def _kraken(text: str) -> Iterable[Reading]:
    message: object = json.loads(text)
    parts = cast("list[Any]", message) if isinstance(message, list) else []
    if parts and parts[-2] == "trade":
        for trade in cast("list[list[str]]", parts[1]):
            yield Reading(TRADE, parts[-1], None, dialect("kraken").times.parse(trade[2]))


DIALOGUES = {
    "binance_usdm": Dialogue(_binance_query, None, _binance),
    "coinbase": Dialogue(None, _coinbase_request, _coinbase),
    "kraken": Dialogue(None, _kraken_request, _kraken),
}
"""Venue to how the daemon speaks with it."""
