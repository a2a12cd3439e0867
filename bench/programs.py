"""Programs that write rows of the desk with our client at an even pace, each a process of its own, and tell what became of them."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from typing import Any

import orjson

from bench.desk_posts import DeskPosts, Tally
from tapewatch_client import Client

TICK_S = 0.01
MADE_AHEAD_S = 0.5
"""Rows are made in stretches of so many seconds, so that making them is not felt while they are written."""
US_PER_S = 1_000_000
CLOSE_S = 20.0

Row = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Writing:
    """How rows are written: by so many programs, each so many a second."""

    programs: int
    rows_per_s: int

    @property
    def all_rows_per_s(self) -> float:
        """Of all programs together."""
        return self.programs * self.rows_per_s


@dataclass(frozen=True)
class Told:
    """What a program says at the end.

    Attributes:
        tally: Rows written.
        delivered: Of them those that the server has acknowledged, as the client counts them.
        lost: Refused, dropped or still waiting.
        retries: Bodies that had to be sent again.
        late_s: The longest that a row was written after its turn.
        written: Rows written by the stop.
        waiting: Of them, those that the server had not acknowledged then.
        span_s: Seconds from the first row to the last.
    """

    tally: Tally
    delivered: int
    lost: int
    retries: int
    late_s: float
    written: int
    waiting: int
    span_s: float


@dataclass
class Programs:
    """What runs, and, after `finish`, what became of it."""

    processes: list[BaseProcess]
    reports: multiprocessing.Queue[Any]
    begun: multiprocessing.Queue[Any]
    until: Event
    told: list[Told] = field(default_factory=list[Told])

    @property
    def tally(self) -> Tally:
        """Rows of all programs."""
        whole = Tally()
        for told in self.told:
            whole.add(told.tally)
        return whole

    def wait_until_written(self, wait: Callable[[float], None]) -> None:
        """Let time pass by ``wait`` until all of them write.

        Raises:
            SystemExit: One of them broke.
        """
        while self.begun.qsize() < len(self.processes):
            wait(0.1)
            self._look()

    def _look(self) -> None:
        broken = [process.exitcode for process in self.processes if process.exitcode]
        if broken:
            raise SystemExit(f"a program ended with {broken[0]}; its message is above")

    def finish(self) -> None:
        """Let them write no more, deliver the rest, and tell.

        Raises:
            SystemExit: One of them broke.
        """
        self.until.set()
        while len(self.told) < len(self.processes):
            with contextlib.suppress(queue.Empty):
                self.told.append(self.reports.get(timeout=0.5))
                continue
            self._look()


@contextlib.contextmanager
def programs(url: str, writing: Writing) -> Iterator[Programs]:
    """Rows are written inside this block."""
    context = multiprocessing.get_context("spawn")
    reports: multiprocessing.Queue[Any] = context.Queue()
    begun: multiprocessing.Queue[Any] = context.Queue()
    until = context.Event()
    processes: list[BaseProcess] = []
    for number in range(writing.programs):
        processes.append(context.Process(target=write, args=(url, number, writing.rows_per_s, reports, begun, until)))
        processes[-1].start()
    try:
        yield Programs(processes, reports, begun, until)
    finally:
        until.set()
        for process in processes:
            process.join(CLOSE_S)
            process.terminate()


def write(
    url: str, number: int, rows_per_s: int, reports: multiprocessing.Queue[Any], begun: multiprocessing.Queue[Any], until: Event
) -> None:
    """The program: each tick it writes what is due since the last one, with the client as anybody makes one."""
    posts = DeskPosts(f"host{number}", seed=number)
    client = Client(url, source="desk", host=f"host{number}")
    stretch_us, rows = round(MADE_AHEAD_S * US_PER_S), round(rows_per_s * MADE_AHEAD_S)
    begin_us = time.time_ns() // 1_000
    begin_s = time.perf_counter()
    written, late_s, stretch = 0, 0.0, 0
    made: list[Row] = []
    begun.put(number)
    while not until.is_set():
        due = round((time.perf_counter() - begin_s) * rows_per_s)
        while written + len(made) < due:
            made += _rows(posts.body(begin_us + stretch * stretch_us, begin_us + (stretch + 1) * stretch_us, rows))
            stretch += 1
        count = due - written
        late_s = max(late_s, count / rows_per_s - TICK_S)
        for table, columns in made[:count]:
            client.write(table, **columns)
        del made[:count]
        written = due
        time.sleep(TICK_S)
    span_s, waiting = time.perf_counter() - begin_s, client.stats().queued
    for table, columns in made:  # the tally has them
        client.write(table, **columns)
    client.flush(CLOSE_S)
    stats = client.stats()
    client.close()
    lost = stats.refused_rows + stats.dropped + stats.queued
    reports.put(Told(posts.tally, stats.delivered, lost, stats.retries, late_s, written, waiting, span_s))


def _rows(body: bytes) -> list[Row]:
    """The rows of a body in the order of their times."""
    rows: list[Row] = []
    for batch in orjson.loads(body)["batches"]:
        names = batch["columns"]
        rows += [(batch["table"], dict(zip(names, values, strict=True))) for values in batch["rows"]]
    rows.sort(key=lambda row: row[1]["ts"])
    return rows
