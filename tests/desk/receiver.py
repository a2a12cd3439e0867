"""A server that takes rows as tapewatch does, and keeps them for the test to look at."""

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.client.scripted_server import objects


class Receiver:
    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.url = ""

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Rows of a table with what their batch says about all of them."""
        return [
            {**{key: body.get(key) for key in ("env", "host", "source")}, "period_s": batch.get("period_s"), **row}
            for body in self.bodies
            for batch in body["batches"]
            if batch["table"] == table
            for row in objects(batch)
        ]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            receiver.bodies.append(json.loads(body))
            count = sum(len(batch["rows"]) for batch in receiver.bodies[-1]["batches"])
            answer = json.dumps({"accepted": count, "duplicate": False, "refused": [], "refused_total": 0, "noted": {}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
