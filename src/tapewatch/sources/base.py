"""What a source is: a `Collector` asks, a `Receiver` is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from tapewatch.clock import Clock
from tapewatch.model.rows import Delivery, RawBatch
from tapewatch.sources.history import History

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")


class Shared:
    """Objects that the collectors of one process share: one of each type, made when it is first asked for."""

    def __init__(self) -> None:
        self._found: dict[type[Any], Any] = {}

    def one(self, kind: type[T]) -> T:
        """The one object of a type whose constructor takes nothing."""
        if kind not in self._found:
            self._found[kind] = kind()
        return self._found[kind]


@dataclass(frozen=True, slots=True)
class Context:
    """What a collector is given by the runner.

    Attributes:
        name: The collector's configured name; it becomes the rows' ``source``. Empty until the runner has one.
        env: Environment of its rows.
        host: Host on which it runs.
        clock: The time.
        http: Gives the shared HTTP client with time limits; collectors that read HTTP use this one.
        shared: What the collectors of this process share.
        state_dir: Folder in which a collector may keep what it learned, in files named after it; None when nothing is kept.
        history: Asks the server for stored rows; None where there is no server to ask.
    """

    name: str
    env: str
    host: str
    clock: Clock
    http: Callable[[], httpx2.AsyncClient]
    shared: Shared = field(default_factory=Shared)
    state_dir: Path | None = None
    history: History | None = None


class Collector(Protocol):
    """We ask. A frozen dataclass whose fields are its configuration (``metadata={"sentence": …}`` documents each).

    Class variables: ``kind`` is its name in the settings; ``tables`` what it fills; ``busy`` whether it needs a process of its own.
    ``period_s`` is the seconds between two polls; None for an endless stream.
    """

    kind: ClassVar[str]
    tables: ClassVar[tuple[str, ...]]
    busy: ClassVar[bool]

    @property
    def period_s(self) -> float | None:
        """Seconds between two polls; None for a stream."""
        ...

    def collect(self, context: Context) -> AsyncIterator[RawBatch]:
        """Yield batches: a finite iterator is one poll, an endless one a stream.

        Raises:
            SourceError: The watched system did not answer; the runner records it and tries again.
        """
        ...


@dataclass(frozen=True, slots=True)
class Refusal:
    """One value or one row that was not kept.

    Attributes:
        table: Table the row was meant for.
        row: Position of the row in its batch (for text protocols: line), from 0.
        column: The column whose value was not kept; None when the whole row was refused.
        value: The value as text, shortened.
        reason: A stable code, such as ``wrong_type``.
        message: One sentence: what was wrong and what is allowed.
        is_held: Whether it is no loss: the row or value waits in quarantine.
    """

    table: str
    row: int
    column: str | None
    value: str
    reason: str
    message: str
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """A decoded request body: what can be handed to ingest, and what could not even be decoded.

    Attributes:
        delivery: What can be handed to ingest.
        refusals: What could not be decoded.
        digest: Names a body by its content, when all its rows say when they happened, so that a second copy of it brings nothing new.
    """

    delivery: Delivery
    refusals: tuple[Refusal, ...] = ()
    digest: str | None = None


class Receiver(Protocol):
    """They push: bytes in, batches out. Pure; size limits are enforced before it is called.

    Raises:
        SourceError: The body cannot be read at all (permanent).
    """

    name: ClassVar[str]
    paths: ClassVar[tuple[str, ...]]

    def receive(self, body: bytes, content_type: str, query: Mapping[str, str], path: Mapping[str, str]) -> Received:
        """Decode one request body; ``query`` are the address's parameters, ``path`` its named parts."""
        ...
