"""The server under load: 10,000 rows a second over HTTP with three browsers open, and 200,000 a second over line protocol.

Each at an even pace, from processes of their own on the same machine; then every row is counted. A sender that was late is told. Rows are
written by programs with our client, and, for comparison, posted by scripts that send what a fifth of a second has brought however long
the answer takes. Run `python -m bench.load` (about seven minutes), or with `--short` (under half a minute).
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench.bars import Bar, percentile, run
from bench.driven import Driven, driven
from bench.line_posting import LinePace, send_lines
from bench.posting import Answered, Pace, Posting, posting
from bench.programs import Programs, Writing, programs
from bench.soak import SETTLE_S, accepted, counted, cpu_s
from bench.viewers import Viewers, viewers

TWO, TEN = Writing(programs=2, rows_per_s=5_000), Writing(programs=10, rows_per_s=1_000)
"""What a body costs depends on its being one as well as on its rows: the target is for two programs, ten are told beside."""
SCRIPTS = Pace(hosts=2, posts_per_s=5, rows=1_000)
BOARDS = ("overview", "exchange", "pipeline")
LONG_S, SHORT_S = 60.0, 1.5
LINE_PACE = LinePace(processes=2, connections=2, posts_per_s=5, lines=10_000)
LINES_LONG_S, LINES_SHORT_S = 30.0, 1.0
LATE_S, BEHIND_S = 1.0, 1.5
"""A row is written, and what a program has written is acknowledged, within so many seconds."""
WARM_S = 2.0
TARGET_CORES = 0.15
LEAST_SHARE = 0.98
"""Of the pace: below, the number beside it is not of this load. Senders tell once a second, so a window may miss a little."""


class Cores:
    """Processor time per second of the server process, its threads and its children, since this was made."""

    def __init__(self, server: Driven) -> None:
        self._server = server
        self._began_s = time.perf_counter()
        self._spent_s = cpu_s(server.process)
        self._children_s = self._of_children_s()
        self._threads_s = self._of_threads_s()

    def bars(self, what: str, target: float | None = None) -> Iterator[Bar]:
        """What was used until now."""
        span_s = time.perf_counter() - self._began_s
        yield Bar(f"{what}: CPU of the server process", (cpu_s(self._server.process) - self._spent_s) / span_s, "cores", target)
        yield Bar(f"{what}: CPU of its children", max(0.0, self._of_children_s() - self._children_s) / span_s, "cores")
        threads = {name: spent_s - self._threads_s.get(name, 0.0) for name, spent_s in self._of_threads_s().items()}
        yield Bar(f"{what}: of it the main thread", threads.pop(self._server.process.pid, 0.0) / span_s, "cores")
        yield Bar(f"{what}: of it all other threads", max(0.0, sum(threads.values())) / span_s, "cores")

    def _of_children_s(self) -> float:
        return sum(cpu_s(child) for child in self._server.process.children(recursive=True))

    def _of_threads_s(self) -> dict[int, float]:
        return {thread.id: thread.user_time + thread.system_time for thread in self._server.process.threads()}


def rows(writing: Writing, seconds: float, boards: tuple[str, ...], target: float | None) -> Iterator[Bar]:
    """Rows written with our client, with a browser on each of the dashboards."""
    what = f"{writing.all_rows_per_s:,.0f} rows/s of {writing.programs} programs, {_eyes(boards)}"
    with driven() as server:
        with viewers(server.url, boards) as seen, programs(server.url, writing) as sent:
            sent.wait_until_written(seen.wait)
            seen.wait(min(WARM_S, seconds / 2))
            cores = Cores(server)
            seen.wait(seconds)
            yield from cores.bars(what, target)
            sent.finish()
            yield from _shown(what, boards, seen)
        yield from _kept(what, server, sent, writing)


def _kept(what: str, server: Driven, sent: Programs, writing: Writing) -> Iterator[Bar]:
    """What became of the rows, as the clients tell and as the server has them."""
    time.sleep(SETTLE_S)
    rate = sum(told.written / told.span_s for told in sent.told)
    yield Bar(f"{what}: written", rate, "rows/s", LEAST_SHARE * writing.all_rows_per_s, is_least=True)
    yield Bar(f"{what}: a row was late by at most", max(told.late_s for told in sent.told), "s", LATE_S)
    behind_s = max(told.waiting for told in sent.told) / writing.rows_per_s
    yield Bar(f"{what}: rows not acknowledged at the end, as seconds of a program", behind_s, "s", BEHIND_S)
    yield Bar(f"{what}: bodies that had to be sent again", sum(told.retries for told in sent.told), "")
    yield Bar(f"{what}: rows lost by a client", sum(told.lost for told in sent.told), "rows", 0)
    yield from (_named(what, bar) for bar in counted(server.url, sent.tally, sum(told.delivered for told in sent.told)))


def scripts(pace: Pace, seconds: float, boards: tuple[str, ...]) -> Iterator[Bar]:
    """Rows posted by scripts, with a browser on each of the dashboards."""
    what = f"{pace.rows_per_s:,.0f} rows/s of {pace.hosts} scripts, {_eyes(boards)}"
    with driven() as server:
        with viewers(server.url, boards) as seen, posting(server.url, pace) as sent:
            yield from _window(what, server, seen, sent, pace, seconds)
            sent.finish()
            yield from _shown(what, boards, seen)
        time.sleep(SETTLE_S)
        yield from _latencies(what, sent.answered)
        yield from (_named(what, bar) for bar in counted(server.url, sent.tally, accepted(sent.answered)))


def _eyes(boards: tuple[str, ...]) -> str:
    return "three browsers" if boards else "no browser"


def _shown(what: str, boards: tuple[str, ...], seen: Viewers) -> Iterator[Bar]:
    for board, messages in zip(boards, seen.frames, strict=True):
        yield Bar(f"{what}: messages to {board}, in all", messages, "")


def eyes_alone(seconds: float) -> Iterator[Bar]:
    """The browsers without rows, for comparison."""
    with driven() as server, viewers(server.url, BOARDS) as seen:
        seen.wait(min(WARM_S, seconds / 2))
        cores = Cores(server)
        seen.wait(seconds)
        yield from cores.bars("no rows, three browsers")


def _window(what: str, server: Driven, seen: Viewers, sent: Posting, pace: Pace, seconds: float) -> Iterator[Bar]:
    """The part that is measured begins when the senders have been at work for some seconds."""
    while not sent.take():
        seen.wait(0.1)
    seen.wait(min(WARM_S, seconds / 2))
    sent.take()
    began_s, cores = time.perf_counter(), Cores(server)
    seen.wait(seconds)
    yield from cores.bars(what)
    taken = sum(post.accepted for post in sent.take())
    yield Bar(f"{what}: acknowledged", taken / (time.perf_counter() - began_s), "rows/s", LEAST_SHARE * pace.rows_per_s, is_least=True)


def lines(seconds: float) -> Iterator[Bar]:
    """Lines over `/write`."""
    pace = LINE_PACE
    what = f"{pace.lines_per_s:,.0f} lines/s"
    with driven() as server:
        cpu_before_s = cpu_s(server.process)
        sent = send_lines(server.url, pace, seconds)
        spent_s = cpu_s(server.process) - cpu_before_s
        yield Bar(f"{what}: sent", sent.lines_per_s, "lines/s", LEAST_SHARE * pace.lines_per_s, is_least=True)
        yield Bar(f"{what}: CPU of the server process for each line", spent_s / sent.tally.total * 1e6, "us")
        yield from _latencies(what, sent.answered)
        time.sleep(SETTLE_S)
        yield from (_named(what, bar) for bar in counted(server.url, sent.tally, accepted(sent.answered)))
        yield Bar(f"{what}: memory of the server after it", server.rss_mb, "MB")


def _latencies(what: str, answered: list[Answered]) -> Iterator[Bar]:
    took_ms = [post.took_ms for post in answered]
    yield Bar(f"{what}: acknowledged after, p50", percentile(took_ms, 0.5), "ms")
    yield Bar(f"{what}: acknowledged after, p99", percentile(took_ms, 0.99), "ms")
    yield Bar(f"{what}: a post was late by at most", max(post.late_s for post in answered), "s", LATE_S)


def _named(what: str, bar: Bar) -> Bar:
    return Bar(f"{what}: {bar.name}", bar.value, bar.unit, bar.target, bar.is_least)


def measure(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the one switch that every script has
    """Where the CPU goes: rows alone, browsers alone, both; then the lines."""
    seconds = SHORT_S if is_short else LONG_S
    yield from eyes_alone(seconds)
    yield from rows(TWO, seconds, (), None)
    yield from rows(TWO, seconds, BOARDS, TARGET_CORES)
    yield from rows(TEN, seconds, BOARDS, None)
    yield from scripts(SCRIPTS, seconds, BOARDS)
    yield from lines(LINES_SHORT_S if is_short else LINES_LONG_S)


if __name__ == "__main__":
    run(measure, __doc__ or "")
