"""A table of replies, its rows, and the tiers that a store keeps of it: what the tests of summaries stand on."""

from __future__ import annotations

from typing import Any

from tapewatch.model.table import Table, counter, gauge, tag
from tapewatch.store.backends.duckdb import DuckDBStore
from tapewatch.testing.stores.questions import SECOND
from tapewatch.testing.stores.tables import T0

HOUR = 3_600 * SECOND
LATENCY = Table("reply", "One reply.", (tag("venue", "A venue."), gauge("latency_ms", "ms", "How long it took."), counter("total", "All.")))


def rows_at(count: int, step_s: float, *, start: int = T0, source: str = "a") -> list[dict[str, Any]]:
    """Rows of one series, a step apart."""
    same = {"venue": "a", "env": "a", "source": source}
    return [{**same, "ts": start + round(i * step_s * SECOND), "latency_ms": 1.0 + i % 97, "total": float(i)} for i in range(count)]


def kept_tiers_of(store: DuckDBStore) -> list[str]:
    """Labels of the tiers that are kept up."""
    return [coverage.tier.label for coverage in store._rollups.kept(LATENCY)]
