"""What is proposed for rows in quarantine is a declaration that takes them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.ingest.quarantine import Proposal
from tapewatch.ingest.quarantine.entry import Entry, content_of
from tapewatch.ingest.quarantine.move import pages
from tapewatch.ingest.quarantine.propose import proposal
from tapewatch.model.catalog import Catalog
from tapewatch.model.table import Identity, Table
from tapewatch.model.venue import Names
from tapewatch.settings import parse

T0 = 1_800_000_000_000_000
S = 1_000_000


def entries(*rows: dict[str, Any], reason: str = "unknown_table", table: str = "spread", names: tuple[str, ...] = ()) -> list[Entry]:
    found: list[Entry] = []
    for i, row in enumerate(rows):
        own = names or tuple(name for name in row if name not in {"ts", "host"})
        found.append(Entry(f"e{i}", T0, table, reason, "bot", "live", own, "", content_of({"ts": T0 + i, **row}), 300))
    return found


def table_of(found: Proposal) -> Table:
    settings, problems = parse(found.toml)
    assert settings is not None, (problems, found.toml)
    (table,) = settings.own_tables()
    return table


def kinds(*rows: dict[str, Any]) -> dict[str, str]:
    return {column.name: str(column.kind) for column in table_of(proposal("spread", entries(*rows))).columns}


def test_kinds_are_read_from_the_values() -> None:
    always = {"open": True, "done_at": "2027-01-15T08:00:00Z"}
    many = [
        {"pair": f"P{i % 3}", "note": f"free text {i}", "bps": i % 7 * 0.5, "size": 3 - i % 2, "order_id": f"o{i}", **always}
        for i in range(40)
    ]
    assert kinds(*many) == {
        "pair": "tag",
        "note": "text",
        "bps": "gauge",
        "size": "gauge",
        "order_id": "id",
        "open": "flag",
        "done_at": "time",
    }


def test_units_are_read_from_the_end_of_a_name() -> None:
    toml = proposal("spread", entries({"delay_ms": 1.5, "ms": 2.5, "seen_at": T0})).toml
    assert '[tables.spread.columns.delay_ms]\nkind = "gauge"\nunit = "ms"\n' in toml
    assert '[tables.spread.columns.ms]\nkind = "gauge"\nsentence' in toml
    assert 'kind = "time"' in toml


def test_a_number_that_only_grew_in_every_series_is_a_guessed_counter_and_says_so() -> None:
    rows = [{"pair": f"P{i % 2}", "fills": i // 2 if i % 2 else 100 + i} for i in range(20)]
    found = proposal("spread", entries(*rows))
    assert 'A guess: it never fell in 20 rows. Where it may fall write kind = "gauge".\nkind = "counter"' in found.toml
    assert kinds(*rows, {"pair": "P0", "fills": 0})["fills"] == "gauge"
    assert kinds({"n": 5}, {"n": 5})["n"] == "gauge", "what never moved proves nothing"


def test_a_word_that_a_row_lacks_or_that_is_ever_new_is_no_tag() -> None:
    assert kinds({"a": "x"}, {"b": 1})["a"] == "text"
    assert kinds(*({"a": f"value {i}"} for i in range(11)))["a"] == "text"
    assert kinds(*({"a": f"value {i % 10}"} for i in range(11)))["a"] == "tag"


def test_two_rows_of_one_time_and_series_stay_two() -> None:
    table = table_of(proposal("spread", entries({"ts": T0, "bps": 1.0}, {"ts": T0, "bps": 2.0})))
    assert table.identity is Identity.NONE
    assert table_of(proposal("spread", entries({"bps": 1.0}, {"bps": 2.0}))).identity is Identity.MEASUREMENT


def test_what_no_column_can_hold_is_left_out_and_named() -> None:
    found = proposal("spread", entries({"lastPrice": 1, "levels": [1], "ok": 1, "ts2\n": 1}))
    assert set(found.left_out) == {"lastPrice", "levels", "ts2\n"}
    assert found.columns == ("ok",)
    assert "# lastPrice is left out and stays in quarantine: the name of a column takes" in found.toml
    assert table_of(found).name == "spread"


def test_columns_of_a_built_in_table_become_a_table_with_its_tags() -> None:
    exchange = Catalog()["exchange"]
    row = {"venue": "okx", "host": "h", "latency_ms": 1, "depth": 2.5, "side": "buy"}
    rows = entries(row, reason="unknown_column", table="exchange", names=("depth", "side"))
    table = table_of(proposal("exchange_own", rows, exchange))
    assert {column.name: str(column.kind) for column in table.columns} == {"host": "tag", "venue": "tag", "depth": "gauge", "side": "tag"}


def test_further_columns_of_a_table_are_no_tags() -> None:
    own = table_of(proposal("spread", entries({"pair": "P", "bps": 1.5})))
    rows = entries({"pair": "P", "bps": 1.5, "side": "buy"}, reason="unknown_column", names=("side",))
    found = proposal("spread", rows, own, extends=True)
    assert found.toml == '[tables.spread.columns.side]\nkind = "text"\nsentence = "Column side, as it came."\n'


NAMES = st.sampled_from(["a", "b", "pair", "order_id", "seen_at", "delay_ms", "count", "Bad Name", "levels"])
VALUES = st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=6), st.lists(st.integers(), max_size=1))
ROWS = st.lists(st.dictionaries(NAMES, VALUES, min_size=1), min_size=1, max_size=8)


@given(ROWS, st.booleans())
def test_every_row_is_moved_whole_or_stays_and_a_second_move_finds_nothing(rows: list[dict[str, Any]], same_time: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    waiting = entries(*({"ts": T0, **row} if same_time else row for row in rows))
    found = proposal("spread", waiting)
    if not found.columns:
        return
    table = table_of(found)
    moved: list[Entry] = []
    stayed = 0
    for page in pages(waiting, table, Names(), T0):
        stayed += page.stayed
        if page.stored is None:
            continue
        batch, left = page.stored.batches
        assert batch.count == left.count == len(page.new) == len(page.old)
        assert batch.array("received_at").tolist() == [entry.received_us for entry in page.old]
        assert batch.array("ts").tolist() == [entry.row()["ts"] for entry in page.old]
        for old, new in zip(page.old, page.new, strict=True):
            rest = [name for name in old.names if name not in table.column]
            assert (new.adopted_as, new.content) == (("", old.content) if rest else ("spread", ""))
        moved += page.new
    assert len(moved) + stayed <= len(waiting)
    again = [entry for entry in moved if not entry.adopted_as]
    assert list(pages(again, table, Names(), T0)) == []


@pytest.mark.parametrize("count", [1, 150, 5_000])
def test_however_many_rows_are_wrong_the_right_ones_move(count: int) -> None:
    waiting = entries(*({"pair": "P", "bps": "no number" if i % 3 == 0 else 1.5 * (i % 5)} for i in range(count)))
    table = table_of(proposal("spread", entries({"pair": "P", "bps": 1.5})))
    found = list(pages(waiting, table, Names(), T0))
    assert sum(len(page.new) for page in found) == count - (count + 2) // 3
    assert sum(page.stayed for page in found) == (count + 2) // 3
