"""A server that is restarted, gently and not, while everybody sends: each acknowledged row is there, and there once."""

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
from collections import Counter
from http.client import HTTPException
from pathlib import Path

import pytest

from tapewatch_client import Client
from tests.server import Running, unused_port, wait_until_ready
from tests.started import TAPEWATCH, wait_for

# Rows of this table are never merged: one that was stored twice is seen twice.
SETTINGS = """
watch_self = false

[tables.remark]
sentence = "One remark."
identity = "none"

[tables.remark.columns.said]
kind = "text"
sentence = "What was said."
"""
SENDERS = 4
STOPS = (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL)


class Sender(threading.Thread):
    """Posts numbered deliveries one after the other, each again until it is acknowledged."""

    def __init__(self, server: Running, name: str, ended: threading.Event) -> None:
        super().__init__(daemon=True)
        self.server, self.client, self.ended = server, name, ended
        self.acknowledged: list[str] = []
        self.repeated = 0

    def run(self) -> None:
        sequence = 0
        while not self.ended.is_set():
            sequence += 1
            said = [f"{self.client}-{sequence}-{i}" for i in range(3)]
            batch = {"table": "remark", "rows": [{"said": word} for word in said]}
            while not self.ended.is_set():
                with contextlib.suppress(urllib.error.URLError, HTTPException, OSError):
                    self.server.post_json("/api/rows", {"client": self.client, "sequence": sequence, "source": "test", "batches": [batch]})
                    self.acknowledged += said
                    break
                self.repeated += 1
                time.sleep(0.05)


def started(folder: Path, port: int) -> Running:
    output = folder / "output.txt"
    with output.open("ab") as sink:
        command = [TAPEWATCH, "up", "--port", str(port), "--data", str(folder / "data")]
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True)
    server = Running(f"http://127.0.0.1:{port}", process, output)
    wait_until_ready(server)
    return server


def everything(server: Running) -> list[str]:
    """What was said, page by page."""
    found: list[str] = []
    cursor = ""
    while True:
        page = json.loads(server.get(f"/api/query?table=remark&mode=rows&last=1h&column=said&limit=5000{cursor}"))
        found += next(column["values"] for column in page["columns"] if column["name"] == "said")
        if not page["cursor"]:
            return found
        cursor = f"&cursor={page['cursor']}"


@pytest.mark.slow
def test_no_acknowledged_row_is_lost_and_none_is_there_twice(tmp_path: Path) -> None:
    (tmp_path / "tapewatch.toml").write_text(SETTINGS)
    port = unused_port()
    server = started(tmp_path, port)
    ended = threading.Event()
    senders = [Sender(server, f"sender{i}", ended) for i in range(SENDERS)]
    client = Client(server.url, source="bot", spool_dir=tmp_path / "spool")
    written: list[str] = []
    try:
        for sender in senders:
            sender.start()
        for number in STOPS:
            before = sum(len(sender.acknowledged) for sender in senders)
            wait_for(lambda before=before: sum(len(sender.acknowledged) for sender in senders) > before + 60)
            for _ in range(20):
                written.append(f"bot-{len(written)}")
                client.write("remark", said=written[-1])
            os.kill(server.process.pid, number)
            code = server.process.wait(10)
            assert code == (0 if number == signal.SIGTERM else -signal.SIGKILL)
            server = started(tmp_path, port)
        ended.set()
        for sender in senders:
            sender.join(30)
        assert client.flush(20)
        assert client.stats().dropped == 0
        found = Counter(everything(server))
    finally:
        ended.set()
        client.close()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(10)
    acknowledged = {said for sender in senders for said in sender.acknowledged} | set(written)
    assert sum(sender.repeated for sender in senders) >= SENDERS, "every sender met a server that was not there"
    assert sorted(acknowledged - found.keys()) == []
    assert [said for said, count in found.items() if count > 1] == []
    assert len(acknowledged) > 4 * 60
    assert "Traceback" not in server.output.read_text()
