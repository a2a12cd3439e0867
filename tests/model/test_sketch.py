from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.model import sketch

LATENCIES = st.lists(st.floats(min_value=0, max_value=1e7, allow_nan=False, allow_subnormal=False), min_size=1, max_size=200)


@given(st.floats(min_value=2e-6, max_value=1e9))
def test_value_of_a_bucket_is_within_one_percent_of_what_was_counted(value_ms: float) -> None:
    assert sketch.value_of(sketch.index_of(value_ms)) == pytest.approx(value_ms, rel=0.01)


@given(LATENCIES, st.floats(min_value=0, max_value=1))
def test_quantile_is_within_one_percent_of_the_exact_one(values: list[float], fraction: float) -> None:
    exact = sorted(values)[math.floor(fraction * (len(values) - 1))]
    counted = sketch.sketch_of(np.array(values))

    assert sketch.quantile(counted, fraction) == pytest.approx(exact, rel=0.01, abs=sketch.SMALLEST_MS)


@given(LATENCIES, LATENCIES)
def test_merged_sketches_equal_the_sketch_of_all_values(first: list[float], second: list[float]) -> None:
    merged = sketch.merge([sketch.sketch_of(np.array(first)), None, sketch.sketch_of(np.array(second))])

    assert merged == sketch.sketch_of(np.array(first + second))
    assert list(merged) == sorted(merged)


@given(LATENCIES)
def test_one_value_at_a_time_gives_the_same_buckets(values: list[float]) -> None:
    one_by_one = sketch.merge({sketch.index_of(value): 1} for value in values)
    together = sketch.sketch_of(np.array(values))

    assert sum(one_by_one.values()) == sum(together.values()) == len(values)
    assert set(one_by_one) - set(together) <= {index + step for index in together for step in (-1, 1)}


def test_zero_is_counted_and_stays_zero() -> None:
    assert sketch.quantile(sketch.sketch_of(np.array([0.0, 0.0, 5.0])), 0.5) == 0.0


def test_nothing_has_no_quantile() -> None:
    assert sketch.quantile({}, 0.99) is None


@pytest.mark.parametrize("value", [-1.0, math.inf, math.nan])
def test_values_that_are_no_latency_are_refused(value: float) -> None:
    with pytest.raises(ValueError, match="finite values from 0"):
        sketch.index_of(value)


def test_values_that_are_no_latency_are_left_out_of_an_array() -> None:
    assert sum(sketch.sketch_of(np.array([-1.0, math.inf, math.nan, 2.0])).values()) == 1
