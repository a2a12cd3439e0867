"""What only summaries are left of moves with the rows, and answers there as it did here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tapewatch.clock import SystemClock
from tapewatch.errors import StoreRejected
from tapewatch.model.query import Function, Measure, Query
from tapewatch.model.table import Table, counter, gauge, tag
from tapewatch.store import rollup
from tapewatch.store.backends.duckdb import DuckDBStore, history, rollups
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Stored, Summarised
from tapewatch.store.transfer import Moved, transfer
from tapewatch.testing.stores.tables import T0, batch, plain

SECOND = 1_000_000
HOUR = 3_600 * SECOND
START = T0 // HOUR * HOUR
REPLY = Table("reply", "One reply.", (tag("venue", "A venue."), gauge("latency_ms", "ms", "How long it took."), counter("total", "All.")))
WHOLE = Query(
    "reply",
    START,
    START + 5 * HOUR,
    measures=(
        Measure(Function.COUNT),
        Measure(Function.SUM, "latency_ms"),
        Measure(Function.DELTA, "total"),
        Measure(Function.QUANTILE, "latency_ms", 0.9),
    ),
    bucket_us=HOUR,
)


@pytest.fixture(autouse=True)
def _few_rows_are_worth_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollup, "WORTH_ROWS", 0)
    monkeypatch.setattr(rollup, "BUCKETS_OF_RANGE", 0)
    monkeypatch.setattr(history, "PAGE_ROWS", 100)


def opened(directory: Path) -> DuckDBStore:
    store = DuckDBStore(directory, SystemClock())
    store.create(REPLY)
    return store


@pytest.fixture
def source(tmp_path: Path) -> Iterator[DuckDBStore]:
    """Six hours, the first two and a half of which are gone."""
    store = opened(tmp_path / "source")
    rows = [
        {"ts": START + i * 3 * SECOND, "venue": "a", "source": "s", "latency_ms": 1.0 + i % 97, "total": float(i)} for i in range(7_200)
    ]
    store.append([Stored((batch(REPLY, rows),))])
    store.maintain(START + 7 * HOUR)
    store.drop_before("reply", START + 2 * HOUR + HOUR // 2)
    yield store
    store.close()


def test_an_old_range_has_the_same_answer_from_a_tier_in_the_other_store(source: DuckDBStore, tmp_path: Path) -> None:
    before = source.scan(WHOLE)
    assert before.tier == "1h"
    target = opened(tmp_path / "target")
    moved = transfer(source, target, {"reply": REPLY})
    assert moved == [Moved("reply", 4_200, 4_200, 180 + 18 + 3)]
    old = replace(WHOLE, end_us=START + 2 * HOUR)
    assert plain(target.scan(old)) == plain(source.scan(old)), "before anything is summarised there"
    target.maintain(START + 7 * HOUR)
    after = target.scan(WHOLE)
    assert (after.tier, plain(after)) == ("1h", plain(before))
    narrow = replace(WHOLE, bucket_us=600 * SECOND, end_us=START + 2 * HOUR)
    assert (target.scan(narrow).tier, plain(target.scan(narrow))) == ("10min", plain(source.scan(narrow)))
    target.close()
    again = opened(tmp_path / "target")
    assert plain(again.scan(WHOLE)) == plain(before), "and after a restart"
    again.close()


def test_a_late_row_there_takes_nothing_from_the_hour_whose_rows_are_gone_in_part(source: DuckDBStore, tmp_path: Path) -> None:
    target = opened(tmp_path / "target")
    transfer(source, target, {"reply": REPLY})
    target.maintain(START + 7 * HOUR)
    late = {"ts": START + 2 * HOUR + 50 * 60 * SECOND + 1, "venue": "a", "source": "s", "latency_ms": 1.0}
    target.append([Stored((batch(REPLY, [late]),))])
    target.maintain(START + 7 * HOUR + 2 * rollups.EVERY_US)
    counted = plain(target.scan(replace(WHOLE, measures=WHOLE.measures[:1])))
    assert [row["count"] for row in counted] in ([1_200.0] * 5, [1_200.0, 1_200.0, 1_201.0, 1_200.0, 1_200.0])
    target.close()


def test_a_store_without_summaries_is_no_target_for_a_history(source: DuckDBStore) -> None:
    target = MemoryStore()
    target.create(REPLY)
    assert not isinstance(target, Summarised)
    with pytest.raises(StoreRejected, match=r"reply only 201 summaries are left, and the target \(memory\) keeps none"):
        transfer(source, target, {"reply": REPLY})


def test_summaries_are_not_mixed_with_others(source: DuckDBStore) -> None:
    held = source.history("reply")
    page = next(source.summaries("reply", held.tiers[0]))
    with pytest.raises(StoreRejected, match="is kept already"):
        source.take_summaries("reply", held.tiers[0].tier, page)


def test_a_table_whose_rows_are_all_gone_moves_too(source: DuckDBStore, tmp_path: Path) -> None:
    source.drop_before("reply", START + 6 * HOUR)
    before = plain(source.scan(WHOLE))
    target = opened(tmp_path / "target")
    moved = transfer(source, target, {"reply": REPLY})
    assert moved == [Moved("reply", 0, 0, 360 + 36 + 6)]
    assert plain(target.scan(WHOLE)) == before
    target.close()
