"""Learned silences and what a silence means."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.sources.collectors.feed.cadence import BURST_S, DEAD_S, LEARNED, LOST_DEAD_S, MEMORY, Cadence, seconds


def learned(silences_s: list[float]) -> Cadence:
    cadence = Cadence()
    now_s = 0.0
    cadence.arrive(now_s)
    for silence_s in silences_s:
        now_s += silence_s
        cadence.arrive(now_s)
    return cadence


def verdict(cadence: Cadence, age_s: float | None) -> str:
    return cadence.judge("trade", age_s).verdict


def test_a_stream_is_unknown_until_enough_silences_are_learned() -> None:
    assert verdict(learned([]), None) == "unknown"
    assert verdict(learned([1.0] * (LEARNED - 1)), 0.5) == "unknown"
    assert verdict(learned([1.0] * LEARNED), 0.5) == "fresh"


def test_a_silence_passes_through_fresh_late_stale_dead() -> None:
    cadence = learned([0.1] * 1000)
    order = [verdict(cadence, age_s) for age_s in np.arange(0, 60, 0.1)]
    assert list(dict.fromkeys(order)) == ["fresh", "late", "stale", "dead"]


def test_a_fast_stream_that_stops_is_found_within_five_seconds_and_dead_soon_after() -> None:
    cadence = learned([0.1] * 1000)
    assert verdict(cadence, 3.0) != "fresh"
    assert verdict(cadence, 5.0) == "stale"
    assert verdict(cadence, DEAD_S) == "dead"


@pytest.mark.parametrize("spacing_s", [0.1, 1.0, 30.0])
def test_the_limit_follows_the_rate_of_a_stream_without_memory(spacing_s: float) -> None:
    silences = np.random.default_rng(7).exponential(spacing_s, 3000).clip(BURST_S)
    limit_s = learned([float(silence) for silence in silences]).limit_s
    assert limit_s is not None
    rate = 1 / float(silences.mean())
    assert limit_s == pytest.approx(math.log(3.6e6 * rate) / rate, rel=0.15)


def test_bursts_teach_nothing_about_silence() -> None:
    cadence = Cadence()
    for burst in range(40):
        for message in range(50):
            cadence.arrive(burst * 1.0 + message * 0.0005)
    limit_s = cadence.limit_s
    assert limit_s is not None
    assert limit_s > 1.0
    assert verdict(cadence, 1.0) == "fresh"


def test_a_fast_stream_is_counted_at_the_rate_of_bursts() -> None:
    cadence = learned([0.001] * 20_000)
    limit_s = cadence.limit_s
    assert limit_s is not None
    assert limit_s < 1.5


def test_the_longest_silence_seen_is_usual() -> None:
    assert verdict(learned([0.1] * 500 + [20.0] + [0.1] * 500), 20.0) == "fresh"


def test_old_silences_are_forgotten() -> None:
    cadence = learned([0.1] * 500 + [20.0] + [0.1] * (MEMORY * 3))
    assert verdict(cadence, 20.0) == "dead"


def test_the_silence_across_a_reconnect_is_not_learned() -> None:
    cadence = learned([0.1] * 100)
    before = cadence.limit_s
    cadence.interrupt()
    cadence.arrive(10_000.0)
    assert cadence.limit_s == before


def test_a_lost_connection_makes_a_stream_stale_at_once_and_dead_later() -> None:
    cadence = learned([1.0] * 100)
    assert cadence.judge("trade", 0.1, lost_s=0.1).verdict == "stale"
    lost = cadence.judge("trade", LOST_DEAD_S, lost_s=LOST_DEAD_S, reason="no connection: refused")
    assert lost.verdict == "dead"
    assert "refused" in lost.evidence
    assert cadence.judge("trade", None, lost_s=1.0).verdict == "unknown"


def test_the_evidence_names_the_silence_the_limit_and_how_much_was_learned() -> None:
    evidence = learned([0.1] * 1000).judge("trade", 41.0).evidence
    assert evidence.startswith("no trade message for 41 s; silences stay under")
    assert "1000 learned" in evidence


@given(st.lists(st.floats(0, 1e7, allow_nan=False), max_size=60), st.floats(0, 1e7))
def test_any_arrivals_can_be_judged(silences_s: list[float], age_s: float) -> None:
    judgement = learned(silences_s).judge("book", age_s)
    assert judgement.verdict in {"unknown", "fresh", "late", "stale", "dead"}
    assert judgement.evidence


@pytest.mark.parametrize(("value", "text"), [(0.04, "0.04 s"), (4.23, "4.2 s"), (41.2, "41 s"), (7200.0, "120 min")])
def test_seconds_are_written_with_the_digits_that_matter(value: float, text: str) -> None:
    assert seconds(value) == text
