"""The chain of numbers: what is missing, twice or swapped, and nothing else."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.sources.collectors.feed.sequence import CONFIRM_S, HELD_MAX, RESTART_AFTER, Chain, Counts

SPACING_S = 0.1

chains = st.lists(st.integers(1, 50), min_size=4, max_size=60).map(lambda steps: [sum(steps[: index + 1]) for index in range(len(steps))])


def linked(numbers: list[int]) -> list[tuple[int, int]]:
    """Messages of a chain as (previous, own number)."""
    return [(0, numbers[0]), *pairwise(numbers)]


def gaps(count: int, *, missing: int, seconds: float = SPACING_S, **others: int) -> Counts:
    """So many gaps, which lack so many numbers together; the longest of so many seconds."""
    return Counts(gaps=count, missing=missing, longest_gap_s=pytest.approx(seconds), **others)  # pyright: ignore[reportArgumentType] - it compares as a number does


def run(messages: list[tuple[int, int]]) -> Counts:
    """Let messages arrive evenly, then wait until everything is confirmed."""
    chain = Chain()
    for index, (previous, number) in enumerate(messages):
        chain.observe(previous, number, index * SPACING_S)
    chain.confirm(len(messages) * SPACING_S + CONFIRM_S)
    return chain.take()


@given(chains)
def test_an_untouched_chain_has_no_events(numbers: list[int]) -> None:
    assert run(linked(numbers)) == Counts()


@given(chains, st.data())
def test_any_inner_messages_missing_in_a_row_are_one_gap(numbers: list[int], data: st.DataObject) -> None:
    start = data.draw(st.integers(1, len(numbers) - 2))
    stop = data.draw(st.integers(start + 1, len(numbers) - 1))
    messages = linked(numbers)
    assert run(messages[:start] + messages[stop:]) == gaps(1, missing=numbers[stop - 1] - numbers[start - 1])


@given(st.integers(4, 40), st.data())
def test_whatever_is_lost_of_a_counted_stream_is_told_by_gaps_by_messages_and_by_length(count: int, data: st.DataObject) -> None:
    lost = data.draw(st.sets(st.integers(2, count - 1)))
    chain = Chain()
    for number in range(1, count + 1):
        if number not in lost:
            chain.observe(number - 1, number, number * SPACING_S)
    chain.confirm((count + 1) * SPACING_S + CONFIRM_S)
    runs = [number for number in lost if number - 1 not in lost]
    lengths = [next(steps for steps in range(1, count) if start + steps not in lost) for start in runs]
    counts = chain.take()
    assert (counts.gaps, counts.missing) == (len(runs), len(lost))
    assert counts.longest_gap_s == (pytest.approx((max(lengths) + 1) * SPACING_S) if runs else None)
    assert (counts.duplicates, counts.reorders, counts.restarts) == (0, 0, 0)


@given(chains, st.data())
def test_two_swapped_neighbours_are_one_reorder_and_no_gap(numbers: list[int], data: st.DataObject) -> None:
    messages = linked(numbers)
    index = data.draw(st.integers(1, len(messages) - 2))
    messages[index], messages[index + 1] = messages[index + 1], messages[index]
    assert run(messages) == Counts(reorders=1)


@given(chains, st.data())
def test_a_doubled_message_is_one_duplicate_wherever_its_copy_comes(numbers: list[int], data: st.DataObject) -> None:
    messages = linked(numbers)
    index = data.draw(st.integers(0, len(messages) - 1))
    where = data.draw(st.integers(index + 1, len(messages)))
    assert run([*messages[:where], messages[index], *messages[where:]]) == Counts(duplicates=1)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=80))
def test_any_numbers_are_taken_without_an_error(messages: list[tuple[int, int]]) -> None:
    counts = run(messages)
    assert min(counts.gaps, counts.duplicates, counts.reorders, counts.restarts) >= 0


def test_two_separate_holes_are_two_gaps() -> None:
    messages = linked(list(range(1, 40)))
    assert run([message for message in messages if message[1] not in {5, 20, 21}]) == gaps(2, missing=3)


def test_a_gap_counts_only_after_the_wait() -> None:
    chain = Chain()
    for previous, number, now_s in ((0, 1, 0.0), (2, 3, 0.1), (3, 4, 0.2)):
        chain.observe(previous, number, now_s)
    chain.confirm(CONFIRM_S)
    assert chain.take() == Counts()
    chain.confirm(0.1 + CONFIRM_S)
    assert chain.take() == gaps(1, missing=1)
    assert chain.take() == Counts()


def test_a_gap_lasts_from_the_last_message_before_it_to_the_first_after_it_whenever_it_is_confirmed() -> None:
    chain = Chain()
    for number, now_s in ((1, 0.0), (2, 4.0), (7, 11.0), (8, 11.5), (9, 20.0), (12, 21.0), (13, 30.0)):
        chain.observe(number - 1, number, now_s)
    chain.confirm(40.0)
    assert chain.take() == gaps(2, missing=6, seconds=7.0)


def test_a_message_that_comes_after_its_gap_was_counted_is_a_reorder() -> None:
    chain = Chain()
    for previous, number, now_s in ((0, 1, 0.0), (2, 3, 0.1), (3, 4, CONFIRM_S + 0.2), (1, 2, CONFIRM_S + 0.3)):
        chain.observe(previous, number, now_s)
    assert chain.take() == gaps(1, missing=1, reorders=1)


def test_more_waiting_messages_than_are_held_confirm_the_gap_at_once() -> None:
    chain = Chain()
    chain.observe(0, 1, 0.0)
    for number in range(3, HELD_MAX + 4):
        chain.observe(number - 1, number, 0.0)
    assert chain.take() == gaps(1, missing=1, seconds=0.0)


def test_a_venue_that_counts_anew_is_one_restart() -> None:
    messages = [*linked(list(range(1000, 1010))), *linked(list(range(1, 30)))]
    assert run(messages) == Counts(restarts=1)


def test_after_a_reset_any_number_is_the_first() -> None:
    chain = Chain()
    chain.observe(0, 1, 0.0)
    chain.reset()
    chain.observe(500, 501, 1.0)
    chain.observe(501, 502, 1.1)
    assert chain.take() == Counts()


def test_a_message_still_missing_at_a_reset_was_a_gap() -> None:
    chain = Chain()
    chain.observe(0, 1, 0.0)
    chain.observe(2, 3, 0.1)
    chain.reset()
    assert chain.take() == gaps(1, missing=1)


def test_a_burst_of_repeated_messages_shorter_than_a_restart_is_all_duplicates() -> None:
    messages = linked(list(range(1, 50)))
    assert run([*messages, *messages[10 : 10 + RESTART_AFTER - 1]]) == Counts(duplicates=RESTART_AFTER - 1)


def test_a_message_that_nothing_has_changed_says_nothing_new_after_a_hole() -> None:
    messages = [(9, 10), (20, 20), (20, 25), (25, 25), (25, 25), *((number, number + 5) for number in range(25, 60, 5))]
    assert run(messages) == gaps(1, missing=10)


def test_a_message_that_nothing_has_changed_may_wait_for_a_swapped_one() -> None:
    assert run([(9, 10), (20, 20), (10, 20), (20, 25)]) == Counts(reorders=1)


def test_a_batch_that_overlaps_what_has_come_is_no_gap() -> None:
    assert run([(9, 10), (8, 12), (12, 13)]) == Counts(duplicates=1)
