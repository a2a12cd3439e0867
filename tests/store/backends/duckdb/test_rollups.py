"""Summaries answer as the rows do: random rows, late ones among them, and random questions, against the in-memory reference."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapewatch.clock import SystemClock
from tapewatch.model.catalog import Catalog
from tapewatch.model.query import Comparison, Filter, Function, Measure, Query
from tapewatch.model.table import Kind, Table, counter, gauge, tag
from tapewatch.store import rollup
from tapewatch.store.backends.duckdb import DuckDBStore, rollups
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Answer, Stored
from tapewatch.testing.stores.differential import PHASES
from tapewatch.testing.stores.questions import SECOND, measures, rows
from tapewatch.testing.stores.tables import SAMPLE, T0, batch, plain

HOUR = 3_600 * SECOND
AFTER = T0 + 100_000 * SECOND
"""A moment at which all random rows are past."""

_names = (f"s{i}" for i in itertools.count())


@pytest.fixture(autouse=True)
def _every_tier_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each tier is kept, and answers whatever it can: the few rows of a test would not be worth it."""
    limits = {"PAYS_RATIO": math.inf, "STOPS_RATIO": math.inf, "BUCKETS_OF_RANGE": 0, "REST_OF_RANGE": math.inf, "WORTH_ROWS": 0}
    for name, value in limits.items():
        monkeypatch.setattr(rollup, name, value)


_ACROSS = (
    Measure(Function.DELTA, "total"),
    Measure(Function.RATE, "total"),
    Measure(Function.TIME_IN_STATE, "mood", "slow"),
    Measure(Function.TIME_IN_STATE, "connected", "false"),
)
"""What depends on the rows before and after a bucket."""


def _groups(table: Table) -> st.SearchStrategy[list[list[dict[str, Any]]]]:
    """Rows of three series, many of which meet in a bucket."""
    one = st.tuples(rows(table), st.sampled_from([("a", "a"), ("a", "a"), ("b", "a"), ("a", "b")]))
    row = one.map(lambda drawn: {**drawn[0], "venue": drawn[1][0], "source": drawn[1][1], "host": "a", "env": "a"})
    return st.lists(st.lists(row, min_size=5, max_size=25), min_size=1, max_size=3)


@st.composite
def _questions(draw: st.DrawFn, table: Table) -> Query:
    """A question that some tier can answer."""
    start_us = T0 + draw(st.integers(-9_000, 9_000)) * SECOND
    kept = [column for column in table.columns if column.kind not in {Kind.TAG, Kind.TEXT}]
    kinds = st.sampled_from(sorted({column.kind for column in kept}))
    of_kind = kinds.flatmap(lambda kind: st.sampled_from([column for column in kept if column.kind is kind]).flatmap(measures))
    asked = draw(st.lists(st.sampled_from(_ACROSS) | of_kind, min_size=1, max_size=5, unique_by=lambda measure: measure.name))
    at_end = any(measure.function in {Function.FIRST, Function.LAST} for measure in asked)
    every = [*table.tags, "source"]
    return Query(
        table.name,
        start_us,
        start_us + draw(st.sampled_from([13, 100, 5_000, 20_000])) * SECOND,
        measures=(Measure(Function.COUNT), *asked),
        group_by=tuple(every if at_end else draw(st.lists(st.sampled_from(every), unique=True, max_size=3))),
        bucket_us=draw(st.sampled_from([None, 10 * SECOND, 60 * SECOND, 60 * SECOND, 1_800 * SECOND, HOUR])),
        filters=tuple(draw(st.lists(st.just(Filter("venue", Comparison.EQ, ("a",))), max_size=1))),
        shift_us=draw(st.sampled_from([0, 0, HOUR])),
        limit=draw(st.sampled_from([None, None, 3])),
    )


