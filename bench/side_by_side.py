"""tapewatch, QuestDB, VictoriaMetrics and InfluxDB side by side: the same rows, the same sender, the same questions, one system at a time.

Run `make rivals` once, then `python -m bench.side_by_side` (about five minutes; writes
docs/why/compared.md when all four were there), or with `--short` (some seconds for each system). A system that is not there
is named and left out.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.bars import Bar, percentile, run
from bench.rivals import SYSTEMS
from bench.rivals.page import OTHERS, PAGE, Measured, page
from bench.rivals.question import DASHBOARD, MINUTE_S, Kind, Question, agree, asked
from bench.rivals.rows import BODY_LINES, SPAN_S, Rows, marking
from bench.rivals.running import Others, Running, end, running
from bench.rivals.system import System
from bench.rivals.truth import truth

MARK_SPAN_S = 10 * MINUTE_S
GIVE_UP_S = 60.0


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Attributes:
        rows: Rows altogether.
        senders: Connections that write at once.
        marks: Rows of which each is looked for after its acknowledgement.
        pause_s: Longest pause before such a row; the pauses are random, so that a system's own beat of flushes is met at any moment.
        asks: Times that each question is asked.
        warm_asks: Times before that, of which nothing is kept.
        still_s: Seconds for which the data directory must not change until it is measured.
        settle_s: Most seconds that this is waited for.
    """

    rows: int = 2_000_000
    senders: int = 2
    marks: int = 40
    pause_s: float = 1.0
    asks: int = 40
    warm_asks: int = 3
    still_s: float = 10.0
    settle_s: float = 40.0


SHORT = Size(rows=50_000, marks=2, pause_s=0.1, asks=2, warm_asks=1, still_s=0.5, settle_s=1.5)


@dataclass
class Run:
    """One system with the rows, and what was found so far."""

    here: Running
    rows: Rows
    size: Size
    found: dict[str, float] = field(default_factory=dict[str, float])

    def ingest(self) -> None:
        """All bodies, then wait until the system's answers count every row."""
        before_s = self.here.processor_s
        took_s = self.here.ingest(self.rows.bodies, self.size.senders)
        began_s = time.perf_counter()
        self._wait_until_all_count()
        seen_s = took_s + time.perf_counter() - began_s
        millions = self.rows.count / 1e6
        self.found["acknowledged rows/s"] = self.rows.count / took_s
        self.found["visible rows/s"] = self.rows.count / seen_s
        self.found["processor s per M rows"] = (self.here.processor_s - before_s) / millions

    def _wait_until_all_count(self) -> None:
        until_s = time.perf_counter() + GIVE_UP_S
        for table, count in self.rows.count_by_table.items():
            question = Question(Kind.COUNT, self.rows.end_s - SPAN_S, self.rows.end_s, table)
            while (got := self.here.asked(question)[0].get((), (0.0,))[0]) != count:
                if time.perf_counter() > until_s:
                    raise SystemExit(f"{self.here.system.name} counts {got:,.0f} rows of {table} instead of {count:,}")
                time.sleep(0.01)

    def mark(self) -> None:
        """Single rows, each written, acknowledged, and asked for until an answer has it."""
        chance, waits_ms = random.Random(11), list[float]()
        self._marked(1, chance)
        for number in range(2, self.size.marks + 2):
            waits_ms.append(self._marked(number, chance))
        self.found["visible p50 ms"] = percentile(waits_ms, 0.5)
        self.found["visible p99 ms"] = percentile(waits_ms, 0.99)

    def _marked(self, number: int, chance: random.Random) -> float:
        time.sleep(chance.random() * self.size.pause_s)
        now_us = time.time_ns() // 1_000
        self.here.write(marking(number, now_us))
        acknowledged_s = time.perf_counter()
        while True:
            now_s = int(time.time())
            answer, _ = self.here.asked(Question(Kind.MARK, now_s - MARK_SPAN_S, now_s + 1, "exchange"))
            if answer.get((), (0.0,))[0] >= number:
                return (time.perf_counter() - acknowledged_s) * 1e3
            if time.perf_counter() > acknowledged_s + GIVE_UP_S:
                raise SystemExit(f"{self.here.system.name} never showed a row that it had acknowledged")
            time.sleep(0.001)

    def settle(self) -> None:
        """Wait until the data directory is still, then measure it."""
        for request in self.here.system.settle:
            self.here.send(request)
        until_s = time.perf_counter() + self.size.settle_s
        still_since_s, bytes_ = time.perf_counter(), self.here.disk_bytes
        while time.perf_counter() < min(until_s, still_since_s + self.size.still_s):
            time.sleep(0.25)
            if (now_bytes := self.here.disk_bytes) != bytes_:
                still_since_s, bytes_ = time.perf_counter(), now_bytes
        self.here.renew()
        self.found["bytes per row"] = bytes_ / self.rows.count

    def ask(self) -> None:
        """The dashboard questions; an answer that is not the right one counts as wrong, and its time counts all the same."""
        for question in asked(self.rows.end_s, self.size.warm_asks, seed=1):
            self.here.asked(question)
        taken_ms: dict[Kind, list[float]] = {kind: [] for kind in DASHBOARD}
        wrong = 0
        for question in asked(self.rows.end_s, self.size.asks):
            answer, took_ms = self.here.asked(question)
            taken_ms[question.kind].append(took_ms)
            wrong += not agree(answer, truth(self.rows.told, question))
        for kind, times in taken_ms.items():
            self.found[f"{kind} p50 ms"] = percentile(times, 0.5)
            self.found[f"{kind} p99 ms"] = percentile(times, 0.99)
        every = [ms for times in taken_ms.values() for ms in times]
        self.found["all questions p50 ms"] = percentile(every, 0.5)
        self.found["all questions p99 ms"] = percentile(every, 0.99)
        self.found["wrong answers"] = wrong

    def weigh(self) -> None:
        """Memory with the data, after the questions."""
        self.found["memory MB"] = self.here.rss_mb
        self.found["memory without file pages MB"] = self.here.own_mb

    def end(self) -> None:
        """Stop it and measure its disk again: some give back what they had allocated in advance, some write out what waited."""
        end(self.here.process)
        self.found["bytes per row when ended"] = self.here.disk_bytes / self.rows.count


