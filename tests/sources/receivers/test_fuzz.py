"""Whatever arrives: no receiver crashes, hangs, or makes rows of what was not sent."""

import time
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapewatch.errors import SourceError
from tapewatch.model.rows import RawBatch
from tapewatch.sources.base import Receiver
from tapewatch.sources.receivers import RECEIVERS
from tests.sources.receivers.line_protocol.bodies import bodies as line_bodies

LONGEST_S = 5.0
"""A body of a few hundred bytes that takes longer has found something that grows out of bounds."""

GOOD: tuple[bytes, ...] = (
    b'{"client": "a", "sequence": 1, "batches": [{"table": "exchange", "rows": [{"venue": "okx", "latency_ms": 1.5}, {"venue": "x"}]}]}',
    b'{"table": "exchange", "rows": [{"venue": "kraken", "connected": true}]}\n{"table": "note", "a": [1, {"b": NaN}]}\n',
    b'exchange,venue=kraken,host=h\\ 1 latency_ms=12.5,reconnects=3i,connected=t,note="a \\"b\\", c=d" 1700000000000000000\n' * 3,
    b"exchange,venue=okx latency_ms==\x10\x00\x00\x00\x00\x00\x00\x28\x40,a==\x0e\x0a\x01\x01\x00\x00\x00ABCDEFGH 1700000000000000t\n",
    b'{"table": "exchange", "columns": ["venue", "connected", "note"], "rows": [["kraken", true], ["okx", null, {"a": [1]}]]}',
    b"backup of 12 tables done",
)

MOST_ROWS: Mapping[str, Callable[[bytes], int]] = {
    "json_rows": lambda body: body.count(b"{") + body.count(b"["),
    "ping": lambda _: 1,
    "questdb_lines": lambda body: body.count(b"\n") + 1,
    "influx_lines": lambda body: body.count(b"\n") + 1,
}
"""How many rows a body can hold at most; for a receiver that is not listed, one for each byte."""


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good body with bytes cut out, put in, doubled or changed."""
    body = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(body)))
        end = draw(st.integers(at, min(at + 12, len(body))))
        body[at:end] = draw(
            st.one_of(st.binary(max_size=4), st.just(bytes(body[at:end] * 2)), st.sampled_from([b"\n", b'"', b"\\", b"{", b" ", b"="]))
        )
    return bytes(body)


anything = st.one_of(st.binary(max_size=200), damaged(), line_bodies)


def words(batch: RawBatch) -> set[str]:
    """Names and texts that a batch says were sent."""
    said = {batch.table, *batch.columns}
    for row in batch.rows():
        said.update(value for value in row.values() if isinstance(value, str))
    return said


@pytest.mark.parametrize("receiver", RECEIVERS, ids=lambda receiver: receiver.name)
@settings(max_examples=150)
@given(body=anything, content_type=st.sampled_from(["application/json", "application/x-ndjson", "text/plain", ""]))
def test_it_answers_with_what_was_sent_or_says_why_not(receiver: Receiver, body: bytes, content_type: str) -> None:
    path = {name: "x" for name in ("check",) if any(f"{{{name}}}" in address for address in receiver.paths)}
    began_s = time.monotonic()
    refused: SourceError | None = None
    received = None
    try:
        received = receiver.receive(body, content_type, {}, path)
    except SourceError as error:
        refused = error
    assert time.monotonic() - began_s < LONGEST_S
    if received is None:
        assert refused is not None
        assert refused.permanent
        return
    most = MOST_ROWS.get(receiver.name, lambda sent: len(sent) + 1)(body)
    count = sum(batch.count for batch in received.delivery.batches)
    assert count <= most
    assert all(len(values) == batch.count for batch in received.delivery.batches for values in batch.columns.values())
    assert all(0 <= refusal.row <= len(body) for refusal in received.refusals)


@settings(max_examples=300)
@given(body=anything, receiver=st.sampled_from([receiver for receiver in RECEIVERS if receiver.name.endswith("_lines")]))
def test_every_word_of_a_line_stood_in_the_body(body: bytes, receiver: Receiver) -> None:
    try:
        received = receiver.receive(body, "", {}, {})
    except SourceError:
        return
    sent = body.replace(b"\\", b"")
    for batch in received.delivery.batches:
        for word in words(batch) - {"ts"}:
            assert word.replace("\\", "").encode() in sent
