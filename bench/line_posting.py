"""Processes that send line protocol to `/write` at an even pace, from bodies made beforehand."""

from __future__ import annotations

import http.client
import multiprocessing
import threading
import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Any
from urllib.parse import urlsplit

from bench.desk_posts import Tally
from bench.desk_rows import DATA_TYPES, SYMBOLS, VENUES
from bench.posting import TRIES, US_PER_S, Answered

RETRIED_AFTER_S = 0.5
READY_WITHIN_S = 300.0
SERIES = 100


@dataclass(frozen=True)
class LinePace:
    """So many processes, each with so many connections, each sending bodies of so many lines so often."""

    processes: int
    connections: int
    posts_per_s: float
    lines: int

    @property
    def lines_per_s(self) -> float:
        """Of all together."""
        return self.processes * self.connections * self.posts_per_s * self.lines


@dataclass(frozen=True)
class Sent:
    """What became of the lines.

    Attributes:
        answered: Every post.
        tally: The rows in them.
        lines_per_s: From the first turn to the last post that was begun: the pace if it was kept.
    """

    answered: list[Answered]
    tally: Tally
    lines_per_s: float


def send_lines(url: str, pace: LinePace, seconds: float) -> Sent:
    """Send for so long, each post at its turn or as soon after it as the one before is answered.

    Raises:
        SystemExit: A body was refused, or a sender broke.
    """
    context = multiprocessing.get_context("spawn")
    told: multiprocessing.Queue[Any] = context.Queue()
    ready = context.Barrier(pace.processes)
    processes = [context.Process(target=_send, args=(url, pace, seconds, number, ready, told)) for number in range(pace.processes)]
    for process in processes:
        process.start()
    answered, tally, spans_s = list[Answered](), Tally(), list[float]()
    for _ in range(pace.processes * pace.connections):
        posts, rows, span_s = told.get(timeout=READY_WITHIN_S + 10 * seconds)
        if posts is None:
            raise SystemExit(rows)
        answered += posts
        tally.add(rows)
        spans_s.append(span_s)
    for process in processes:
        process.join()
    return Sent(answered, tally, tally.total / max(spans_s))


def _send(url: str, pace: LinePace, seconds: float, process: int, ready: Barrier, told: multiprocessing.Queue[Any]) -> None:
    count = round(seconds * pace.posts_per_s)
    made = [bodies(f"lines{process * pace.connections + number}", count, pace) for number in range(pace.connections)]
    ready.wait(READY_WITHIN_S)
    begin_s = time.perf_counter() + 0.2
    threads: list[threading.Thread] = []
    for number, (texts, tally) in enumerate(made):
        turn = (process * pace.connections + number) / (pace.processes * pace.connections)

        def work(texts: list[bytes] = texts, tally: Tally = tally, begin_s: float = begin_s + turn / pace.posts_per_s) -> None:
            try:
                answered, span_s = _post_all(url, pace, texts, begin_s)
                told.put((answered, tally, span_s))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - told to the process that measures, which ends
                told.put((None, f"a sender of lines broke: {error!r}", 0.0))

        threads.append(threading.Thread(target=work))
        threads[-1].start()
    for thread in threads:
        thread.join()


def bodies(host: str, count: int, pace: LinePace) -> tuple[list[bytes], Tally]:
    """Bodies of one connection; every line has a time of its own, and a number that can be added up."""
    step_ns = round(1e9 / (pace.posts_per_s * pace.lines))
    start_us = time.time_ns() // 1_000
    start_ns, total = start_us * 1_000, count * pace.lines
    keys = [(VENUES[i % len(VENUES)], SYMBOLS[i // len(VENUES) % len(SYMBOLS)], DATA_TYPES[i % len(DATA_TYPES)]) for i in range(SERIES)]
    heads = [
        f"pipeline,host={host},venue={venue},symbol={symbol},data_type={kind} "
        f"records={i}i,bytes={i * 640}i,latency_ms={20 + i / 7:.3f},gap=f,interval_s=10 "
        for i, (venue, symbol, kind) in enumerate(keys)
    ]
    texts = [
        "".join([f"{heads[i % SERIES]}{start_ns + i * step_ns}\n" for i in range(body * pace.lines, (body + 1) * pace.lines)]).encode()
        for body in range(count)
    ]
    rows = Counter({("pipeline", host, *key): len(range(i, total, SERIES)) for i, key in enumerate(keys)})
    records = sum(i * len(range(i, total, SERIES)) for i in range(SERIES))
    return texts, Tally(rows, records, start_us, start_us + total * step_ns // 1_000 + 1)


def _post_all(url: str, pace: LinePace, texts: list[bytes], begin_s: float) -> tuple[list[Answered], float]:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=60)
    answered, gap_us, began_s = list[Answered](), round(US_PER_S / pace.posts_per_s), begin_s
    for number, text in enumerate(texts):
        due_s = begin_s + number * gap_us / US_PER_S
        time.sleep(max(0.0, due_s - time.perf_counter()))
        began_s = time.perf_counter()
        answered.append(_post(connection, text, pace.lines, max(0.0, began_s - due_s)))
    connection.close()
    return answered, began_s - begin_s + gap_us / US_PER_S


def _post(connection: http.client.HTTPConnection, text: bytes, lines: int, late_s: float) -> Answered:
    for retries in range(TRIES):
        began_s = time.perf_counter()
        connection.request("POST", "/write?source=desk", text)
        answer = connection.getresponse()
        payload = answer.read()
        if answer.status == http.HTTPStatus.NO_CONTENT:
            return Answered((time.perf_counter() - began_s) * 1e3, late_s, lines, lines, retries)
        if answer.status != http.HTTPStatus.SERVICE_UNAVAILABLE:
            break
        time.sleep(RETRIED_AFTER_S)
    raise SystemExit(f"lines were not taken: {answer.status} {payload.decode()[:500]}")
