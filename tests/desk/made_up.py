"""Small recordings in the three venues' formats, made up; the form is that of real ones."""

import gzip
import json
from pathlib import Path
from typing import Any

from tapewatch.desk.clock import iso
from tapewatch.desk.dialects.kraken import write_time
from tapewatch.desk.text_book import TextBook

START_US = 1_626_992_741_000_000


def stamped(us: int, message: Any) -> str:
    return f"{us / 1e6:.6f}: {json.dumps(message, separators=(',', ':'))}"


def binance(symbols: tuple[str, ...] = ("AAAUSDT", "BBBUSDT"), count: int = 10, step_us: int = 20_000, lag_us: int = 45_000) -> list[str]:
    """Depth and trades of each symbol in turn; the chain of `pu` and the trade ids are whole."""
    names = "/".join(f"{symbol.lower()}@{channel}" for symbol in symbols for channel in ("depth@100ms", "aggTrade"))
    lines = [f"wss://fstream.example/stream?streams={names} <-> {START_US / 1e6}"]
    for i in range(count):
        for j, symbol in enumerate(symbols):
            at_us = START_US + (i * len(symbols) + j) * step_us
            ms = (at_us - lag_us) // 1000
            depth = {
                "e": "depthUpdate",
                "E": ms,
                "T": ms - 7,
                "s": symbol,
                "U": 10 * i + 1,
                "u": 10 * i + 10,
                "pu": 10 * i,
                "b": [],
                "a": [],
            }
            trade = {"e": "aggTrade", "E": ms, "a": 500 + i, "s": symbol, "p": "1.0", "q": "2", "f": i, "l": i, "T": ms - 3, "m": False}
            lines.append(stamped(at_us, {"stream": f"{symbol.lower()}@depth@100ms", "data": depth}))
            lines.append(stamped(at_us + 1_000, {"stream": f"{symbol.lower()}@aggTrade", "data": trade}))
    return lines


def coinbase(count: int = 10, step_us: int = 20_000, lag_us: int = -13_000) -> list[str]:
    lines = [f"wss://ws-feed.example <-> {START_US / 1e6}"]
    request = {"type": "subscribe", "product_ids": ["AAA-USD"], "channels": ["level2"]}
    lines.append(f"wss://ws-feed.example <- {START_US / 1e6}: {json.dumps(request)}")
    lines.append("")
    lines.append(stamped(START_US, {"type": "subscriptions", "channels": [{"name": "level2", "product_ids": ["AAA-USD"]}]}))
    book = {"type": "snapshot", "product_id": "AAA-USD", "asks": [["11.0", "1"], ["12.0", "2"]], "bids": [["9.0", "1"]]}
    lines.append(stamped(START_US + 1_000, book))
    for i in range(count):
        at_us = START_US + i * step_us + 2_000
        change = ["sell", "11.0", f"{i}.0"]
        lines.append(stamped(at_us, {"type": "l2update", "product_id": "AAA-USD", "changes": [change], "time": iso(at_us - lag_us)}))
        match = {"type": "match", "trade_id": 70 + i, "product_id": "AAA-USD", "sequence": 9 * i, "time": iso(at_us - lag_us)}
        lines.append(stamped(at_us + 500, match))
    return lines


def kraken(count: int = 20, step_us: int = 20_000, lag_us: int = 29_000, depth: int = 100) -> list[str]:
    """One pair with 30 levels a side at ``depth``; every update carries the right checksum."""
    lines = [f"wss://ws.example <-> {START_US / 1e6}"]
    status = {"channelID": 42, "channelName": f"book-{depth}", "event": "subscriptionStatus", "pair": "XBT/USD", "status": "subscribed"}
    lines += [stamped(START_US, status), stamped(START_US + 100, {"event": "heartbeat"})]
    book, then = TextBook(), write_time(START_US - 9_000_000)
    asks = [(f"{100 + i}.0", f"{i + 1}.50000000", then) for i in range(30)]
    bids = [(f"{99 - i}.0", f"{i + 1}.25000000", then) for i in range(30)]
    book.apply("a", asks)
    book.apply("b", bids)
    lines.append(stamped(START_US + 1_000, [42, {"as": asks, "bs": bids}, f"book-{depth}", "XBT/USD"]))
    for i in range(count):
        at_us = START_US + i * step_us + 2_000
        # every third update removes the best ask, so that at depth 10 an eleventh level moves up
        level = (f"{100 + i // 3}.0", "0.00000000" if i % 3 == 0 else f"{i}.75000000", write_time(at_us - lag_us))
        level = level if i % 3 != 1 else (f"{120 + i % 5}.0", level[1], level[2])
        book.apply("a", [level])
        lines.append(stamped(at_us, [42, {"a": [level], "c": str(book.checksum())}, f"book-{depth}", "XBT/USD"]))
    return lines


def written(lines: list[str], path: Path) -> Path:
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path
