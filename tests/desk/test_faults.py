import pytest

from tapewatch.desk.faults import Active, Delay, Disconnect, Duplicate, Freeze, Gap, Script, Skew, Swap
from tapewatch.desk.stream import Stream

BTC = Stream("BTC", "book-10")
ETH = Stream("ETH", "book-10")


def test_lasting_faults_begin_and_end_in_time() -> None:
    active = Active(
        Script((Disconnect(10, "v", 5), Freeze(20, "v", "BTC", "book", 5), Skew(30, "v", 250, 5), Disconnect(10, "w", 99))), "v"
    )
    seen: dict[int, tuple[bool, bool, float]] = {}
    for second in range(40):
        active.update(second)
        seen[second] = (active.is_disconnected, active.is_frozen(BTC), active.skew_ms)
    assert [second for second, state in seen.items() if state[0]] == list(range(10, 15))
    assert [second for second, state in seen.items() if state[1]] == list(range(20, 25))
    assert [second for second, state in seen.items() if state[2]] == list(range(30, 35))
    assert not active.is_frozen(ETH)


def test_a_backlog_decays_to_nothing() -> None:
    active = Active(Script((Delay(10, "v", peak_s=4, for_s=16),)), "v")
    active.update(10)
    assert [active.delay_s(at_s) for at_s in (10, 14, 22, 26, 30)] == [4, 3, 1, 0, 0]


def passed(*faults: Gap | Duplicate | Swap, messages: str = "abcdef") -> str:
    active = Active(Script(faults), "v")
    active.update(1)
    return "".join(text for message in messages for text in active.passed(BTC, message))


@pytest.mark.parametrize(
    ("fault", "arriving"),
    [
        (Gap(1, "v", "BTC", "book"), "bcdef"),
        (Gap(1, "v", "BTC", "book-10", count=3), "def"),
        (Duplicate(1, "v", "BTC", "book", count=2), "aabbcdef"),
        (Swap(1, "v", "BTC", "book"), "bacdef"),
        (Swap(1, "v", "BTC", "book", count=2), "badcef"),
        (Gap(1, "v", "ETH", "book"), "abcdef"),
        (Gap(1, "v", "BTC", "trade"), "abcdef"),
        (Gap(2, "v", "BTC", "book"), "abcdef"),
        (Gap(1, "w", "BTC", "book"), "abcdef"),
    ],
)
def test_counted_faults_touch_the_next_messages_of_their_stream(fault: Gap | Duplicate | Swap, arriving: str) -> None:
    assert passed(fault) == arriving


def test_faults_of_one_stream_follow_each_other() -> None:
    assert passed(Gap(1, "v", "BTC", "book"), Swap(1, "v", "BTC", "book")) == "cbdef"


def test_a_script_repeats_with_jitter_that_is_seeded() -> None:
    script = Script((Disconnect(1, "v", 1),), (Disconnect(30, "v", 1), Skew(60, "w", 5, 1)), period_s=100, jitter_s=10, seed=3)
    periods = script.periods()
    assert next(periods) == (Disconnect(1, "v", 1),)
    later = [next(periods) for _ in range(20)]
    starts = [[fault.at_s - 100 * number for fault in period] for number, period in enumerate(later, start=1)]
    assert all(20 <= first <= 40 and 50 <= second <= 70 for first, second in starts)
    assert len({first for first, _ in starts}) == 20
    again = script.periods()
    assert [next(again) for _ in range(21)][1:] == later


def test_a_venue_without_faults_of_its_own_waits_for_nothing() -> None:
    active = Active(Script((Disconnect(1, "v", 1),), (Disconnect(1, "v", 1),), period_s=10), "other")
    active.update(1e6)
    assert not active.is_disconnected


def test_a_repeated_fault_comes_back_in_every_period() -> None:
    active = Active(Script((), (Disconnect(5, "v", 2),), period_s=10), "v")
    down = []
    for second in range(60):
        active.update(second)
        if active.is_disconnected:
            down.append(second)
    assert down == [15, 16, 25, 26, 35, 36, 45, 46, 55, 56]
