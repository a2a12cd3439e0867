"""Numbers that grow with holes: what came twice or late is seen, what is missing is not."""

from hypothesis import given
from hypothesis import strategies as st

from tapewatch.sources.collectors.feed.growth import Growth
from tapewatch.sources.collectors.feed.sequence import RESTART_AFTER, Counts

numbers = st.lists(st.integers(1, 10**15), min_size=4, max_size=60, unique=True).map(sorted)


def run(sent: list[int]) -> Counts:
    growth = Growth()
    for number in sent:
        growth.observe(-1, number, 0.0)
    return growth.take()


@given(numbers, st.data())
def test_missing_numbers_are_no_event(sent: list[int], data: st.DataObject) -> None:
    assert run(data.draw(st.lists(st.sampled_from(sent), unique=True).map(sorted))) == Counts()


@given(numbers, st.data())
def test_one_that_comes_twice_is_one_duplicate_and_two_swapped_are_one_reorder(sent: list[int], data: st.DataObject) -> None:
    at = data.draw(st.integers(1, len(sent) - 2))
    assert run([*sent[: at + 1], *sent[at:]]) == Counts(duplicates=1)
    assert run([*sent[:at], sent[at + 1], sent[at], *sent[at + 2 :]]) == Counts(reorders=1)


def test_a_venue_that_counts_anew_is_one_restart() -> None:
    assert run([1000, 1001, *range(1, RESTART_AFTER + 5)]) == Counts(restarts=1)


def test_after_a_reconnect_any_number_is_right() -> None:
    growth = Growth()
    growth.observe(-1, 100, 0.0)
    growth.reset()
    growth.observe(-1, 5, 0.0)
    assert growth.take() == Counts()
