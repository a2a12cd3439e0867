"""A server process of its own for the scripts that measure one."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

READY_WITHIN_S = 60.0


@dataclass(frozen=True)
class Driven:
    """A running server: where it is, its process, and the seconds from its start to its first answered request."""

    url: str
    process: psutil.Process
    data_dir: Path
    started_s: float

    @property
    def rss_mb(self) -> float:
        """Resident memory of the server process alone, in MB."""
        return self.process.memory_info().rss / 1e6

    @property
    def agent_mb(self) -> float:
        """Resident memory of its child for busy collectors, in MB."""
        children = self.process.children(recursive=True)
        return sum(child.memory_info().rss for child in children if "agent" in child.cmdline()) / 1e6

    def get(self, path: str) -> bytes:
        """Body of an answer."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return answer.read()

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Answer to a POST of JSON."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@contextlib.contextmanager
def driven(data_dir: Path | None = None, arguments: Sequence[str] = (), *, command: str = "up") -> Iterator[Driven]:
    """Start `tapewatch up` (or ``demo``) on a free port, with a data directory of its own unless one is given; stop it at the end."""
    with contextlib.ExitStack() as stack:
        folder = data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        words = [sys.executable, "-m", "tapewatch", command, "--port", str(port), "--data", str(folder), *arguments]
        began = time.perf_counter()
        # as people run it: Python keeps what it compiled
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        server = subprocess.Popen(words, stdout=subprocess.DEVNULL, env=environment)
        try:
            _wait(url, server)
            yield Driven(url, psutil.Process(server.pid), folder, time.perf_counter() - began)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(10)


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.perf_counter() + READY_WITHIN_S
    while time.perf_counter() < deadline and server.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError), urllib.request.urlopen(f"{url}/ready", timeout=5):
            return
        time.sleep(0.01)
    raise SystemExit(f"the server did not become ready; exit code {server.poll()}")
