"""Recordings through the measure on virtual time: what the collector would have measured, without its sockets."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.feed.measure import FeedMeasure
from tapewatch.sources.collectors.feed.venues.base import Subscription

Message = tuple[int, bytes]
"""Receive time in µs and the message."""

FILES = {
    "binance_usdm": "BINANCE_FUTURES.ws.1.0.gz",
    "bybit": "BYBIT.ws.25.0.gz",
    "coinbase": "COINBASE.ws.28.0.gz",
    "kraken": "KRAKEN.ws.50.0.gz",
    "okx": "OKX.ws.1.0.gz",
    "bitstamp": "BITSTAMP.ws.1.0.gz",
}

COLLECTORS = {
    "binance_usdm": FeedCollector(
        "binance_usdm",
        ("SUSHI/USDT:USDT", "AKRO/USDT:USDT", "KEEP/USDT:USDT", "CTK/USDT:USDT"),
        ("trade", "book", "ticker", "candle"),
        url="ws://127.0.0.1/stream",
    ),
    "coinbase": FeedCollector(
        "coinbase",
        ("SKL/USD", "SKL/BTC", "BAND/GBP", "NMR/EUR", "BAND/BTC", "YFI/BTC", "DASH/BTC", "NU/GBP", "CRV/EUR", "SKL/GBP"),
        ("trade", "book", "ticker"),
    ),
    "kraken": FeedCollector(
        "kraken_v1",
        ("WAVES/EUR", "XMR/USD", "KSM/BTC", "GRT/ETH", "SC/EUR", "ETH/CHF", "OCEAN/BTC", "OMG/USD", "BTC/CHF", "ADA/BTC"),
        ("book",),
        book_depth=1000,
    ),
    "bitstamp": FeedCollector(
        "bitstamp",
        ("BAT/BTC", "USDT/EUR", "BAT/EUR", "ETH/USD", "USDT/USD", "XLM/GBP", "XRP/EUR", "ADA/EUR", "GALA/EUR"),
        ("book", "trade"),
    ),
}


OLDER = {
    "bybit": FeedCollector(
        "bybit",
        ("BCH/USDT", "XTZ/USDT", "UNI/USDT", "LTC/USDT", "DOT/USDT", "LINK/USDT", "ADA/USDT", "ETH/USDT"),
        ("trade", "book"),
    ),
    "okx": FeedCollector("okx", ("BTC-USD-220527", "UNI-USD-SWAP", "BTC/USDT"), ("trade", "book", "ticker")),
}
"""Recordings of a protocol that has changed since: they are understood, and what they do not carry is unknown."""


def read(folder: Path, venue: str) -> list[Message]:
    """Messages that the recorder received, oldest first."""
    messages: list[Message] = []
    with gzip.open(folder / "feeds" / FILES[venue], "rt") as lines:
        for line in lines:
            time, colon, text = line.rstrip("\n").partition(": ")
            if colon and not time.startswith("wss"):
                messages.append((round(float(time) * 1_000_000), text.encode()))
    return messages


@dataclass
class Played:
    """Rows of table ``feed`` and the measure that they are from."""

    rows: list[dict[str, Any]]
    measure: FeedMeasure

    def total(self, column: str, **tags: str) -> float:
        """Sum of a column over all rows with these tags."""
        return sum(row.get(column) or 0 for row in self.chosen(**tags))

    def chosen(self, **tags: str) -> list[dict[str, Any]]:
        """Rows with these tags."""
        return [row for row in self.rows if all(row[name] == value for name, value in tags.items())]

    def by_stream(self) -> dict[tuple[str, str], list[dict[str, Any]]]:
        """Rows of each symbol and channel."""
        streams: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for row in self.rows:
            streams[row["symbol"], row["channel"]].append(row)
        return streams


def play(
    collector: FeedCollector, messages: Iterable[Message], *, after_s: float = 5.0, subscription: Subscription | None = None
) -> Played:
    """Let messages arrive at their times, with a tick every second, and ``after_s`` seconds of silence at the end.

    They come on the only connection there is, or on that of a subscription.
    """
    arrivals: Sequence[Message] = list(messages)
    start_us = arrivals[0][0]
    measure = collector.open_measure(start_us, 0.0)
    (link,) = [link for link in measure.links if subscription is None or subscription.key in link.streams]
    link.up(0.0)
    rows: list[dict[str, Any]] = []
    next_us = start_us + 1_000_000

    def tick_until(until_us: int) -> None:
        nonlocal next_us
        while next_us <= until_us:
            rows.extend(measure.tick(next_us, (next_us - start_us) / 1e6))
            next_us += 1_000_000

    for received_us, message in arrivals:
        tick_until(received_us)
        link.observe(message, received_us, (received_us - start_us) / 1e6)
    tick_until(arrivals[-1][0] + round(after_s * 1e6))
    return Played(rows, measure)
