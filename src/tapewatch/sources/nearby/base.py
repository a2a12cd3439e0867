"""What may stand beside tapewatch on this host: where it usually listens, what it is asked, and how its answer is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

HOSTS = ("127.0.0.1", "::1")
"""The only hosts that are ever asked."""


class State(StrEnum):
    """What an address said, the telling ones first."""

    FOUND = "found"
    OTHER = "other"
    SILENT = "silent"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Door:
    """One port at which a system usually listens.

    Attributes:
        port: TCP port.
        question: Bytes that are sent, as they are.
        judge: Takes all bytes that have come so far; gives what they prove as a clause, "" while more is needed, None when it is
            something else.
    """

    port: int
    question: bytes
    judge: Callable[[bytes], str | None]


@dataclass(frozen=True, slots=True)
class Offer:
    """Something to copy that connects what was found.

    Attributes:
        title: What it is, in a few words.
        sentence: What it does and where it belongs.
        language: toml, python or cron.
        code: Works as it stands, with the address of this server in it.
    """

    title: str
    sentence: str
    language: str
    code: str


@dataclass(frozen=True, slots=True)
class Process:
    """How a system's process is found by a collector of kind ``process``; what is empty is not looked at.

    Attributes:
        name: Exact name of the program.
        command: Regular expression for its command line.
    """

    name: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """One system that is looked for.

    Attributes:
        name: Also the name of its process in rows.
        title: As its makers write it.
        doors: Where it is asked; one that answers is enough.
        process: How its process is found.
        lack: What tapewatch cannot read of it by itself, in one sentence, so that nobody expects it.
        offers: What works beside watching its process.
    """

    name: str
    title: str
    doors: tuple[Door, ...]
    process: Process
    lack: str
    offers: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What one address said.

    Attributes:
        host: Of `HOSTS`.
        port: TCP port.
        state: What it comes to.
        evidence: The proof as a sentence.
    """

    host: str
    port: int
    state: State
    evidence: str

    @property
    def address(self) -> str:
        """As people write it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """What is known of one kind: the most telling answer, and what can be done about it.

    Attributes:
        kind: What was looked for.
        answer: The most telling of all its addresses.
        offers: What to copy; empty unless it was found.
        remark: What cannot be done, and why; empty unless it was found.
    """

    kind: Kind
    answer: Answer
    offers: tuple[Offer, ...] = ()
    remark: str = ""
