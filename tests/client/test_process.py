"""The client in whole processes: import, fork, exit. Each test runs a program of its own."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from tests.client.scripted_server import ScriptedServer, hang
from tests.sizes import ROOT

SOURCE = ROOT / "client" / "src"


def run(program: str, *arguments: str, timeout_s: float = 20, flags: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *flags, "-c", textwrap.dedent(program), *arguments],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def test_the_import_loads_nothing_heavy() -> None:
    """A list instead of a stop-watch: `bench/client.py` measures the time; these modules are what would spend it.

    `-S` keeps the environment's own start-up files, which import much, out of the picture.
    """
    heavy = "http socket ssl json urllib gzip zlib logging asyncio email random uuid decimal concurrent selectors pathlib subprocess"
    program = """
        import sys
        before = set(sys.modules)
        import tapewatch_client
        loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
        print(*sorted(loaded & set(sys.argv[1].split())))
    """
    done = run(program, heavy, flags=("-S", "-W", "error"))
    assert (done.stdout, done.stderr) == ("\n", "")


def test_the_background_thread_imports_nothing(server: ScriptedServer) -> None:
    """A fork in the middle of another thread's import leaves half a module in the child."""
    program = """
        import sys
        from tapewatch_client import Client
        client = Client(sys.argv[1])
        before = set(sys.modules)
        client.write_rows("kpi", [{"value": 1.5}] * 1_000)
        assert client.flush(5)
        client.close()
        print(sorted(set(sys.modules) - before))
    """
    done = run(program, server.url, flags=("-S", "-W", "error"))
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_it_runs_on_the_standard_library_alone(server: ScriptedServer) -> None:
    program = """
        import sys
        from tapewatch_client import Client
        with Client(sys.argv[1]) as client:
            client.write("kpi", value=1)
        foreign = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names) - {"tapewatch_client", "__main__"}
        print(sorted(foreign), client.stats().delivered)
    """
    done = run(program, server.url, flags=("-S", "-W", "error"))
    assert (done.stdout, done.stderr) == ("[] 1\n", "")


