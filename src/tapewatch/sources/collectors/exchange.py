"""How a daemon sees its connections to venues, asked over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from tapewatch.errors import SourceError
from tapewatch.model.rows import RawBatch
from tapewatch.sources.base import Context
from tapewatch.sources.from_settings import Seconds
from tapewatch.sources.http_json import fetch_object, redacted
from tapewatch.sources.json_body import describe
from tapewatch.sources.shown import shown

FIELDS = {
    "connected": "connected",
    "latency_ms": "latency_ms",
    "reconnect_count": "reconnects",
    "last_message_at": "last_message_at",
    "disconnected_at": "disconnected_at",
    "rate_limit_ratio": "rate_limit_ratio",
}
"""Field of a venue's status to column of table ``exchange``."""

EXPECTED = f"an object of venue to an object with {', '.join(FIELDS)}"


@dataclass(frozen=True, slots=True)
class ExchangeCollector:
    """Asks for the status of all venues at once: one row of table ``exchange`` for each."""

    kind: ClassVar[str] = "exchange"
    tables: ClassVar[tuple[str, ...]] = ("exchange",)
    busy: ClassVar[bool] = False

    url: str = field(metadata={"sentence": "Address that answers a JSON object of venue to its status."})
    period_s: Seconds = field(default=5.0, metadata={"sentence": "Seconds between two questions."})

    async def collect(self, context: Context) -> AsyncIterator[RawBatch]:
        """See `Collector.collect`; venues whose status can be read are kept although another's cannot."""
        statuses = await fetch_object(context.http(), self.url, EXPECTED)
        rows: list[dict[str, Any]] = []
        wrong: list[str] = []
        for venue, status in statuses.items():
            row = _row(status)
            if row is None:
                wrong.append(f"{shown(venue)} is {describe(status)}")
            else:
                rows.append({"venue": venue, **row})
        if rows:
            yield RawBatch.of("exchange", rows)
        if wrong or not rows:
            what = "; ".join(wrong[:3]) or "an object without a venue"
            raise SourceError(f"{redacted(self.url)} answered something else for {len(wrong)} venues: {what}; expected {EXPECTED}")


def _row(status: object) -> dict[str, Any] | None:
    """The columns of a venue's status; None when it has no field of one. Other fields are left out."""
    if not isinstance(status, dict):
        return None
    fields = cast("Mapping[str, Any]", status)
    row = {column: fields[name] for name, column in FIELDS.items() if name in fields}
    return row or None
