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
from tapewatch.model.table import Kind, Table, gauge
from tapewatch.store import rollup
from tapewatch.store.backends.duckdb import DuckDBStore, rollups, summarising
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import LOOK_BACK_US, Answer, Stored
from tapewatch.testing.examples import examples
from tapewatch.testing.stores.differential import PHASES
from tapewatch.testing.stores.questions import SECOND, measures, rows
from tapewatch.testing.stores.tables import SAMPLE, T0, batch, plain
from tests.store.backends.duckdb.replies import HOUR, LATENCY, kept_tiers_of, rows_at

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


def _starts() -> st.SearchStrategy[int]:
    """Anywhere among the rows; at or beside one of them; or where one is just within, or just beyond, what is looked back upon."""
    beside = st.sampled_from([0, 0, 1, -1, SECOND // 2])
    near = st.integers(-20, 20).map(lambda step: T0 + step * 7 * SECOND)
    back = st.integers(-7, 3).map(lambda step: T0 + step * 1_500 * SECOND + LOOK_BACK_US)
    anywhere = st.integers(-9_000, 9_000).map(lambda second: T0 + second * SECOND)
    return st.builds(lambda moment, by: moment + by, st.one_of(anywhere, near, back), beside)


@st.composite
def _questions(draw: st.DrawFn, table: Table) -> Query:
    """A question that some tier can answer; neither end of its range needs to be one of a bucket."""
    start_us = draw(_starts())
    lengths = st.sampled_from([13, 100, 5_000, 20_000]).map(lambda length: length * SECOND) | st.integers(1, 12_000 * SECOND)
    kept = [column for column in table.columns if column.kind not in {Kind.TAG, Kind.TEXT}]
    kinds = st.sampled_from(sorted({column.kind for column in kept}))
    of_kind = kinds.flatmap(lambda kind: st.sampled_from([column for column in kept if column.kind is kind]).flatmap(measures))
    asked = draw(st.lists(st.sampled_from(_ACROSS) | of_kind, min_size=1, max_size=5, unique_by=lambda measure: measure.name))
    at_end = any(measure.function in {Function.FIRST, Function.LAST} for measure in asked)
    every = [*table.tags, "source"]
    return Query(
        table.name,
        start_us,
        start_us + draw(lengths),
        measures=(Measure(Function.COUNT), *asked),
        group_by=tuple(every if at_end else draw(st.lists(st.sampled_from(every), unique=True, max_size=3))),
        bucket_us=draw(st.sampled_from([None, 10 * SECOND, 60 * SECOND, 60 * SECOND, 1_800 * SECOND, HOUR])),
        filters=tuple(draw(st.lists(st.just(Filter("venue", Comparison.EQ, ("a",))), max_size=1))),
        shift_us=draw(st.sampled_from([0, 0, HOUR])),
        limit=draw(st.sampled_from([None, None, 3])),
    )


def _of_each_width(table: Table) -> list[Query]:
    """Questions of which each is best answered by another tier, so that all are used whatever else is drawn."""
    count = (Measure(Function.COUNT),)
    spans = ((10 * SECOND, 5_000 * SECOND), (60 * SECOND, 20_000 * SECOND), (HOUR, 400 * HOUR))
    return [Query(table.name, T0 - span_us // 2, T0 + span_us // 2, measures=count, bucket_us=width_us) for width_us, span_us in spans]


def _assert_same(query: Query, found: Answer, reference: MemoryStore) -> None:
    """The answer is about the range that was asked, whatever answered it; one in buckets may begin with a whole one, and says so."""
    begin_us = query.start_us if found.start_us is None else found.start_us
    assert 0 <= query.start_us - begin_us < (query.bucket_us or 1)
    assert begin_us == query.start_us or begin_us % (10 * SECOND) == 0
    expected = reference.scan(replace(query, start_us=begin_us))
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


@pytest.mark.slow
def test_random_questions_to_summaries_have_the_answer_of_the_rows(tmp_path: Path) -> None:
    tiers: Counter[str] = Counter()

    @settings(max_examples=examples(8), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], phases=PHASES)
    @given(_groups(SAMPLE), st.lists(_questions(SAMPLE), min_size=3, max_size=6))
    def compare(groups: Sequence[Sequence[dict[str, Any]]], drawn: Sequence[Query]) -> None:
        asked = [*drawn, *_of_each_width(SAMPLE)]
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


def _ask(*measures: Measure, hours: float = 3, bucket_us: int | None = None) -> Query:
    return Query("reply", T0, T0 + round(hours * HOUR), measures=measures, bucket_us=bucket_us)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path / "s", SystemClock())
    opened.create(LATENCY)
    yield opened
    opened.close()


def test_a_sum_of_decimals_is_a_decimal(store: DuckDBStore) -> None:
    rows = [{**row, "latency_ms": (1.1, 2.2, 1 / 3)[i // 1_200]} for i, row in enumerate(rows_at(3_600, 3))]
    assert sum([1.1] * 20) != 22.0
    store.append([Stored((batch(LATENCY, rows),))])
    store.maintain(T0 + 4 * HOUR)
    found = (
        store._database.cursor().execute("SELECT DISTINCT latency_ms__sum FROM reply__1min WHERE summary_rows = 20 ORDER BY 1").fetchall()
    )
    sums = [row[0] for row in found]
    assert {22.0, 44.0} <= {*sums}
    assert sums[0] == pytest.approx(20 / 3, rel=1e-15)
    assert sums[0] != round(sums[0], 6), "what is no decimal stays as it is"


def test_quantiles_of_a_duration_survive_within_one_percent(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, rows_at(3_000, 3)),))])
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
            store.append([Stored((batch(LATENCY, rows_at(3_000, 3)),))])
            store.maintain(T0 + 4 * HOUR)
            store.append([Stored((batch(LATENCY, [{"ts": T0 + 1, "venue": "b", "env": "a", "source": "a", "total": 7.0}]),))])
            store.close()
    question = _ask(Measure(Function.COUNT))
    assert plain(store.scan(question)) == [{"count": 3_001.0}]
    assert kept_tiers_of(store) == ["10s", "1min", "10min", "1h"]
    store.maintain(T0 + 4 * HOUR + rollups.EVERY_US)
    assert not store._rollups._books.by_table["reply"].late
    found = store.scan(question)
    assert (found.tier, plain(found)) == ("1h", [{"count": 3_001.0}])
    store.close()


def test_a_replaced_row_is_replaced_in_its_summaries(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, rows_at(3_000, 3)),))])
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
    store.append([Stored((batch(LATENCY, rows_at(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    before = plain(store.scan(_ask(Measure(Function.SUM, "latency_ms"), Measure(Function.DELTA, "total"))))
    assert store.drop_before("reply", T0 + 2 * HOUR) > 2_000
    found = store.scan(_ask(Measure(Function.SUM, "latency_ms"), Measure(Function.DELTA, "total")))
    assert (found.tier, plain(found)) == ("1h", before)
    narrow = store.scan(_ask(Measure(Function.COUNT), hours=1, bucket_us=SECOND))
    assert narrow.tier == "10s"
    assert narrow.rows_behind == 1_200


def test_rows_just_before_the_range_change_no_order(store: DuckDBStore) -> None:
    """The bucket that holds the start also holds rows before it, which nobody asked about."""
    start = T0 // HOUR * HOUR + 25 * 60 * SECOND + 1
    same = {"env": "a", "source": "a"}
    slow = [{**same, "venue": "slow", "ts": start + i * 3 * SECOND, "latency_ms": 10.0} for i in range(3_000)]
    early = [{**same, "venue": "fast", "ts": start - 1 - i * SECOND, "latency_ms": 10_000.0} for i in range(600)]
    fast = [{**same, "venue": "fast", "ts": start + i * 3 * SECOND, "latency_ms": 1.0} for i in range(3_000)]
    store.append([Stored((batch(LATENCY, [*slow, *early, *fast]),))])
    store.maintain(start + 5 * HOUR)
    top = Query("reply", start, start + 2 * HOUR + 1, measures=(Measure(Function.AVG, "latency_ms"),), group_by=("venue",), limit=1)
    found = store.scan(replace(top, order_by="-avg_latency_ms"))
    assert (found.tier, found.start_us, plain(found)) == ("1h", start, [{"venue": "slow", "avg_latency_ms": 10.0}])
    assert found.rows_behind == 2 * 2_401


def test_a_range_begins_with_its_bucket_where_the_rows_of_its_start_are_gone_and_the_answer_says_so(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, rows_at(12_000, 3)),))])
    store.maintain(T0 + 11 * HOUR)
    hour = T0 // HOUR * HOUR
    gone = hour + 3 * HOUR + 1_000 * SECOND
    store.drop_before("reply", gone)
    kept = [row["ts"] for row in rows_at(12_000, 3)]
    late, early = hour + 7 * HOUR + 5 * SECOND, gone + 100 * SECOND
    for start, end, begins, ends, lone in (
        (gone - SECOND, late, hour + 3 * HOUR, late, 0),
        (gone - SECOND, early, hour + 3 * HOUR, hour + 4 * HOUR, 0),  # rows of its last bucket are gone as well
        (gone + SECOND, late, gone + SECOND, late, 1),  # the row before its first one is gone: it gained nothing
        (gone + SECOND, early, gone + SECOND, early, 1),
        (hour + 5 * HOUR - 1, late, hour + 5 * HOUR - 1, late, 0),
    ):
        found = store.scan(Query("reply", start, end, measures=(Measure(Function.COUNT), Measure(Function.DELTA, "total"))))
        counted = sum(begins <= ts < ends for ts in kept)
        assert (found.tier, found.start_us, found.end_us) == ("1h", begins, ends)
        assert plain(found) == [{"count": counted, "delta_total": counted - lone}], (start - gone, end - gone)


def test_a_past_range_ends_with_its_bucket_where_some_of_its_rows_are_gone(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, rows_at(12_000, 3)),))])
    store.maintain(T0 + 11 * HOUR)
    hour = T0 // HOUR * HOUR
    store.drop_before("reply", hour + 5 * HOUR + 1_800 * SECOND)
    found = store.scan(Query("reply", hour + 2 * HOUR, hour + 5 * HOUR + 2_000 * SECOND, measures=(Measure(Function.COUNT),)))
    assert (plain(found), found.end_us) == ([{"count": 4 * 1_200}], hour + 6 * HOUR), "the answer says which span it is of"


