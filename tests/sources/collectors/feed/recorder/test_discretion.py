"""What never lands in a recording."""

import json

import pytest

from tapewatch.sources.collectors.feed.recorder.discretion import of_description, of_venue

OWN = of_venue("wss://stream.example.com:9443", "wss://stream.example.com:9443")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("wss://stream.example.com:9443/stream?streams=a@b/c@d", "wss://stream.example.com:9443/stream?streams=a@b/c@d"),
        ("wss://me:hunter2@stream.example.com/ws?listenKey=abc", "wss://stream.example.com/ws?listenKey=***"),
        ("wss://proxy.example/v1/k3y/ws?streams=a@b&x=1", "wss://proxy.example/***?streams=a@b&x=***"),
        ("wss://proxy.example/", "wss://proxy.example/"),
        ("ws://127.0.0.1:5999", "ws://127.0.0.1:5999"),
    ],
)
def test_an_address_shows_what_is_public(url: str, shown: str) -> None:
    assert OWN.address(url) == shown


def test_what_a_venue_file_asks_is_public() -> None:
    assert OWN.sent('{"op":"subscribe"}') == '{"op":"subscribe"}'
    assert OWN.received(b"{}") == b"{}"


SENT = (
    json.dumps({"op": "login", "args": [{"apiKey": "985d5b66-57ce", "passphrase": "hunter2hunter2", "sign": "7L+zFQ+CEgGu5rzCj4=="}]}),
    '{"op":"subscribe","args":["orders.BTC-USDT"]}',
    "Plain-Secret-Text",
)
DESCRIBED = of_description("wss://x.example/ws?token=abcdefgh12", SENT, ("BTC-USDT", "BTC/USDT", "orders"))


def test_nothing_that_the_settings_send_is_written() -> None:
    for message in SENT:
        assert DESCRIBED.sent(message) == f"*** ({len(message)} characters)"


def test_a_secret_that_the_venue_repeats_is_hidden_and_data_is_not() -> None:
    answer = b'{"event":"login","apiKey":"985d5b66-57ce","you said":"Plain-Secret-Text","token":"abcdefgh12"}'
    assert DESCRIBED.received(answer) == b'{"event":"login","apiKey":"***","you said":"***","token":"***"}'
    data = b'{"op":"update","arg":"orders.BTC-USDT","subscribe":1}'
    assert DESCRIBED.received(data) == data
