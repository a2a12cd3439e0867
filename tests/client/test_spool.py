"""Rows on disk: what survives which end, who sends it, what is counted."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tapewatch_client import Client
from tests.client.scripted_server import ScriptedServer, die_before_answer, hang, status
from tests.client.test_process import SOURCE, run

Connect = Callable[..., Client]


def eventually(condition: Callable[[], object], within_s: float = 10) -> None:
    until_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def values(server: ScriptedServer) -> list[float]:
    return [row["value"] for _, row in server.rows]


def is_true(client: Client) -> bool:
    stats = client.stats()
    return stats.written == stats.delivered + stats.refused_rows + stats.dropped + stats.queued


@pytest.fixture
def started(server: ScriptedServer, tmp_path: Path) -> Iterator[Callable[[str], "subprocess.Popen[str]"]]:
    """Start programs that have `url` and `spool`; what still runs at the end is killed."""
    programs: list[subprocess.Popen[str]] = []

    def start(program: str) -> "subprocess.Popen[str]":
        text = "import sys, time, os\nfrom tapewatch_client import Client\nurl, spool = sys.argv[1:]\n" + textwrap.dedent(program)
        command = [sys.executable, "-c", text, server.url, str(tmp_path / "spool")]
        programs.append(subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(SOURCE)}, stdout=subprocess.PIPE, text=True))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()
        program.communicate()


WRITES_WITHOUT_A_SERVER = """
    client = Client(url, source="bot", spool_dir=spool, flush_interval_s=0.02)
    for i in range(3_000):
        client.write("kpi", value=i)
    while client.stats().spooled_bytes < 1_000 or len(client._sender.queue):
        time.sleep(0.01)
    print("spooled", flush=True)
    time.sleep(60)
