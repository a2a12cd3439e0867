"""Silences of an interval, counted as they are learned."""

import pytest

from tapewatch.sources.collectors.feed.pulse import Pulse
from tapewatch.sources.collectors.feed.silences import Silences


def heard(*times_s: float) -> tuple[Silences, Pulse]:
    silences, pulse = Silences(), Pulse()
    pulse.listen(0.0)
    for at_s in times_s:
        silences.arrive(pulse, at_s)
        pulse.beat(at_s)
    return silences, pulse


def test_a_burst_is_one_arrival() -> None:
    silences, pulse = heard(1.0, 1.01, 1.04, 2.0, 2.001, 4.0)
    assert silences.take(pulse, 4.5) == {"silence_p50_ms": 1500.0, "silence_max_ms": 2000.0}


def test_a_silence_that_lasts_is_longer_than_those_that_ended() -> None:
    silences, pulse = heard(1.0, 2.0)
    assert silences.take(pulse, 9.0)["silence_max_ms"] == 7000.0
    assert silences.take(pulse, 14.0) == {"silence_p50_ms": None, "silence_max_ms": 12_000.0}


def test_time_in_which_nobody_listened_is_no_silence() -> None:
    silences, pulse = heard(1.0, 2.0)
    silences.take(pulse, 2.0)
    pulse.deaf()
    assert silences.take(pulse, 60.0) == {"silence_p50_ms": None, "silence_max_ms": None}
    pulse.listen(60.0)
    for at_s in (61.0, 61.5):
        silences.arrive(pulse, at_s)
        pulse.beat(at_s)
    assert silences.take(pulse, 61.6) == {"silence_p50_ms": 500.0, "silence_max_ms": 500.0}


def test_nothing_is_told_of_a_stream_that_has_not_spoken() -> None:
    silences, pulse = heard()
    assert silences.take(pulse, 5.0) == {"silence_p50_ms": None, "silence_max_ms": None}


def test_what_is_counted_is_what_is_learned() -> None:
    """In the middle of an hour that is well known: before it, an hour that is not known may be slower. A bin of the shape is 6 % wide."""
    silences, pulse = heard(*(i * 0.7 for i in range(2_000)))
    pulse.cadence.settle(0.5)
    assert silences.take(pulse, 1_399.3)["silence_p50_ms"] == pytest.approx(700.0)
    assert pulse.cadence.usual_s(0.5) == pytest.approx(0.7, rel=0.08)
