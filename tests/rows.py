"""Accepted rows in short form, for tests of what comes after ingest."""

from collections.abc import Mapping, Sequence
from typing import Any

from tapewatch.ingest.validate import Defaults, validate
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import RawBatch, RowBatch
from tapewatch.model.venue import Names

NOW_US = 1_800_000_000_000_000
S = 1_000_000
CATALOG = Catalog()


def accepted(
    table: str, rows: Sequence[Mapping[str, Any]], *, now_us: int = NOW_US, source: str = "bot", period_s: float | None = None
) -> RowBatch:
    """The batch that ingest would make of these rows; all of them must be fine."""
    judged = validate(
        RawBatch.of(table, rows, period_s=period_s), CATALOG[table], names=Names(), now_us=now_us, defaults=Defaults(source, "live", "h1")
    )
    assert not judged.refusals, judged.refusals
    assert judged.batch is not None
    return judged.batch
