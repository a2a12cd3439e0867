"""Numbers, yes-or-no values and sketches at the border."""

from decimal import Decimal

import numpy as np
import pytest

from tapewatch.ingest.validate import validate
from tapewatch.model.rows import RawBatch
from tapewatch.model.venue import Names
from tests.ingest.judging import CATALOG, DEFAULTS, NOW_US, flags, judge, reasons, values


@pytest.mark.parametrize("number", [0, 12, 12.5, 1e300, np.float64(2.5), np.int64(3), np.float32(0.5)])
def test_a_number_is_kept(number: float) -> None:
    judged = judge([{"latency_ms": number}])

    assert values(judged, "latency_ms") == [float(number)]
    assert judged.refused_total == 0
    assert flags(judged) == [None]


@pytest.mark.parametrize("value", ["12.5", "abc", "", "nan", True, [1], {"a": 1}, Decimal(1), b"1"])
def test_what_is_no_number_is_null_and_told(value: object) -> None:
    judged = judge([{"latency_ms": 1.0, "connected": True}, {"latency_ms": value, "connected": False}])

    assert values(judged, "latency_ms") == [1.0, None]
    assert values(judged, "connected") == [1, 0]
    assert reasons(judged) == [(1, "latency_ms", "wrong_type")]
    assert flags(judged) == [None, {"latency_ms": "wrong_type"}]
    assert "latency_ms takes numbers from 0 up (unit ms)" in judged.refusals[0].message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), "NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("beside", [1.5, None, 7])
def test_not_a_number_is_null_flagged_and_counted_but_no_refusal(value: object, beside: float | None) -> None:
    judged = judge([{"latency_ms": beside}, {"latency_ms": value}])

    assert values(judged, "latency_ms") == [None if beside is None else float(beside), None]
    assert flags(judged) == [None, {"latency_ms": "nan"}]
    assert judged.noted == {"nan": 1}
    assert judged.refused_total == 0


def test_a_missing_value_is_null_without_a_flag() -> None:
    judged = judge([{"latency_ms": None}, {"latency_ms": 3}])

    assert values(judged, "latency_ms") == [None, 3.0]
    assert flags(judged) == [None, None]
    assert judged.noted == {}


@pytest.mark.parametrize(
    ("column", "table", "bad"), [("latency_ms", "exchange", -0.1), ("cpu_ratio", "host", 1.01), ("errors", "daemon", -1)]
)
def test_a_value_out_of_range_is_refused_and_the_row_kept(column: str, table: str, bad: float) -> None:
    judged = judge([{column: bad, "daemon": "d"}, {column: 1, "daemon": "d"}], table)

    assert values(judged, column) == [None, 1.0]
    assert (0, column, "out_of_range") in reasons(judged)
    assert flags(judged)[0] == {column: "out_of_range"}


def test_an_integer_beyond_a_float_is_out_of_range() -> None:
    judged = judge([{"latency_ms": 10**400}, {"latency_ms": 1}])

    assert values(judged, "latency_ms") == [None, 1.0]
    assert reasons(judged) == [(0, "latency_ms", "out_of_range")]


def test_numpy_columns_pass_as_they_are_and_their_nan_is_missing() -> None:
    columns = {"venue": ["okx", "okx", "okx"], "latency_ms": np.array([1.0, np.nan, np.inf]), "connected": np.array([True, False, True])}
    judged = validate(RawBatch("exchange", columns), CATALOG["exchange"], names=Names(), now_us=NOW_US, defaults=DEFAULTS)

    assert values(judged, "latency_ms") == [1.0, None, None]
    assert values(judged, "connected") == [1, 0, 1]
    assert judged.noted == {"nan": 1}
    assert np.isinf(columns["latency_ms"][2]), "the sender's array is not changed"


@pytest.mark.parametrize("value", [1, 0, "true", "yes", 1.0, []])
def test_a_flag_takes_true_and_false_only(value: object) -> None:
    judged = judge([{"connected": value, "latency_ms": 1}, {"connected": False}])

    assert values(judged, "connected") == [None, 0]
    assert reasons(judged) == [(0, "connected", "wrong_type")]


def test_a_sketch_comes_with_text_or_number_keys() -> None:
    given = ({"12": 3, "-10000": 1}, {5: 1})
    judged = judge([{"venue": "okx", "symbol": "BTC/USDT", "channel": "trade", "latency_ms_sketch": sketch} for sketch in given], "feed")

    assert values(judged, "latency_ms_sketch") == [{12: 3, -10000: 1}, {5: 1}]


@pytest.mark.parametrize(
    "sketch", [{"a": 1}, {"1": -1}, {"1": 0}, {"1": True}, {"1": 1.5}, {"99999": 1}, [1], "x", {True: 1}, {"1": 2**64}, {"²": 1}]
)
def test_what_is_no_sketch_is_refused(sketch: object) -> None:
    judged = judge([{"venue": "okx", "symbol": "BTC/USDT", "channel": "trade", "latency_ms_sketch": sketch}], "feed")

    assert values(judged, "latency_ms_sketch") == [None]
    assert reasons(judged) == [(0, "latency_ms_sketch", "wrong_type")]