def test_a_program_that_just_ends_delivers_what_it_wrote(server: ScriptedServer) -> None:
    program = """
        import sys
        from tapewatch_client import Client
        client = Client(sys.argv[1], flush_interval_s=60)
        for number in range(3_000):
            client.write("kpi", value=number)
    """
    done = run(program, server.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert server.values("value") == list(range(3_000))


def test_two_lines_are_enough(server: ScriptedServer) -> None:
    done = run("""
        import sys
        from tapewatch_client import Client
        Client(sys.argv[1]).write("exchange", venue="binance", connected=True, latency_ms=12.5)
    """, server.url)  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert server.values("latency_ms") == [12.5]


def test_a_stuck_server_holds_the_end_of_the_program_for_two_seconds(server: ScriptedServer) -> None:
    release = threading.Event()
    server.default = hang(release)
    start_s = time.monotonic()
    done = run(
        """
        import sys
        from tapewatch_client import Client
        clients = [Client(sys.argv[1]) for _ in range(3)]
        for client in clients:
            client.write("kpi", value=1)
        """,
        server.url,
    )
    assert done.returncode == 0
    assert time.monotonic() - start_s < 6
    assert done.stderr.count("1 rows for tapewatch") == 3
    release.set()


FORK = """
    import os, sys, threading
    from tapewatch_client import Client

    client = Client(sys.argv[1], source="parent", flush_interval_s=0.02)
    client.write("kpi", kpi="before", value=0)
    assert client.flush(5)
    busy = threading.Event()
    writers = [threading.Thread(target=lambda: [client.write("kpi", kpi="parent", value=n) for n in range(5_000)]) for _ in range(2)]
    for writer in writers:
        writer.start()
    children = []
    for child in range(4):
        pid = os.fork()
        if pid == 0:
            assert client.stats().written == 0
            for number in range(100):
                client.write("kpi", kpi=f"child{child}", value=number)
            os._exit(0 if client.flush(10) and client.close(5) else 1)
        children.append(pid)
    for writer in writers:
        writer.join()
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    client.write("kpi", kpi="after", value=0)
    assert client.flush(10)
    print(codes, client.stats().delivered)
"""


def test_parent_and_children_of_a_fork_each_deliver_their_own_rows_once(server: ScriptedServer) -> None:
    done = run(FORK, server.url, timeout_s=60)
    assert (done.stdout, done.stderr) == ("[0, 0, 0, 0] 10002\n", "")
    rows = {name: [row["value"] for _, row in server.rows if row["kpi"] == name] for name in ("parent", "before", "after")}
    assert sorted(rows["parent"]) == sorted([*range(5_000), *range(5_000)])
    assert rows["before"] == rows["after"] == [0]
    for child in range(4):
        assert [row["value"] for _, row in server.rows if row["kpi"] == f"child{child}"] == list(range(100))
    assert len({client for client, _ in server.marks}) == 5, "each process has an id of its own"
    assert {min(sequence for client, sequence in server.marks if client == each) for each, _ in server.marks} == {1}


def test_forks_at_any_moment_leave_parent_and_child_able_to_deliver(server: ScriptedServer) -> None:
    program = """
        import os, sys, time
        from tapewatch_client import Client

        codes = set()
        for attempt in range(40):
            with Client(sys.argv[1], flush_interval_s=0.001) as client:
                client.write("kpi", kpi="parent", value=attempt)
                time.sleep(attempt * 0.0001)
                pid = os.fork()
                if pid == 0:
                    client.write("kpi", kpi="child", value=attempt)
                    os._exit(0 if client.close(10) else 1)
                codes.add(os.waitpid(pid, 0)[1])
        print(codes)
    """
    done = run(program, server.url, timeout_s=60)
    assert (done.stdout, done.stderr) == ("{0}\n", "")
    assert sorted((row["kpi"], row["value"]) for _, row in server.rows) == sorted(
        (name, attempt) for name in ("parent", "child") for attempt in range(40)
    )


def test_a_child_holds_nothing_of_its_parent(server: ScriptedServer) -> None:
    program = """
        import os, sys, time
        from tapewatch_client import Client

        client = Client(sys.argv[1])
        client.write("kpi", value=1)
        assert client.flush(5)
        start = time.monotonic()
        pid = os.fork()
        if pid == 0:
            files = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
            links = [os.readlink(file) for file in files if os.path.exists(file)]
            sys.exit(sum(link.startswith("socket:") for link in links))
        sockets = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(sockets, time.monotonic() - start < 1.5)
        client.write("kpi", value=2)
        assert client.flush(5)
    """
    done = run(program, server.url)
    assert (done.stdout, done.stderr) == ("0 True\n", "")
    assert server.values("value") == [1, 2]


def test_a_multiprocessing_child_that_closes_its_client_delivers(server: ScriptedServer) -> None:
    done = run(
        """
        import multiprocessing, sys
        from tapewatch_client import Client

        client = Client(sys.argv[1])
        client.write("kpi", value=-1)

        def work(number):
            client.write("kpi", value=number)
            client.close()

        context = multiprocessing.get_context("fork")
        workers = [context.Process(target=work, args=(number,)) for number in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        """,
        server.url,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(server.values("value")) == [-1, 0, 1, 2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_handler_may_close_while_the_program_writes(server: ScriptedServer, number: int) -> None:
    program = """
        import signal, sys
        from tapewatch_client import Client
        client = Client(sys.argv[1])

        def end(*_):
            client.write("event", kind="last")
            client.close()
            sys.exit(7)

        signal.signal(signal.SIGINT, end)
        signal.signal(signal.SIGTERM, end)
        print("ready", flush=True)
        while True:
            client.write("event", kind="more")
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), server.url],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        process.send_signal(number)
        assert process.wait(15) == 7
    assert server.values("kind")[-1] == "last"
