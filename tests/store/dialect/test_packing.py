"""What is packed is given back as it was: times, counters and sketches, whatever they hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb
from hypothesis import given, settings
from hypothesis import strategies as st

from tapewatch.model.sketch import ZERO_INDEX, merge
from tapewatch.store.dialect.packing import ENTRIES, PACKED, packed, unpacked

INDEXES = st.integers(-700, 40_000) | st.integers(150, 190) | st.just(ZERO_INDEX)
SKETCHES = st.none() | st.dictionaries(INDEXES, st.integers(1, 5) | st.integers(1, 2**62), max_size=40)
MOMENTS = st.none() | st.integers(10**14, 10**17)
ROLLED = {
    "ts": "time",
    "received_at": "time",
    "summary_newest_at": "time",
    "state__last_at": "time",
    "state__first_at": "time",
    "count__last_at": "time",
    "summary_rows": "counter",
}
OF_SUMMARY = {"ts": "time", "summary_newest_at": "time", "summary_rows": "counter"}
AT = (10**15, 10**15 + 9, 3.0)
"""What a row of a summary has of those."""
COUNTER = {f"count__{what}": "counter" for what in ("min", "max", "first", "last", "gain")}
GAUGE = {f"level__{what}": "gauge" for what in ("min", "max", "first", "last")}


def quote(name: str) -> str:
    return f'"{name}"'


def there_and_back(connection: duckdb.DuckDBPyConnection, kinds: dict[str, str], types: dict[str, str], rows: Sequence[Any]) -> list[Any]:
    """The rows after they were packed and unpacked again."""
    columns = ", ".join(f"{quote(name)} {types[name]}" for name in kinds)
    connection.execute(f"CREATE OR REPLACE TABLE hot (_i INTEGER, {columns})")
    connection.executemany(f"INSERT INTO hot VALUES ({', '.join('?' * (len(kinds) + 1))})", [(i, *row) for i, row in enumerate(rows)])
    for made, pack, rows_of in (("cold", packed, "hot"), ("again", unpacked, "cold")):
        connection.execute(f"CREATE OR REPLACE TABLE {made} AS {pack(kinds, quote, rows_of)}")
    return [row[1:] for row in connection.execute("SELECT * FROM again ORDER BY _i").fetchall()]


@settings(deadline=None, max_examples=40)
@given(st.lists(SKETCHES, min_size=1, max_size=12))
def test_sketches(held: list[dict[int, int] | None]) -> None:
    with duckdb.connect() as connection:
        rows = [(None if sketch is None else [{"key": k, "value": n} for k, n in sketch.items()],) for sketch in held]
        found = there_and_back(connection, {"taken": "sketch"}, {"taken": ENTRIES}, rows)
        again = [None if entries is None else {e["key"]: e["value"] for e in entries if e["value"]} for (entries,) in found]
        assert again == held
        added = "SELECT e.key, CAST(sum(e.value) AS HUGEINT) FROM (SELECT unnest(taken) AS e FROM again) WHERE e.value > 0 GROUP BY 1"
        assert dict(connection.execute(added).fetchall()) == merge(held)
        types = connection.execute(f"SELECT DISTINCT typeof(taken), typeof(CAST(NULL AS {PACKED})) FROM cold").fetchall()
        assert [made == meant for made, meant in types] == [True]


def test_buckets_that_lie_close_together_lie_without_their_indexes() -> None:
    with duckdb.connect() as connection:
        close = [{"key": 7, "value": 2}, {"key": 5, "value": 3}, {"key": ZERO_INDEX, "value": 9}]
        far = [{"key": 5, "value": 3}, {"key": 500, "value": 2}]
        there_and_back(connection, {"taken": "sketch"}, {"taken": ENTRIES}, [(close,), (far,)])
        found = [row[0] for row in connection.execute("SELECT taken FROM cold ORDER BY _i").fetchall()]
        assert found == [
            {"lowest": 5, "counts": [3, 0, 2], "apart": [{"key": ZERO_INDEX, "value": 9}]},
            {"lowest": None, "counts": None, "apart": far},
        ]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(10**14, 10**17), *[MOMENTS] * (len(ROLLED) - 2), st.just(3)), min_size=1, max_size=8))
def test_times(rows: list[tuple[int | None, ...]]) -> None:
    with duckdb.connect() as connection:
        assert there_and_back(connection, ROLLED, dict.fromkeys(ROLLED, "BIGINT"), rows) == rows


def test_the_last_moments_of_a_summary_lie_as_nothing_but_zeros() -> None:
    with duckdb.connect() as connection:
        ts = 10**15
        row = (ts, ts, ts + 9, ts + 9, ts + 2, ts + 9, 3)
        there_and_back(connection, ROLLED, dict.fromkeys(ROLLED, "BIGINT"), [row])
        assert connection.execute("SELECT * EXCLUDE (_i) FROM cold").fetchall() == [(ts, 0, 9, 0, 2, 0, 3)]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(*[st.floats(0, 10) | st.sampled_from([0.0, 1.0])] * 4, st.floats(0, 9)), min_size=1, max_size=8), st.booleans())
def test_numbers(rows: list[tuple[float, ...]], is_null: bool) -> None:  # noqa: FBT001 - drawn
    given_rows = [(*row, *AT) for row in [*rows, *([(None,) * 5] if is_null else [])]]
    kinds = {**COUNTER, **OF_SUMMARY}
    types = {name: "BIGINT" if kind == "time" else "DOUBLE" for name, kind in kinds.items()}
    with duckdb.connect() as connection:
        assert there_and_back(connection, kinds, types, given_rows) == given_rows


def test_only_a_counter_leaves_out_what_it_was_least_and_most() -> None:
    with duckdb.connect() as connection:
        kinds = {**GAUGE, **COUNTER, **OF_SUMMARY}
        types = {name: "BIGINT" if kind == "time" else "DOUBLE" for name, kind in kinds.items()}
        there_and_back(connection, kinds, types, [(1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, *AT)])
        found = connection.execute("SELECT * EXCLUDE (_i) FROM cold").fetchall()
        assert found == [(1.0, 2.0, 1.0, 2.0, None, None, 1.0, 2.0, 1.0, AT[0], 9, AT[2])]


def test_columns_that_somebody_declares_are_kept_as_they_are_whatever_they_are_called() -> None:
    row = (None, 7.0, 7.0, 7.0, 1.0)
    with duckdb.connect() as connection:
        assert there_and_back(connection, COUNTER, dict.fromkeys(COUNTER, "DOUBLE"), [row]) == [row]