def test_a_late_row_of_a_stretch_whose_rows_are_gone_deletes_no_summary(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, rows_at(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    store.drop_before("reply", (T0 // HOUR + 2) * HOUR)
    store.append([Stored((batch(LATENCY, rows_at(1, 1, source="late")),))])
    store.maintain(T0 + 5 * HOUR)
    assert store.scan(_ask(Measure(Function.COUNT))).rows_behind in {3_000, 3_001}


def test_summaries_that_are_cold_answer_after_a_restart(tmp_path: Path) -> None:
    store = DuckDBStore(tmp_path, SystemClock())
    store.create(LATENCY)
    store.append([Stored((batch(LATENCY, rows_at(3_000, 3)),))])
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
    store.append([Stored((batch(LATENCY, rows_at(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    gone = (T0 // HOUR + 2) * HOUR
    store.drop_before("reply", gone)
    store.append([Stored((batch(LATENCY, rows_at(1, 1, start=gone - HOUR, source="late")),))])
    assert store.scan(_ask(Measure(Function.COUNT))).rows_behind == 3_000


def test_a_wide_tier_is_corrected_from_the_rows_where_the_narrow_one_has_none_yet(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, rows_at(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    book = store._rollups._books.by_table["reply"]
    narrow = rollup.TIERS[0]
    book.coverage[narrow] = replace(book.coverage[narrow], until_us=T0 // HOUR * HOUR)  # as when it has just begun
    store.append([Stored((batch(LATENCY, rows_at(1, 1, start=T0 + 1, source="late")),))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollups, "RUN_S", 0.0)
        patch.setattr(summarising, "CHUNK_ROWS", 1)
        store.maintain(T0 + 5 * HOUR)
    assert store._database.cursor().execute("SELECT sum(summary_rows) FROM reply__1h").fetchone() == (3_001,)


def test_late_rows_of_many_days_are_put_right_in_one_run(store: DuckDBStore) -> None:
    moments = [T0 + i * 600 * SECOND for i in range(300)]
    store.append([Stored((batch(LATENCY, [{"ts": at, "venue": "a", "env": "a", "source": "a", "latency_ms": 1.0} for at in moments]),))])
    after = moments[-1] + 2 * HOUR
    store.maintain(after)
    late = [{"ts": at + SECOND, "venue": "a", "env": "a", "source": "a", "latency_ms": 3.0} for at in moments]
    store.append([Stored((batch(LATENCY, late),))])
    assert store.measures()["late_stretches"] == 300
    store.maintain(after + rollups.EVERY_US)
    assert store.measures()["late_stretches"] == 0
    for label in ("10s", "1min", "10min", "1h"):
        assert store._database.cursor().execute(f"SELECT sum(summary_rows) FROM reply__{label}").fetchone() == (600,)


def test_a_stretch_whose_rows_are_gone_keeps_no_other_one_from_being_put_right(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, rows_at(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    gone = (T0 // HOUR + 1) * HOUR
    for at in (gone - 600 * SECOND, gone):  # one after the other
        store.append([Stored((batch(LATENCY, rows_at(1, 1, start=at + 1, source="late")),))])
    store.drop_before("reply", gone)
    store.maintain(T0 + 5 * HOUR)
    assert store.measures()["late_stretches"] == 0
    counted = (
        store._database.cursor().execute(f"SELECT sum(summary_rows) FROM reply__10min WHERE source = 'late' AND ts >= {gone}").fetchone()
    )
    assert counted == (1,)


def test_what_is_denser_than_was_measured_is_summarised_in_pieces_and_comes_out_the_same(
    store: DuckDBStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append([Stored((batch(LATENCY, rows_at(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    before = {label: _summaries(store, label) for label in ("10s", "1h")}
    monkeypatch.setattr(summarising, "CHUNK_ROWS", 60)
    monkeypatch.setattr(summarising, "CHUNK_SUMMARIES", 50)
    store.append([Stored((batch(LATENCY, [rows_at(3_000, 3)[i] for i in range(0, 3_000, 300)]),))])  # the same once more: all is due
    assert store.measures()["late_stretches"] > 0
    for minute in range(10):  # a run ends after some seconds
        store.maintain(T0 + 5 * HOUR + minute * rollups.EVERY_US)
    assert store.measures()["late_stretches"] == 0
    for label, summaries in before.items():
        assert _summaries(store, label) == summaries


def _summaries(store: DuckDBStore, label: str) -> list[tuple[Any, ...]]:
    """All of a tier; in a sketch of the past empty buckets may be written out."""
    rows = store._database.cursor().execute(f"SELECT * FROM reply__{label}").fetchall()
    return sorted(
        (tuple([one for one in cell if one["value"]] if isinstance(cell, list) else cell for cell in row) for row in rows), key=repr
    )


def test_the_store_says_how_far_its_summaries_are_behind(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, rows_at(3_000, 3)),))])
    now = T0 + 4 * HOUR
    store.maintain(now)
    assert store.measures()["summaries_behind_s"] == 0
    store.maintain(now + 20 * SECOND)
    assert store.measures()["summaries_behind_s"] == 20, "a table is summarised once a minute"


def test_a_past_range_of_gone_rows_ends_with_the_bucket_that_holds_its_end(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, rows_at(6_000, 3)),))])
    store.maintain(T0 + 6 * HOUR)
    start = T0 // HOUR * HOUR
    store.drop_before("reply", start + 5 * HOUR)
    query = Query("reply", start, start + 3 * HOUR - 600 * SECOND, measures=(Measure(Function.COUNT),), bucket_us=HOUR)
    found = store.scan(query)
    assert (len(plain(found)), found.end_us) == (3, start + 3 * HOUR)
    earlier = store.scan(replace(query, start_us=query.start_us + HOUR, end_us=query.end_us + HOUR, shift_us=HOUR))
    assert (len(plain(earlier)), earlier.end_us) == (3, start + 4 * HOUR), "in the time of the question"
    kept = store.scan(replace(query, end_us=start + 5 * HOUR + 1_000 * SECOND))
    assert kept.end_us == start + 5 * HOUR + 1_000 * SECOND, "where rows are kept the last bucket is cut"


def test_a_failed_commit_that_was_none_doubles_no_summary(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, rows_at(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    book = store._rollups._books.by_table["reply"]
    book.coverage = {tier: replace(item, until_us=item.until_us - 2 * HOUR) for tier, item in book.coverage.items()}  # as if it had failed
    book.done_us = 0
    store.maintain(T0 + 4 * HOUR + rollups.EVERY_US)
    for label in ("10s", "1min", "10min", "1h"):
        assert store._database.cursor().execute(f"SELECT sum(summary_rows) FROM reply__{label}").fetchone() == (3_000,)


def test_a_column_that_is_added_later_is_summarised(store: DuckDBStore) -> None:
    store.append([Stored((batch(LATENCY, rows_at(3_000, 3)),))])
    store.maintain(T0 + 4 * HOUR)
    wider = replace(LATENCY, columns=(*LATENCY.columns, gauge("extra", "none", "One more.")))
    store.create(wider)
    store.append([Stored((batch(wider, [{**row, "extra": 2.0} for row in rows_at(1_200, 3, start=T0 + 4 * HOUR)]),))])
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


@pytest.mark.parametrize("jump_s", [-3 * 86_400, -3_600, -2, 3_600])
def test_a_clock_that_is_set_hides_no_row_and_doubles_none(store: DuckDBStore, jump_s: int) -> None:
    """Rows a second apart by the server's clock; those behind a jump back fall into time that is summarised already."""
    now_us = T0 // HOUR * HOUR + HOUR - 60 * SECOND  # the border of every tier lies in between
    sent: dict[int, float] = {}
    for part in range(4):
        now_us += jump_s * SECOND if part == 2 else 0
        new = {now_us + step * SECOND: float(100 * part + step) for step in range(60)}
        now_us += 60 * SECOND
        sent |= new
        many = [{"ts": ts, "venue": "a", "env": "a", "source": "a", "latency_ms": value} for ts, value in new.items()]
        store.append([Stored((batch(LATENCY, many),))])
        store.maintain(now_us + rollup.SETTLED_US)
    for later_s in (0, abs(jump_s) + 3_700):
        store.maintain(now_us + later_s * SECOND)
        asked = (Measure(Function.COUNT), Measure(Function.SUM, "latency_ms"))
        found = store.scan(Query("reply", min(sent) - 2 * HOUR, max(sent) + HOUR, measures=asked))
        assert plain(found) == [{"count": float(len(sent)), "sum_latency_ms": sum(sent.values())}], later_s
