"""Runs every script of this folder; in full each writes its section of results.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.bars import Bar
from bench.results import keep, load, section

FOLDER = Path(__file__).parent
NOT_SCRIPTS = {
    "__init__",
    "__main__",
    "asking",
    "bars",
    "crowd",
    "desk_posts",
    "desk_rows",
    "driven",
    "feed_process",
    "line_posting",
    "machine",
    "plot",
    "posting",
    "programs",
    "reference_desk",
    "renderer",
    "results",
    "samples",
    "viewers",
}
ONLY_NAMED = {"soak"}
"""Scripts that take hours: not run unless they are named."""


def scripts() -> list[str]:
    """Names of all scripts, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_SCRIPTS)


def usual() -> list[str]:
    """Names of the scripts that run when none is named."""
    return [name for name in scripts() if name not in ONLY_NAMED]


def measured(name: str, *, is_short: bool) -> list[Bar] | None:
    """Run one script; None when it broke."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.json"
        command = [sys.executable, "-m", f"bench.{name}", "--json", str(path), *(["--short"] if is_short else [])]
        subprocess.run(command, cwd=FOLDER.parent, check=False)
        return [Bar(**bar) for bar in json.loads(path.read_text())] if path.exists() else None


def main() -> int:
    """Run the scripts named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(scripts())}; without a name all but {', '.join(sorted(ONLY_NAMED))}")
    parser.add_argument("--short", action="store_true", help="fewer repeats; results.md is left as it is")
    given = parser.parse_args()
    unknown = sorted(set(given.names) - set(scripts()))
    if unknown:
        parser.error(f"there is no bench {unknown[0]!r}; there are {', '.join(scripts())}")
    results: dict[str, list[Bar]] = {}
    broken: list[str] = []
    for name in given.names or usual():
        print(f"==> {name}", flush=True)
        load_before = load()
        bars = measured(name, is_short=given.short)
        if bars is None:
            broken.append(name)
            continue
        results[name] = bars
        if not given.short:
            keep({name: section(name, bars, load_before)})
    for name in broken:
        print(f"bench {name} broke; its message is above")
    missed = [f"{name}: {bar.name}" for name, bars in results.items() for bar in bars if not bar.is_met]
    for line in missed:
        print(f"missed: {line}")
    return 1 if broken or missed else 0


if __name__ == "__main__":
    sys.exit(main())
