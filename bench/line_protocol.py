"""Lines a second that are parsed on one core, and that are parsed, judged and committed to a real store, for several mixes of shapes."""

from __future__ import annotations

import asyncio
import gc
import random
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from bench.bars import Bar, percentile, run
from tapewatch.clock import SystemClock
from tapewatch.ingest.intake import Intake
from tapewatch.model.catalog import Catalog
from tapewatch.model.venue import Names
from tapewatch.sources.base import Receiver
from tapewatch.sources.receivers.line_protocol import InfluxLines, QuestDBLines
from tapewatch.sources.receivers.line_protocol.kinds import fit
from tapewatch.store.backends import open_store

TARGET_PER_S = 400_000
BODY_LINES = 25_000
BODIES, SHORT_BODIES = 40, 8
REPEATS, SHORT_REPEATS = 9, 3
SENDERS = 3
"""Bodies on their way at once: one is committed while the next is parsed."""

VENUES = ("binance_usdm", "coinbase", "kraken", "okx", "bybit", "deribit")
SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT", "SOL/USDT:USDT", "XRP/USDT:USDT")

_chance = random.Random(7)


def _exchange(i: int, time_ns: int) -> bytes:
    latency_ms = _chance.lognormvariate(3, 0.5)
    return f"exchange,venue={VENUES[i % 6]},host=h1 connected=t,latency_ms={latency_ms:.3f},reconnects={i // 1_000}i {time_ns}\n".encode()


def _pipeline(i: int, time_ns: int) -> bytes:
    """Seventeen digits a number, as clients write them that do not round."""
    tags = f"pipeline,venue={VENUES[i % 6]},symbol={SYMBOLS[i % 4]},data_type=trade"
    numbers = f"records={i}i,bytes={i * 64}i,latency_ms={_chance.lognormvariate(3, 0.5)!r},gap=f,interval_s=30"
    return f"{tags} {numbers} {time_ns}\n".encode()


def _host(i: int, time_ns: int) -> bytes:
    shares = f"cpu_ratio={_chance.random():.4f},load_1m={_chance.random() * 4:.2f}"
    return f"host,host=h{i % 5} {shares},memory_used_bytes={i * 4096}i,clock_synchronised=true {time_ns}\n".encode()


def _event(i: int, time_ns: int) -> bytes:
    text = f'message="order {i % 500} was refused, reason={i % 7}",entity_id="{i % 500}"'
    return f"event,service=bot-{i % 3},kind=order,severity=info {text} {time_ns}\n".encode()


def _binary(i: int, time_ns: int) -> bytes:
    """As QuestDB's own client sends it since its second protocol version."""
    latency_ms = b"==\x10" + struct.pack("<d", _chance.lognormvariate(3, 0.5))
    return b"exchange,venue=%s,host=h1 connected=t,latency_ms%s,reconnects=%di %dn\n" % (
        VENUES[i % 6].encode(),
        latency_ms,
        i // 1_000,
        time_ns,
    )


MIXES: dict[str, tuple[Receiver, tuple[Callable[[int, int], bytes], ...]]] = {
    "one shape, short numbers": (QuestDBLines(), (_exchange,)),
    "one shape, numbers of 17 digits": (InfluxLines(), (_pipeline,)),
    "binary doubles": (QuestDBLines(), (_binary,)),
    "four shapes, one with texts": (InfluxLines(), (_exchange, _pipeline, _host, _event)),
}


def bodies(lines: tuple[Callable[[int, int], bytes], ...], count: int) -> list[bytes]:
    """Bodies whose rows are all of their own time, so that none replaces another."""
    first_ns = (SystemClock().now_us() - count * BODY_LINES - 1_000_000) * 1_000
    return [
        b"".join(lines[i % len(lines)](i, first_ns + i * 1_000) for i in range(body * BODY_LINES, (body + 1) * BODY_LINES))
        for body in range(count)
    ]


def parsed_per_cpu_second(receiver: Receiver, body: bytes, repeats: int) -> float:
    """Lines a second of CPU time, the median of several repeats."""
    rates: list[float] = []
    for _ in range(repeats):
        gc.collect()
        began_s = time.process_time()
        receiver.receive(body, "", {}, {})
        rates.append(BODY_LINES / (time.process_time() - began_s))
    return percentile(rates, 0.5)


async def committed(receiver: Receiver, given: list[bytes]) -> tuple[float, float]:
    """From bytes to durable, on DuckDB, several bodies on their way at once: lines a second by the clock on the wall, CPU µs a line."""
    clock, catalog = SystemClock(), Catalog()
    with tempfile.TemporaryDirectory() as folder:
        store = open_store("duckdb", Path(folder), clock)
        for table in catalog.values():
            store.create(table)
        intake = Intake(store, catalog, Names(), clock, host="bench")
        intake.start()
        waiting = iter(given)

        async def send() -> None:
            for body in waiting:
                received = await asyncio.to_thread(receiver.receive, body, "", {}, {})
                batches = tuple(fit(batch, catalog.get(batch.table)) for batch in received.delivery.batches)
                receipt = await intake.accept(replace(received.delivery, batches=batches))
                if receipt.accepted != BODY_LINES or receipt.refused_total:
                    raise AssertionError(f"{receipt.accepted} of {BODY_LINES} lines were kept: {receipt.refused[:1]}")

        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        await asyncio.gather(*(send() for _ in range(SENDERS)))
        took_s, took_cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        await intake.stop()
        store.close()
    lines = len(given) * BODY_LINES
    return lines / took_s, took_cpu_s / lines * 1e6


def bars(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the form of every script's measure
    """All numbers."""
    for name, (receiver, lines) in MIXES.items():
        given = bodies(lines, SHORT_BODIES if is_short else BODIES)
        size = len(given[0]) / BODY_LINES
        parsed = parsed_per_cpu_second(receiver, given[0], SHORT_REPEATS if is_short else REPEATS)
        yield Bar(f"lines parsed, {name} ({size:.0f} bytes), per core", parsed, "lines/s", TARGET_PER_S, is_least=True)
        per_s, cpu_us = asyncio.run(committed(receiver, given))
        yield Bar(f"lines parsed and committed, {name}", per_s, "lines/s", TARGET_PER_S, is_least=True)
        yield Bar("of it CPU of all threads, per line", cpu_us, "us")


if __name__ == "__main__":
    run(bars, "Lines a second that are parsed, and that are parsed, judged and committed.")
