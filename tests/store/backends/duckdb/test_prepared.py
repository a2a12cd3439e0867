"""Values that are written as literals arrive as they are, and a prepared statement follows its tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.clock import SystemClock
from tapewatch.model.query import Comparison, Filter, Mode, Query
from tapewatch.model.table import gauge
from tapewatch.store.backends.duckdb import DuckDBStore, prepared
from tapewatch.store.base import Stored
from tapewatch.store.dialect import DuckDBDialect, Statement
from tapewatch.testing.stores.tables import SAMPLE, T0, batch, plain


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path, SystemClock())
    opened.create(SAMPLE)
    yield opened
    opened.close()


def test_any_value_arrives_as_it_is(store: DuckDBStore) -> None:
    cursor, runs = store._database.cursor(), prepared.Prepared(DuckDBDialect())
    words = st.text() | st.sampled_from(["'", "''; DROP TABLE x --", "\\'", "$p0", "\0", "E'\\n'", '"'])

    @given(words, st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.booleans())
    def same(word: str, whole: int, number: float, is_true: bool) -> None:  # noqa: FBT001 - hypothesis gives it by place
        parameters = {"p0": word, "p1": whole, "p2": number, "p3": is_true}
        cursor.execute("CREATE OR REPLACE TEMP TABLE given AS SELECT $p0 AS w, $p1 AS i, CAST($p2 AS DOUBLE) AS f, $p3 AS t", parameters)
        sql = "SELECT count(*) AS n FROM given WHERE w = $p0 AND i = $p1 AND f = $p2 AND t = $p3"
        assert runs.fetch(cursor, Statement(sql, parameters))["n"].tolist() == [1]

    same()


def test_a_hostile_word_is_only_a_word(store: DuckDBStore) -> None:
    store.append([Stored((batch(SAMPLE, [{"venue": "it's"}, {"venue": "x'); DROP TABLE sample; --", "ts": T0 + 1}]),))])
    for word in ("it's", "x'); DROP TABLE sample; --"):
        query = Query(
            "sample", T0, T0 + 10, mode=Mode.ROWS, columns=("venue",), filters=(Filter("venue", Comparison.EQ, (word,)),), limit=5
        )
        assert plain(store.scan(query)) == [{"venue": word}]


def test_a_column_that_is_added_appears_in_a_question_that_was_asked_before(store: DuckDBStore) -> None:
    query = Query("sample", T0, T0 + 10, mode=Mode.ROWS, limit=5)
    store.append([Stored((batch(SAMPLE, [{}]),))])
    assert "extra" not in plain(store.scan(query))[0]
    wider = replace(SAMPLE, columns=(*SAMPLE.columns, gauge("extra", "none", "One more.")))
    store.create(wider)
    store.append([Stored((batch(wider, [{"ts": T0 + 1, "extra": 7.0}]),))])
    assert [row["extra"] for row in plain(store.scan(query))] == [7.0, None]


def test_few_statements_are_kept(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "MOST", 3)
    cursor, runs = store._database.cursor(), prepared.Prepared(DuckDBDialect())
    for i in [*range(10), 0, 9]:
        assert runs.fetch(cursor, Statement(f"SELECT {i} + $p0 AS n", {"p0": 1}))["n"].tolist() == [i + 1]
    held = cursor.execute("SELECT count(*) FROM duckdb_prepared_statements() WHERE name LIKE 'question%'").fetchone()
    assert held == (3,)
