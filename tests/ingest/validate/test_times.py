"""Times at the border: units, offsets, the future and the past."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from tapewatch.ingest.validate import validate
from tapewatch.ingest.validate.times import FUTURE_US
from tapewatch.model.rows import RawBatch
from tapewatch.model.venue import Names
from tests.ingest.judging import CATALOG, DEFAULTS, NOW_US, flags, judge, reasons, values

RECENT_US = NOW_US - 60_000_000
RECENT = datetime.fromtimestamp(RECENT_US // 1_000_000, UTC)
DAY_US = 86_400_000_000


def test_a_row_without_a_time_happened_when_it_was_received() -> None:
    judged = judge([{"latency_ms": 1}])

    assert values(judged, "ts") == [NOW_US]
    assert values(judged, "received_at") == [NOW_US]


@pytest.mark.parametrize(
    "time",
    [
        RECENT_US,
        RECENT.isoformat(),
        RECENT.isoformat().replace("+00:00", "Z"),
        RECENT.astimezone(timezone(timedelta(hours=5, minutes=30))).isoformat(),
        RECENT,
        np.int64(RECENT_US),
    ],
)
def test_a_time_is_microseconds_or_text_with_an_offset(time: object) -> None:
    assert values(judge([{"ts": time}]), "ts") == [RECENT_US]


def test_microseconds_and_nanoseconds_in_text_are_read_to_the_microsecond() -> None:
    assert values(judge([{"ts": "2027-01-15T07:59:00.123456789Z"}]), "ts") == [RECENT_US + 123_456]


@pytest.mark.parametrize("time", ["2027-01-15T07:59:00", "2027-01-15", datetime(2027, 1, 15, 7, 59)])  # noqa: DTZ001 - without a zone on purpose
def test_a_time_without_an_offset_refuses_the_row(time: object) -> None:
    judged = judge([{"ts": time}, {"latency_ms": 2}])

    assert reasons(judged) == [(0, None, "naive_time")]
    assert values(judged, "latency_ms") == [2.0]
    assert "write Z or +02:00" in judged.refusals[0].message


@pytest.mark.parametrize(
    ("time", "hint"),
    [
        (1_800_000_000, "size of seconds: multiply by 1,000,000"),
        (1_800_000_000.5, "size of seconds"),
        (1_800_000_000_000, "size of milliseconds: multiply by 1,000"),
        (1_800_000_000_000_000_000, "size of nanoseconds: divide by 1,000"),
        (10**30, "size of nanoseconds"),
        (0, "size of seconds"),
        (-5, "size of seconds"),
        (float("inf"), "size of nanoseconds"),
    ],
)
def test_another_unit_refuses_the_row_with_a_hint(time: object, hint: str) -> None:
    judged = judge([{"ts": time}])

    assert reasons(judged) == [(0, None, "time_unit")]
    assert hint in judged.refusals[0].message
    assert judged.batch is None


@pytest.mark.parametrize("time", ["soon", "", True, [], {}, 1.8e15, float("nan"), "2027-13-01T00:00:00Z", "23:59Z"])
def test_what_is_no_time_refuses_the_row(time: object) -> None:
    assert reasons(judge([{"ts": time}])) == [(0, None, "wrong_type")]


def test_of_another_time_column_only_the_value_is_refused() -> None:
    judged = judge([{"ts": RECENT_US, "last_message_at": 1_800_000_000, "latency_ms": 5}, {"last_message_at": RECENT_US - 9}])

    assert values(judged, "last_message_at") == [None, RECENT_US - 9]
    assert values(judged, "latency_ms") == [5.0, None]
    assert reasons(judged) == [(0, "last_message_at", "time_unit")]
    assert flags(judged)[0] == {"last_message_at": "time_unit"}


def test_a_row_from_the_future_is_stored_at_its_receipt_flagged_and_counted() -> None:
    judged = judge([{"ts": NOW_US + FUTURE_US + 1, "latency_ms": 1}, {"ts": NOW_US + FUTURE_US}])

    assert values(judged, "ts") == [NOW_US, NOW_US + FUTURE_US]
    assert flags(judged) == [{"ts": "future_time"}, None]
    assert judged.noted == {"future_time": 1}
    assert judged.refused_total == 0


def test_other_times_may_lie_in_the_future() -> None:
    next_at = NOW_US + 8 * 3_600_000_000
    judged = judge([{"venue": "okx", "symbol": "BTC/USDT:USDT", "rate": 0.0001, "next_at": next_at}], "funding_rate")

    assert values(judged, "next_at") == [next_at]


@pytest.mark.parametrize(("table", "days"), [("exchange", 7), ("daemon", 14), ("event", 365)])
def test_a_row_older_than_its_table_keeps_is_refused(table: str, days: int) -> None:
    tags = {"daemon": "d", "service": "s", "kind": "k", "severity": "info"}
    tags = {name: word for name, word in tags.items() if name in CATALOG[table].tags}
    judged = judge([{**tags, "ts": NOW_US - days * DAY_US - 1}, {**tags, "ts": NOW_US - days * DAY_US}], table)

    assert reasons(judged) == [(0, None, "too_old")]
    assert f"older than the {days} days" in judged.refusals[0].message
    assert values(judged, "ts") == [NOW_US - days * DAY_US]


def test_a_restore_may_bring_old_rows_with_their_time_of_receipt() -> None:
    old_us = NOW_US - 900 * DAY_US
    judged = judge([{"ts": old_us, "received_at": old_us + 5}, {"ts": old_us + 1}], allow_old=True)

    assert values(judged, "ts") == [old_us, old_us + 1]
    assert values(judged, "received_at") == [old_us + 5, NOW_US]


def test_a_sender_does_not_say_when_we_received() -> None:
    judged = judge([{"received_at": RECENT_US}])

    assert reasons(judged) == [(0, "received_at", "reserved_column")]
    assert values(judged, "received_at") == [NOW_US]


def test_rows_of_one_series_without_a_time_do_not_replace_each_other() -> None:
    judged = judge([{"venue": "okx"}, {"venue": "kraken"}, {"venue": "okx"}, {"ts": RECENT_US, "venue": "okx"}, {"venue": "okx"}])

    assert values(judged, "ts") == [NOW_US - 2, NOW_US, NOW_US - 1, RECENT_US, NOW_US]


def test_rows_of_one_wrong_clock_do_not_replace_each_other() -> None:
    judged = judge([{"ts": NOW_US + 10**10 + i, "latency_ms": i} for i in range(4)])

    assert values(judged, "ts") == [NOW_US - 3, NOW_US - 2, NOW_US - 1, NOW_US]
    assert values(judged, "latency_ms") == [0.0, 1.0, 2.0, 3.0]


def test_numpy_times_pass_and_not_a_time_is_missing() -> None:
    for times in (np.array([RECENT_US, -(2**63)]), np.array([RECENT_US, "NaT"], "datetime64[us]")):
        columns = {"venue": ["okx", "kraken"], "ts": times, "last_message_at": times}
        judged = validate(RawBatch("exchange", columns), CATALOG["exchange"], names=Names(), now_us=NOW_US, defaults=DEFAULTS)

        assert values(judged, "ts") == [RECENT_US, NOW_US]
        assert values(judged, "last_message_at") == [RECENT_US, None]
        assert judged.refused_total == 0
