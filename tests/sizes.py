"""How large files, functions and packages are."""

import ast
import subprocess
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINES_PER_FILE = 500
LINES_PER_FUNCTION = 60
# Path, or path::function, and the reason why it may be longer.
LONGER: dict[str, str] = {}


@cache
def tracked() -> tuple[Path, ...]:
    """Files of the repository, also new ones that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return tuple(path for name in names if (path := ROOT / name).is_file())


def texts(*suffixes: str) -> Iterator[tuple[str, str]]:
    """Name and content of each text file with one of the suffixes (without any: of all)."""
    for path in tracked():
        if path.suffix in suffixes or not suffixes:
            try:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
            except (UnicodeDecodeError, FileNotFoundError):
                continue


def functions() -> Iterator[tuple[str, int]]:
    """`path::name` and lines of every Python function."""
    for name, text in texts(".py"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}::{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1


def all_long() -> dict[str, int]:
    """Files and functions above the limits, with their lines."""
    files = {name: lines for name, text in texts(".py", ".ts", ".tsx", ".css") if (lines := text.count("\n")) > LINES_PER_FILE}
    return files | {name: lines for name, lines in functions() if lines > LINES_PER_FUNCTION}


def long_files() -> list[str]:
    return [f"{name}: {lines} lines" for name, lines in all_long().items() if "::" not in name and name not in LONGER]


def long_functions() -> list[str]:
    return [f"{name}: {lines} lines" for name, lines in all_long().items() if "::" in name and name not in LONGER]


def unneeded_exceptions() -> list[str]:
    return [name for name in LONGER if name not in all_long()]


def lines_per_package() -> str:
    """One line: the lines of each package of tapewatch and of each other top folder."""
    totals: Counter[str] = Counter()
    for name, text in texts(".py", ".ts", ".tsx"):
        parts = name.removeprefix("src/tapewatch/").removeprefix("client/src/").split("/")
        totals[parts[0]] += text.count("\n")
    return ", ".join(f"{package} {lines}" for package, lines in sorted(totals.items()))
