"""The status of a market-data daemon, asked over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import ClassVar

from tapewatch.errors import SourceError
from tapewatch.model.rows import RawBatch
from tapewatch.sources.base import Context
from tapewatch.sources.from_settings import Seconds
from tapewatch.sources.http_json import fetch_object, redacted
from tapewatch_client.daemon import COLUMNS, daemon_row


@dataclass(frozen=True, slots=True)
class DaemonCollector:
    """Asks a daemon for the JSON of its ``get_status()``: one row of table ``daemon`` each time.

    When it does not answer there is no row, and `collector_run` says why: that the collector could not ask is not known to be the
    daemon's fault.
    """

    kind: ClassVar[str] = "daemon"
    tables: ClassVar[tuple[str, ...]] = ("daemon",)
    busy: ClassVar[bool] = False

    url: str = field(metadata={"sentence": "Address that answers the JSON of get_status()."})
    daemon: str = field(default="", metadata={"sentence": "Name of the daemon in its rows; empty for the collector's name."})
    period_s: Seconds = field(default=10.0, metadata={"sentence": "Seconds between two questions."})

    async def collect(self, context: Context) -> AsyncIterator[RawBatch]:
        """See `Collector.collect`."""
        expected = f"an object with {', '.join(COLUMNS)}"
        row = daemon_row(await fetch_object(context.http(), self.url, expected))
        if not row:
            raise SourceError(f"{redacted(self.url)} answered an object with none of the fields of a daemon's status; expected {expected}")
        yield RawBatch.of("daemon", [{"daemon": self.daemon or context.name, **row}])
