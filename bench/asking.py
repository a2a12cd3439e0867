"""A process that asks one dashboard question after another, at an even pace, and tells how long each took."""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import queue
import random
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import Any
from urllib.parse import urlsplit

from bench.desk_rows import questions
from tapewatch.query.wire import query_to_json


class Asking:
    """What the asking process has told.

    Args:
        process: It.
        told: Where it tells.
    """

    def __init__(self, process: BaseProcess, told: multiprocessing.Queue[Any]) -> None:
        self._process = process
        self._told = told

    def take(self) -> list[float]:
        """Milliseconds of the questions answered since the last call.

        Raises:
            SystemExit: A question failed.
        """
        found: list[float] = []
        with contextlib.suppress(queue.Empty):
            while True:
                found.append(self._told.get_nowait())
        if self._process.exitcode:
            raise SystemExit("a question failed; the message is above")
        return found


@contextlib.contextmanager
def asking(url: str, every_s: float = 1.0) -> Iterator[Asking]:
    """Questions are asked inside this block."""
    context = multiprocessing.get_context("spawn")
    told: multiprocessing.Queue[Any] = context.Queue()
    until = context.Event()
    process = context.Process(target=ask, args=(url, every_s, told, until))
    process.start()
    try:
        yield Asking(process, told)
    finally:
        until.set()
        process.join(30)


def ask(url: str, every_s: float, told: multiprocessing.Queue[Any], until: Event) -> None:
    """The process."""
    chance = random.Random(3)
    place = urlsplit(url)
    due_s = time.perf_counter()
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=30)
    while not until.wait(max(0.0, due_s - time.perf_counter())):
        name, query = chance.choice(list(questions(time.time_ns() // 1_000)))
        body = json.dumps(query_to_json(query))
        began_s = time.perf_counter()
        connection.request("POST", "/api/query", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        payload = answer.read()
        if answer.status != http.HTTPStatus.OK:
            raise SystemExit(f"{name}: {payload.decode()}")
        told.put((time.perf_counter() - began_s) * 1e3)
        due_s = max(due_s + every_s, began_s)
    connection.close()
