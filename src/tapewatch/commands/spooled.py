"""Accepted rows that the store does not have: those that wait for it in the server's spool, and those that it has refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tapewatch.surfaces.remote import Remote

_WAITING, _REFUSED = "tapewatch_spool_rows", "tapewatch_spool_set_aside_rows"


@dataclass(frozen=True, slots=True)
class Spooled:
    """Rows in the server's spool.

    Attributes:
        waiting: Rows that reach the store as soon as it takes them.
        refused: Rows that the store refused for good and that are kept beside the others.
    """

    waiting: int = 0
    refused: int = 0


def told_by(server: Remote) -> Spooled:
    """What a running server says of its spool, by its metrics; nothing when its store has none.

    Raises:
        ServerRefused: It does not say.
        SourceError: There is no server.
    """
    lines = (line.rsplit(" ", 1) for line in server.text("/metrics").splitlines() if not line.startswith("#"))
    values = {line[0]: line[1] for line in lines if line[0] in {_WAITING, _REFUSED}}
    return Spooled(round(float(values.get(_WAITING, "0"))), round(float(values.get(_REFUSED, "0"))))


def found_in(data_dir: Path) -> Spooled:
    """What lies in the spool of a data directory that no server uses; only reads.

    Raises:
        StoreUnavailable: It cannot be read.
    """
    from tapewatch.errors import StoreUnavailable
    from tapewatch.ingest.spool.store_spool import SET_ASIDE, WAITING
    from tapewatch.opening import STORE_SPOOL
    from tapewatch_client.segment_log import SegmentLog

    folder = data_dir / STORE_SPOOL
    try:
        return Spooled(SegmentLog(str(folder / WAITING)).rows, SegmentLog(str(folder / SET_ASIDE)).rows)
    except OSError as error:
        raise StoreUnavailable(f"the spool in {folder} cannot be read: {error.strerror or error}; see to its rights") from error
