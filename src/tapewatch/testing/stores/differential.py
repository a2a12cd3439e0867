"""Random rows and random questions: the store answers as the in-memory reference does."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tapewatch.model.query import Mode, Query
from tapewatch.model.table import Table
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Answer, Store, Stored
from tapewatch.testing.examples import examples
from tapewatch.testing.stores.base import SuiteBase
from tapewatch.testing.stores.questions import questions, row_groups
from tapewatch.testing.stores.tables import DEAL, JOB, NOTE, SAMPLE, batch, plain, renamed

EXAMPLES = 60
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Without shrinking: that would take minutes, each example being a table of its own."""

_names = (f"t{i}" for i in itertools.count())


class DifferentialSuite(SuiteBase):
    """The reference is `MemoryStore`."""

    @pytest.mark.parametrize("table", [SAMPLE, DEAL, JOB, NOTE], ids=lambda table: table.name)
    def test_random_questions_have_the_answer_of_the_reference(self, tmp_path: Path, table: Table) -> None:
        store = self.open_store(tmp_path / "differential")
        try:
            self._compare(store, table)
        finally:
            store.close()

    def _compare(self, store: Store, kind: Table) -> None:
        @settings(
            max_examples=examples(EXAMPLES),
            phases=PHASES,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        @given(row_groups(kind), st.lists(questions(kind), min_size=3, max_size=6))
        def compare(groups: Sequence[Sequence[dict[str, Any]]], asked: Sequence[Query]) -> None:
            table = renamed(kind, next(_names))
            reference = MemoryStore()
            for each in (store, reference):
                each.create(table)
            for group in groups:
                delivery = Stored((batch(table, group),))
                for each in (store, reference):
                    each.append([delivery])
                self.tidy(store)
            for query in (replace(question, table=table.name) for question in asked):
                _assert_same(store.scan(query), reference.scan(query))
                if query.mode is Mode.ROWS and query.limit and not query.order_by:
                    assert _all_pages(store, query) == _all_pages(reference, query)

        compare()


def _assert_same(found: Answer, expected: Answer) -> None:
    assert list(found.columns) == list(expected.columns)
    assert found.rows == expected.rows
    for ours, theirs in zip(plain(found), plain(expected), strict=True):
        for name, value in theirs.items():
            assert _is_same(ours[name], value), f"{name}: {ours[name]!r} is not {value!r}"
    assert (found.newest_us, found.truncated, found.cursor is None) == (expected.newest_us, expected.truncated, expected.cursor is None)
    assert found.rows_behind in {None, expected.rows_behind}


def _is_same(ours: object, theirs: object) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)
    return ours == theirs and type(ours) is type(theirs)


def _all_pages(store: Store, query: Query) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    while True:
        answer = store.scan(query)
        rows += plain(answer)
        if answer.cursor is None:
            return rows
        query = replace(query, cursor=answer.cursor)