def _assert_same(query: Query, found: Answer, reference: MemoryStore) -> None:
    """The range of a summary begins with the bucket that holds its start."""
    whole = query if found.start_us is None else replace(query, start_us=found.start_us)
    expected = reference.scan(whole)
    assert len(plain(found)) == len(plain(expected)), found.tier
    for ours, theirs in zip(plain(found), plain(expected), strict=True):
        for name, value in theirs.items():
            same = (
                math.isclose(ours[name], value, rel_tol=1e-9)
                if isinstance(value, float) and ours[name] is not None
                else ours[name] == value
            )
            assert same, f"{found.tier} {name}: {ours[name]!r} is not {value!r}"
    assert (found.rows_behind, found.newest_us, found.truncated) == (expected.rows_behind, expected.newest_us, expected.truncated)


def test_random_questions_to_summaries_have_the_answer_of_the_rows(tmp_path: Path) -> None:
    tiers: Counter[str] = Counter()

    @settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], phases=PHASES)
    @given(_groups(SAMPLE), st.lists(_questions(SAMPLE), min_size=3, max_size=6))
    def compare(groups: Sequence[Sequence[dict[str, Any]]], asked: Sequence[Query]) -> None:
        store, reference = DuckDBStore(tmp_path / next(_names), SystemClock()), MemoryStore()
        for each in (store, reference):
            each.create(SAMPLE)
        for step, group in enumerate(groups):
            for each in (store, reference):
                each.append([Stored((batch(SAMPLE, group),))])
            for query in asked:  # late rows are noted, not summarised yet
                _assert_same(query, store.scan(query), reference)
            store.maintain(AFTER + step * 2 * HOUR)
            for query in asked:
                found = store.scan(query)
                tiers[found.tier] += 1
                _assert_same(query, found, reference)
        store.close()

    compare()
    assert all(tiers[tier] > 0 for tier in ("10s", "1min", "1h")), tiers


LATENCY = Table("reply", "One reply.", (tag("venue", "A venue."), gauge("latency_ms", "ms", "How long it took."), counter("total", "All.")))


def _rows(count: int, step_s: float, *, start: int = T0, source: str = "a") -> list[dict[str, Any]]:
    same = {"venue": "a", "env": "a", "source": source}
    return [{**same, "ts": start + round(i * step_s * SECOND), "latency_ms": 1.0 + i % 97, "total": float(i)} for i in range(count)]


def _ask(*measures: Measure, hours: float = 3, bucket_us: int | None = None) -> Query:
    return Query("reply", T0, T0 + round(hours * HOUR), measures=measures, bucket_us=bucket_us)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path / "s", SystemClock())
    opened.create(LATENCY)
    yield opened
    opened.close()


def _tiers(store: DuckDBStore) -> list[str]:
    return [coverage.tier.label for coverage in store._rollups.kept(LATENCY)]


def test_quantiles_of_a_duration_survive_within_one_percent(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, _rows(3_000, 3)),))])
    question = _ask(*(Measure(Function.QUANTILE, "latency_ms", fraction) for fraction in (0.0, 0.5, 0.99)))
    exact = plain(store.scan(question))[0]
    store.maintain(T0 + 4 * HOUR)
    found = store.scan(question)
    assert found.tier != "raw"
    for name, value in plain(found)[0].items():
        assert value == pytest.approx(exact[name], rel=0.021), name


def test_what_is_summarised_outlives_a_restart_and_so_does_what_came_late(tmp_path: Path) -> None:
    for step in range(2):
        store = DuckDBStore(tmp_path, SystemClock())
        store.create(LATENCY)
        if step == 0:
            store.append([Stored((batch(LATENCY, _rows(3_000, 3)),))])
            store.maintain(T0 + 4 * HOUR)
            store.append([Stored((batch(LATENCY, [{"ts": T0 + 1, "venue": "b", "env": "a", "source": "a", "total": 7.0}]),))])
            store.close()
    question = _ask(Measure(Function.COUNT))
    assert plain(store.scan(question)) == [{"count": 3_001.0}]
    assert _tiers(store) == ["10s", "1min", "10min", "1h"]
    store.maintain(T0 + 4 * HOUR + rollups.EVERY_US)
    assert not store._rollups._books["reply"].late
    found = store.scan(question)
    assert (found.tier, plain(found)) == ("1h", [{"count": 3_001.0}])
    store.close()


