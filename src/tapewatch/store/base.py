"""What a store is: four verbs and a declaration of its limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, runtime_checkable

from tapewatch.clock import Clock
from tapewatch.model.query import Query
from tapewatch.model.rows import BodyMark, Mark, RowBatch, TypedColumn
from tapewatch.model.table import Table
from tapewatch.store.history import History
from tapewatch.store.rollup import Coverage, Tier

MARK_WINDOW = 4096
"""Sequence numbers a store remembers per client; an older one than the newest minus this counts as known."""

BODY_MARK_US = 600_000_000
"""How long a store remembers a body by its digest, reckoned by the times of receipt in the marks, which are of `Clock.steady_us`."""

LOOK_BACK_US = 3_600_000_000
"""How far before the range a store looks for the row that the first counter value in the range is compared with."""

STATE_LASTS_US = 60_000_000
"""How long a state is taken to last without another row of its series: evidence older than a minute is none."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a store can and cannot do, so that shared code never names an engine.

    Attributes:
        name: The engine, as the settings name it.
        keeps_marks: False when the spool must keep the delivery marks for it.
        durable: False for a store whose rows end with the process.
        exclusive: True when only one process can open it.
    """

    name: str
    keeps_marks: bool = True
    durable: bool = True
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Resources:
    """What a store may use of the machine.

    Attributes:
        memory_limit_mb: Most memory of its own buffers, in MB.
        threads: Threads for one statement.
        quota_bytes: Most bytes of live data, beyond which the oldest raw rows go; 0 for no limit.
    """

    memory_limit_mb: int = 128
    threads: int = 1
    quota_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Stored:
    """One delivery for `Store.append`: batches that become durable together, with the mark they came with."""

    batches: tuple[RowBatch, ...]
    mark: Mark | BodyMark | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a store answers to a question: columns in the order bucket, group-by tags, measures (or the asked columns).

    Attributes:
        columns: Name to values, all of length ``rows``; forms as in `RowBatch`. ``bucket`` is a time column.
            `Function.BUCKETS` gives an object array of dict[int, int]. Flags and states keep their form under first, last and worst.
        rows: Number of rows.
        rows_behind: Stored rows that were read to answer, when the engine knows.
        newest_us: Newest ``ts`` among the rows that match the filters in the range; None when nothing matched.
        truncated: True when ``limit`` cut the answer.
        cursor: For mode rows: where the next page begins; None at the end.
        tier: ``raw`` or the rollup that answered.
        start_us: Where the range began, when a rollup answered: as asked, or before it, with a bucket, when the rows of the start are gone.
        end_us: Where it ended, likewise: as asked, or with the bucket that holds the end, when its rows are gone.
    """

    columns: dict[str, TypedColumn]
    rows: int
    rows_behind: int | None = None
    newest_us: int | None = None
    truncated: bool = False
    cursor: str | None = None
    tier: str = "raw"
    start_us: int | None = None
    end_us: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a store holds now, for the System page and for `doctor`."""

    bytes_on_disk: int
    rows_by_table: dict[str, int] = field(default_factory=dict[str, int])
    rows_by_tier: dict[str, int] = field(default_factory=dict[str, int])
    """Summaries, by the name of their table and their width."""


class Store(Protocol):
    """Keeps rows. Methods block; they may be called from several threads at once.

    One process owns a store whose capabilities say ``exclusive``; opening it twice raises `ConfigError` with the other's process id.
    """

    capabilities: ClassVar[Capabilities]
    """What this store can do, and its name in the settings."""

    def create(self, table: Table) -> None:
        """Make the table, or add the columns it lacks, in one transaction; a second call changes nothing.

        Raises:
            StoreRejected: A column exists with another kind.
        """
        ...

    def append(self, deliveries: Sequence[Stored]) -> list[bool]:
        """Add all deliveries in one transaction; durable when it returns.

        Rows of one identity replace each other at once in every answer (the later ``received_at``, then the later call, wins).

        Returns:
            For each delivery: True when it was stored, False when its mark was known and nothing changed.

        Raises:
            StoreUnavailable: Nothing was stored; the same call may be repeated.
            StoreRejected: Nothing was stored, and never will be.
        """
        ...

    def scan(self, query: Query, *, timeout_s: float | None = None) -> Answer:
        """Answer one question; the range is half-open.

        Raises:
            QueryError: The question does not fit its table.
            QueryTooLarge: It took longer than ``timeout_s`` seconds.
            StoreUnavailable: The store is away.
        """
        ...

    def drop_before(self, table: str, time_us: int) -> int:
        """Delete the rows with ``ts`` before ``time_us``; return how many went."""
        ...

    def usage(self) -> Usage:
        """Sizes, for self-monitoring; may be an estimate."""
        ...

    def close(self) -> None:
        """Make everything durable and let go; a second call does nothing."""
        ...


class Backend(Store, Protocol):
    """A store that settings can open, by the ``name`` of its capabilities."""

    @classmethod
    def open(cls, directory: Path, clock: Clock, resources: Resources, /) -> Store:
        """The store that keeps its files in a directory.

        Raises:
            ConfigError: It cannot be opened.
        """
        ...


@runtime_checkable
class Recognising(Protocol):
    """A store that can say, without waiting for anything, whether it has taken a delivery before."""

    def knows(self, mark: Mark | BodyMark, /) -> bool:
        """Whether a delivery with this mark is durable; False also when that is not certain. May be called from any thread."""
        ...


@runtime_checkable
class Maintained(Protocol):
    """A store that wants a regular hand; whoever runs it calls `maintain` every few seconds, from a thread of its own."""

    def maintain(self, now_us: int) -> None:
        """Do what is due: tidy rows that no longer change, write logs back. Readers and commits go on meanwhile.

        Raises:
            StoreUnavailable: Something could not be done now (a full disk); nothing is lost, the next call tries again.
        """
        ...

    def measures(self) -> Mapping[str, float]:
        """Numbers of the last upkeep: bytes in use, their growth, and the time until the quota."""
        ...


@runtime_checkable
class Summarised(Protocol):
    """A store that keeps summaries for longer than their rows, and can hand them to another one; see `tapewatch.store.transfer`."""

    def history(self, table: str, /) -> History:
        """What the table holds of rows that are gone."""
        ...

    def summaries(self, table: str, coverage: Coverage, /) -> Iterator[RowBatch]:
        """The summaries of one tier of the history in batches, in the columns of `tapewatch.store.rollup.rolled`."""
        ...

    def take_summaries(self, table: str, tier: Tier, batch: RowBatch, /) -> None:
        """Keep summaries of another store; they answer nothing before `take_history`.

        Raises:
            StoreRejected: The table is summarised already.
        """
        ...

    def take_history(self, table: str, history: History, /) -> None:
        """Answer about the time of a history from the summaries that were taken. Its later rows are stored already."""
        ...


@dataclass(frozen=True, slots=True)
class Contents:
    """What a copy of a store holds, counted in the copy itself.

    Attributes:
        format: Version of its layout.
        rows_by_table: Rows of each table, exact.
    """

    format: int
    rows_by_table: dict[str, int]


@runtime_checkable
class Copied(Protocol):
    """A store whose files can be copied while rows arrive, and put back; see `tapewatch.store.backup`."""

    def write_copy(self, directory: Path, /) -> Contents:
        """Write the store as it is at one moment into an empty directory; durable when it returns. Commits go on meanwhile.

        Raises:
            StoreUnavailable: It could not be written, such as on a full disk, or the store was closed; the store itself is well.
        """
        ...

    @classmethod
    def read_copy(cls, directory: Path, /) -> Contents:
        """Open a copy, without changing it, and count what it holds.

        Raises:
            StoreRejected: It cannot be opened, or a later tapewatch wrote it.
        """
        ...

    @classmethod
    def place_copy(cls, copy: Path, directory: Path, /) -> Path | None:
        """Make a copy, which may be used up, the store of a data directory that nobody else uses, in one step.

        Returns:
            Where the store is kept that was there before; None when there was none.
        """
        ...
