"""Both kinds of times together: the offset without the way, or with it where the venue tells nothing."""

import numpy as np
import pytest

from tapewatch.sources.collectors.feed.offset import ClockOffset
from tapewatch.sources.collectors.feed.round_trips import Moment, RoundTrips
from tapewatch.sources.collectors.feed.venue_clock import clock_row

START_US = 1_700_000_000_000_000
NOW = Moment(START_US, 0.0)


def seen(*lags_ms: float) -> ClockOffset:
    """One-way times over two windows."""
    offset = ClockOffset()
    for second in range(12):
        offset.observe(np.array([round(lag * 1000) for lag in lags_ms] * 5, np.int64), second - 12.0)
    return offset


def asked(offset_ms: float, way_ms: float, back_ms: float) -> RoundTrips:
    trips = RoundTrips()
    there_us, back_us = round(way_ms * 1000), round(back_ms * 1000)
    asked = Moment(START_US - there_us - back_us, -(there_us + back_us) / 1e6)
    trips.observe(asked, NOW, asked.us + there_us - round(offset_ms * 1000), 1)
    return trips


def test_without_messages_and_calls_nothing_is_known() -> None:
    assert clock_row(ClockOffset(), RoundTrips(), 0.01, NOW) == {}


def test_without_a_call_the_shortest_way_is_part_of_the_offset_and_half_a_ping_of_its_error() -> None:
    row = clock_row(seen(20.0, 25.0), RoundTrips(), 0.012, NOW)
    assert row == {"clock_offset_ms": 20.0, "clock_offset_error_ms": 6.0}


def test_before_the_first_message_the_call_alone_tells_the_offset() -> None:
    row = clock_row(ClockOffset(), asked(-7.0, 10.0, 10.0), None, NOW)
    assert row["clock_offset_ms"] == pytest.approx(-7.0, abs=0.01)
    assert row["clock_offset_error_ms"] == pytest.approx(10.0, abs=0.01)
    assert row["way_ms"] is None


def test_the_shortest_way_is_told_from_the_offset() -> None:
    row = clock_row(seen(20.0), asked(5.0, 15.0, 15.0), None, NOW)
    assert row["clock_offset_ms"] == pytest.approx(5.0, abs=0.01)
    assert row["way_ms"] == pytest.approx(15.0, abs=0.01)


def test_a_way_is_never_shorter_than_none_which_narrows_the_offset() -> None:
    row = clock_row(seen(6.0), asked(5.0, 15.0, 15.0), None, NOW)
    # between -10 ms (the round trip) and 6 ms (no message comes before it was sent), which two seconds ago may have been 7 ms of today
    assert row["clock_offset_ms"] == pytest.approx(-1.5, abs=0.01)
    assert row["clock_offset_error_ms"] == pytest.approx(8.5, abs=0.01)
    assert row["way_ms"] == pytest.approx(7.5, abs=0.01)


def test_messages_stamped_by_another_clock_than_the_calls_leave_the_way_unknown() -> None:
    row = clock_row(seen(-500.0), asked(5.0, 15.0, 15.0), None, NOW)
    assert row["clock_offset_ms"] == pytest.approx(5.0, abs=0.01)
    assert row["way_ms"] is None


def test_a_call_that_leaves_too_much_open_is_not_used() -> None:
    row = clock_row(seen(20.0), asked(5.0, 300.0, 300.0), None, NOW)
    assert row["clock_offset_ms"] == 20.0
    assert "way_ms" not in row


@pytest.mark.parametrize("turned_ms", [35.0, 85.0])
def test_a_shortest_way_of_minutes_ago_does_not_bound_a_clock_that_was_turned_since(turned_ms: float) -> None:
    offset = ClockOffset()
    for second in range(-200, 0):
        since_ms = min(turned_ms, max(0, 0.5 * (second + 190)))
        offset.observe(np.full(20, round((10 + since_ms) * 1000), np.int64), float(second))
    row = clock_row(offset, asked(turned_ms, 40.0, 40.0), None, NOW)
    assert abs(row["clock_offset_ms"] - turned_ms) <= row["clock_offset_error_ms"]
