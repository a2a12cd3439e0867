"""A real HTTP server that takes rows as tapewatch does, and misbehaves when the test says so."""

import gzip
import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request as it arrived, whether or not it was answered."""

    path: str
    headers: dict[str, str]
    body: bytes
    document: dict[str, Any]


Act = Callable[["Exchange"], None]


class Exchange(BaseHTTPRequestHandler):
    """One connection; each request is met with the next act of the script, else its rows are taken."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    script: "ScriptedServer"
    request_now: Request

    def setup(self) -> None:
        super().setup()
        self.script.connections.add(self.connection)

    def finish(self) -> None:
        with suppress(OSError, ValueError):
            super().finish()
        self.script.connections.discard(self.connection)

    def handle(self) -> None:
        with suppress(OSError, ValueError):
            super().handle()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        text = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        self.request_now = Request(self.path, dict(self.headers.items()), body, json.loads(text))
        self.script.requests.append(self.request_now)
        act = self.script.acts.popleft() if self.script.acts else self.script.default
        act(self)

    def reply(self, status: int, document: object, **headers: str) -> None:
        text = json.dumps(document).encode() if not isinstance(document, bytes) else document
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Keep the test's output readable."""


def take(exchange: Exchange) -> None:
    """Store the rows unless the mark is known, and say so."""
    exchange.reply(200, exchange.script.store(exchange.request_now))


def status(code: int, document: object = b"", **headers: str) -> Act:
    """Answer with a status and store nothing."""
    return lambda exchange: exchange.reply(code, document, **headers)


def hang(release: threading.Event) -> Act:
    """Say nothing until the test releases the server, then hang up."""

    def act(exchange: Exchange) -> None:
        release.wait(20)
        exchange.hang_up()

    return act


def die_before_answer(exchange: Exchange) -> None:
    """Store the rows, then hang up without a word: the client cannot know."""
    exchange.script.store(exchange.request_now)
    exchange.hang_up()


def die_mid_answer(exchange: Exchange) -> None:
    """Store the rows, send half of the answer, hang up."""
    text = json.dumps(exchange.script.store(exchange.request_now)).encode()
    exchange.send_response(200)
    exchange.send_header("Content-Length", str(len(text)))
    exchange.end_headers()
    exchange.wfile.write(text[: len(text) // 2])
    exchange.hang_up()


def answer_then_hang_up(exchange: Exchange) -> None:
    """Answer properly and close the idle connection without announcing it, as servers do after their keep-alive time."""
    take(exchange)
    exchange.hang_up()


class ScriptedServer:
    """Takes rows on a port that stays the same when it dies and comes back."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.acts: deque[Act] = deque()
        self.default: Act = take
        self.requests: list[Request] = []
        self.rows: list[tuple[str, dict[str, Any]]] = []
        self.marks: list[tuple[str, int]] = []
        self.connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self.port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        handler = type("Bound", (Exchange,), {"script": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self._server.daemon_threads = True
        if self._tls is not None:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def die(self) -> None:
        """Stop listening and cut every connection."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def store(self, request: Request) -> dict[str, Any]:
        mark = (request.document["client"], request.document["sequence"])
        rows = [(batch["table"], row) for batch in request.document["batches"] for row in objects(batch)]
        with self._lock:
            is_known = mark in self.marks
            if not is_known:
                self.marks.append(mark)
                self.rows.extend(rows)
        return {"accepted": 0 if is_known else len(rows), "duplicate": is_known, "refused": [], "refused_total": 0, "noted": {}}

    def values(self, column: str) -> list[Any]:
        """What arrived of one column, in order."""
        return [row[column] for _, row in self.rows]

    def sequences(self) -> list[int]:
        """Sequence of each request, repetitions included."""
        return [request.document["sequence"] for request in self.requests]


def objects(batch: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a batch by column; null where a row has nothing and a later column something."""
    names = batch["columns"]
    assert len(set(names)) == len(names)
    assert all(0 < len(row) <= len(names) for row in batch["rows"])
    return [dict(zip(names, row, strict=False)) for row in batch["rows"]]


def eventually(claim: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Wait until the claim holds; the test fails when it does not."""
    end_s = time.monotonic() + timeout_s
    while not claim():
        assert time.monotonic() < end_s, "did not become true in time"
        time.sleep(0.005)
