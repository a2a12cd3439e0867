"""Percentiles of an interval, and the sketch that answers the same within one percent."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.model.sketch import merge, quantile
from tapewatch.sources.collectors.feed.latency import summarize

latencies = st.lists(st.integers(0, 10**9), min_size=1, max_size=300)


def test_no_message_has_no_latency() -> None:
    assert summarize(np.empty(0, np.int64)) is None


@given(latencies)
def test_percentiles_are_ordered_values_of_the_interval(values: list[int]) -> None:
    summary = summarize(np.array(values, np.int64))
    assert summary is not None
    assert summary.p50_ms <= summary.p95_ms <= summary.p99_ms <= summary.max_ms
    assert summary.max_ms == max(values) / 1000
    assert sum(summary.sketch.values()) == len(values)


@given(latencies, latencies)
def test_merged_sketches_answer_for_both_intervals_within_one_percent(first: list[int], second: list[int]) -> None:
    parts = [summarize(np.array(values, np.int64)) for values in (first, second)]
    whole = summarize(np.array(first + second, np.int64))
    assert whole is not None
    merged = merge([part.sketch for part in parts if part is not None])
    assert merged == merge([whole.sketch])
    for fraction, exact in ((0.5, whole.p50_ms), (0.95, whole.p95_ms), (0.99, whole.p99_ms)):
        assert quantile(merged, fraction) == pytest.approx(exact, rel=0.01)
