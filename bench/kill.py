"""Rows that were acknowledged and are missing, or that are there twice, after `kill -9` of server and client at random moments.

One process sends numbered rows, through the client with a spool and without it by plain HTTP, and writes into a ledger what was
acknowledged. This one kills it and the server in turn. A third, the judge, asks the server for all rows and compares. A trace of system
calls shows that rows are on disk before they are acknowledged.

Run `python -m bench.kill` (about ten minutes, 100 kills each), or with `--short` (about half a minute, 3 each); `TAPEWATCH_KILLS` sets
another number.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote, urlsplit

from bench.bars import Bar, run
from tapewatch_client import Client

KILLS, SHORT_KILLS = 100, 3
JUDGE_EVERY = 25
PAUSE_S = (0.1, 1.6)
#: So often a kill waits until rows come in again; else it may hit a server that is starting.
READY_SHARE = 0.8
PAGE_ROWS = 10_000
TRACED = 200
SETTINGS = """
watch_self = false

[tables.proof]
sentence = "A row with a number."
identity = "none"
columns.sender = { kind = "tag", sentence = "Who sent it." }
columns.number = { kind = "gauge", sentence = "Its number, given once." }
"""


# --- the sender ---------------------------------------------------------------------------------------------------------


def send(url: str, folder: str, first: str) -> None:
    """Send rows numbered from ``first`` on until killed; what is acknowledged goes into the ledger, as ranges."""
    ledger = os.open(Path(folder, "ledger"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    threading.Thread(target=send_plainly, args=(url, int(first) + 500_000, ledger), daemon=True).start()
    client = Client(url, source="bench", spool_dir=Path(folder, "spool"), flush_interval_s=0.02, timeout_s=5)
    number = start = int(first)
    while True:
        for _ in range(20):
            client.write("proof", sender="client", number=number)
            number += 1
        if number % 100 == 0 and client.flush(0.5):
            os.write(ledger, f"{start} {number}\n".encode())
            start = number
        time.sleep(0.005)


def send_plainly(url: str, number: int, ledger: int) -> None:
    """Send one row after the other by HTTP; one whose answer does not come is not sent again, and promised by nobody."""
    place = urlsplit(url)
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=5)
            while True:
                number += 1
                body = json.dumps({"table": "proof", "source": "plain", "rows": [{"sender": "plain", "number": number}]})
                connection.request("POST", "/api/rows", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                if answer.status == http.HTTPStatus.OK:
                    os.write(ledger, f"{number} {number + 1}\n".encode())
                time.sleep(0.005)
        time.sleep(0.05)


def drain(url: str, folder: str) -> None:
    """Send what killed senders left in the spool."""
    with Client(url, source="bench", spool_dir=Path(folder, "spool"), flush_interval_s=0.02) as client:
        client.write("proof", sender="client", number=-1)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and (not client.flush(1) or client.stats().spooled_bytes):
            time.sleep(0.1)


# --- the judge ----------------------------------------------------------------------------------------------------------


def judge(url: str, folder: str) -> None:
    """Print how many rows there are, how many acknowledged ones are missing, and how many are there more than once."""
    acknowledged: set[int] = set()
    for line in Path(folder, "ledger").read_text(encoding="ascii").splitlines():
        first, behind = line.split()
        acknowledged.update(range(int(first), int(behind)))
    stored = Counter(numbers(url))
    missing = sum(1 for number in acknowledged if number not in stored)
    doubled = sum(count - 1 for count in stored.values())
    print(json.dumps({"stored": stored.total(), "acknowledged": len(acknowledged), "missing": missing, "doubled": doubled}))


def numbers(url: str) -> Iterator[int]:
    """The numbers of all rows that the server has."""
    cursor = ""
    while cursor is not None:
        address = f"{url}/api/query?table=proof&mode=rows&column=ts,number&last=24h&limit={PAGE_ROWS}"
        with urllib.request.urlopen(address + (f"&cursor={quote(cursor)}" if cursor else ""), timeout=60) as answer:
            page = json.load(answer)
        yield from (int(number) for number in next(column["values"] for column in page["columns"] if column["name"] == "number"))
        cursor = page.get("cursor")


# --- the one that kills -------------------------------------------------------------------------------------------------


class Scene:
    """The server and the sender, each a process that is killed and started again in the same folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tapewatch.toml").write_text(SETTINGS, encoding="utf-8")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.generation = 0
        self.server = self.start_server()
        self.wait()
        self.sender = self.start_sender()

    def start_server(self, before: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """Start the server; comes back before it is ready."""
        words = ["-m", "tapewatch", "up", "--config", str(self.folder / "tapewatch.toml"), "--data", str(self.folder / "data")]
        output = (self.folder / "server.txt").open("ab")
        return subprocess.Popen([*before, sys.executable, *words, "--port", str(self.port)], stdout=output, stderr=output)

    def start_sender(self) -> subprocess.Popen[bytes]:
        """Start a sender with numbers that none had before."""
        self.generation += 1
        return self.part("--send", str(self.generation * 1_000_000))

    def part(self, *words: str) -> subprocess.Popen[bytes]:
        """One of the other processes of this script."""
        name, *others = words
        command = [sys.executable, "-m", "bench.kill", name, self.url, str(self.folder), *others]
        return subprocess.Popen(command, stdout=subprocess.PIPE if name == "--judge" else subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def wait(self) -> None:
        """Until the server is ready."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/ready", timeout=5):
                return
            time.sleep(0.02)
        raise SystemExit(f"the server does not start:\n{(self.folder / 'server.txt').read_text(encoding='utf-8')[-3_000:]}")

    def kill_server(self) -> None:
        """`kill -9`, whatever it does, starting included, and start it again."""
        kill(self.server)
        self.server = self.start_server()

    def kill_sender(self) -> None:
        """`kill -9`, whatever it does, and start the next one."""
        kill(self.sender)
        self.sender = self.start_sender()

    def judged(self) -> dict[str, int]:
        """What the judge says."""
        self.wait()
        words, _ = self.part("--judge").communicate(timeout=300)
        return json.loads(words)

    def settled(self) -> dict[str, int]:
        """What the judge says after the last sender was killed and everything that was left was sent."""
        kill(self.sender)
        self.wait()
        self.part("--drain").wait(120)
        return self.judged()

    def end(self) -> None:
        """Stop what runs."""
        kill(self.sender)
        self.server.send_signal(signal.SIGINT)
        self.server.wait(20)


def kill(process: subprocess.Popen[bytes]) -> None:
    """End a process without a word."""
    process.kill()
    process.wait()


def measure_kills(kills: int) -> Iterator[Bar]:
    """Kill server and sender in turn, at random moments."""
    chance = random.Random()
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder))
        for number in range(1, 2 * kills + 1):
            if chance.random() < READY_SHARE:
                scene.wait()
            time.sleep(chance.uniform(*PAUSE_S))
            if number % 2:
                scene.kill_server()
            else:
                scene.kill_sender()
            if number % JUDGE_EVERY == 0:
                found = scene.judged()
                if found["missing"] or found["doubled"]:
                    break
        found = scene.settled()
        scene.end()
    what = f"{kills} times kill -9 of the server and of the client:"
    yield Bar(f"{what} acknowledged rows", found["acknowledged"], "rows")
    yield Bar(f"{what} rows stored", found["stored"], "rows")
    yield Bar(f"{what} acknowledged rows missing", found["missing"], "rows", 0)
    yield Bar(f"{what} rows double", found["doubled"], "rows", 0)


# --- the trace ----------------------------------------------------------------------------------------------------------

_CALL = re.compile(r"^\d+ +(?:<\.\.\. )?(fdatasync|fsync|write|writev|sendto|sendmsg)(?: resumed|\()(.*)$")


def acknowledgements(lines: Sequence[str]) -> tuple[int, int]:
    """Acknowledgements in a trace, and those since whose predecessor no file was synced to its end."""
    found = unsynced = 0
    is_synced = False
    for line in lines:
        call = _CALL.match(line)
        if call is None:
            continue
        if "sync" in call[1]:
            is_synced = is_synced or call[2].rstrip().endswith("= 0")
        elif '{\\"accepted\\":1,' in call[2]:
            found += 1
            unsynced += not is_synced
            is_synced = False
    return found, unsynced


def measure_trace() -> Iterator[Bar]:
    """Send rows one by one to a server whose system calls are traced."""
    strace = shutil.which("strace")
    if strace is None:
        raise SystemExit("strace is missing: run `make services`")
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder))
        scene.end()
        trace = Path(folder, "trace")
        calls = "trace=fdatasync,fsync,write,writev,sendto,sendmsg"
        scene.server = scene.start_server([strace, "-f", "-s", "300", "-e", calls, "-o", str(trace)])
        scene.wait()
        for number in range(TRACED):
            body = json.dumps({"table": "proof", "rows": [{"sender": "traced", "number": number}]}).encode()
            request = urllib.request.Request(f"{scene.url}/api/rows", body, {"Content-Type": "application/json"}, method="POST")
            with urllib.request.urlopen(request, timeout=30) as answer:
                answer.read()
        # strace passes no signal on: its child gets its own
        children = Path(f"/proc/{scene.server.pid}/task/{scene.server.pid}/children").read_text(encoding="ascii").split()
        os.kill(int(children[0]), signal.SIGINT)
        scene.server.wait(30)
        found, unsynced = acknowledgements(trace.read_text(encoding="utf-8", errors="replace").splitlines())
    yield Bar("acknowledgements in the trace", found, "", TRACED, is_least=True)
    yield Bar("acknowledgements without a sync to disk before them", unsynced, "", 0)


def measure(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the one switch that every script has
    """The trace, then the kills."""
    yield from measure_trace()
    yield from measure_kills(int(os.environ.get("TAPEWATCH_KILLS", SHORT_KILLS if is_short else KILLS)))


if __name__ == "__main__":
    PARTS = {"--send": send, "--drain": drain, "--judge": judge}
    if sys.argv[1:2] and sys.argv[1] in PARTS:
        PARTS[sys.argv[1]](*sys.argv[2:])
    else:
        run(measure, "Rows lost or doubled by kill -9, and the order of disk and acknowledgement.")
