"""Rows read the same whichever writer is installed, and what the fast ones refuse is still written."""

import json
from typing import Any

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch_client import json_text
from tapewatch_client.values import Layout, encode_row

WRITERS = {"standard": None, "orjson": orjson.dumps, "msgspec": msgspec.json.Encoder().encode}

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters()), st.dictionaries(st.integers(0, 9), st.integers(0, 99))
)


@pytest.fixture(params=list(WRITERS))
def writer(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(json_text, "_fast_encode", WRITERS[request.param])
    return request.param


@given(st.dictionaries(st.text(st.characters(), max_size=8), VALUES, max_size=6))
def test_all_writers_write_the_same_row(columns: dict[str, object]) -> None:
    found: list[Any] = []
    for writer in WRITERS.values():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(json_text, "_fast_encode", writer)
            layout = Layout()
            text, lost = encode_row(1_700_000_000_000_000, columns, layout)
        found.append((layout.names, json.loads(text), lost))
    assert found[0] == found[1] == found[2]


def test_half_a_surrogate_becomes_a_question_mark(writer: str) -> None:
    assert json.loads(json_text.dumps({"message": "a\ud800b"})) == {"message": "a?b"}


def test_a_key_that_is_no_text_becomes_one(writer: str) -> None:
    assert json.loads(json_text.dumps({1: 2})) == {"1": 2}


def test_what_json_cannot_hold_is_told(writer: str) -> None:
    with pytest.raises(TypeError):
        json_text.dumps({"value": object()})


def test_the_installed_writer_is_used() -> None:
    """This environment has orjson."""
    assert json_text._fast_encode is orjson.dumps
