"""A source that sends too fast waits; another one does not notice."""

import pytest

from tapewatch.clock import ManualClock
from tapewatch.errors import TooFast
from tapewatch.ingest.limits import Rates, rates
from tapewatch.settings import SourceLimits


def limited(rows_per_s: float = 10, bytes_per_s: float = 1_000) -> tuple[Rates, ManualClock]:
    clock = ManualClock()
    return Rates(lambda _: SourceLimits(rows_per_s=rows_per_s, bytes_per_s=bytes_per_s), clock), clock


def test_beyond_its_rows_a_source_is_told_how_long_to_wait_and_then_passes() -> None:
    found, clock = limited()
    found.take("bot", 150, 0)
    with pytest.raises(TooFast, match=r"Source 'bot' sends more than 10 rows a second; .*raise sources\.bot\.rows_per_s") as caught:
        found.take("bot", 1, 0)
    assert caught.value.retry_after_s == pytest.approx(5)
    found.take("other", 1, 0)
    clock.advance(5.1)
    found.take("bot", 1, 0)


def test_bytes_count_apart_from_rows() -> None:
    found, _ = limited()
    found.take("bot", 1, 10_001)
    with pytest.raises(TooFast, match=r"1000 bytes a second; .*bytes_per_s"):
        found.take("bot", 1, 1)


def test_over_any_time_a_source_gets_its_limit_and_one_burst() -> None:
    found, clock = limited()
    taken = 0
    for _ in range(1_000):
        try:
            found.take("bot", 5, 0)
            taken += 5
        except TooFast:
            pass
        clock.advance(0.1)
    assert 10 * 100 <= taken <= 10 * 100 + 10 * rates.BURST_S + 5


def test_sources_without_number_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MOST_SOURCES", 3)
    found, _ = limited()
    found.take("bot", 1_000, 0)
    for number in range(10):
        found.take(f"other{number}", 1, 0)
        with pytest.raises(TooFast):
            found.take("bot", 1, 0)


@pytest.mark.parametrize("jump_s", [-86_400.0, -3_600.0, 3_600.0, 86_400.0])
def test_a_clock_that_is_set_neither_frees_nor_holds_a_source(jump_s: float) -> None:
    found, clock = limited()
    found.take("bot", 150, 0)
    clock.jump(jump_s)
    with pytest.raises(TooFast) as caught:
        found.take("bot", 1, 0)
    assert caught.value.retry_after_s == pytest.approx(5)
    clock.advance(5.1)
    found.take("bot", 1, 0)