def bars(name: str, found: dict[str, float], rows: int) -> Iterator[Bar]:
    """What is printed of one system; only our own numbers have targets."""
    ours = name == "tapewatch"
    of = f"{name}, {rows / 1e6:.3g} M rows"
    for what, value in found.items():
        words, _, unit = what.rpartition(" ")
        if what == "wrong answers":
            yield Bar(f"{of}: answers that are not the right one", value, "answers", 0)
        elif what == "acknowledged rows/s" and ours:
            yield Bar(f"{of}: {words}", value, unit, 200_000, is_least=True)
        elif what == "visible p99 ms" and ours:
            yield Bar(f"{of}: acknowledged to seen in an answer, p99", value, unit, 300)
        else:
            yield Bar(
                f"{of}: {what if unit not in {'ms', 'MB', 'rows/s'} else words}", value, unit if unit in {"ms", "MB", "rows/s"} else ""
            )


def measured(system: System, rows: Rows, size: Size) -> dict[str, float]:
    """Everything about one system."""
    with running(system) as here:
        others = Others(here)
        one = Run(here, rows, size)
        one.ingest()
        one.mark()
        one.settle()
        one.ask()
        one.weigh()
        one.found[OTHERS] = others.share()
        one.end()
        return one.found


def measure(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the one switch that every script has
    """One system after another, and the page when all were there."""
    size = SHORT if is_short else Size()
    end_s = int(time.time()) // 3_600 * 3_600 - 3_600
    rows = Rows(size.rows, end_s)
    gc.freeze()
    done: list[Measured] = []
    for kind in SYSTEMS:
        system = kind()
        version = system.version()
        if version is None:
            print(f"{system.name} is not here and is left out; `make rivals` fetches it", flush=True)
            continue
        found = measured(system, rows, size)
        done.append(Measured(system, version, found))
        yield from bars(system.name, found, rows.count)
    yield Bar("systems measured", len(done), f"of {len(SYSTEMS)}")
    if not is_short and len(done) == len(SYSTEMS):
        how = (
            f"by {size.senders} connections over HTTP in bodies of {BODY_LINES:,} lines; then {size.marks} single rows were looked for, "
            f"and each question was asked {size.asks} times over changing spans, one after another"
        )
        PAGE.write_text(page(done, rows.count, rows.body_bytes / rows.count, how), encoding="utf-8")


if __name__ == "__main__":
    run(measure, "tapewatch side by side with the systems that desks use today.")