def test_a_replaced_row_is_replaced_in_its_summaries(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, _rows(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    again = {"ts": T0, "venue": "a", "env": "a", "source": "a", "latency_ms": 500.0, "received_at": T0 + HOUR}
    store.append([Stored((batch(LATENCY, [again]),))])
    question = _ask(Measure(Function.MAX, "latency_ms"), Measure(Function.COUNT))
    expected = [{"max_latency_ms": 500.0, "count": 3_000.0}]
    assert plain(store.scan(question)) == expected
    store.maintain(T0 + 5 * HOUR)
    found = store.scan(question)
    assert (found.tier, plain(found)) == ("1h", expected)


def test_rows_that_are_gone_are_answered_from_what_was_summarised(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, _rows(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    before = plain(store.scan(_ask(Measure(Function.SUM, "latency_ms"), Measure(Function.DELTA, "total"))))
    assert store.drop_before("reply", T0 + 2 * HOUR) > 2_000
    found = store.scan(_ask(Measure(Function.SUM, "latency_ms"), Measure(Function.DELTA, "total")))
    assert (found.tier, plain(found)) == ("1h", before)
    narrow = store.scan(_ask(Measure(Function.COUNT), hours=1, bucket_us=SECOND))
    assert narrow.tier == "10s"
    assert narrow.rows_behind == 1_200


def test_a_late_row_of_a_stretch_whose_rows_are_gone_deletes_no_summary(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, _rows(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    store.drop_before("reply", (T0 // HOUR + 2) * HOUR)
    store.append([Stored((batch(LATENCY, _rows(1, 1, source="late")),))])
    store.maintain(T0 + 5 * HOUR)
    assert store.scan(_ask(Measure(Function.COUNT))).rows_behind in {3_000, 3_001}


def test_the_tier_that_pays_is_measured(monkeypatch: pytest.MonkeyPatch, store: DuckDBStore) -> None:
    monkeypatch.setattr(rollup, "PAYS_RATIO", 0.2)
    monkeypatch.setattr(rollup, "STOPS_RATIO", 0.25)
    store.append([Stored((batch(LATENCY, _rows(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    assert _tiers(store) == ["1min", "10min", "1h"], "a row each 3 s is 3 rows in 10 s, 20 in a minute"
    rarely = _rows(20, 500, start=T0 + 5 * HOUR)
    store.append([Stored((batch(LATENCY, rarely),))])
    store.maintain(T0 + 9 * HOUR)
    assert _tiers(store) == ["1h"], "a row each 500 s"
    assert store._database.cursor().execute("SELECT sum(summary_rows) FROM reply__1min").fetchone() == (3_000,), "nothing is deleted"
    store.append([Stored((batch(LATENCY, _rows(3_000, 3, start=T0 + 10 * HOUR)),))])
    store.maintain(T0 + 13 * HOUR)
    store.maintain(T0 + 14 * HOUR)
    assert _tiers(store) == ["1min", "10min", "1h"]
    assert store._database.cursor().execute("SELECT sum(summary_rows) FROM reply__1min").fetchone() == (6_020,), "and nothing is left out"


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


def test_summaries_that_are_cold_answer_after_a_restart(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path, SystemClock())
    store.create(LATENCY)
    store.append([Stored((batch(LATENCY, _rows(3_000, 3)),))])
    for hours in (4, 40):
        store.maintain(T0 + hours * HOUR)
    store.close()
    store = DuckDBStore(tmp_path, SystemClock())
    store.create(LATENCY)
    found = store.scan(_ask(Measure(Function.COUNT)))
    assert (found.tier, plain(found)) == ("1h", [{"count": 3_000.0}])
    store.close()


def test_the_tier_that_reaches_back_answers_about_what_is_gone() -> None:
    day = 24 * HOUR
    now = T0 + 1_000 * day
    held = [rollup.Coverage(tier, now - tier.days * day, now) for tier in rollup.TIERS]
    for days, bucket_s, expected in ((60, 30, "10min"), (60, 300, "10min"), (25, 30, "1min"), (10, 30, "10s"), (500, 60, "1h")):
        start = now - days * day
        query = Query("reply", start, start + 2 * HOUR, measures=(Measure(Function.COUNT),), bucket_us=bucket_s * SECOND)
        found = rollup.pick(query, LATENCY, held, raw_since_us=now - 7 * day)
        assert found is not None
        assert found.tier.label == expected, (days, bucket_s)


def test_a_row_older_than_what_is_kept_hides_nothing(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, _rows(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    gone = (T0 // HOUR + 2) * HOUR
    store.drop_before("reply", gone)
    store.append([Stored((batch(LATENCY, _rows(1, 1, start=gone - HOUR, source="late")),))])
    assert store.scan(_ask(Measure(Function.COUNT))).rows_behind == 3_000


def test_a_wide_tier_is_corrected_from_the_rows_where_the_narrow_one_has_none_yet(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, _rows(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    book = store._rollups._books["reply"]
    narrow = rollup.TIERS[0]
    book.coverage[narrow] = replace(book.coverage[narrow], until_us=T0 // HOUR * HOUR)  # as when it has just begun
    store.append([Stored((batch(LATENCY, _rows(1, 1, start=T0 + 1, source="late")),))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollups, "RUN_S", 0.0)
        patch.setattr(rollups, "CHUNK_ROWS", 1)
        store.maintain(T0 + 5 * HOUR)
    assert store._database.cursor().execute("SELECT sum(summary_rows) FROM reply__1h").fetchone() == (3_001,)


def test_a_past_range_of_gone_rows_ends_with_the_bucket_that_holds_its_end(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, _rows(6_000, 3)),))])
    store.maintain(T0 + 6 * HOUR)
    start = T0 // HOUR * HOUR
    store.drop_before("reply", start + 5 * HOUR)
    query = Query("reply", start, start + 3 * HOUR - 600 * SECOND, measures=(Measure(Function.COUNT),), bucket_us=HOUR)
    assert len(plain(store.scan(query))) == 3


def test_a_failed_commit_that_was_none_doubles_no_summary(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, _rows(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    book = store._rollups._books["reply"]
    book.coverage = {tier: replace(item, until_us=item.until_us - 2 * HOUR) for tier, item in book.coverage.items()}  # as if it had failed
    book.done_us = 0
    store.maintain(T0 + 4 * HOUR + rollups.EVERY_US)
    for label in ("10s", "1min", "10min", "1h"):
        assert store._database.cursor().execute(f"SELECT sum(summary_rows) FROM reply__{label}").fetchone() == (3_000,)


def test_a_column_that_is_added_later_is_summarised(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, _rows(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    wider = replace(LATENCY, columns=(*LATENCY.columns, gauge("extra", "none", "One more.")))
    store.create(wider)
    store.append([Stored((batch(wider, [{**row, "extra": 2.0} for row in _rows(1_200, 3, start=T0 + 4 * HOUR)]),))])
    store.maintain(T0 + 6 * HOUR)
    found = store.scan(replace(_ask(Measure(Function.SUM, "extra")), end_us=T0 + 6 * HOUR))
    assert (found.tier, plain(found)) == ("1h", [{"sum_extra": 2_400.0}])


@pytest.mark.parametrize("table", [table for table in Catalog().values() if rollup.has_tiers(table)], ids=lambda table: table.name)
def test_every_table_of_the_catalogue_can_be_summarised(tmp_path: Path, table: Table) -> None:
    store = DuckDBStore(tmp_path, SystemClock())
    store.create(table)
    store.append([Stored((batch(table, [{"ts": T0 + i * 60 * SECOND} for i in range(200)]),))])
    store.maintain(T0 + 5 * HOUR)
    found = store.scan(Query(table.name, T0, T0 + 3 * HOUR, measures=(Measure(Function.COUNT),)))
    assert (found.tier, found.rows_behind) == ("1h", 180)
    store.close()
