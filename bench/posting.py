"""Processes that send rows of the desk over HTTP at an even pace and tell what became of them."""

from __future__ import annotations

import contextlib
import http.client
import multiprocessing
import queue
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import Any
from urllib.parse import urlsplit

import orjson

from bench.desk_posts import DeskPosts, Tally

US_PER_S = 1_000_000
TRIES = 100
_WAIT_S = 0.5
REFILLED_S = 0.05
"""A full pipe of reports looks empty for a moment after it was read: so long is waited for more."""
_RETRIED = (http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.SERVICE_UNAVAILABLE)


@dataclass(frozen=True)
class Pace:
    """How rows are sent: by so many hosts, each over a connection of its own, each so often, so many at a time."""

    hosts: int
    posts_per_s: float
    rows: int

    @property
    def rows_per_s(self) -> float:
        """Of all hosts together."""
        return self.hosts * self.posts_per_s * self.rows


@dataclass(frozen=True)
class Answered:
    """One post that was acknowledged.

    Attributes:
        took_ms: From the first byte sent to the last of the answer, of the try that succeeded.
        late_s: How much later than its turn it was sent.
        rows: In it.
        accepted: Rows that the server says it made durable.
        retries: Times that it had been sent before.
    """

    took_ms: float
    late_s: float
    rows: int
    accepted: int
    retries: int


@dataclass
class Posting:
    """What the sender process has told so far."""

    process: BaseProcess
    reports: multiprocessing.Queue[Any]
    until: Event
    answered: list[Answered] = field(default_factory=list[Answered])
    tally: Tally = field(default_factory=Tally)
    is_over: bool = False

    def take(self, wait_s: float = 0.0) -> list[Answered]:
        """Posts that were answered since the last call.

        Raises:
            SystemExit: The process broke.
        """
        fresh: list[Answered] = []
        with contextlib.suppress(queue.Empty):
            while not self.is_over:
                told = self.reports.get(timeout=max(wait_s, REFILLED_S))
                if told is None:
                    self.is_over = True
                elif isinstance(told, Tally):
                    self.tally.add(told)
                else:
                    fresh += told
        if not self.is_over and self.process.exitcode is not None:
            raise SystemExit(f"the sender ended with {self.process.exitcode}; its message is above")
        self.answered += fresh
        return fresh

    def finish(self) -> list[Answered]:
        """Let it end its last posts and tell the rest."""
        self.until.set()
        fresh: list[Answered] = []
        while not self.is_over:
            fresh += self.take(1.0)
        self.process.join()
        return fresh


@contextlib.contextmanager
def posting(url: str, pace: Pace) -> Iterator[Posting]:
    """Rows arrive inside this block, from a process of its own: it must not wait for the interpreter that measures."""
    context = multiprocessing.get_context("spawn")
    reports: multiprocessing.Queue[Any] = context.Queue()
    until = context.Event()
    process = context.Process(target=send, args=(url, pace, reports, until))
    process.start()
    try:
        yield Posting(process, reports, until)
    finally:
        until.set()
        if process.exitcode is None:
            process.join(5)
            process.terminate()


def send(url: str, pace: Pace, reports: multiprocessing.Queue[Any], until: Event) -> None:
    """The process: one thread a host, their turns spread over the time between two posts."""
    begin_s = time.perf_counter() + 0.2
    gap_s = 1 / pace.posts_per_s
    broken: list[BaseException] = []
    threads: list[threading.Thread] = []
    for number in range(pace.hosts):
        posts = DeskPosts(f"host{number}", seed=number)

        def work(posts: DeskPosts = posts, begin_s: float = begin_s + gap_s * number / pace.hosts) -> None:
            try:
                _send_all(url, pace, posts, begin_s, reports, until)
            except BaseException as error:  # noqa: BLE001 - told by the main thread, which ends the process
                broken.append(error)
                until.set()

        threads.append(threading.Thread(target=work))
        threads[-1].start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]
    reports.put(None)


def _send_all(url: str, pace: Pace, posts: DeskPosts, begin_s: float, reports: multiprocessing.Queue[Any], until: Event) -> None:
    """Post after post; each covers the time since the one before, so that a late one has the rows that were due."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=30)
    gap_us = round(US_PER_S / pace.posts_per_s)
    begin_us = time.time_ns() // 1_000 + round((begin_s - time.perf_counter()) * US_PER_S)
    told_s, fresh = begin_s, list[Answered]()
    number = 0
    while not until.is_set():
        body = posts.body(begin_us + (number - 1) * gap_us, begin_us + number * gap_us, pace.rows)
        due_s = begin_s + number * gap_us / US_PER_S
        time.sleep(max(0.0, due_s - time.perf_counter()))
        fresh.append(_post(connection, body, pace.rows, due_s))
        number += 1
        if time.perf_counter() - told_s > 1:
            reports.put(fresh)
            told_s, fresh = time.perf_counter(), []
    connection.close()
    reports.put(fresh)
    reports.put(posts.tally)


def _post(connection: http.client.HTTPConnection, body: bytes, rows: int, due_s: float) -> Answered:
    late_s = max(0.0, time.perf_counter() - due_s)
    for retries in range(TRIES):
        began_s = time.perf_counter()
        connection.request("POST", "/api/rows", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        payload = answer.read()
        if answer.status == http.HTTPStatus.OK:
            receipt = orjson.loads(payload)
            if receipt["refused_total"]:
                raise SystemExit(f"rows were refused: {payload.decode()[:500]}")
            return Answered((time.perf_counter() - began_s) * 1e3, late_s, rows, receipt["accepted"], retries)
        if answer.status not in _RETRIED:
            break
        time.sleep(_WAIT_S)
    raise SystemExit(f"a post was not taken: {answer.status} {payload.decode()[:500]}")
