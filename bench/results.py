"""The page of results: one section for each script, with the day and the load under which it was measured."""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.bars import Bar
from bench.machine import machine

PAGE = Path(__file__).parent / "results.md"
_HEAD = """# Measured

By `make bench` on {machine}. Each section tells when it was measured in full, and how many processes wanted a core when it began:
with more than 0.5 of them, its times are those of a machine that did other work too. The machine's own speed drifts by a quarter within
minutes, and with it every time here.
"""


def load() -> float:
    """Processes that wanted a core, on average over the last minute."""
    return os.getloadavg()[0]


def section(name: str, bars: Sequence[Bar], load_before: float) -> str:
    """The text of one script's section."""
    now = dt.datetime.now(dt.UTC)
    lines = [f"## {name}", "", f"{now:%Y-%m-%d %H:%M} UTC, load before {load_before:.1f}.", ""]
    lines += ["| what | measured | target | |", "|---|---|---|---|"]
    lines += [f"| {bar.name} | {bar.value:,.5g} {bar.unit} | {bar.target_text} | {'' if bar.is_met else 'missed'} |" for bar in bars]
    return "\n".join([*lines, ""])


def page(held: str, newer: Mapping[str, str]) -> str:
    """The whole page: the sections it had, those of ``newer`` in their place, by name."""
    found = {text.split("\n", 1)[0]: f"## {text}" for text in re.split(r"^## ", held, flags=re.MULTILINE)[1:]}
    sections = {**found, **newer}
    return "\n".join([_HEAD.format(machine=machine()), *(sections[name].rstrip("\n") + "\n" for name in sorted(sections))])


def keep(newer: Mapping[str, str], path: Path = PAGE) -> None:
    """Write the sections into the page."""
    path.write_text(page(path.read_text(encoding="utf-8") if path.exists() else "", newer), encoding="utf-8")