"""


def test_rows_of_a_killed_program_are_sent_by_the_next_one(
    server: ScriptedServer, started: Callable[[str], "subprocess.Popen[str]"], connect: Connect, tmp_path: Path
) -> None:
    server.die()
    program = started(WRITES_WITHOUT_A_SERVER)
    assert program.stdout is not None
    assert program.stdout.readline() == "spooled\n"
    program.send_signal(signal.SIGKILL)
    program.wait()
    server.start()
    client = connect(spool_dir=tmp_path / "spool")
    client.write("kpi", value=-1)
    eventually(lambda: client.stats().recovered == 3_000 and client.stats().delivered == 1)
    assert sorted(values(server)) == [-1, *range(3_000)]
    assert is_true(client)
    assert client.close()
    assert list((tmp_path / "spool").iterdir()) == [], "nothing is left behind"


def test_rows_of_a_program_that_lives_are_left_to_it(
    server: ScriptedServer, started: Callable[[str], "subprocess.Popen[str]"], connect: Connect, tmp_path: Path
) -> None:
    server.default = status(503)
    program = started(WRITES_WITHOUT_A_SERVER)
    assert program.stdout is not None
    assert program.stdout.readline() == "spooled\n"
    client = connect(spool_dir=tmp_path / "spool")
    client.write("kpi", value=-1)
    server.default = ScriptedServer.__init__.__globals__["take"]
    eventually(lambda: len(server.rows) == 3_001, 20)
    assert client.stats().recovered == 0
    assert sorted(values(server)) == [-1, *range(3_000)]


def test_a_batch_whose_answer_got_lost_with_the_program_is_stored_once(
    server: ScriptedServer, started: Callable[[str], "subprocess.Popen[str]"], connect: Connect, tmp_path: Path
) -> None:
    released = threading.Event()
    server.acts.append(die_before_answer)
    server.default = hang(released)
    program = started('client = Client(url, source="bot", spool_dir=spool); client.write("kpi", value=1); time.sleep(60)')
    eventually(lambda: len(server.requests) >= 2)
    program.send_signal(signal.SIGKILL)
    program.wait()
    released.set()
    server.default = ScriptedServer.__init__.__globals__["take"]
    client = connect(spool_dir=tmp_path / "spool")
    client.write("kpi", value=2)
    eventually(lambda: client.stats().recovered == 1)
    assert client.flush(5)
    assert values(server) == [1, 2]


def test_the_server_dies_and_comes_back_and_nothing_is_lost_or_doubled(server: ScriptedServer, connect: Connect, tmp_path: Path) -> None:
    client = connect(spool_dir=tmp_path / "spool")
    for i in range(20_000):
        client.write("kpi", value=i)
        if i % 5_000 == 2_500:
            server.die() if i % 10_000 == 2_500 else server.start()
            time.sleep(0.1)
    eventually(lambda: not len(client._sender.queue))
    server.die()
    server.start()
    assert client.flush(20)
    assert values(server) == list(range(20_000))
    assert (client.stats().dropped, client.stats().delivered) == (0, 20_000)
    assert is_true(client)


def test_memory_stays_free_while_the_server_does_not_answer(server: ScriptedServer, connect: Connect, tmp_path: Path) -> None:
    released = threading.Event()
    server.default = hang(released)
    client = connect(spool_dir=tmp_path / "spool", max_memory_bytes=2_000_000)
    for i in range(20_000):
        client.write("kpi", value=i)
        if i % 500 == 0:  # a machine that has much else to do may take its time
            eventually(lambda: client.stats().queued_bytes < 1_000_000)
    eventually(lambda: client.stats().queued_bytes == 0)
    assert (client.stats().dropped, client.stats().queued) == (0, 20_000)
    assert is_true(client)
    released.set()


def test_beyond_its_bound_the_oldest_rows_go_and_are_counted(
    server: ScriptedServer, connect: Connect, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.die()
    client = connect(spool_dir=tmp_path / "spool", max_spool_bytes=3_000_000)
    filler = os.urandom(40_000).hex()
    for i in range(80):
        client.write("kpi", value=i, message=filler)
        eventually(lambda: not len(client._sender.queue))
    stats = client.stats()
    assert stats.dropped > 0
    assert stats.spooled_bytes <= 3_000_000
    assert is_true(client)
    assert [record.message for record in caplog.records if "is full" in record.message] == [
        f"the spool of tapewatch-client in {tmp_path / 'spool'} is full; the oldest rows are dropped"
    ]
    server.start()
    eventually(lambda: client.stats().queued == 0, 20)
    assert values(server)[-1] == 79
    assert len(server.rows) == 80 - client.stats().dropped
    assert is_true(client)
    assert client.flush(5), "what was dropped before does not keep a later flush waiting"


def test_a_disk_that_refuses_leaves_the_rows_in_memory(server: ScriptedServer, connect: Connect, tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file, not a folder")
    client = connect(spool_dir=tmp_path / "spool")
    client.write("kpi", value=1)
    assert client.flush(5)
    assert values(server) == [1]
    assert "the spool cannot be used" in (client.stats().last_error or "")
    assert is_true(client)


def test_what_is_left_at_close_stays_and_is_not_called_dropped(server: ScriptedServer, connect: Connect, tmp_path: Path) -> None:
    server.die()
    client = connect(spool_dir=tmp_path / "spool")
    client.write_rows("kpi", [{"value": i} for i in range(10)])
    assert not client.close(timeout_s=0.5)
    stats = client.stats()
    assert (stats.dropped, stats.queued) == (0, 10)
    server.start()
    again = connect(spool_dir=tmp_path / "spool")
    again.write("kpi", value=10)
    eventually(lambda: again.stats().recovered == 10)
    assert again.flush(5)
    assert values(server) == list(range(11))


def test_a_batch_that_is_too_large_for_the_server_is_sent_in_parts_also_when_another_program_wrote_it(
    server: ScriptedServer, connect: Connect, tmp_path: Path
) -> None:
    server.die()
    client = connect(spool_dir=tmp_path / "spool")
    client.write_rows("kpi", [{"value": i} for i in range(8)])
    client.close(timeout_s=0.3)
    server.start()
    server.acts.append(status(413))
    again = connect(spool_dir=tmp_path / "spool")
    again.write("kpi", value=8)
    eventually(lambda: len(server.rows) == 9)
    assert sorted(values(server)) == list(range(9))
    assert again.flush(5)
    assert is_true(again)


def test_a_forked_child_has_a_folder_of_its_own(server: ScriptedServer, tmp_path: Path) -> None:
    program = """
        import os, sys
        from tapewatch_client import Client
        client = Client(sys.argv[1], source="bot", spool_dir=sys.argv[2], flush_interval_s=0.02)
        client.write("kpi", value=1)
        client.flush(5)
        child = os.fork()
        client.write("kpi", value=3 if child else 2)
        ok = client.close(5)
        if not child:
            os._exit(0 if ok else 1)
        print(ok, os.waitpid(child, 0)[1], sorted(os.listdir(sys.argv[2])))
    """
    done = run(program, server.url, str(tmp_path / "spool"))
    assert (done.stdout, done.stderr) == ("True 0 []\n", "")
    assert sorted(values(server)) == [1, 2, 3]
