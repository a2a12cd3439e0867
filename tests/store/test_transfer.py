"""Rows from one store to another, of any kind, by scan and append alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapewatch.clock import SystemClock
from tapewatch.errors import StoreRejected
from tapewatch.model.query import Mode, Query
from tapewatch.store.backends import BACKENDS
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Backend, Resources, Store, Stored
from tapewatch.store.transfer import Moved, slices, transfer
from tapewatch.testing.stores.tables import DEAL, JOB, NOTE, SAMPLE, T0, TABLES, batch, plain

CATALOG = {table.name: table for table in TABLES}
FULL = {
    "ts": T0,
    "venue": "kraken",
    "level": 1.5,
    "total": 3.0,
    "connected": False,
    "mood": "slow",
    "seen_at": T0 - 5,
    "latency_ms_sketch": {3: 7, -2: 1},
    "flags": '{"level":"nan"}',
}


def opened(backend: type[Backend], directory: Path) -> Store:
    store = backend.open(directory, SystemClock(), Resources())
    for table in TABLES:
        store.create(table)
    return store


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.capabilities.name)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = opened(request.param, tmp_path / "source")
    store.append([Stored((batch(SAMPLE, [FULL, {"ts": T0 + 1, "venue": "okx"}]),))])
    store.append([Stored((batch(DEAL, [{"ts": T0, "deal_id": "7", "price": 1.0}, {"ts": T0, "price": 2.0}, {"ts": T0, "price": 2.0}]),))])
    store.append([Stored((batch(JOB, [{"ts": T0 + i, "job_id": "a", "mood": "fine"} for i in range(3)]),))])
    for i in range(50):
        store.append([Stored((batch(NOTE, [{"ts": T0 + i // 10, "note": f"{i}-{j}"} for j in range(3)]),))])
    yield store
    store.close()


@pytest.fixture(params=BACKENDS, ids=lambda backend: backend.capabilities.name)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    store = opened(request.param, tmp_path / "target")
    yield store
    store.close()


def everything(store: Store, table: str) -> list[dict[str, object]]:
    return plain(store.scan(Query(table, -(2**60), 2**60, mode=Mode.ROWS, columns=tuple(CATALOG[table].column))))


def test_every_row_arrives_with_every_column_in_its_order(source: Store, target: Store) -> None:
    told: list[tuple[str, int]] = []
    moved = transfer(source, target, CATALOG, lambda table, rows: told.append((table, rows)))
    assert moved == [Moved("sample", 2, 2), Moved("deal", 3, 3), Moved("job", 3, 3), Moved("note", 150, 150)]
    assert told == [("sample", 2), ("deal", 3), ("job", 3), ("note", 150)]
    for table in CATALOG:
        assert everything(target, table) == everything(source, table), table
    assert everything(target, "note")[0]["note"] == "49-2"


def test_a_target_with_rows_is_refused_by_name(source: Store, target: Store) -> None:
    target.append([Stored((batch(JOB, [{"ts": T0, "job_id": "other"}]),))])
    with pytest.raises(StoreRejected, match="the target is not empty: table job has 1 rows; choose an empty one"):
        transfer(source, target, CATALOG)
    assert everything(target, "sample") == []


def test_rows_of_a_table_that_the_settings_do_not_have_are_not_forgotten_in_silence(source: Store, target: Store) -> None:
    known = {name: table for name, table in CATALOG.items() if name != "deal"}
    with pytest.raises(StoreRejected, match="3 rows of table deal, which the settings do not have"):
        transfer(source, target, known)


def test_nothing_at_all_is_moved_from_an_empty_store(target: Store) -> None:
    empty = MemoryStore()
    for table in TABLES:
        empty.create(table)
    assert transfer(empty, target, CATALOG) == []


def test_more_rows_of_one_moment_than_a_slice_may_hold_stay_together() -> None:
    store = MemoryStore()
    store.create(NOTE)
    store.append([Stored((batch(NOTE, [{"ts": T0, "note": str(i)} for i in range(30)]),))])
    assert [part.count for part in slices(store, NOTE, 10)] == [30]


@given(st.lists(st.integers(-(10**15), 10**15), max_size=60), st.integers(1, 10))
@settings(max_examples=60)
def test_slices_are_in_order_and_small_and_hold_every_row_once(moments: list[int], most: int) -> None:
    store = MemoryStore()
    store.create(replace(NOTE))
    store.append([Stored((batch(NOTE, [{"ts": T0 + moment, "note": str(i)} for i, moment in enumerate(moments)]),))])
    parts = list(slices(store, NOTE, most))
    times = [int(ts) for part in parts for ts in part.array("ts")]
    assert times == sorted(T0 + moment for moment in moments)
    assert sorted(int(str(note)) for part in parts for note in part.coded("note").words()) == list(range(len(moments)))
    for part in parts:
        assert part.count <= most or len(set(part.array("ts").tolist())) == 1
