"""The law of the longest silences against samples of known laws."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.sources.collectors.feed.tail import BENDS, Tail


def fitted(sample: np.ndarray, share: float = 0.02) -> Tail:
    threshold = float(np.quantile(sample, 1 - share))
    longest = sample[sample > threshold]
    return Tail.fit(threshold, float(longest.mean()), float((longest**2).mean()), len(longest) / len(sample))


def test_of_exponential_silences_the_longest_is_the_logarithm_of_their_number() -> None:
    sample = np.random.default_rng(1).exponential(2.0, 200_000)
    assert fitted(sample).exceeded_once_in(1e6) == pytest.approx(2 * math.log(1e6), rel=0.15)


def test_a_tail_that_ends_is_not_prolonged_for_ever() -> None:
    sample = np.random.default_rng(2).uniform(0, 10, 50_000)
    tail = fitted(sample)
    assert tail.bend == BENDS[0]
    assert 10 <= tail.exceeded_once_in(1e9) < 10.7


@given(st.floats(0, 1e4), st.floats(1e-6, 1e4), st.floats(1, 10), st.floats(1e-6, 1), st.floats(1, 1e12), st.floats(1, 100))
def test_more_silences_never_have_a_shorter_longest_one(
    threshold: float, excess: float, scatter: float, share: float, silences: float, more: float
) -> None:
    mean = threshold + excess
    tail = Tail.fit(threshold, mean, mean * mean + scatter * excess * excess, share)
    fewer, longest = tail.exceeded_once_in(silences), tail.exceeded_once_in(silences * more)
    assert threshold <= fewer <= longest * (1 + 1e-9)
    assert math.isfinite(longest)
