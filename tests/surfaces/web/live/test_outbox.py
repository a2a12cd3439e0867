"""What waits for a slow client: bounded, in order, and never silently incomplete."""

import json

from hypothesis import given
from hypothesis import strategies as st

from tapewatch.surfaces.web.live.messages import FrameMessage
from tapewatch.surfaces.web.live.outbox import Outbox


def snapshot(topic: str, sequence: int, size: int = 1) -> FrameMessage:
    return FrameMessage(topic, sequence, True, "s" * size)


def delta(topic: str, sequence: int, size: int = 1) -> FrameMessage:
    return FrameMessage(topic, sequence, False, "d" * size)


def everything(outbox: Outbox) -> list[str | FrameMessage]:
    found: list[str | FrameMessage] = []
    while (item := outbox.pop()) is not None:
        found.append(item)
    return found


def test_answers_come_first_then_the_newest_tick_then_frames_in_turn() -> None:
    outbox = Outbox()
    for message in (delta("a", 1), delta("a", 2), delta("b", 1)):
        outbox.frame(message, 0)
    outbox.tick("tick 1")
    outbox.tick("tick 2")
    outbox.answer("one")
    outbox.answer("two")
    assert everything(outbox) == ["one", "two", "tick 2", delta("a", 1), delta("b", 1), delta("a", 2)]


def test_a_newer_snapshot_replaces_what_waits_of_its_topic() -> None:
    outbox = Outbox()
    for message in (snapshot("a", 1), delta("b", 1), delta("a", 2), snapshot("a", 3)):
        outbox.frame(message, 0)
    assert everything(outbox) == [delta("b", 1), snapshot("a", 3)]
    assert outbox.dropped == 0


def test_a_client_whose_snapshots_grow_old_in_the_queue_is_told() -> None:
    outbox = Outbox()
    outbox.frame(snapshot("a", 1), 0)
    outbox.frame(snapshot("a", 2), 0.9)
    assert outbox.dropped == 0
    outbox.frame(snapshot("a", 3), 1.1)
    outbox.frame(snapshot("a", 4), 1.2)
    lag, frame = everything(outbox)
    assert isinstance(lag, str)
    assert json.loads(lag) == {"op": "lag", "dropped": 2}
    assert frame == snapshot("a", 4)


def test_deltas_that_grow_old_in_the_queue_are_given_up_for_a_snapshot() -> None:
    outbox = Outbox()
    outbox.frame(delta("a", 1), 0)
    outbox.frame(delta("b", 1), 4)
    outbox.frame(delta("a", 2), 4.9)
    assert outbox.dropped == 0
    outbox.frame(delta("a", 3), 5.1)
    assert (outbox.take_lost(), outbox.dropped) == (["a"], 3)
    assert [item for item in everything(outbox) if isinstance(item, FrameMessage)] == [delta("b", 1)]


def test_beyond_the_bound_the_topic_that_waits_longest_is_given_up_as_a_whole() -> None:
    outbox = Outbox(most_waiting=3)
    for message in (delta("a", 1), delta("b", 1), delta("a", 2), delta("b", 2)):
        outbox.frame(message, 0)
    assert outbox.take_lost() == ["a"]
    outbox.frame(delta("a", 3), 0)
    lag, *frames = everything(outbox)
    assert isinstance(lag, str)
    assert json.loads(lag)["dropped"] == 3
    assert frames == [delta("b", 1), delta("b", 2)]
    outbox.frame(snapshot("a", 3), 0)
    outbox.frame(delta("a", 4), 0)
    assert outbox.take_lost() == []
    assert everything(outbox) == [snapshot("a", 3), delta("a", 4)]


def test_characters_are_bounded_too_but_one_large_frame_is_still_taken() -> None:
    outbox = Outbox(most_characters=100)
    outbox.frame(snapshot("a", 1, 500), 0)
    assert outbox.has_frames
    outbox.frame(delta("b", 1, 60), 0)
    assert outbox.take_lost() == ["a"]
    assert [item for item in everything(outbox) if isinstance(item, FrameMessage)] == [delta("b", 1, 60)]


def test_a_forgotten_topic_leaves_nothing_behind() -> None:
    outbox = Outbox(most_waiting=1)
    outbox.frame(delta("a", 1), 0)
    outbox.frame(delta("b", 1), 0)
    outbox.forget("a")
    outbox.forget("b")
    assert not outbox.has_frames
    assert outbox.take_lost() == []


FRAMES = st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(1, 60))


@given(st.lists(st.one_of(FRAMES, st.none()), max_size=120))
def test_what_a_client_receives_of_a_topic_has_no_gap_between_snapshots(steps: list[tuple[str, bool, int] | None]) -> None:
    outbox = Outbox(most_waiting=6, most_characters=150)
    newest: dict[str, int] = {}
    received: dict[str, int] = {}

    def read() -> None:
        item = outbox.pop()
        if not isinstance(item, FrameMessage):
            return
        if not item.is_snapshot:
            assert item.sequence == received[item.topic] + 1
        received[item.topic] = item.sequence

    for step in steps:
        if step is None:
            read()
            continue
        topic, wants_snapshot, size = step
        newest[topic] = newest.get(topic, 0) + 1
        is_snapshot = wants_snapshot or newest[topic] == 1
        outbox.frame((snapshot if is_snapshot else delta)(topic, newest[topic], size), 0)
        assert outbox._count <= 6
        assert outbox._characters <= 150 or outbox._count == 1
    while outbox.has_frames:
        read()
    for topic in outbox.take_lost():
        outbox.frame(snapshot(topic, newest[topic]), 0)
    while outbox.has_frames:
        read()
    assert received == newest
