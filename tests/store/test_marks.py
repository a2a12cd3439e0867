from __future__ import annotations

from tapewatch.model.rows import BodyMark, Mark
from tapewatch.store.base import BODY_MARK_US, MARK_WINDOW
from tapewatch.store.marks import Marks


def test_each_client_has_its_own_window() -> None:
    marks = Marks([Mark("a", 10), Mark("b", MARK_WINDOW + 10)])
    assert Mark("a", 10) in marks
    assert Mark("a", 9) not in marks
    assert Mark("b", 10) in marks
    assert Mark("b", 11) not in marks
    assert Mark("c", 1) not in marks


def test_it_stays_small_and_still_knows_the_window() -> None:
    marks = Marks()
    for sequence in range(1, 5 * MARK_WINDOW):
        marks.add([Mark("a", sequence)])
    assert len(marks._known["a"]) <= 2 * MARK_WINDOW
    assert all(Mark("a", sequence) in marks for sequence in (1, MARK_WINDOW, 4 * MARK_WINDOW, 5 * MARK_WINDOW - 1))
    assert Mark("a", 5 * MARK_WINDOW) not in marks


def test_it_says_when_the_stored_ones_should_be_thinned() -> None:
    marks = Marks(Mark("a", sequence) for sequence in range(1, 2 * MARK_WINDOW + 1))
    assert not marks.outgrown()
    marks.add([Mark("a", 2 * MARK_WINDOW + 1)])
    assert marks.outgrown()
    assert marks.windows() == {"a": MARK_WINDOW + 1}
    marks.forgot()
    assert not marks.outgrown()


def test_a_body_is_known_for_a_while_even_when_the_clock_is_set_back() -> None:
    marks = Marks([BodyMark("d1", 1_000)])
    assert BodyMark("d1", 0) in marks
    assert BodyMark("d1", 999 + BODY_MARK_US) in marks
    assert BodyMark("d1", 1_000 + BODY_MARK_US) not in marks
    assert BodyMark("d2", 1_000) not in marks


def test_old_bodies_are_forgotten() -> None:
    marks = Marks([BodyMark("d1", 1_000), BodyMark("d2", 2_000)])
    assert not marks.forget_bodies(999)
    assert marks.forget_bodies(1_000)
    assert BodyMark("d1", 1_001) not in marks
    assert BodyMark("d2", 2_001) in marks
