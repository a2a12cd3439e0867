"""The queue's account: every row is in exactly one place, whatever happens in whatever order."""

import threading
import time
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tapewatch_client.control import Control
from tapewatch_client.row_queue import UNWEIGHED_ROWS, WEIGHED_TOGETHER, Row, RowQueue
from tapewatch_client.wake import Wake

LIMIT_BYTES = 100


def row(number: int, size: int) -> Row:
    return ("kpi", number, {"size": size}, None)


def size_of(row: Row) -> int:
    columns = row[2]
    assert columns is not None
    size = columns["size"]
    assert isinstance(size, int)
    return size


class Model(RuleBasedStateMachine):
    """The queue beside a list of all rows and what has become of each."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = RowQueue(LIMIT_BYTES, 10, Wake(), size_of)
        self.waiting: list[tuple[int, int]] = []
        self.taken: list[tuple[int, int]] = []
        self.written = self.delivered = self.refused = self.dropped = 0
        self.held_bytes = 0
        self.is_closed = False

    @rule(size=st.integers(1, 150))
    def put(self, size: int) -> None:
        self.queue.put(row(self.written, size))
        self.waiting.append((self.written, size))
        self.written += 1
        while self.waiting and (self.is_closed or self.held_bytes + sum(size for _, size in self.waiting) > LIMIT_BYTES):
            self.waiting.pop(0)
            self.dropped += 1

    @rule()
    def take(self) -> None:
        taken = self.queue.take()
        if not self.waiting:
            assert taken is None
            return
        number, size = self.waiting.pop(0)
        assert taken is not None
        assert taken[1] == number, "the oldest comes first"
        self.taken.append((number, size))
        self.held_bytes += size

    @rule(share=st.floats(0, 1), refused=st.booleans())
    def settle(self, share: float, *, refused: bool) -> None:
        count = round(share * len(self.taken))
        self.queue.settle(delivered=0 if refused else count, refused=count if refused else 0)
        del self.taken[:count]
        self.refused += count if refused else 0
        self.delivered += 0 if refused else count
        if not self.taken:
            self.held_bytes = 0

    @rule(size=st.integers(0, 120))
    def hold(self, size: int) -> None:
        if self.taken:
            self.queue.hold(size)
            self.held_bytes = size

    @rule()
    def close(self) -> None:
        left = len(self.waiting) + len(self.taken)
        assert self.queue.close() == left
        self.dropped += left
        self.waiting.clear()
        self.taken.clear()
        self.held_bytes = 0
        self.is_closed = True

    @invariant()
    def the_account_is_true(self) -> None:
        account = self.queue.account()
        assert (account.written, account.delivered, account.refused, account.dropped) == (
            self.written,
            self.delivered,
            self.refused,
            self.dropped,
        )
        assert (account.waiting, account.taken) == (len(self.waiting), len(self.taken))
        assert account.written == account.delivered + account.refused + account.dropped + account.waiting + account.taken
        assert account.held_bytes == self.held_bytes + sum(size for _, size in self.waiting)

    @invariant()
    def settled_means_that_no_earlier_row_is_open(self) -> None:
        """Sound always; exact while nothing is being sent (a batch answered in part counts when it is answered whole)."""
        for position in range(self.written + 1):
            is_open = any(number < position for number, _ in [*self.waiting, *self.taken])
            is_settled = self.queue.is_settled(position)
            assert not (is_settled and is_open)
            assert is_settled or is_open or self.taken


TestModel: Any = Model.TestCase
TestModel.settings = settings(max_examples=40, stateful_step_count=40)


def test_an_idle_taker_is_woken_once_when_a_batch_is_full() -> None:
    wake = Wake()
    queue = RowQueue(10_000, 3, wake, size_of)
    queue.is_taker_idle = True
    for number in range(2):
        queue.put(row(number, 1))
    assert not wake.wait(0)
    for number in range(5):
        queue.put(row(number, 1))
    assert wake.wait(0)
    assert not wake.wait(0)


@pytest.mark.parametrize(
    "waits", [lambda control: control.back_off(20, is_firm=True), lambda control: control.idle(20)], ids=["away", "idle"]
)
def test_a_taker_that_waits_weighs_the_rows_so_that_callers_need_not(waits: Any) -> None:
    wake = Wake()
    weighed: list[str] = []

    def weigh(row: Row) -> int:
        weighed.append(threading.current_thread().name)
        return size_of(row)

    queue = RowQueue(1_000, 1_000_000, wake, weigh)
    control = Control(queue, wake)
    taker = threading.Thread(target=waits, args=(control,), name="taker")
    taker.start()
    end_s = time.monotonic() + 10
    for count in range(1, 6):
        while not queue.is_taker_waiting:
            assert time.monotonic() < end_s
            time.sleep(0.001)
        for number in range(WEIGHED_TOGETHER):
            queue.put(row(number, 1))
        while len(weighed) < count * WEIGHED_TOGETHER:
            assert time.monotonic() < end_s
            time.sleep(0.001)
    assert taker.is_alive(), "to weigh is no reason to send"
    assert set(weighed) == {"taker"}
    control.stop(0)
    taker.join()
    assert len(weighed) == 5 * WEIGHED_TOGETHER


def test_memory_is_bounded_while_nobody_takes_or_looks() -> None:
    queue = RowQueue(10_000, 1_000_000, Wake(), size_of)
    for number in range(5_000):
        queue.put(row(number, 100))
        assert len(queue) < 10_000 // 100 + UNWEIGHED_ROWS
    assert queue.account().held_bytes <= 10_000


def test_a_value_that_has_no_size_is_taken_and_one_that_writes_when_asked_does_no_harm() -> None:
    queue = RowQueue(10_000_000, 1_000_000, Wake())

    class Odd:
        def __sizeof__(self) -> int:
            queue.put(("kpi", 1, {}, None))
            raise ValueError

    queue.put(("kpi", 0, {"value": Odd()}, None))
    for _ in range(UNWEIGHED_ROWS):
        queue.put(("kpi", 2, {}, None))
    account = queue.account()
    assert account.written == account.waiting == UNWEIGHED_ROWS + 2
    assert [taken[1] for taken in iter(queue.take, None)].count(1) == 1
    assert queue.account().held_bytes > 0
