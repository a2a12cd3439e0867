"""Writes `requirements/*.lock` from pyproject.toml, or with `--check` says whether they are current, without a network.

Each lock pins every package with the hashes of its files and names no index: it is installed from whichever index pip is set up with.
Our own client is left out; a checkout or a wheel beside it provides it.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "requirements"
OURS = "tapewatch-client"
# dev first: the other two are subsets of it and take its versions as constraints, so that all fit into one environment.
LOCKS: dict[str, list[str]] = {
    "dev": ["pyproject.toml", "--group", "dev"],
    "base": ["pyproject.toml"],
    "build": ["--group", "build"],
}
FLAGS = [
    "--universal",
    "--fork-strategy",
    "fewest",
    "--python-version",
    "3.11",
    "--generate-hashes",
    "--no-header",
    "--annotation-style",
    "line",
    "--no-emit-package",
    OURS,
]


def fingerprint() -> str:
    """SHA-256 of what the locks are made from: direct dependencies, groups and the lowest Python, of both distributions."""
    product = tomllib.loads((ROOT / "pyproject.toml").read_text())
    client = tomllib.loads((ROOT / "client" / "pyproject.toml").read_text())
    inputs = [
        product["project"]["requires-python"],
        sorted(product["project"]["dependencies"]),
        product["dependency-groups"],
        sorted(client["project"].get("dependencies", [])),
        LOCKS,
        FLAGS,
    ]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def header() -> str:
    """First line of every lock file."""
    return f"# Made by `make lock` from pyproject.toml; do not edit. Inputs: sha256 {fingerprint()}\n"


def compile_lock(name: str, *, upgrade: bool) -> None:
    """Resolve one lock file; the versions it already has stay unless `upgrade`."""
    target = FOLDER / f"{name}.lock"
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv), "pip", "compile", "--quiet", *LOCKS[name], *FLAGS, "--output-file", str(target)]
    if upgrade:
        command.append("--upgrade")
    if name != "dev":
        command += ["--constraint", str(FOLDER / "dev.lock")]
    subprocess.run(command, cwd=ROOT, check=True)
    body = "\n".join(line for line in target.read_text().splitlines() if not line.startswith("#"))
    body = re.sub(r"-c \S+, |, -c \S+", "", body)  # the constraints are an internal matter
    target.write_text(f"{header()}{body.strip()}\n")


def problems(text: str) -> list[str]:
    """What is wrong with the text of a lock file; empty when nothing is."""
    found: list[str] = []
    if not text.startswith(header()):
        found.append("is older than pyproject.toml: run `make lock`")
    if "://" in text:
        found.append("contains an address")
    blocks = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)[1:]
    found += [f"has no hash for {block.split()[0]}" for block in blocks if "--hash=sha256:" not in block]
    return found


def check() -> int:
    """Print what is wrong with the lock files; 1 when anything is."""
    found = [f"requirements/{name}.lock {problem}" for name in LOCKS for problem in problems((FOLDER / f"{name}.lock").read_text())]
    for line in found:
        print(line)
    return 1 if found else 0


def main() -> int:
    """Lock or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether the lock files are current")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    options = parser.parse_args()
    if options.check:
        return check()
    FOLDER.mkdir(exist_ok=True)
    for name in LOCKS:
        compile_lock(name, upgrade=options.upgrade)
    return check()


if __name__ == "__main__":
    sys.exit(main())
