"""What a system that is compared has to tell: how it is started, where lines go, how each question is put and its answer read."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol

from bench.rivals.question import Answer, Question

FOLDER = Path(__file__).parents[2] / ".venv" / "rivals"
"""Where `make rivals` puts them."""


@dataclass(frozen=True)
class Request:
    """One request over HTTP."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict[str, str])


class System(Protocol):
    """A server in a data directory of its own.

    Everything that costs time beyond the server's answer stays out of `ask` and `read`'s callers' clocks: the time of a question is
    from its first byte out to its last byte in.
    """

    name: ClassVar[str]
    settings: ClassVar[str]
    """How it runs, for the page: what is not its default, and why."""
    acknowledges: ClassVar[str]
    """What its answer to a write means, for the page."""
    language: ClassVar[str]
    write_path: ClassVar[str]
    ready_path: ClassVar[str]
    prepare: ClassVar[tuple[Request, ...]]
    """Sent once before rows are."""
    settle: ClassVar[tuple[Request, ...]]
    """Sent once after rows are, where the system documents a way to hurry its compaction."""

    def version(self) -> str | None:
        """Which one is installed; None when none is."""
        ...

    def command(self, folder: Path, port: int) -> tuple[list[str], dict[str, str]]:
        """The words that start it on that port of 127.0.0.1 with its data under ``folder``, and its environment beyond ours."""
        ...

    def ask(self, question: Question) -> Request:
        """The question in the system's own language."""
        ...

    def read(self, question: Question, body: bytes) -> Answer:
        """What it answered."""
        ...


def said(command: list[str]) -> str:
    """What a program prints, both streams, without the space around it."""
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20).stdout.strip()
