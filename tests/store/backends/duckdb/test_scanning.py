"""Ways to answer that are cheaper than the general one: that they give its answer, and give way to it where they do not hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tapewatch.clock import SystemClock
from tapewatch.model.query import Function, Measure, Mode, Query
from tapewatch.model.rows import NULL_TIME
from tapewatch.store.backends.duckdb import DuckDBStore, prepared, scanning, upkeep
from tapewatch.store.base import Stored
from tapewatch.testing.stores.tables import SAMPLE, batch, plain

MIDNIGHT_US = 20_000 * upkeep.PERIOD_US
END_US = MIDNIGHT_US + 1_000_000
LATEST = Query("sample", 0, END_US, mode=Mode.LATEST, columns=("venue", "level"), group_by=("venue",))
SUM = Query("sample", 0, END_US, measures=(Measure(Function.SUM, "level"), Measure(Function.COUNT)))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DuckDBStore]:
    opened = DuckDBStore(tmp_path, SystemClock())
    opened.create(SAMPLE)
    yield opened
    opened.close()


def put(store: DuckDBStore, *rows: dict[str, object]) -> None:
    store.append([Stored((batch(SAMPLE, rows),))])


def told(*answers: int) -> Callable[[str], int]:
    """Where the cold part ends, as it is told call by call; the last answer stays."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def test_rows_that_move_while_the_hot_part_is_read_are_not_missed(store: DuckDBStore) -> None:
    put(store, *({"ts": MIDNIGHT_US - 1 - i, "level": 1.0} for i in range(10)))
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    store._scanner._cold_until_us = told(NULL_TIME, MIDNIGHT_US)
    assert plain(store.scan(SUM)) == [{"sum_level": 10.0, "count": 10.0}]


def test_the_hot_part_alone_answers_from_where_the_cold_one_ends(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch) -> None:
    put(store, {"ts": MIDNIGHT_US - 1, "level": 1.0}, {"ts": MIDNIGHT_US + 1, "level": 5.0})
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    asked: list[str] = []
    fetch = prepared.Prepared.fetch
    monkeypatch.setattr(prepared.Prepared, "fetch", lambda self, cursor, one: asked.append(one.sql) or fetch(self, cursor, one))
    query = Query("sample", MIDNIGHT_US, END_US, mode=Mode.ROWS, columns=("level",))
    assert plain(store.scan(query)) == [{"level": 5.0}]
    assert ["cold." in sql for sql in asked] == [False]
    query = Query("sample", MIDNIGHT_US - 1, END_US, mode=Mode.ROWS, columns=("level",))
    assert [row["level"] for row in plain(store.scan(query))] == [5.0, 1.0]
    assert ["cold." in sql for sql in asked] == [False, True]


def test_where_the_cold_part_ends_is_known_after_a_restart(store: DuckDBStore, tmp_path: Path) -> None:
    put(store, {"ts": MIDNIGHT_US - 1, "level": 1.0})
    store.maintain(MIDNIGHT_US + upkeep.GRACE_US)
    store.close()
    again = DuckDBStore(tmp_path, SystemClock())
    again.create(SAMPLE)
    assert again._upkeep.cold_until_us("sample") == MIDNIGHT_US
    assert plain(again.scan(SUM)) == [{"sum_level": 1.0, "count": 1.0}]
    again.close()


@pytest.mark.parametrize("few", [0, 2, 1_000])
def test_the_newest_rows_are_the_same_by_every_statement(store: DuckDBStore, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(scanning, "_FEW", few)
    put(
        store,
        *({"ts": MIDNIGHT_US + i, "venue": "often", "level": float(i)} for i in range(50)),
        {"ts": MIDNIGHT_US + 20, "venue": "once", "level": 7.0},  # at a moment at which "often" has an older row
        {"ts": MIDNIGHT_US + 49, "venue": "both", "level": 1.0, "received_at": MIDNIGHT_US, "source": "a"},
        {
            "ts": MIDNIGHT_US + 49,
            "venue": "both",
            "level": 2.0,
            "received_at": MIDNIGHT_US,
            "source": "b",
        },  # a tie, which the source breaks
        {"ts": MIDNIGHT_US + 48, "venue": None, "level": 3.0},
    )
    newest = {row["venue"]: row["level"] for row in plain(store.scan(LATEST))}
    assert newest == {"often": 49.0, "once": 7.0, "both": 2.0, None: 3.0}
    assert store.scan(LATEST).rows_behind == 54


def test_two_sources_of_a_group_are_not_added_up_although_one_was_hoped_for(store: DuckDBStore) -> None:
    rows = [{"ts": MIDNIGHT_US + i, "venue": "kraken", "level": 1.0} for i in range(3)]
    put(store, *({**row, "source": "a"} for row in rows))
    assert plain(store.scan(SUM)) == [{"sum_level": 3.0, "count": 3.0}]
    put(store, *({**row, "source": "b"} for row in rows[:2]))
    for _ in range(2):
        assert plain(store.scan(SUM)) == [{"sum_level": 3.0, "count": 5.0}]


def test_a_cut_answer_still_counts_every_row(store: DuckDBStore) -> None:
    put(store, *({"ts": MIDNIGHT_US + i, "venue": f"v{i}", "level": 1.0} for i in range(9)))
    cut = Query("sample", 0, END_US, measures=(Measure(Function.COUNT),), group_by=("venue",), limit=4)
    answer = store.scan(cut)
    assert (answer.rows, answer.truncated, answer.rows_behind, answer.newest_us) == (4, True, 9, MIDNIGHT_US + 8)


def test_a_wrong_sum_does_not_hide_behind_the_cut(store: DuckDBStore) -> None:
    for source in ("a", "b"):
        put(store, *({"ts": MIDNIGHT_US + i, "venue": "two", "level": 1.0, "source": source} for i in range(5)))
    put(store, *({"ts": MIDNIGHT_US + i, "venue": f"v{i}", "level": float(i), "source": "a"} for i in range(6, 10)))
    smallest = Query("sample", 0, END_US, measures=(Measure(Function.SUM, "level"),), group_by=("venue",), order_by="sum_level", limit=3)
    assert [row["venue"] for row in plain(store.scan(smallest))] == ["two", "v6", "v7"], "5 of two sources, not 10"
