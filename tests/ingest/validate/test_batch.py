"""A whole batch at the border: tables, columns, bounds and counts."""

import pytest

from tapewatch.ingest.validate import KEPT_REFUSALS, validate
from tapewatch.model.rows import RawBatch
from tapewatch.model.venue import Names
from tests.ingest.judging import CATALOG, DEFAULTS, NOW_US, flags, judge, reasons, values


def test_an_unknown_table_refuses_its_rows() -> None:
    judged = judge([{"a": 1}, {"a": 2}], "nonsense")

    assert judged.batch is None
    assert reasons(judged) == [(0, None, "unknown_table"), (1, None, "unknown_table")]
    assert judged.refused_total == 2
    assert "no table 'nonsense'" in judged.refusals[0].message


def test_an_unknown_column_refuses_only_its_values() -> None:
    judged = judge([{"latency": 5, "latency_ms": 7}, {"latency_ms": 8}])

    assert values(judged, "latency_ms") == [7.0, 8.0]
    assert reasons(judged) == [(0, "latency", "unknown_column")]
    assert "did you mean latency_ms?" in judged.refusals[0].message
    assert flags(judged) == [None, None]


def test_a_row_is_refused_once_for_its_first_reason() -> None:
    judged = judge([{"venue": 5, "ts": 12, "latency_ms": "x"}, {"venue": "okx", "latency_ms": 1}])

    assert reasons(judged) == [(0, None, "wrong_type")]
    assert judged.refused_total == 1


def test_refusals_are_bounded_and_all_are_counted() -> None:
    judged = judge([{"latency_ms": "x" * 1000, "foo": i} for i in range(500)])

    assert len(judged.refusals) == KEPT_REFUSALS
    assert judged.refused_total == 1000
    assert all(len(refusal.value) <= 60 for refusal in judged.refusals)
    assert sum(tally.count for tally in judged.tallies) == 1000


def test_findings_are_counted_by_source_column_and_reason() -> None:
    judged = judge(
        [
            {"source": "a", "latency_ms": "x"},
            {"source": "b", "latency_ms": "y"},
            {"source": "b", "latency_ms": "z", "foo": 1},
            {"latency_ms": float("nan")},
            {"source": 5},
            {"source": "a", "ts": 12},
            {"source": "a", "venue": 5, "latency_ms": float("nan")},
        ]
    )

    assert {(tally.source, tally.column, tally.reason): tally.count for tally in judged.tallies} == {
        ("a", "latency_ms", "wrong_type"): 1,
        ("b", "latency_ms", "wrong_type"): 2,
        ("b", "foo", "unknown_column"): 1,
        ("bot", "latency_ms", "nan"): 1,
        ("bot", "*", "wrong_type"): 1,
        ("a", "*", "time_unit"): 1,
        ("a", "*", "wrong_type"): 1,
    }
    assert judged.noted == {"nan": 1}, "the notes of refused rows are not counted"
    assert next(tally.example for tally in judged.tallies if tally.reason == "time_unit") == "ts: 12"


def test_notes_are_counted_with_an_example() -> None:
    judged = judge([{"venue": "Nowhere", "latency_ms": float("inf"), "ts": NOW_US + 10**10}])

    assert {tally.reason: tally.example for tally in judged.tallies} == {
        "unknown_venue": "Nowhere",
        "nan": "inf",
        "future_time": str(NOW_US + 10**10),
    }


def test_rows_keep_the_places_they_had_in_the_body() -> None:
    batch = RawBatch("exchange", {"venue": ["okx", 5, "okx"], "latency_ms": [1, 1, "x"]}, positions=[4, 7, 9])
    judged = validate(batch, CATALOG["exchange"], names=Names(), now_us=NOW_US, defaults=DEFAULTS)

    assert reasons(judged) == [(7, None, "wrong_type"), (9, "latency_ms", "wrong_type")]


def test_columns_without_a_value_are_left_out_and_built_in_ones_are_there() -> None:
    judged = judge([{"latency_ms": None, "connected": True}])

    assert judged.batch is not None
    assert set(judged.batch.columns) == {"ts", "received_at", "source", "env", "host", "venue", "connected"}


@pytest.mark.parametrize(
    ("declared", "kept"), [(5.0, 5.0), (None, None), (0, None), (-1, None), (float("nan"), None), (float("inf"), None)]
)
def test_the_declared_period_travels_along_when_it_makes_sense(declared: float | None, kept: float | None) -> None:
    batch = RawBatch.of("exchange", [{"venue": "okx"}], period_s=declared)
    judged = validate(batch, CATALOG["exchange"], names=Names(), now_us=NOW_US, defaults=DEFAULTS)

    assert judged.batch is not None
    assert judged.batch.period_s == kept


def test_a_sender_may_flag_its_own_values() -> None:
    judged = judge(
        [
            {"flags": {"latency_ms": "clock_unsynchronised"}, "connected": 1},
            {"flags": '{"latency_ms": "estimated"}'},
            {"flags": {"nonsense": "x"}},
            {"flags": "text"},
            {"flags": {"latency_ms": "Not A Code"}},
            {"flags": 5},
            {"flags": {}},
        ]
    )

    assert flags(judged)[:2] == [{"latency_ms": "clock_unsynchronised", "connected": "wrong_type"}, {"latency_ms": "estimated"}]
    assert {row for row, column, reason in reasons(judged) if column == "flags"} == {2, 3, 4, 5}


def test_an_empty_batch_is_nothing() -> None:
    judged = validate(RawBatch("exchange", {}), CATALOG["exchange"], names=Names(), now_us=NOW_US, defaults=DEFAULTS)

    assert judged.batch is None
    assert judged.refused_total == 0
