"""How often topics are computed: fair, within the allowance, and at once for those who have nothing yet."""

import math
from dataclasses import dataclass

import pytest

from tapewatch.surfaces.web.live.pacer import BURST_S, IDLE_S, MOST_DEBT_S, MOST_SHARE, SHARE, SHARE_EACH, Pacer


@dataclass
class Thing:
    due: float = 0.0
    is_urgent: bool = False

    def due_s(self) -> float:
        return self.due


def test_nothing_to_do_is_waited_for() -> None:
    assert Pacer().next([], 5) == (None, IDLE_S)
    assert Pacer().next([Thing(math.inf)], 5)[0] is None
    assert Pacer().next([Thing(7.5), Thing(9)], 5) == (None, 2.5)


def test_what_has_been_due_longest_comes_first_and_urgent_things_before() -> None:
    old, older, urgent = Thing(2), Thing(1), Thing(3, is_urgent=True)
    assert Pacer().next([old, older], 5)[0] is older
    assert Pacer().next([old, urgent, older], 5)[0] is urgent


def test_an_urgent_thing_that_is_not_due_holds_up_nobody() -> None:
    due = Thing(2)
    assert Pacer().next([Thing(9, is_urgent=True), due], 5)[0] is due


def test_dear_things_are_computed_for_a_quarter_of_the_time() -> None:
    pacer, now_s, spent_s = Pacer(0.25), 100.0, 0.0
    thing = Thing(0)
    while now_s < 200.0:
        chosen, wait_s = pacer.next([thing], now_s)
        if chosen is None:
            now_s += wait_s
            continue
        now_s += 0.02
        spent_s += 0.02
        pacer.spent(0.02, now_s)
    assert 0.24 * 100 <= spent_s <= 0.26 * 100


@pytest.mark.parametrize(("rows_per_s", "share"), [(0, 0.1), (2_000, 0.1), (5_000, 0.07), (8_000, 0.04), (1_000_000, 0.04)])
def test_the_faster_rows_come_the_less_is_taken_from_them(rows_per_s: float, share: float) -> None:
    pacer, now_s, computed = Pacer(0.1), 100.0, 0
    while now_s < 200.0:
        chosen, wait_s = pacer.next([Thing(0)], now_s)
        if chosen is None:
            now_s += wait_s
            continue
        computed += 1
        pacer.spent(0.01, now_s, rows_per_s=rows_per_s)
    assert computed * 0.01 / 100 == pytest.approx(share, rel=0.15)


def test_an_idle_server_computes_a_whole_page_without_waiting_and_urgent_things_always() -> None:
    pacer = Pacer(0.25)
    pacer.spent(0.001, 100.0)
    now_s, computed = 200.0, 0
    while pacer.next([Thing(0)], now_s)[0] is not None:
        pacer.spent(0.01, now_s)
        computed += 1
    assert computed >= BURST_S * 0.25 / 0.01
    assert pacer.next([Thing(0, is_urgent=True)], now_s)[0] is not None


def test_things_take_turns() -> None:
    pacer, things, counts = Pacer(0.25), [Thing(0), Thing(0), Thing(0)], [0, 0, 0]
    now_s = 0.0
    for _ in range(300):
        chosen, wait_s = pacer.next(things, now_s)
        if chosen is None:
            now_s += wait_s
            continue
        cost_s = 0.03 if chosen is things[0] else 0.005
        now_s += cost_s
        pacer.spent(cost_s, now_s)
        counts[things.index(chosen)] += 1
        chosen.due = now_s + 0.05
    assert max(counts) - min(counts) <= 2


def test_what_was_dear_makes_the_others_wait_for_a_moment_only() -> None:
    pacer = Pacer(0.1)
    for _ in range(12):
        pacer.spent(0.05, 100.0)
    assert pacer.next([Thing(0)], 100.0 + MOST_DEBT_S)[0] is not None


def test_where_many_are_shown_they_may_take_more_and_never_most_of_a_core() -> None:
    def taken_s(shown: int) -> float:
        pacer, now_s, spent_s = Pacer(), 100.0, 0.0
        while now_s < 150.0:
            chosen, wait_s = pacer.next([Thing(0)], now_s)
            now_s += wait_s if chosen is None else 0.01
            if chosen is not None:
                spent_s += 0.01
                pacer.spent(0.01, now_s, shown)
        return spent_s / 50.0

    assert taken_s(10) == pytest.approx(SHARE, abs=0.01)
    assert taken_s(50) == pytest.approx(50 * SHARE_EACH, abs=0.01)
    assert taken_s(1_000) == pytest.approx(MOST_SHARE, abs=0.02)
