"""The product as its users meet it, for tests of the whole: started as a process, told rows, asked questions, waited for."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from tests.server import Running, running, unused_port, wait_until_ready

TAPEWATCH = str(Path(sys.executable).with_name("tapewatch"))
T = TypeVar("T")


UPKEEP_SOON = "import tapewatch.app as app; app.MAINTAIN_S = 0.5"
"""A store that is away tries itself again with each upkeep, every ten seconds; that it does is tested, not how long that takes."""


@contextmanager
def up(
    folder: Path, settings: str = "", *arguments: str, environment: Mapping[str, str] | None = None, first: str = ""
) -> Iterator[Running]:
    """`tapewatch up` in a folder with these settings; its rows are in `data` there, so that a second start finds them.

    `first` is Python that the server's process runs before it starts: it shortens what the server waits for by itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if settings:
        (folder / "tapewatch.toml").write_text(settings)
    port = unused_port()
    program = [sys.executable, "-c", f"{first}\nfrom tapewatch.cli import main\nmain()"] if first else [TAPEWATCH]
    command = [*program, "up", "--port", str(port), "--data", str(folder / "data"), *arguments]
    with running(command, port, folder, {**os.environ, **(environment or {})}) as server:
        yield server


@contextmanager
def up_until_killed(folder: Path, settings: str = "") -> Iterator[Running]:
    """As `up`, but the end is `kill -9` of the server alone: no goodbye, and nobody ends its children for it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tapewatch.toml").write_text(settings)
    port = unused_port()
    output = folder / "output.txt"
    with output.open("wb") as sink:
        process = subprocess.Popen(
            [TAPEWATCH, "up", "--port", str(port), "--data", str(folder / "data")],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    server = Running(f"http://127.0.0.1:{port}", process, output)
    try:
        wait_until_ready(server)
        yield server
    finally:
        process.kill()
        process.wait()


def tapewatch(
    *arguments: str, folder: Path, environment: Mapping[str, str] | None = None, within_s: float = 30
) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself: its exit code and what it printed."""
    return subprocess.run(
        [TAPEWATCH, *arguments],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )


def refused(*arguments: str, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """The one message of a command that cannot do what it is told: no traceback, exit code 2."""
    done = tapewatch(*arguments, folder=folder, environment=environment)
    assert done.returncode == 2, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr.removesuffix("\n")


def wait_for(condition: Callable[[], T], within_s: float = 20, every_s: float = 0.1) -> T:
    """What `condition` gives as soon as that is true."""
    until_s = time.monotonic() + within_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < until_s, f"it did not happen within {within_s:g} s; last seen: {found!r}"
        time.sleep(every_s)


def rows(server: Running, table: str, *, mode: str = "latest", **parameters: str) -> list[dict[str, Any]]:
    """Rows of a table by `GET /api/query`, as records; other parameters as there."""
    address = urllib.parse.urlencode({"table": table, "mode": mode, "last": "1h", **parameters})
    frame = json.loads(server.get(f"/api/query?{address}"))
    return [{column["name"]: column["values"][row] for column in frame["columns"]} for row in range(frame["rows"])]


def write(server: Running, table: str, *given: Mapping[str, object], **more: object) -> dict[str, Any]:
    """Hand rows in; the answer, which must have kept all of them."""
    answer: dict[str, Any] = server.post_json("/api/rows", {"table": table, "source": "test", "rows": list(given), **more})
    assert (answer["accepted"], answer["refused_total"]) == (len(given), 0), answer
    return answer


def verdicts(server: Running, table: str) -> list[dict[str, Any]]:
    """What the server says of each series of a table: key, status, reason, whether stale."""
    frame = json.loads(server.get(f"/api/query?table={table}&mode=latest&last=1h"))
    return frame["series"]


def request(
    server: Running, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, method: str | None = None
) -> tuple[int, dict[str, Any]]:
    """Status and JSON of an answer, whatever it says."""
    made = urllib.request.Request(server.url + path, data=body, headers=dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(made, timeout=20) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())
