"""No key reaches the disk, however a venue repeats it; and what is no secret does."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tapewatch.clock import SystemClock
from tapewatch.sources.collectors.feed import FeedCollector
from tapewatch.sources.collectors.feed.recorder.discretion import of_description, of_venue
from tapewatch.sources.collectors.feed.recorder.tape import Tape
from tapewatch.sources.collectors.websocket import WebsocketCollector

START_US = 1_700_000_000_000_000
KEY = 'k3yAB/cd+EF901"xyzTT'
Use = Callable[[Tape, str], None]


def echoed(tape: Tape, key: str) -> None:
    tape.received(START_US, json.dumps({"auth": "bad key " + key}).encode())


def with_escaped_slash(tape: Tape, key: str) -> None:
    tape.received(START_US, json.dumps({"auth": "bad key " + key}).replace("/", "\\/").encode())


def all_escaped(tape: Tape, key: str) -> None:
    tape.received(START_US, ('{"auth":"' + "".join(f"\\u{ord(letter):04X}" for letter in key) + '"}').encode())


def in_an_address(tape: Tape, key: str) -> None:
    tape.received(START_US, f'{{"see":"/ws?key={quote(key, safe="")}"}}'.encode())


def in_the_reason(tape: Tape, key: str) -> None:
    tape.closed(START_US, f"the connection was closed (received 1008 (policy violation) bad key {key})")


@pytest.mark.parametrize("use", [echoed, with_escaped_slash, all_escaped, in_an_address, in_the_reason])
@pytest.mark.parametrize("channel", ["quotes", "T", "k"])
def test_a_key_is_on_no_line(tmp_path: Path, use: Use, channel: str) -> None:
    text = recorded(tmp_path, KEY, use, channel)
    for form in (KEY, json.dumps(KEY)[1:-1], json.dumps(KEY)[1:-1].replace("/", "\\/"), quote(KEY, safe=""), "\\u006B\\u0033"):
        assert form not in text
    assert "***" in text


@pytest.mark.parametrize("secret", ["tr4de!", "Pw12", "4712", 84736251, 4711, 12345678.25])
def test_a_short_secret_or_a_number_is_hidden_where_it_stands_alone(tmp_path: Path, secret: str | float) -> None:
    text = recorded(
        tmp_path, secret, lambda tape, _: tape.received(START_US, json.dumps({"a": secret, "b": 1, "p": "1847362514711"}).encode())
    )
    assert text.splitlines()[-1].endswith('{"a": "***", "b": 1, "p": "1847362514711"}')


def test_numbers_of_a_subscription_are_no_secret(tmp_path: Path) -> None:
    folder, sent = str(tmp_path), {"op": "subscribe", "args": ["quotes.BTC/USD"], "depth": 1000, "id": 1}
    collector = WebsocketCollector("polygon", "wss://h.example/ws", ("BTC/USD",), ("quotes",), send=(sent,), record_dir=folder)
    text = written(collector, lambda tape: tape.received(START_US, b'{"quantity":1000,"id":1}'), tmp_path)
    assert '{"quantity":1000,"id":1}' in text


@pytest.mark.parametrize(
    "url",
    [
        "wss://h.example/?k3ySECRET99",
        "wss://h.example/?k3ySECRET99?streams=a",
        "wss://h.example/?k3ySECRET99==",
        "wss://h.example/?a&k3ySECRET99=",
        "wss://k3ySECRET99@h.example/",
        "wss://h.example/ws/k3ySECRET99/x",
    ],
)
def test_a_key_in_an_address_is_neither_shown_nor_repeated(url: str) -> None:
    for made in (of_description(url, [], ["BTC"]), of_venue("wss://stream.binance.com:9443", url)):
        assert "k3ySECRET99" not in made.address(url)
        assert b"k3ySECRET99" not in made.received(b'{"error":"k3ySECRET99 is no key"}')


def test_a_venue_of_its_own_has_nothing_to_hide(tmp_path: Path) -> None:
    collector = FeedCollector("binance_usdm", ("BTC/USDT:USDT",), ("trade",), record_dir=str(tmp_path))
    recorder = collector.recorder("x", SystemClock())
    assert recorder is not None
    tape = recorder.tape(collector.address + "/market/stream?streams=btcusdt@aggTrade")
    recorder.start()
    tape.opened(START_US)
    tape.received(START_US, b'{"stream":"btcusdt@aggTrade"}')
    recorder.end()
    assert recorder.join(5)
    assert unpacked(tmp_path).count("btcusdt@aggTrade") == 2


def recorded(folder: Path, secret: str | float, use: Use, channel: str = "quotes") -> str:
    sent = {"action": "auth", "params": secret}
    collector = WebsocketCollector("polygon", "wss://h.example/ws", ("BTC/USD",), {"trade": channel}, send=(sent,), record_dir=str(folder))
    return written(collector, lambda tape: use(tape, str(secret)), folder)


def written(collector: WebsocketCollector, use: Callable[[Tape], None], folder: Path) -> str:
    recorder = collector.recorder("x", SystemClock())
    assert recorder is not None
    tape = recorder.tape(collector.url)
    recorder.start()
    tape.opened(START_US)
    for request in collector.description().requests:
        tape.asked(START_US, request)
    use(tape)
    recorder.end()
    assert recorder.join(5)
    return unpacked(folder)


def unpacked(folder: Path) -> str:
    return b"".join(gzip.decompress(path.read_bytes()) for path in folder.glob("*.gz")).decode()
