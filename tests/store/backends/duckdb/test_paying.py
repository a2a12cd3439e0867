"""Which tiers are kept: those that have a part of the rows below, measured on what came."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.clock import SystemClock
from tapewatch.store import rollup
from tapewatch.store.backends.duckdb import DuckDBStore, paying
from tapewatch.store.base import Stored
from tapewatch.testing.stores.questions import SECOND
from tapewatch.testing.stores.tables import T0, batch
from tests.store.backends.duckdb.replies import HOUR, LATENCY, kept_tiers_of, rows_at


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path / "s", SystemClock())
    opened.create(LATENCY)
    yield opened
    opened.close()


def test_the_tier_that_pays_is_measured(monkeypatch: pytest.MonkeyPatch, store: DuckDBStore) -> None:
    monkeypatch.setattr(rollup, "PAYS_RATIO", 0.2)
    monkeypatch.setattr(rollup, "STOPS_RATIO", 0.25)
    store.append([Stored((batch(LATENCY, rows_at(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    assert kept_tiers_of(store) == ["1min", "10min", "1h"], "a row each 3 s is 3 rows in 10 s, 20 in a minute"
    rarely = rows_at(20, 500, start=T0 + 5 * HOUR)
    store.append([Stored((batch(LATENCY, rarely),))])
    store.maintain(T0 + 9 * HOUR)
    assert kept_tiers_of(store) == ["1h"], "a row each 500 s"
    assert store._database.cursor().execute("SELECT sum(summary_rows) FROM reply__1min").fetchone() == (3_000,), "nothing is deleted"
    store.append([Stored((batch(LATENCY, rows_at(3_000, 3, start=T0 + 10 * HOUR)),))])
    store.maintain(T0 + 13 * HOUR)
    store.maintain(T0 + 14 * HOUR)
    assert kept_tiers_of(store) == ["1min", "10min", "1h"]
    assert store._database.cursor().execute("SELECT sum(summary_rows) FROM reply__1min").fetchone() == (6_020,), "and nothing is left out"


@pytest.mark.parametrize(("least", "expected"), [(1_000, ["10s", "1min", "10min"]), (1_300, [])])
def test_in_its_first_hour_a_table_is_judged_when_it_has_many_rows(
    monkeypatch: pytest.MonkeyPatch, store: DuckDBStore, least: int, expected: list[str]
) -> None:
    monkeypatch.setattr(rollup, "PAYS_RATIO", 0.2)
    monkeypatch.setattr(rollup, "STOPS_RATIO", 0.25)
    monkeypatch.setattr(paying, "EARLY_ROWS", least)
    hour = (T0 // HOUR + 1) * HOUR
    store.append([Stored((batch(LATENCY, rows_at(1_200, 1, start=hour + 60 * SECOND)),))])
    store.maintain(hour + 22 * 60 * SECOND)
    assert kept_tiers_of(store) == expected
    assert not store._rollups.is_judged(LATENCY), "what is kept beyond the rows is decided when there is a whole hour"
    store.maintain(hour + 62 * 60 * SECOND)
    assert kept_tiers_of(store) == ["10s", "1min", "10min"]
    assert store._rollups.is_judged(LATENCY)


@given(st.lists(st.floats(0, 1), min_size=4, max_size=4), st.sets(st.sampled_from(rollup.TIERS)))
def test_each_kept_tier_has_a_part_of_the_rows_below(parts: list[float], held: set[rollup.Tier]) -> None:
    groups = [round(1_000_000 * math.prod(parts[: i + 1])) for i in range(4)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollup, "PAYS_RATIO", 0.2)
        patch.setattr(rollup, "STOPS_RATIO", 0.25)
        kept = rollup.kept_tiers(1_000_000, groups, held)
    below = 1_000_000
    for tier, count in zip(rollup.TIERS, groups, strict=True):
        assert (tier in kept) == bool(below and count <= below * (0.25 if tier in held else 0.2))
        below = count if tier in kept else below
