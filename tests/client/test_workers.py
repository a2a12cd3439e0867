"""The client in programs that make their workers themselves: gunicorn, multiprocessing and executors, with real processes."""

import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from tests.client.scripted_server import ScriptedServer

MULTIPROCESSING = """
    import multiprocessing, sys
    from concurrent.futures import ProcessPoolExecutor
    from tapewatch_client import Client

    def make(url):
        global client
        client = Client(url, source="work", flush_interval_s=60)

    def work(number):
        client.write("kpi", kpi="child", value=number)

    def take(given, number):
        given.write("kpi", kpi="given", value=number)

    if __name__ == "__main__":
        context = multiprocessing.get_context(sys.argv[2])
        client = Client(sys.argv[1], source="parent", spool_dir=sys.argv[3])
        client.write("kpi", kpi="parent", value=0)
        with context.Pool(2, make, [sys.argv[1]]) as pool:
            pool.map(work, range(10))
            pool.close()
            pool.join()
        with ProcessPoolExecutor(2, context, make, [sys.argv[1]]) as executor:
            list(executor.map(work, range(10, 20)))
        given = context.Process(target=take, args=(client, 7))
        given.start()
        given.join()
        client.write("kpi", kpi="parent", value=1)
        print(given.exitcode, client.flush(5), client.stats().delivered)
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_deliver_at_their_end(server: ScriptedServer, tmp_path: Path, method: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(MULTIPROCESSING))
    done = subprocess.run(
        [sys.executable, str(program), server.url, method, str(tmp_path / "spool")], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("0 True 2\n", "")
    rows = {name: sorted(row["value"] for _, row in server.rows if row["kpi"] == name) for name in ("parent", "child", "given")}
    assert rows == {"parent": [0, 1], "child": list(range(20)), "given": [7]}


APPLICATION = """
    import os
    from tapewatch_client import Client

    client = Client({url!r}, source="site", flush_interval_s=0.05, spool_dir={spool})
    client.write("kpi", kpi="preload", value=os.getpid())

    def application(environ, start_response):
        number = int(environ["PATH_INFO"].strip("/") or -1)
        client.write("kpi", kpi="request", value=number)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(os.getpid()).encode()]
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def asked(url: str) -> bytes:
    end_s = time.monotonic() + 20
    while time.monotonic() < end_s:
        with suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read()
        time.sleep(0.05)
    raise AssertionError(f"{url} does not answer")


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "is_spooled"), [("sync", False), ("gthread", True)])
def test_workers_of_gunicorn_deliver_what_they_wrote_once(server: ScriptedServer, tmp_path: Path, kind: str, *, is_spooled: bool) -> None:
    spool = repr(str(tmp_path / "spool")) if is_spooled else "None"
    (tmp_path / "site_app.py").write_text(textwrap.dedent(APPLICATION.format(url=server.url, spool=spool)))
    port = free_port()
    command = ["--preload", "--workers", "2", "--worker-class", kind, "--max-requests", "7", "--bind", f"127.0.0.1:{port}", "site_app"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "--no-control-socket", *command], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    with process:
        pids = {asked(f"http://127.0.0.1:{port}/{number}") for number in range(30)}
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 0, told
    assert len(pids) > 2, "workers were replaced on the way"
    assert sorted(row["value"] for _, row in server.rows if row["kpi"] == "request") == list(range(30))
    assert [row["value"] for _, row in server.rows if row["kpi"] == "preload"] == [process.pid]
