"""A long run is judged by what grows in it, whatever a busy minute did, and a run that was cut can still be read and drawn."""

import io
import math
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.plot import STRIPS, picture
from bench.samples import JUDGED, NAMES, Record, Sample, growth_per_h, interval_per_h, judged, read, slope_per_h

EVERY_S = 10.0
TWO_HOURS = 720


def sample(number: int, **values: float) -> Sample:
    zero = dict.fromkeys(NAMES, 0)
    return Sample(**{**zero, "t_s": number * EVERY_S, "rss_mb": 200.0, "files": 40, **values})


@given(st.floats(-5, 5), st.floats(-100, 100))
def test_the_slope_of_a_line_is_its_slope_though_a_quarter_of_it_is_wild(slope: float, start: float) -> None:
    hours = [number / 100 for number in range(100)]
    values = [1e6 if number % 4 == 0 else start + slope * hour for number, hour in enumerate(hours)]
    assert math.isclose(slope_per_h(hours, values), slope, rel_tol=0.2, abs_tol=0.2)


def test_a_leak_of_a_tenth_an_hour_misses_the_bar_and_growth_while_warming_up_does_not() -> None:
    leaking = [sample(number, rss_mb=200 * (1 + 0.1 * number * EVERY_S / 3_600)) for number in range(TWO_HOURS)]
    warming = [sample(number, rss_mb=min(200.0, 100 + number)) for number in range(TWO_HOURS)]
    falling = [sample(number, rss_mb=200 - number / 10) for number in range(TWO_HOURS)]
    told = "memory of the server, growth an hour (+8.7 %; with 95 % from +8.7 to +8.7)"
    assert [bar.name for bar in judged(leaking) if not bar.is_met] == [told]
    assert all(bar.is_met and bar.value >= 0 for samples in (warming, falling) for bar in judged(samples))
    assert growth_per_h(falling, "rss_mb")[1] < 0


@pytest.mark.parametrize("growth", [0.0, 0.2])
def test_the_interval_of_the_growth_holds_the_true_one_and_tells_it_from_chance(growth: float) -> None:
    chance = np.random.default_rng(3)
    noisy = [sample(number, rss_mb=100 * (1 + growth * number * EVERY_S / 3_600) + chance.normal(0, 5)) for number in range(TWO_HOURS)]
    low, high = interval_per_h(noisy, "rss_mb")
    true = growth / (1 + 1.5 * growth)  # as a share of the value in the middle of the second hour
    assert low < true < high
    assert (low > 0) == (growth > 0)
    assert high - low < 0.1


def test_samples_are_read_back_without_a_line_that_was_cut(tmp_path: Path) -> None:
    sink = io.StringIO()
    record = Record(sink, "two hours, begun today")
    written = [sample(number, ack_p99_ms=12.25) for number in range(3)]
    for one in written:
        record.add(one)
    (tmp_path / "samples.csv").write_text(sink.getvalue()[:-9], encoding="utf-8")
    assert read(tmp_path / "samples.csv") == ("two hours, begun today", written[:2])


@pytest.mark.parametrize("count", [1, 2, TWO_HOURS])
def test_the_picture_is_whole_and_shows_every_number_that_is_judged(count: int) -> None:
    svg = picture("5,000 rows/s <two hours> & more", [sample(number) for number in range(count)])
    root = ET.fromstring(svg)
    lines = [line.get("points", "").split() for line in root.iter("{http://www.w3.org/2000/svg}polyline")]
    assert {name for strip in STRIPS for name in strip.names} >= set(JUDGED)
    assert len(lines) == sum(len(strip.names) for strip in STRIPS)
    assert all(len(points) == count for points in lines)
    assert all(0 <= float(part) <= 2_000 for points in lines for point in points for part in point.split(","))


def test_a_stretch_in_which_nothing_was_timed_is_no_fast_stretch() -> None:
    samples = [sample(number, ack_p99_ms=math.nan if number % 3 else 50.0) for number in range(TWO_HOURS)]
    assert growth_per_h(samples, "ack_p99_ms") == (50.0, 0.0)
    assert growth_per_h([sample(1, ack_p99_ms=math.nan)], "ack_p99_ms") == (0.0, 0.0)
    assert "nan" not in picture("stalls", samples)
