"""The page that tells of one full run: written from its numbers, never by hand."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.rivals.question import DASHBOARD
from bench.rivals.system import System

PAGE = Path(__file__).parents[2] / "docs" / "why" / "compared.md"
OTHERS = "others' share of the machine"
DIGITS = 3
CLOSE = 1.1
"""Within a tenth of the best is as good as the best: the machine's own speed drifts by more."""


@dataclass(frozen=True)
class Measured:
    """One system and its numbers."""

    system: System
    version: str
    found: dict[str, float]


@dataclass(frozen=True)
class Line:
    """One line of the table.

    Attributes:
        of: Name of the number among what was found.
        text: What it is called on the page.
        unit: Its unit.
        is_least: True when larger is better.
        why: Why tapewatch does not lead, said only where it does not.
    """

    of: str
    text: str
    unit: str = ""
    is_least: bool = False
    why: str = ""


SLOWER = (
    "its rows become columns, are judged against their table, get the marks that make a repeated body harmless and are flushed to disk "
    "before the answer"
)
KEEPS = (
    "it keeps when each row was received and flags of what was odd about it, marks of the bodies, and summaries for long ranges, "
    "besides the row"
)
WRONG = (
    "a question without buckets over a long span comes from summaries of 10 min, and its span is widened to their edges; the answer says "
    "which span it is of, but it is not the one that was asked for"
)
IDLE = 0.1
"""Above this share of others, times say little."""
QUESTIONS_WHY = (
    "an answer brings units, verdicts, age and source of every series besides the numbers, and is made by Python around the engine"
)
LINES = (
    Line("acknowledged rows/s", "written, until the last acknowledgement", "rows/s", is_least=True, why=SLOWER),
    Line("visible rows/s", "written, until every row is counted in an answer", "rows/s", is_least=True, why=SLOWER),
    Line("processor s per M rows", "processor time of the server for a million rows", "s", why=SLOWER),
    Line(
        "visible p50 ms",
        "acknowledged to seen in an answer, p50",
        "ms",
        why="the time is that of one question: its rows are visible when acknowledged",
    ),
    Line(
        "visible p99 ms",
        "acknowledged to seen in an answer, p99",
        "ms",
        why="the time is that of one question: its rows are visible when acknowledged",
    ),
    Line("bytes per row", "on disk, a row, after a rest", "bytes", why=KEEPS),
    Line("bytes per row when ended", "on disk, a row, when ended", "bytes", why=KEEPS),
    *(
        Line(f"{kind} {share} ms", f"{kind}, {share}", "ms", why=QUESTIONS_WHY)
        for kind in (*DASHBOARD, "all questions")
        for share in ("p50", "p99")
    ),
    Line("memory MB", "memory with the data (resident)", "MB", why="an interpreter and an analytical engine live in its process"),
    Line(
        "memory without file pages MB",
        "of it, not pages of files that the kernel can take back",
        "MB",
        why="an interpreter and an engine live in its process, and the engine reads files into its own memory instead of mapping them",
    ),
    Line("wrong answers", "answers that are not the right one", why=WRONG),
)


def page(done: Sequence[Measured], rows: int, bytes_per_row: float, how: str) -> str:
    """The whole page.

    Args:
        done: tapewatch first, then the others.
        rows: Rows that each got.
        bytes_per_row: Of the lines as they are sent.
        how: What was done, in a sentence that has the sizes.
    """
    names = [f"{one.system.name} {one.version}" for one in done]
    lines = [
        "# Compared",
        "",
        f"One run of `bench/side_by_side.py` on {dt.datetime.now(dt.UTC).date()}: {_machine()}. The script",
        "writes this page; nobody edits it.",
        f"Each system got the same {rows:,} rows of a desk (60 % pipelines, 30 % processes, 10 % venues, a day long,",
        f"{bytes_per_row:.0f} bytes a line), one system at a time, in an empty data directory, {how}.",
        "Right answers are computed from the rows themselves; every answer was compared with them, to nine digits. The best number of a",
        "line is bold, and so is what is within a tenth of it: this machine's speed drifts by more.",
        "",
        f"| | {' | '.join(names)} |",
        f"|---|{'---|' * len(names)}",
        *(f"| {line.text}{', ' + line.unit if line.unit else ''} | {' | '.join(_cells(line, done))} |" for line in LINES),
        "",
        _beside(done),
        "",
        *_standing(done),
        "",
        "## What an acknowledgement means",
        "",
        *(f"- **{one.system.name}**: {one.system.acknowledges}." for one in done),
        "",
        "## How each runs",
        "",
        *(f"- **{one.system.name}**: {one.system.settings}. Asked in {one.system.language}." for one in done),
        "",
        "VictoriaMetrics and InfluxDB are the versions that Debian 12 has, QuestDB the newest on Maven; newer ones exist of each. The",
        "senders, the asker and the server share the machine's cores. Measure again: `make rivals`, then `make bench ARGS=side_by_side`.",
        "",
    ]
    return "\n".join(lines)


def _beside(done: Sequence[Measured]) -> str:
    shares = [one.found[OTHERS] for one in done]
    told = f"Other programs took {', '.join(f'{share:.0%}' for share in shares)} of the machine meanwhile, in this order."
    return told if max(shares) <= IDLE else f"**{told} Times of this run compare little; measure again on an idle machine.**"


def _machine() -> str:
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def best(line: Line, done: Sequence[Measured]) -> float:
    """The best number of a line."""
    return (max if line.is_least else min)(one.found[line.of] for one in done)


def leads(line: Line, one: Measured, done: Sequence[Measured]) -> bool:
    """Whether its number is the best, or as good."""
    value, top = one.found[line.of], best(line, done)
    return value * CLOSE >= top if line.is_least else value <= top * CLOSE


def _cells(line: Line, done: Sequence[Measured]) -> list[str]:
    return [f"**{number(one.found[line.of])}**" if leads(line, one, done) else number(one.found[line.of]) for one in done]


def number(value: float) -> str:
    """Three digits are what such a run is sure of."""
    whole = len(str(int(value)))
    return f"{value:.3g}" if whole <= DIGITS else f"{round(value, DIGITS - whole):,.0f}"


def _standing(done: Sequence[Measured]) -> list[str]:
    ours = done[0]
    ahead = [line for line in LINES if leads(line, ours, done)]
    behind = [line for line in LINES if not leads(line, ours, done)]
    text = ["## Where tapewatch leads", "", *(f"- {line.text}" for line in ahead)]
    if not ahead:
        text.append("- Nowhere.")
    text += ["", "## Where it does not, and why", ""]
    for line in behind:
        first = min(done, key=lambda one: -one.found[line.of] if line.is_least else one.found[line.of])
        there, here = first.found[line.of], ours.found[line.of]
        text.append(f"- {line.text}: {first.system.name} {number(there)}, tapewatch {number(here)} {line.unit}".rstrip() + f"; {line.why}.")
    if not behind:
        text.append("- Nowhere in this run.")
    return text
