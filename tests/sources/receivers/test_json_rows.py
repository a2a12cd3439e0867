"""Bodies of POST /api/rows: three forms, and everything that is none of them."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapewatch.errors import SourceError
from tapewatch.model.rows import Mark
from tapewatch.sources.base import Received
from tapewatch.sources.receivers.json_rows import MOST_COLUMNS, MOST_UNREADABLE, JsonRows

ROW = {"venue": "okx", "latency_ms": 1.5}


def receive(body: object, content_type: str = "application/json", **query: str) -> Received:
    data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return JsonRows().receive(data, content_type, query, {})


def lines(body: str, **query: str) -> Received:
    return receive(body, "application/x-ndjson; charset=utf-8", **query)


def told(received: Received) -> list[tuple[str, int, str | None, str]]:
    return [(refusal.table, refusal.row, refusal.column, refusal.reason) for refusal in received.refusals]


def test_rows_of_one_table() -> None:
    received = receive({"table": "exchange", "rows": [ROW, {"venue": "kraken", "connected": True}]})
    (batch,) = received.delivery.batches

    assert (batch.table, batch.period_s, batch.positions) == ("exchange", None, None)
    assert batch.rows() == [ROW, {"venue": "kraken", "connected": True}]
    assert (received.delivery.source, received.delivery.env, received.delivery.host, received.delivery.mark) == ("http", "live", None, None)


def test_what_stands_beside_the_rows() -> None:
    body = {
        "source": "bot",
        "env": "paper",
        "host": "h1",
        "client": "c-1",
        "sequence": 7,
        "table": "exchange",
        "period_s": 5,
        "rows": [ROW],
    }
    delivery = receive(body).delivery

    assert (delivery.source, delivery.env, delivery.host, delivery.mark) == ("bot", "paper", "h1", Mark("c-1", 7))
    assert delivery.batches[0].period_s == 5.0


def test_batches_of_several_tables() -> None:
    body = {
        "client": "c",
        "sequence": 12,
        "source": "bot",
        "batches": [
            {"table": "exchange", "period_s": 5, "rows": [ROW]},
            {"table": "daemon", "rows": [{"daemon": "d"}]},
            {"table": "x", "rows": []},
        ],
    }
    delivery = receive(body).delivery

    assert [(batch.table, batch.period_s, batch.count) for batch in delivery.batches] == [("exchange", 5.0, 1), ("daemon", None, 1)]
    assert delivery.mark == Mark("c", 12)


def test_rows_as_lists_below_their_names() -> None:
    rows = [["okx", 1.5], ["kraken"], [None, 2.5]]
    received = receive({"table": "exchange", "period_s": 5, "columns": ["venue", "latency_ms"], "rows": rows})
    (batch,) = received.delivery.batches

    assert (batch.table, batch.period_s, batch.positions, received.refusals) == ("exchange", 5.0, None, ())
    assert batch.columns == {"venue": ["okx", "kraken", None], "latency_ms": [1.5, None, 2.5]}


def test_rows_that_are_no_lists_of_values_are_told_and_the_others_keep_their_places() -> None:
    rows = [["okx"], 5, {"venue": "okx"}, [], ["okx", 1.5, 2], ["kraken", 2.5]]
    received = receive({"batches": [{"table": "exchange", "columns": ["venue", "latency_ms"], "rows": rows}]})

    assert told(received) == [("exchange", i, None, "not_a_list") for i in (1, 2, 3, 4)]
    assert received.delivery.batches[0].positions == [0, 5]
    assert received.refusals[3].message == "A row below columns is a list of 1 to 2 values, not a list of 3."


@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9) | st.text(max_size=3), min_size=1), min_size=1))
def test_lists_and_objects_say_the_same(rows: list[dict[str, object]]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lists = [[row.get(name) for name in names] for row in rows]
    as_lists = receive({"table": "exchange", "columns": names, "rows": lists}).delivery
    as_objects = receive({"table": "exchange", "rows": rows}).delivery

    assert as_lists == as_objects


def test_the_address_may_name_the_sender_and_the_body_wins() -> None:
    body = {"source": "bot", "table": "exchange", "rows": [ROW]}
    delivery = receive(body, source="other", env="paper", host="h9", sequence="1").delivery

    assert (delivery.source, delivery.env, delivery.host, delivery.mark) == ("bot", "paper", "h9", None)


def test_one_row_a_line_keeps_the_line_numbers_over_tables() -> None:
    received = lines(
        '{"table": "exchange", "venue": "okx"}\n\n{"table": "daemon", "daemon": "d"}\r\n{"table": "exchange", "venue": "kraken"}\n',
        source="bot",
        env="paper",
        period_s="5",
        client="c",
        sequence="3",
    )

    assert [(batch.table, batch.rows(), batch.positions) for batch in received.delivery.batches] == [
        ("exchange", [{"venue": "okx"}, {"venue": "kraken"}], [0, 3]),
        ("daemon", [{"daemon": "d"}], [2]),
    ]
    assert (received.delivery.source, received.delivery.env, received.delivery.mark) == ("bot", "paper", Mark("c", 3))
    assert {batch.period_s for batch in received.delivery.batches} == {5.0}


def test_bad_lines_are_told_and_good_ones_kept() -> None:
    received = lines('{"table": "exchange", "venue": "okx"}\n{oops\n[1]\n{"venue": "okx"}\n{"table": 5}\n{"table": "exchange"}\n7')

    assert [batch.positions for batch in received.delivery.batches] == [[0]]
    assert told(received) == [
        ("", 1, None, "bad_json"),
        ("", 2, None, "not_an_object"),
        ("", 3, None, "missing_table"),
        ("", 4, None, "missing_table"),
        ("", 6, None, "not_an_object"),
        ("exchange", 5, None, "not_an_object"),
    ]
    assert "Line 1: no JSON: Expecting property name" in received.refusals[0].message


def test_rows_that_are_no_objects_are_told_and_the_others_keep_their_places() -> None:
    received = receive({"table": "exchange", "rows": [ROW, 5, None, {}, [ROW], ROW]})

    assert told(received) == [("exchange", i, None, "not_an_object") for i in (1, 2, 3, 4)]
    assert received.delivery.batches[0].positions == [0, 5]
    assert "not a list of 1" in received.refusals[3].message


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ("venue", "the body: columns is a text, not a list of names"),
        (["venue", 5], "the body: columns is a list of 2, not a list of names"),
        ([], "the body: columns has 0 names; 1 to 512 may stand there"),
        ([f"c{i}" for i in range(MOST_COLUMNS + 1)], "the body: columns has 513 names; 1 to 512 may stand there"),
        (["venue", "a", "venue"], "the body: columns: 'venue' stands twice"),
        (None, "the body: columns is null, not a list of names"),
    ],
)
def test_names_that_are_none_refuse_the_body(columns: object, why: str) -> None:
    with pytest.raises(SourceError) as refused:
        receive({"table": "exchange", "columns": columns, "rows": [["okx"]]})
    assert str(refused.value) == why


def test_numbers_that_json_has_not_are_read() -> None:
    received = receive('{"table": "exchange", "rows": [{"venue": "okx", "latency_ms": NaN}, {"venue": "okx", "latency_ms": -Infinity}]}')

    assert str(received.delivery.batches[0].columns["latency_ms"]) == "[nan, -inf]"


@pytest.mark.parametrize("space", ["", " "])
@pytest.mark.parametrize("as_lines", [False, True])
def test_a_name_that_stands_twice_is_told(*, space: str, as_lines: bool) -> None:
    row = f'"venue"{space}:{space}"okx","latency_ms":1,"latency_ms":2'
    received = lines('{"table":"exchange",' + row + "}") if as_lines else receive('{"table":"exchange","rows":[{' + row + "}]}")

    assert told(received) == [("exchange", 0, "latency_ms", "duplicate_name")]
    assert received.refusals[0].value == "1"
    assert received.delivery.batches[0].columns["latency_ms"] == [2]


def test_a_text_that_looks_like_a_name_is_no_double() -> None:
    row = {"venue": "okx", "message": 'say "venue": twice', "payload": {"a": {"b": 1}}, "end\\": 1}

    assert receive({"table": "exchange", "rows": [row]}).refusals == ()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no JSON"),
        (b"{", "line 1, column 2"),
        (b"\xff\xfe{}", "byte 0 is not UTF-8"),
        (b"[" * 200_000, "can"),
        (b"1" * 5000, "no JSON that can be read"),
        ([ROW], "the body is a list of 1, not .* application/x-ndjson"),
        ("null", "the body is null"),
        ({}, "table is null"),
        ({"table": "exchange"}, "rows is null, not a list"),
        ({"table": 5, "rows": []}, "table is a number"),
        ({"table": "exchange", "rows": {"a": 1}}, "rows is an object with a, not a list"),
        ({"table": "exchange", "rows": [], "envv": "paper"}, "no 'envv' beside the rows; allowed are client"),
        ({"batches": 5}, "batches is a number"),
        ({"batches": [5]}, r"batches\[0\] is a number"),
        ({"batches": [{"table": "exchange", "rows": [], "env": "x"}]}, r"batches\[0\]: there is no 'env'"),
        ({"batches": [{"table": "a", "rows": []}, {"rows": []}]}, r"batches\[1\]: table is null"),
        ({"table": "exchange", "rows": [], "period_s": 0}, "period_s is a number, not a number of seconds above 0"),
        ({"table": "exchange", "rows": [], "period_s": True}, "period_s is true or false"),
        ({"table": "exchange", "rows": [], "source": 5}, "source is a number, not a text"),
        ({"table": "exchange", "rows": [], "client": "c"}, "sequence is null; it goes with client"),
        ({"table": "exchange", "rows": [], "sequence": 1}, "client is null; it goes with sequence"),
        ({"table": "exchange", "rows": [], "client": "c", "sequence": 0}, "sequence is a number"),
        ({"table": "exchange", "rows": [], "client": "c", "sequence": True}, "sequence is true"),
        ({"table": "exchange", "rows": [], "client": "c\n", "sequence": 1}, "client is a text"),
        ({"table": "exchange", "rows": [], "client": "c" * 129, "sequence": 1}, "1 to 128 characters"),
        ('{"table":"exchange","table":"daemon","rows":[]}', "'table' stands twice"),
        ({"table": "exchange", "rows": [{f"k{i}": 1} for i in range(MOST_COLUMNS + 1)]}, "more than 512 different columns"),
        ({"table": "exchange", "rows": [5] * (MOST_UNREADABLE + 1)}, "more than 1000 rows cannot be read"),
    ],
)
def test_a_body_that_is_none_is_refused_with_the_place(body: Any, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        receive(body)
    assert caught.value.permanent


def test_half_surrogates_do_not_reach_the_answer() -> None:
    received = receive(b'{"table": "\\ud800", "rows": [5, {"a\\ud801": 1, "a\\ud801": 2}]}')

    for refusal in received.refusals:
        f"{refusal.table}{refusal.column}{refusal.value}{refusal.message}".encode()
    with pytest.raises(SourceError) as caught:
        receive(b'{"table": "x", "rows": [], "\\ud800": 1}')
    str(caught.value).encode()


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.sampled_from(["", "application/json", "application/x-ndjson"]))
def test_any_bytes_are_rows_or_one_clear_error(body: bytes, content_type: str) -> None:
    with contextlib.suppress(SourceError):
        assert isinstance(receive(body, content_type), Received)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["table", "rows", "batches", "a", "source", '":']), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_document_is_rows_or_one_clear_error(document: Any) -> None:
    with contextlib.suppress(SourceError):
        assert isinstance(receive(document), Received)


@given(
    st.lists(
        st.dictionaries(
            st.text(max_size=4), st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=4), min_size=1
        ),
        max_size=6,
    )
)
def test_rows_come_out_as_they_went_in(rows: list[dict[str, Any]]) -> None:
    received = receive({"table": "t", "rows": rows})

    assert received.refusals == ()
    found = [row for batch in received.delivery.batches for row in batch.rows()]
    assert found == [{name: value for name, value in row.items() if value is not None} for row in rows]
