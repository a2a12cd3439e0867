"""Deliveries that the store has refused for good while it took the spool: they are kept, listed, and tried again when somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tapewatch.clock import Clock
from tapewatch.errors import ContractError, StoreUnavailable
from tapewatch.ingest.spool.record import unpack
from tapewatch.ingest.spool.replayed import received_at
from tapewatch.ingest.spool.store_spool import SET_ASIDE
from tapewatch.model.rows import BodyMark, Mark
from tapewatch.store.base import Store, Stored
from tapewatch_client.segment_log import Record, SegmentLog

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of one delivery.

    Attributes:
        rows: Its rows.
        words: What is in it, or why it cannot be read.
        why: Why it stays; empty when the store has it.
    """

    rows: int
    words: str
    why: str = ""


class SetAside:
    """What is set aside in a spool whose server has stopped; whoever makes this holds the data directory.

    Args:
        folder: The spool.

    Raises:
        StoreUnavailable: It cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / SET_ASIDE
        self._log = self._asked(lambda: SegmentLog(str(self.folder)))

    @property
    def rows(self) -> int:
        """Rows in it."""
        return self._log.rows

    def deliveries(self) -> list[Tried]:
        """What is in it, the oldest first; changes nothing."""
        return [Tried(record.rows, words_of(record)) for record in self._asked(lambda: list(self._log.left()))]

    def try_again(self, store: Store, clock: Clock) -> list[Tried]:
        """Give each delivery to the store alone; what it still refuses stays, behind nothing but others that stay.

        A delivery leaves only when the store has it, and has a mark: cut off anywhere and begun again, nothing is lost or double.

        Raises:
            StoreUnavailable: The store or the disk is away; what was not told stays.
        """
        return [self._try_next(store, clock) for _ in range(self._log.records)]

    def _try_next(self, store: Store, clock: Clock) -> Tried:
        record = self._asked(self._log.take)
        if record is None:
            raise StoreUnavailable(f"{self.folder} ends before its last delivery; list it again")
        try:
            store.append([received_at(unpack(record.payload), clock.now_us())])
            why = ""
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a store says to one delivery, the others are tried as well
            why = f"{type(error).__name__}: {error}"
            self._asked(lambda: self._keep(record))
        self._log.done()
        return Tried(record.rows, words_of(record), why)

    def _keep(self, record: Record) -> None:
        self._log.append(record.number, record.rows, record.flags, record.payload)
        self._log.sync()

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except OSError as error:
            raise StoreUnavailable(f"{self.folder} cannot be used: {error.strerror or error}; see to its rights and its disk") from error

    def close(self) -> None:
        """Let go."""
        self._log.close()


def words_of(record: Record) -> str:
    """What is in a record: rows of which tables, and who sent them."""
    try:
        stored = unpack(record.payload)
    except ContractError as error:
        return str(error)
    tables = ", ".join(f"{batch.count} of {batch.table}" for batch in stored.batches)
    return f"{tables}, {_sender(stored)}"


def _sender(stored: Stored) -> str:
    match stored.mark:
        case BodyMark(digest=digest):
            return f"body {digest[:12]}"
        case Mark(client=client, sequence=sequence):
            return f"delivery {sequence} of {client}"
        case _:
            return "without a mark"
