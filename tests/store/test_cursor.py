from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.errors import QueryError
from tapewatch.store.cursor import Position

VALUES = st.tuples(st.integers(-(2**62), 2**62), st.none() | st.text() | st.integers(0, 2**62))


@given(VALUES)
def test_what_was_written_is_read_again_and_fits_an_address(values: tuple[int, str | int | None]) -> None:
    word = Position(values).encode()
    assert re.fullmatch(r"[A-Za-z0-9_-]+", word)
    assert Position.decode(word, 2) == Position(values)
    assert Position.decode(word, 2).ts == values[0]


@given(st.text())
def test_no_word_does_more_than_be_refused(word: str) -> None:
    try:
        Position.decode(word, 2)
    except QueryError as problem:
        assert "take it from the page before" in str(problem)  # noqa: PT017 - most words are refused, one may be a cursor


@pytest.mark.parametrize("values", [(1,), (1, 2, 3), ("a", 1), (None, 1), (True, 1), (1.5, 1), (1, True)])
def test_a_cursor_of_another_shape_is_refused(values: tuple[int, ...]) -> None:
    with pytest.raises(QueryError, match="not a cursor of this table"):
        Position.decode(Position(values).encode(), 2)
