"""Short forms for tests of validation: rows in, verdict out."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from tapewatch.ingest.validate import Defaults, Judged, validate
from tapewatch.model.catalog import Catalog
from tapewatch.model.rows import NULL_FLAG, NULL_TIME, Coded, RawBatch
from tapewatch.model.venue import Names

NOW_US = 1_800_000_000_000_000
CATALOG = Catalog()
DEFAULTS = Defaults("bot", "live", "h1")


def judge(rows: Sequence[Mapping[str, Any]], table: str = "exchange", **options: Any) -> Judged:
    """Validate rows of a table at `NOW_US`; rows of table exchange get a venue unless they bring one."""
    if table == "exchange":
        rows = [{"venue": "binance", **row} for row in rows]
    settings: dict[str, Any] = {"names": Names(), "now_us": NOW_US, "defaults": DEFAULTS, **options}
    return validate(RawBatch.of(table, rows), CATALOG.get(table), **settings)


def values(judged: Judged, column: str) -> list[Any]:
    """Accepted values of a column as Python objects, null as None; a column without values gives nulls."""
    batch = judged.batch
    assert batch is not None, judged.refusals
    found = batch.columns.get(column)
    if found is None:
        return [None] * batch.count
    if isinstance(found, Coded):
        return found.words().tolist()
    items = found.tolist()
    if found.dtype.kind == "f":
        return [None if math.isnan(value) else value for value in items]
    return [None if value in {NULL_TIME, NULL_FLAG} else value for value in items] if found.dtype.kind == "i" else items


def flags(judged: Judged) -> list[Any]:
    """The column flags, decoded."""
    return [None if word is None else json.loads(word) for word in values(judged, "flags")]


def reasons(judged: Judged) -> list[tuple[int, str | None, str]]:
    """Row, column and reason of each refusal told."""
    return [(refusal.row, refusal.column, refusal.reason) for refusal in judged.refusals]
