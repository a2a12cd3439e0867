"""New books are asked for soon, and less and less often; never more often than the venue allows an hour."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.feed.resync import GOOD_S, HOUR_S, WAIT_MAX_S, WAIT_S, Budget, Resync


def asked(breaks_s: list[float], *, comes: bool = True) -> list[float]:
    """When a book that breaks at these moments is asked for, if a snapshot comes at once or never."""
    resync, found = Resync(), list[float]()
    for second in range(round(max(breaks_s)) + 1):
        if second in breaks_s:
            resync.want(second)
        if resync.is_due(second):
            resync.ask(second)
            found.append(second)
            if comes:
                resync.settle()
    return found


def test_the_first_is_asked_for_at_once_and_a_book_that_was_good_for_long_again_at_once() -> None:
    assert asked([3.0, 3.0 + GOOD_S]) == [3.0, 3.0 + GOOD_S]


@pytest.mark.parametrize("comes", [False, True])
def test_the_wait_grows_whether_a_snapshot_comes_or_not(*, comes: bool) -> None:
    found = asked([float(second) for second in range(0, 400, 1)], comes=comes)
    waits = [later - earlier for earlier, later in pairwise(found)]
    assert waits[:5] == [WAIT_S, 2 * WAIT_S, 4 * WAIT_S, 8 * WAIT_S, WAIT_MAX_S]
    assert set(waits[5:]) == {WAIT_MAX_S}


def test_what_is_settled_is_not_asked_for() -> None:
    resync = Resync()
    resync.want(2.0)
    assert resync.is_wanted
    resync.settle()
    assert not resync.is_wanted
    assert not resync.is_due(100.0)


@given(st.lists(st.floats(0, 300), min_size=1, max_size=100), st.integers(1, 20))
def test_no_hour_holds_more_than_its_budget(steps_s: list[float], per_hour: int) -> None:
    budget, sent_s, now_s = Budget(per_hour), list[float](), 0.0
    for step_s in steps_s:
        now_s += step_s
        if budget.allows(1, now_s):
            budget.spend(now_s)
            sent_s.append(now_s)
    for start_s in sent_s:
        assert sum(start_s <= at_s < start_s + HOUR_S for at_s in sent_s) <= per_hour


def test_without_a_limit_anything_is_allowed() -> None:
    budget = Budget(None)
    for _ in range(1000):
        budget.spend(0.0)
    assert budget.allows(1000, 0.0)


def test_three_books_that_lose_an_update_every_ten_seconds_stay_within_the_hour_of_their_venue() -> None:
    measure = FeedCollector("okx", ("BTC/USDT", "ETH/USDT", "SOL/USDT"), ("book",)).open_measure(0, 0.0)
    (link,) = measure.links
    link.up(0.0)
    numbers = dict.fromkeys(link.streams, 100)
    sent = 0

    def tell(key: tuple[str, str], action: str, *, lost: bool = False) -> None:
        previous, numbers[key] = numbers[key] + lost, numbers[key] + lost + 1
        item = {"asks": [["2", "1"]], "bids": [["1", "1"]], "ts": "1", "seqId": numbers[key], "prevSeqId": previous}
        message = {"arg": {"channel": "books", "instId": key[1]}, "action": action, "data": [item]}
        link.observe(json.dumps(message).encode(), now_s * 1_000_000, float(now_s))

    for now_s in range(3600):
        for key, stream in link.streams.items():
            tell(key, "update" if now_s else "snapshot", lost=now_s % 10 == 9)
            stream.confirm(float(now_s))
            if stream.wants_resync(float(now_s)):
                sent += len(measure.venue.resync(stream.subscription))
                tell(key, "snapshot")
    assert measure.venue.limits.asks_per_hour == 480
    assert 100 < sent <= 480
