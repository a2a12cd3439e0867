"""Streams on a terminal of any size, and what is said when they are not of now."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.commands.feeds import exit_code
from tapewatch.surfaces.terminal.board import View, board
from tapewatch.surfaces.terminal.streams import Stream, Streams

NOW_US = 1_700_000_000_000_000
AWAY = "http://desk:4780 does not answer: Connection refused"


def stream(status: str, verdict: str, number: int = 1, **changed: object) -> Stream:
    key = {"venue": "kraken", "symbol": f"C{number}/USD", "channel": "book", "env": "live", "host": "h1"}
    told: dict[str, object] = {
        "key": key,
        "status": status,
        "verdict": verdict,
        "evidence": f"why {number} is {verdict}, at some length so that it must be cut",
        "reported_us": NOW_US - 3_000_000,
        "message_us": NOW_US - 3_500_000,
        "rate": 5.25,
        "gaps": 2,
        "p50_ms": 12.345,
        "p99_ms": 210.0,
    }
    return Stream(**(told | changed))  # pyright: ignore[reportArgumentType] - each has its type


BAD, LATE, FRESH = stream("down", "dead", 1), stream("degraded", "late", 2), stream("up", "fresh", 3)


def view(*streams: Stream, since_s: float = 0.0, away: str = "", trouble: str = "", only_wrong: bool = False) -> View:
    return View(Streams(streams, NOW_US, trouble), "http://desk:4780", since_s, away, only_wrong)


def lines(shown: View, width: int = 200, most: int | None = None) -> list[str]:
    return [line.rstrip() for line in board(shown, width, most).plain.split("\n")]


def test_each_stream_is_a_line_with_what_is_known_of_it() -> None:
    head, names, bad, *_ = lines(view(BAD, FRESH))
    assert head == "2 streams: 1 down, 1 up · 22:13:20 UTC · gaps and latency of 5min"
    assert names.split() == ["venue", "symbol", "channel", "verdict", "age", "msg/s", "gaps", "p50", "ms", "p99", "ms", "evidence"]
    assert re.split(r"\s{2,}", bad) == ["kraken", "C1/USD", "book", "dead", "3 s", "5.2", "2", "12.3", "210.0", BAD.evidence]


def test_retired_streams_are_counted() -> None:
    some = View(Streams([FRESH], NOW_US, retired=2), "http://desk:4780")
    assert lines(some)[0].startswith("1 streams: 1 up, 2 more retired · ")
    assert (some.worst, some.as_json()["retired"]) == ("up", 2)


def test_the_age_counts_on() -> None:
    assert "  10 s  " in lines(view(BAD, since_s=7.0))[2]


def test_what_is_unknown_is_a_dash() -> None:
    unknown = stream("unknown", "unknown", message_us=None, rate=None, gaps=None, p50_ms=None, p99_ms=None)
    assert lines(view(unknown))[2].split()[4:9] == ["–"] * 5


def test_the_last_state_never_passes_for_now() -> None:
    shown = lines(view(BAD, FRESH, since_s=30.0, away=AWAY))
    assert shown[0] == AWAY
    assert shown[1] == "what stands below is of 22:13:20 UTC, 30 s ago"
    assert all(re.split(r"\s{2,}", line)[3] == "not known" for line in shown[3:])
    assert all(re.split(r"\s{2,}", line)[-1].startswith("then: why") for line in shown[3:])
    assert lines(view(FRESH, trouble="the store is away"))[0] == "not of now: the store is away"


def test_a_host_without_a_good_clock_marks_its_latencies() -> None:
    told = View(Streams((FRESH,), NOW_US, unsynchronised=("h1",)), "http://desk:4780")
    assert lines(told)[0] == "the clock of h1 is not synchronised: latencies are marked by ?"
    assert "12.3 ?  210.0 ?" in lines(told)[3]


def test_without_streams_it_says_so() -> None:
    assert lines(view()) == ["no stream is measured, or none that was asked for"]
    assert lines(View(None, "http://desk:4780")) == ["http://desk:4780 is being asked"]


@given(st.integers(20, 250), st.integers(4, 60), st.integers(1, 80))
def test_it_fits_any_terminal_and_counts_what_it_leaves_out(width: int, most: int, count: int) -> None:
    streams = [stream("down" if number % 2 else "up", "dead", number) for number in range(count)]
    shown = lines(view(*streams), width, most)
    assert len(shown) <= max(most, 5)
    if width >= 60:  # the names of the stream and its verdict and age
        assert max(map(len, shown)) <= width
    told = sum(line.startswith("kraken") for line in shown)
    left = [int(line.split()[0]) for line in shown if line.endswith("none of them worse")]
    assert told + sum(left) == count
    assert told >= 1


def test_a_narrow_terminal_has_the_evidence_of_what_is_not_up_below() -> None:
    shown = lines(view(BAD, FRESH), 70)
    assert shown[3].startswith("  why 1 is dead")
    assert not any("why 3" in line for line in shown)


@pytest.mark.parametrize(
    ("shown", "code"),
    [
        (view(FRESH), 0),
        (view(LATE, FRESH), 1),
        (view(BAD, FRESH), 1),
        (view(stream("unknown", "unknown"), FRESH), 3),
        (view(), 3),
        (view(FRESH, away=AWAY), 3),
        (view(BAD, away=AWAY), 3),
        (view(FRESH, trouble="the store is away"), 3),
        (View(None, "http://desk:4780"), 3),
        (view(BAD, FRESH, only_wrong=True), 1),
    ],
)
def test_the_exit_code_is_0_only_when_everything_is_known_to_be_up(shown: View, code: int) -> None:
    assert exit_code(shown) == code


def test_json_has_no_stream_of_the_past() -> None:
    assert view(BAD, FRESH, away=AWAY).as_json() == {
        "server": "http://desk:4780",
        "as_of": None,
        "worst": "unknown",
        "known_for": "30d",
        "retired": 0,
        "truncated": False,
        "trouble": AWAY,
        "unsynchronised": [],
        "streams": [],
    }
    told = view(BAD, FRESH, only_wrong=True).as_json()
    (only,) = told["streams"]
    assert (told["as_of"], only["verdict"], only["last_message_at"]) == (
        "2023-11-14T22:13:20.000000Z",
        "dead",
        "2023-11-14T22:13:16.500000Z",
    )


def test_an_answer_that_was_cut_says_so_and_is_not_all_well() -> None:
    cut = View(Streams([FRESH], NOW_US, is_cut=True), "http://desk:4780")
    assert lines(cut)[0] == "only 1 streams: there are more, which may be worse; choose with --venue, --symbol or --channel"
    assert (cut.worst, exit_code(cut), cut.as_json()["truncated"]) == ("unknown", 3, True)
    assert View(Streams([BAD], NOW_US, is_cut=True), "http://desk:4780").worst == "down"
