"""Starts tapewatch as a user does, as a process of its own, and stops it as a user does."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STARTED_WITHIN_S = 20.0
STOPPED_WITHIN_S = 10.0


def unused_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass(frozen=True)
class Running:
    """A started server: its address, its process, and the file with what it printed."""

    url: str
    process: subprocess.Popen[bytes]
    output: Path

    def get(self, path: str) -> bytes:
        """Body of the answer to GET; raises urllib.error.HTTPError for a refusal."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return answer.read()

    def post_json(self, path: str, body: object) -> dict[str, object]:
        """Answer to a POST of JSON."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, data=json.dumps(body).encode(), headers=headers, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


def wait_until_ready(server: Running, within_s: float = STARTED_WITHIN_S) -> None:
    """Return when `/ready` says yes; fail with the server's own words when it ends or takes too long."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise AssertionError(f"the server ended with code {server.process.returncode}:\n{server.output.read_text()}")
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            server.get("/ready")
            return
        time.sleep(0.05)
    raise AssertionError(f"the server was not ready after {within_s} s:\n{server.output.read_text()}")


@contextmanager
def running(command: list[str], port: int, folder: Path, environment: dict[str, str] | None = None) -> Iterator[Running]:
    """Start `command` in `folder`, wait until it is ready, and interrupt it (Ctrl-C) at the end, which must end it cleanly."""
    folder.mkdir(parents=True, exist_ok=True)
    output = folder / "output.txt"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            env=environment or dict(os.environ),
            start_new_session=True,
        )
        server = Running(f"http://127.0.0.1:{port}", process, output)
        try:
            wait_until_ready(server)
            yield server
            process.send_signal(signal.SIGINT)
            code = process.wait(STOPPED_WITHIN_S)
            assert code == 0, f"exit code {code} after Ctrl-C:\n{output.read_text()}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
