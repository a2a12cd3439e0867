"""Who moves first, of made-up prices whose distance is known."""

import numpy as np
import numpy.typing as npt
import pytest

from tapewatch.sources.collectors.feed.lead import LEAST_MOVES, lead_of

Floats = npt.NDArray[np.float64]
T_S = 300.0
STEP_S = 0.005


def walk(seed: int) -> tuple[Floats, Floats]:
    """A price in continuous time."""
    rng = np.random.default_rng(seed)
    times = np.arange(0, T_S, STEP_S)
    return times, np.cumsum(rng.normal(0, 1e-5, len(times)))


def seen(
    price: tuple[Floats, Floats], seed: int, *, delay_s: float = 0.0, per_s: float = 4.0, noise: float = 1e-5
) -> tuple[Floats, Floats]:
    """The price at random moments, late by so much and with the noise of bid and ask."""
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(1, T_S - 1, int(per_s * T_S)))
    return times, np.interp(times - delay_s, *price) + rng.normal(0, noise, len(times))


def test_nearly_all_leads_lie_within_the_error_that_is_told() -> None:
    held: list[bool] = []
    for delay_s in (-0.25, 0.0, 0.12):
        for seed in range(4):
            price = walk(seed)
            found = lead_of(*seen(price, seed + 100), *seen(price, seed + 200, delay_s=delay_s))
            assert found is not None
            assert found.is_certain
            assert found.error_s < 0.2
            held.append(abs(found.lead_s - delay_s) <= found.error_s)
    assert sum(held) >= 11


def test_who_is_ahead_of_whom_turns_with_the_sides() -> None:
    price = walk(1)
    ahead, late = seen(price, 2), seen(price, 3, delay_s=0.2)
    one, other = lead_of(*ahead, *late), lead_of(*late, *ahead)
    assert one is not None
    assert other is not None
    assert one.lead_s > one.error_s
    assert one.lead_s == pytest.approx(-other.lead_s, abs=0.03)


def test_prices_that_have_nothing_to_do_with_each_other_have_no_lead() -> None:
    for seed in range(4):
        found = lead_of(*seen(walk(seed), seed), *seen(walk(seed + 50), seed + 50))
        assert found is not None
        assert not found.is_certain


def test_a_distance_beyond_what_is_looked_at_is_not_taken_for_a_shorter_one() -> None:
    price = walk(1)
    found = lead_of(*seen(price, 2, per_s=4), *seen(price, 3, delay_s=3.0, per_s=4))
    assert found is not None
    assert not found.is_certain


def test_few_moves_and_prices_that_stand_still_tell_nothing() -> None:
    times = np.arange(float(LEAST_MOVES))
    assert lead_of(times, times, times, times) is None
    many = np.arange(200.0)
    still = lead_of(many, np.zeros(200), many, np.zeros(200))
    assert still is not None
    assert not still.is_certain
