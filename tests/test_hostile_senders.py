"""Senders that fail, stop in the middle, drip or send bombs: a started server keeps neither files, threads nor memory for them."""

from __future__ import annotations

import gzip
import http.client
import socket
import urllib.parse
from collections.abc import Iterator
from inspect import signature

import psutil
import pytest

from tapewatch.surfaces.web.guard.limits import RequestLimits
from tests.server import Running
from tests.started import rows, up, wait_for, write

RECEIVERS = {
    "/api/rows": b'{"table": "exchange", "rows": [{"venue": "kraken"}]}',
    "/write": b"exchange,venue=kraken connected=t\n",
    "/api/v2/write": b"exchange,venue=kraken connected=t\n",
}
FAILED = 1_000
SPARE_FILES, SPARE_THREADS = 8, 16
"""What the server opens once and keeps: the pools of its threads, files of its store."""
BODY_WITHIN_S = 4.0
SOON = f"from {RequestLimits.__module__} import RequestLimits; RequestLimits.__init__.__kwdefaults__['body_s'] = {BODY_WITHIN_S}"
"""The server waits for a body as ever, but not as long; that it has thirty seconds is a test of its own."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("hostile"), "watch_self = false\n", first=SOON) as started:
        for path, body in RECEIVERS.items():
            assert _post(started, path, gzip.compress(body)) in {200, 204}
        yield started


def _post(server: Running, path: str, body: bytes) -> int:
    address = urllib.parse.urlsplit(server.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=20)
    try:
        connection.request("POST", path, body, {"Content-Encoding": "gzip"} if body[:2] == b"\x1f\x8b" else {})
        return connection.getresponse().status
    finally:
        connection.close()


def _begin(server: Running, path: str, length: int, body: bytes) -> socket.socket:
    """A request of which only the beginning is sent."""
    address = urllib.parse.urlsplit(server.url)
    opened = socket.create_connection((address.hostname, address.port), timeout=20)
    opened.sendall(f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {length}\r\n\r\n".encode() + body)
    return opened


def _held(server: Running) -> tuple[int, int, int]:
    """Open files, threads and bytes of its own: pages of libraries come and go, see `tapewatch.code_pages`."""
    process = psutil.Process(server.process.pid)
    memory = process.memory_info()
    return process.num_fds(), process.num_threads(), memory.rss - memory.shared


def _assert_back(server: Running, before: tuple[int, int, int], more_bytes: int = 60_000_000) -> None:
    """What was held before is all that is held, and the server still takes rows and answers."""
    wait_for(lambda: _held(server)[0] <= before[0] + SPARE_FILES)
    _, threads, own_bytes = _held(server)
    assert threads <= before[1] + SPARE_THREADS
    assert own_bytes <= before[2] + more_bytes
    write(server, "exchange", {"venue": "okx", "connected": True})
    assert rows(server, "exchange")


def test_a_thousand_failed_requests_leave_nothing_open(server: Running) -> None:
    before = _held(server)
    statuses = {_post(server, path, b"{ no rows") for _ in range(FAILED // 4) for path in (*RECEIVERS, "/api/no_such")}
    assert statuses <= {400, 404, 422}, statuses
    _assert_back(server, before)


def test_uploads_that_are_aborted_leave_nothing_open_and_keep_no_row(server: Running) -> None:
    before = _held(server)
    for _ in range(100):
        for path, body in RECEIVERS.items():
            _begin(server, path, len(body) + 100, body.replace(b"kraken", b"aborted")).close()
    _assert_back(server, before)
    assert all(row["venue"] != "aborted" for row in rows(server, "exchange"))


@pytest.fixture(scope="module")
def bomb() -> bytes:
    packed = gzip.compress(bytes(300_000_000), 9)
    assert len(packed) < 400_000
    return packed


@pytest.mark.parametrize("path", RECEIVERS)
def test_a_bomb_is_refused_without_being_unpacked(server: Running, path: str, bomb: bytes) -> None:
    before = _held(server)
    assert {_post(server, path, bomb) for _ in range(3)} == {413}
    _assert_back(server, before)


def test_a_body_has_thirty_seconds_to_arrive() -> None:
    assert signature(RequestLimits).parameters["body_s"].default == 30.0


@pytest.mark.slow
def test_bodies_that_drip_hold_up_nobody_and_are_ended(server: Running) -> None:
    before = _held(server)
    dripping = [_begin(server, path, 1_000, b" ") for path in RECEIVERS for _ in range(40)]
    try:
        assert _held(server)[1] <= before[1] + SPARE_THREADS, "who waits for a body holds no thread"
        write(server, "exchange", {"venue": "okx", "connected": True})
        for opened in dripping:
            opened.settimeout(BODY_WITHIN_S + 15)
            assert b" 408 " in opened.recv(100)
    finally:
        for opened in dripping:
            opened.close()
    _assert_back(server, before)
