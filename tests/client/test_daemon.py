"""The ten fields of a daemon's status, as columns of table `daemon`."""

from datetime import UTC, datetime

from tapewatch_client import daemon_row


def test_missing_fields_stay_missing_and_unknown_ones_are_left_out() -> None:
    assert daemon_row({"running": False, "fetch_count": 0, "colour": "red"}) == {"running": False, "fetches": 0}
    assert daemon_row({}) == {}


def test_lists_are_joined_and_text_is_left_as_it_is() -> None:
    assert daemon_row({"symbols": ("A", "B"), "exchanges": "all"}) == {"symbols": "A,B", "exchanges": "all"}
    assert daemon_row({"symbols": [], "exchanges": None}) == {"symbols": "", "exchanges": None}


def test_the_time_passes_as_it_is() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    assert daemon_row({"last_fetch_time": moment}) == {"last_fetch_at": moment}
    assert daemon_row({"last_fetch_time": None}) == {"last_fetch_at": None}
