"""Each system's answer as it really comes, and answers that are nearly it."""

import tomllib
from pathlib import Path

import pytest

from tapewatch.settings import parse
from tapewatch.sources.collectors import collector_from_settings
from tapewatch.sources.nearby import KINDS
from tapewatch.sources.nearby.base import Kind
from tapewatch.sources.nearby.look import process_settings
from tests.sizes import ROOT

BY_NAME = {kind.name: kind for kind in KINDS}
QUESTDB_SETTINGS = (
    b"HTTP/1.1 200 OK\r\nServer: questDB/1.0\r\nDate: Sun, 29 Nov 2026 21:39:29 GMT\r\nContent-Length: 88\r\n"
    b"Content-Type: application/json; charset=utf-8\r\n\r\n"
    b'{"config":{"release.type":"OSS","release.version":"9.3.4","http.settings.readonly":false'
)
"""As version 9.3.4 answered ``/settings``, shortened."""
METRICS = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\r\n# HELP go_gc_duration_seconds A summary."


def start_frame(product: bytes = b"RabbitMQ", version: bytes = b"3.10.8") -> bytes:
    """``connection.start`` as AMQP 0-9-1, section 1.4.2.1 has it, with the two properties that are read and one that is not."""

    def entry(name: bytes, text: bytes) -> bytes:
        return bytes([len(name)]) + name + b"S" + len(text).to_bytes(4, "big") + text

    table = entry(b"copyright", b"Copyright (c) 2007-2022 VMware") + entry(b"product", product) + entry(b"version", version)
    method = b"\x00\x0a\x00\x0a\x00\x09" + len(table).to_bytes(4, "big") + table + b"\x00\x00\x00\x0ePLAIN AMQPLAIN\x00\x00\x00\x05en_US"
    return b"\x01\x00\x00" + len(method).to_bytes(4, "big") + method + b"\xce"


ANSWERS = [
    ("postgresql", 0, b"S", "with TLS"),
    ("postgresql", 0, b"N", "without TLS"),
    ("redis", 0, b"+PONG\r\n", "PONG"),
    ("redis", 0, b"-NOAUTH Authentication required.\r\n", "needs a password"),
    ("rabbitmq", 0, Path(__file__).with_name("rabbitmq-3.10.8.start").read_bytes(), "RabbitMQ 3.10.8"),  # as it really came
    ("rabbitmq", 0, start_frame(), "RabbitMQ 3.10.8"),
    ("rabbitmq", 1, b'HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm="RabbitMQ Management"\r\n\r\n', "password"),
    ("questdb", 0, QUESTDB_SETTINGS, "QuestDB 9.3.4"),
    ("node-exporter", 0, METRICS, "/metrics"),
    ("freqtrade", 0, b'HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{"status":"pong"}', "pong"),
]
OTHERS = [
    ("postgresql", 0, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ("postgresql", 0, b"SSH-2.0"),
    ("redis", 0, b"-ERR unknown command\r\n"),
    ("redis", 0, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    ("rabbitmq", 0, b"AMQP\x00\x01\x00\x00"),
    ("rabbitmq", 0, start_frame(product=b"Qpid")),
    ("rabbitmq", 1, b'HTTP/1.1 401 Unauthorized\r\nwww-authenticate: Basic realm="router"\r\n\r\n'),
    ("questdb", 0, b'HTTP/1.1 200 OK\r\nserver: tapewatch\r\n\r\n{"config":{"release.version":"9.3.4"}}'),
    ("node-exporter", 0, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html># HELP </html>"),
    ("node-exporter", 0, b"HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n\r\n# HELP a b"),
    ("freqtrade", 0, b'HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{"status":"up"}'),
    ("freqtrade", 0, b"HTTP/1.1 404 Not Found\r\n\r\n<html>"),
]


@pytest.mark.parametrize(("name", "door", "answer", "proof"), ANSWERS)
def test_its_own_answer_proves_it_once_it_is_whole(name: str, door: int, answer: bytes, proof: str) -> None:
    judge = BY_NAME[name].doors[door].judge
    said = judge(answer)
    assert said is not None
    assert proof in said
    assert said.endswith(".")
    for length in range(1, len(answer)):
        early = judge(answer[:length])
        assert early is not None, f"given up after {length} bytes"
        assert early in {"", said}


@pytest.mark.parametrize(("name", "door", "answer"), OTHERS)
def test_an_answer_that_is_nearly_it_is_not_taken_for_it(name: str, door: int, answer: bytes) -> None:
    assert not BY_NAME[name].doors[door].judge(answer)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_the_settings_that_are_offered_are_settings(kind: Kind) -> None:
    text = process_settings(kind)
    _, problems = parse(text)
    assert not problems
    collector_from_settings(kind.name, tomllib.loads(text)["collectors"][kind.name])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_cannot_be_read_of_it_is_said(kind: Kind) -> None:
    assert kind.lack.startswith("tapewatch does not ")
    assert kind.lack.endswith(".")
    assert all(offer.sentence.endswith(".") for offer in kind.offers)


def test_every_file_of_the_folder_is_looked_for() -> None:
    folder = ROOT / "src" / "tapewatch" / "sources" / "nearby"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "asking", "base", "http", "look"}
    named = {kind.name for kind in KINDS}
    assert {module for module in modules if module not in named} == set()
    assert len(named) == len(KINDS)
