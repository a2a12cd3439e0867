"""Two hours at 5,000 rows a second over HTTP, with a browser on the Overview and a question a second: does anything grow, is anything lost?

Run `python -m bench.soak` (two hours, or `--minutes 30`), or with `--short` (about fifteen seconds, which shows only that it works).
`--samples FILE` is written as the run goes; `--draw FILE` judges and draws such a file, also one of a run that was cut. The picture goes
into bench/soak.svg, or where `--picture` says.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import math
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.asking import Asking, asking
from bench.bars import Bar, parser, percentile, tell
from bench.desk_posts import Tally, stored
from bench.driven import Driven, driven
from bench.machine import machine
from bench.plot import picture
from bench.posting import Answered, Pace, Posting, posting
from bench.samples import Record, Sample, judged, read
from bench.viewers import Viewers, viewers

PACE = Pace(hosts=5, posts_per_s=10, rows=100)
BOARD = "overview"
LONG_MIN, SHORT_S = 120.0, 8.0
EVERY_S, SHORT_EVERY_S = 10.0, 1.0
SETTLE_S = 1.0
PICTURE = Path(__file__).with_name("soak.svg")


@dataclass
class Watch:
    """Looks at a server under load, and remembers what it saw the time before, for the rates.

    Args:
        server: The server.
        sent: Who sends.
        asked: Who asks.
        seen: Who looks.
    """

    server: Driven
    sent: Posting
    asked: Asking
    seen: Viewers

    def __post_init__(self) -> None:
        self._began_s = self._looked_s = time.perf_counter()
        self._cpu_s = cpu_s(self.server.process)
        self._children_s: dict[int, float] = {}
        self._frames = sum(self.seen.frames)
        self._rows = 0
        self._push_ms = math.nan
        psutil.cpu_percent()

    def look(self) -> Sample:
        """What is to be seen now."""
        now_s = time.perf_counter()
        span_s, self._looked_s = now_s - self._looked_s, now_s
        fresh, questions_ms = self.sent.take(), self.asked.take()
        self._rows += sum(post.accepted for post in fresh)
        acks_ms = [post.took_ms for post in fresh]
        process, frames, cpu_before_s = self.server.process, sum(self.seen.frames), self._cpu_s
        with process.oneshot():
            self._cpu_s = cpu_s(process)
            files, threads, rss_mb = process.num_fds(), process.num_threads(), process.memory_info().rss / 1e6
        frames_before, self._frames = self._frames, frames
        return Sample(
            t_s=now_s - self._began_s,
            rows=self._rows,
            late_s=max((post.late_s for post in fresh), default=0.0),
            rss_mb=rss_mb,
            files=files,
            threads=threads,
            cpu_cores=(self._cpu_s - cpu_before_s) / span_s,
            children_cpu_cores=self._of_children_s() / span_s,
            disk_mb=disk_bytes(self.server.data_dir) / 1e6,
            ack_p50_ms=_percentile(acks_ms, 0.5),
            ack_p99_ms=_percentile(acks_ms, 0.99),
            question_p50_ms=_percentile(questions_ms, 0.5),
            question_p99_ms=_percentile(questions_ms, 0.99),
            push_p99_ms=self._push(),
            frames_per_s=(frames - frames_before) / span_s,
            machine_cores=psutil.cpu_percent() / 100 * (os.cpu_count() or 1),
            load_1m=os.getloadavg()[0],
        )

    def _of_children_s(self) -> float:
        before, self._children_s = self._children_s, {}
        for child in self.server.process.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                self._children_s[child.pid] = cpu_s(child)
        return sum(now_s - before.get(pid, now_s) for pid, now_s in self._children_s.items())

    def _push(self) -> float:
        for line in self.server.get("/metrics").decode().splitlines():
            if line.startswith("tapewatch_live_push_p99_seconds "):
                self._push_ms = float(line.split(" ")[1]) * 1e3
        return self._push_ms


def cpu_s(process: psutil.Process) -> float:
    """Processor seconds of a process so far."""
    times = process.cpu_times()
    return times.user + times.system


def disk_bytes(folder: Path) -> int:
    """Size of what is in a folder; a file that goes meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def _percentile(values: list[float], share: float) -> float:
    return percentile(values, share) if values else math.nan


def load(server: Driven, record: Record, seconds: float, every_s: float) -> Iterator[Bar]:
    """The run itself, then every row is counted."""
    with viewers(server.url, [BOARD]) as seen, asking(server.url) as asked, posting(server.url, PACE) as sent:
        watch = Watch(server, sent, asked, seen)
        began_s = time.perf_counter()
        for number in range(1, round(seconds / every_s) + 1):
            seen.wait(began_s + number * every_s - time.perf_counter())
            record.add(watch.look())
        sent.finish()
    time.sleep(SETTLE_S)
    yield from counted(server.url, sent.tally, accepted(sent.answered))
    yield Bar("posts that had to be sent again", sum(post.retries for post in sent.answered), "posts")


def accepted(answered: Sequence[Answered]) -> int:
    """Rows that were acknowledged."""
    return sum(post.accepted for post in answered)


def counted(url: str, tally: Tally, acknowledged: int) -> Iterator[Bar]:
    """Sent, acknowledged and stored, series by series; and once more by the summaries."""
    found, by_summaries = stored(url, tally)
    yield Bar("rows sent", tally.total, "rows")
    yield Bar("rows sent and not acknowledged, or acknowledged twice", abs(tally.total - acknowledged), "rows", 0)
    yield Bar("rows lost", tally.beyond(found), "rows", 0)
    yield Bar("rows double", found.beyond(tally), "rows", 0)
    yield Bar("sum of their records wrong by", abs(tally.records - found.records), "", 0)
    yield Bar("rows that an answer from summaries is wrong by", abs(tally.total - by_summaries), "rows", 0)


def drawn(samples: Path, target: Path | None) -> Iterator[Bar]:
    """Judge a file of samples, and draw it."""
    caption, found = read(samples)
    if not found:
        raise SystemExit(f"{samples} has no whole sample")
    if target is not None:
        target.write_text(picture(caption, found), encoding="utf-8")
    yield from judged(found)


def main() -> None:
    """Measure, or draw what was measured."""
    reader = parser(__doc__ or "")
    reader.add_argument("--minutes", type=float, default=LONG_MIN, help="length of the run")
    reader.add_argument("--samples", type=Path, help="write the samples into this file as they come")
    reader.add_argument("--draw", type=Path, help="do not run: judge and draw this file of samples")
    reader.add_argument("--picture", type=Path, help="where the picture goes; without it a full run keeps it in bench/soak.svg")
    given = reader.parse_args()
    tell(_bars(given), given.json)


def _bars(given: argparse.Namespace) -> Iterator[Bar]:
    target: Path | None = given.picture or (None if given.short else PICTURE)
    if given.draw is not None:
        yield from drawn(given.draw, target)
        return
    seconds, every_s = (SHORT_S, SHORT_EVERY_S) if given.short else (given.minutes * 60, EVERY_S)
    with tempfile.TemporaryDirectory() as folder:
        samples: Path = given.samples or Path(folder, "samples.csv")
        now = dt.datetime.now(dt.UTC)
        caption = f"{PACE.rows_per_s:,.0f} rows/s for {seconds / 60:.3g} min, begun {now:%Y-%m-%d %H:%M} UTC: {machine()}"
        with driven() as server, samples.open("w", encoding="utf-8") as sink:
            counts = list(load(server, Record(sink, caption), seconds, every_s))
        yield from counts
        yield from drawn(samples, target)


if __name__ == "__main__":
    main()
