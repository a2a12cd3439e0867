"""The day's range: what lies outside is counted once it is certain, and a new high or low is none."""

from tapewatch.sources.collectors.feed.band import DOUBTS_MAX, FORGOTTEN_S, SETTLED_S, UNTOLD_S, DayBand


def known(low: float = 90.0, high: float = 110.0) -> DayBand:
    band = DayBand()
    band.day(low, high, 0.0)
    return band


def test_without_a_range_nothing_is_known() -> None:
    band = DayBand()
    band.trade(1.0, 1.0, 0.0)
    assert band.take() is None
    band.day(90.0, None, 1.0)
    assert band.take() is None
    band.day(None, 110.0, 2.0)
    assert band.take() == 0


def test_a_price_outside_is_counted_once_a_later_range_still_excludes_it() -> None:
    band = known()
    band.trade(120.0, 120.0, 1.0)
    band.day(90.0, 110.0, 1.0 + SETTLED_S / 2)
    assert band.take() == 0
    band.day(90.0, 110.0, 1.0 + SETTLED_S)
    assert band.take() == 1
    assert band.take() == 0


def test_a_new_high_and_a_new_low_are_in_the_next_range() -> None:
    band = known()
    band.trade(80.0, 120.0, 1.0)
    band.day(80.0, 120.0, 1.0 + SETTLED_S)
    assert band.take() == 0


def test_a_ticker_that_tells_only_what_changed_keeps_the_other_side() -> None:
    band = known()
    band.trade(80.0, 80.0, 1.0)
    band.day(None, 111.0, 1.0 + SETTLED_S)
    assert band.take() == 1


def test_a_doubt_that_is_too_old_is_dropped_since_the_day_has_moved_on() -> None:
    band = known()
    band.trade(120.0, 120.0, 1.0)
    band.day(90.0, 110.0, 2.0 + FORGOTTEN_S)
    assert band.take() == 0


def test_doubts_do_not_pile_up() -> None:
    band = known()
    for number in range(3 * DOUBTS_MAX):
        band.trade(120.0, 120.0, number / 1000)
    band.day(90.0, 110.0, 100.0)
    assert band.take() == DOUBTS_MAX


def test_a_ticker_that_is_dead_leaves_unknown_what_lies_outside() -> None:
    band = known()
    told: list[int | None] = []
    for hour in range(1, 48):
        band.trade(500.0, 500.0, hour * 3600.0)
        told.append(band.take())
    assert set(told) == {None}
    band.day(90.0, 110.0, 49 * 3600.0)
    assert band.take() == 0


def test_a_market_that_rests_together_with_its_ticker_has_nothing_outside() -> None:
    band = known()
    band.trade(100.0, 100.0, UNTOLD_S)
    assert band.take() == 0


def test_a_ticker_that_speaks_of_other_things_is_alive() -> None:
    band = known()
    band.alive(1000.0)
    band.trade(100.0, 100.0, 1000.0 + UNTOLD_S)
    assert band.take() == 0
