"""Statements hold names of the catalogue and placeholders; what users say is bound."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tapewatch.model.query import Comparison, Filter, Function, Measure, Mode, Query
from tapewatch.model.table import Column, Kind, Table, gauge, tag
from tapewatch.store.dialect import DuckDBDialect, aggregate, latest, raw
from tapewatch.store.dialect.duckdb import HOT
from tapewatch.testing.stores.tables import NOTE, SAMPLE, T0

DIALECT = DuckDBDialect()
HOT_DIALECT = DuckDBDialect(HOT)
WORDS = st.text(min_size=1).filter(lambda word: word not in {"fine", "slow", "gone"})


@given(WORDS)
def test_words_of_users_are_never_part_of_a_statement(word: str) -> None:
    marked = f"user said {word}"
    filters = (Filter("venue", Comparison.EQ, (marked,)), Filter("note", Comparison.IN, (marked, "b")))
    query = Query("sample", T0, T0 + 1, measures=(Measure(Function.COUNT),), filters=filters)
    for statement in (aggregate(DIALECT, query, SAMPLE), latest(DIALECT, query, SAMPLE, [T0]), raw(DIALECT, query, SAMPLE)):
        assert "user said" not in statement.sql
        assert marked in statement.parameters.values()
        assert set(re.findall(r"\$(\w+)", statement.sql)) == set(statement.parameters)


def test_names_are_quoted_so_that_reserved_words_can_be_columns() -> None:
    table = Table("order", "A table.", (tag("group", "A tag."), gauge("select", "none", "A gauge."), Column("table", Kind.TEXT, "A text.")))
    query = Query("order", T0, T0 + 1, measures=(Measure(Function.SUM, "select"),), group_by=("group",))
    sql = aggregate(DIALECT, query, table).sql
    assert 'FROM hot."order"' in sql
    assert '"select"' in sql
    assert '"group" AS _g0' in sql
    assert DIALECT.quote('a"b') == '"a""b"'
    assert DIALECT.text("it's") == "'it''s'"


def test_equal_values_share_a_placeholder_and_true_is_not_one() -> None:
    filters = (Filter("level", Comparison.EQ, (1,)), Filter("total", Comparison.EQ, (1,)), Filter("connected", Comparison.EQ, (True,)))
    statement = raw(DIALECT, Query("sample", T0, T0 + 1, mode=Mode.ROWS, filters=filters), SAMPLE)
    assert sorted(map(repr, statement.parameters.values())) == ["1", str(T0), str(T0 + 1), "True"]


def test_only_the_columns_that_a_question_needs_are_read() -> None:
    query = Query("sample", T0, T0 + 1, measures=(Measure(Function.MAX, "level"),), group_by=("venue",))
    sql = aggregate(DIALECT, query, SAMPLE).sql
    assert set(re.findall(r'"(\w+)"', sql)) == {"sample", "level", "venue"}


def test_a_single_family_needs_no_union() -> None:
    for function, column in ((Function.SUM, "amount"), (Function.DELTA, "total"), (Function.MAX, "level")):
        query = Query("sample", T0, T0 + 1, measures=(Measure(function, column),))
        assert "UNION" not in aggregate(HOT_DIALECT, query, SAMPLE).sql


def test_a_question_names_no_column_that_it_does_not_need() -> None:
    query = Query("sample", T0, T0 + 1, measures=(Measure(Function.MAX, "level"),), filters=(Filter("venue", Comparison.EQ, ("kraken",)),))
    sql = aggregate(DIALECT, query, SAMPLE).sql
    assert 'FROM cold."sample"' in sql
    assert not any(f'"{name}"' in sql for name in SAMPLE.column if name not in {"level", "venue"})


def test_a_packed_column_is_unpacked_where_it_is_asked() -> None:
    query = Query("sample", T0, T0 + 1, mode=Mode.ROWS, columns=("received_at",))
    assert 'SELECT "ts", ts + "received_at" AS "received_at"' in raw(DIALECT, query, SAMPLE).sql


def test_rows_are_numbered_only_where_their_identity_does_not_order_them() -> None:
    assert "_arrival" not in " ".join(DIALECT.create(SAMPLE))
    assert "_arrival BIGINT" in " ".join(DIALECT.create(NOTE))
