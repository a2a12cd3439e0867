"""Quantiles of more values than the engine may hold: the same answer, in little memory."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tapewatch.clock import SystemClock
from tapewatch.model.query import Comparison, Filter, Function, Measure, Query
from tapewatch.store.backends.duckdb import DuckDBStore, prepared, sizes
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Store, Stored
from tapewatch.store.dialect import Statement, selecting
from tapewatch.testing.stores.measuring import MeasuringSuite
from tapewatch.testing.stores.tables import NOTE, batch, plain

ROWS = 1_200_000
SECOND = 1_000_000
P50, P99 = (Measure(Function.QUANTILE, "level", fraction) for fraction in (0.5, 0.99))


def fill(store: DuckDBStore, values: str) -> npt.NDArray[np.float64]:
    """Put `ROWS` rows, a microsecond apart, whose ``level`` is an expression of ``i``, a third of them cold; the values."""
    cold, held = ROWS // 3, store._database.writer()
    for area, since, until in (("cold", 0, cold), ("hot", cold, ROWS)):
        columns = f"i AS ts, {'0' if area == 'cold' else 'i'} AS received_at, 'desk' AS source, 'a' AS venue, i AS _arrival"
        level = f"CAST({values} AS DOUBLE) AS level"
        held.execute(f"INSERT INTO {area}.note BY NAME SELECT {columns}, {level} FROM range({since}, {until}) AS r(i)")
    store._upkeep.note_cold("note", cold - 1)
    return np.asarray(store._database.cursor().execute("SELECT level FROM note").fetchnumpy()["level"], np.float64)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param("round(exp(3 + 0.5 * sin(i * 1.618) * (i % 7)), 3)", id="latencies"),
        pytest.param("60000 + (i * 7919) % 1200000 / 1e6", id="prices that lie within a hundred thousandth"),
    ],
)
def test_more_values_than_fit_into_memory_have_their_exact_quantiles(tmp_path: Path, values: str) -> None:
    store = DuckDBStore(tmp_path, SystemClock(), memory_limit="24MB")
    try:
        store.create(NOTE)
        held = fill(store, values)
        answer = store.scan(Query("note", 0, ROWS, measures=(P50, P99, Measure(Function.COUNT))))
        assert plain(answer) == [{"p50_level": np.quantile(held, 0.5), "p99_level": np.quantile(held, 0.99), "count": float(ROWS)}]
        assert answer.rows_behind == ROWS
    finally:
        store.close()


numbers = st.sampled_from([-0.0, 1.0, 1.5, 60_000.25]) | st.floats(-1e9, 1e9) | st.floats(1.0, 1.0625) | st.none()
rows = st.fixed_dictionaries(
    {
        "ts": st.integers(0, 59).map(lambda second: second * SECOND),
        "venue": st.sampled_from(["a", "b", None]),
        "source": st.sampled_from(["x", "y"]),
        "level": numbers,
        "total": numbers,
    }
)
P0, P30, TOTAL = Measure(Function.QUANTILE, "level", 0), Measure(Function.QUANTILE, "level", 0.3), Measure(Function.QUANTILE, "total", 0.7)
MEASURES = (P0, P30, P50, P99, TOTAL, Measure(Function.COUNT), Measure(Function.AVG, "level"), Measure(Function.SUM, "total"))
SHARE = Measure(Function.RATIO, over=(P99, Measure(Function.COUNT)), alias="share")


@st.composite
def asked(draw: st.DrawFn) -> Query:
    """A question with at least one quantile."""
    others = draw(st.lists(st.sampled_from(MEASURES), max_size=4, unique=True))
    measures = tuple(dict.fromkeys([draw(st.sampled_from([P0, P30, P50, P99, TOTAL, SHARE])), *others]))
    return Query(
        "note",
        draw(st.sampled_from([0, 7 * SECOND])),
        draw(st.sampled_from([31, 60])) * SECOND,
        measures=measures,
        group_by=draw(st.sampled_from([(), ("venue",), ("venue", "source")])),
        bucket_us=draw(st.sampled_from([None, 10 * SECOND])),
        filters=draw(st.sampled_from([(), (Filter("source", Comparison.EQ, ("x",)),), (Filter("level", Comparison.GT, (1.0,)),)])),
        limit=draw(st.sampled_from([None, 3])),
    )


def is_same(ours: object, theirs: object) -> bool:
    """Equal but for the last digits of numbers."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=1e-6)
    return ours == theirs


def test_random_questions_have_the_answer_of_the_reference_without_holding_all_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "MANY", 0)
    monkeypatch.setattr(selecting, "FEW", 4)  # so that ranges are cut into steps
    monkeypatch.setattr(selecting, "STEPS", 3)
    store = DuckDBStore(tmp_path, SystemClock())
    store.create(NOTE)
    days = itertools.count(1)

    @settings(max_examples=12, phases=(Phase.explicit, Phase.reuse, Phase.generate), suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(rows, min_size=1, max_size=60), st.lists(asked(), min_size=2, max_size=4))
    def compare(held: list[dict[str, Any]], questions: list[Query]) -> None:
        shift_us, reference = next(days) * 86_400 * SECOND, MemoryStore()
        reference.create(NOTE)
        for each in (store, reference):
            each.append([Stored((batch(NOTE, [{**row, "ts": row["ts"] + shift_us} for row in held]),))])
        for one in questions:
            query = replace(one, start_us=one.start_us + shift_us, end_us=one.end_us + shift_us)
            found, expected = store.scan(query), reference.scan(query)
            assert (found.rows, found.rows_behind, found.truncated) == (expected.rows, expected.rows_behind, expected.truncated)
            for ours, theirs in zip(plain(found), plain(expected), strict=True):
                assert [*ours] == [*theirs]
                assert all(is_same(ours[name], theirs[name]) for name in ours), (query, ours, theirs)

    try:
        compare()
    finally:
        store.close()


class TestMeasuresWithoutHoldingAllValues(MeasuringSuite):
    @pytest.fixture(autouse=True)
    def _all_are_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sizes, "MANY", 0)

    def open_store(self, directory: Path) -> Store:
        return DuckDBStore(directory, SystemClock())

    def tidy(self, store: Store) -> None:
        assert isinstance(store, DuckDBStore)
        store._upkeep._moved_before.clear()
        store.maintain(260_000_000_000_000_000)


def test_a_question_that_failed_for_lack_of_memory_is_not_tried_the_same_way_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = DuckDBStore(tmp_path, SystemClock())
    store.create(NOTE)
    store.append([Stored((batch(NOTE, [{"ts": i, "level": float(i)} for i in range(5)]),))])
    asked: list[str] = []
    fetch = prepared.Prepared.fetch

    def without_memory(self: prepared.Prepared, cursor: duckdb.DuckDBPyConnection, statement: Statement) -> dict[str, object]:
        asked.append("held" if "quantile_cont" in statement.sql else "selected" if "narrow" in statement.sql else "counted")
        if asked[-1] == "held":
            raise duckdb.OutOfMemoryException("no memory")
        return fetch(self, cursor, statement)

    monkeypatch.setattr(prepared.Prepared, "fetch", without_memory)
    monkeypatch.setattr(sizes, "LEAST", 3)
    try:
        for _ in range(2):
            assert plain(store.scan(Query("note", 0, 5, measures=(P50,)))) == [{"p50_level": 2.0}]
        assert asked == ["counted", "held", "selected", "selected"]
    finally:
        store.close()
