"""Runs every script of this folder; in full it writes results.md, with the machine and the date."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.bars import Bar

FOLDER = Path(__file__).parent
NOT_SCRIPTS = {"__init__", "__main__", "bars", "desk_rows", "driven"}


def scripts() -> list[str]:
    """Names of all scripts, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_SCRIPTS)


def measured(name: str, *, is_short: bool) -> list[Bar] | None:
    """Run one script; None when it broke."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.json"
        command = [sys.executable, "-m", f"bench.{name}", "--json", str(path), *(["--short"] if is_short else [])]
        subprocess.run(command, cwd=FOLDER.parent, check=False)
        return [Bar(**bar) for bar in json.loads(path.read_text())] if path.exists() else None


def machine() -> str:
    """What the numbers were measured on."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def page(results: dict[str, list[Bar]]) -> str:
    """The text of results.md."""
    today = dt.datetime.now(dt.UTC).date()
    lines = ["# Measured", "", f"`make bench` on {today}: {machine()}.", ""]
    for name, bars in results.items():
        lines += [f"## {name}", "", "| what | measured | target | |", "|---|---|---|---|"]
        lines += [f"| {bar.name} | {bar.value:,.5g} {bar.unit} | {bar.target_text} | {'' if bar.is_met else 'missed'} |" for bar in bars]
        lines.append("")
    return "\n".join(lines)


def main() -> int:
    """Run the scripts named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(scripts())}; all without a name")
    parser.add_argument("--short", action="store_true", help="fewer repeats; results.md is left as it is")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(scripts()))
    if unknown:
        parser.error(f"there is no bench {unknown[0]!r}; there are {', '.join(scripts())}")
    results: dict[str, list[Bar]] = {}
    broken: list[str] = []
    for name in given.names or scripts():
        print(f"==> {name}", flush=True)
        bars = measured(name, is_short=given.short)
        if bars is None:
            broken.append(name)
        else:
            results[name] = bars
    if not given.short and not given.names and not broken:
        (FOLDER / "results.md").write_text(page(results), encoding="utf-8")
    for name in broken:
        print(f"bench {name} broke; its message is above")
    missed = [f"{name}: {bar.name}" for name, bars in results.items() for bar in bars if not bar.is_met]
    for line in missed:
        print(f"missed: {line}")
    return 1 if broken or missed else 0


if __name__ == "__main__":
    sys.exit(main())
