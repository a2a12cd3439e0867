"""What a program pays for the client: time to import it, time of a `write`, rows per second, memory; with the server alive, dead and stuck.

Run `python -m bench.client` (about two minutes), or with `--short` (about twenty seconds, less sure about the tails).
"""

from __future__ import annotations

import gzip
import logging
import resource
import socketserver
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.bars import Bar, percentile, run
from tapewatch_client import Client

SITUATIONS = ("alive", "dead", "stuck")
MEMORY_BYTES = 16 * 1024 * 1024
CALLS_PER_S = 1_000


# --- the server, in a process of its own ------------------------------------------------------------------------------


class Sink(socketserver.StreamRequestHandler):
    """Counts the rows of each body and says that all were accepted, or says nothing."""

    is_stuck = False

    def handle(self) -> None:
        """Serve one connection."""
        while line := self.rfile.readline():
            headers: dict[bytes, bytes] = {}
            while (line := self.rfile.readline().strip()) != b"":
                name, _, value = line.partition(b":")
                headers[name.lower()] = value.strip()
            body = self.rfile.read(int(headers[b"content-length"]))
            if self.is_stuck:
                time.sleep(3_600)
            text = gzip.decompress(body) if b"content-encoding" in headers else body
            answer = b'{"accepted":%d,"duplicate":false,"refused":[],"refused_total":0,"noted":{}}' % text.count(b'{"ts":')
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(answer) + answer)


def serve(*, is_stuck: bool) -> None:
    """Print the port and serve until the process is ended."""
    Sink.is_stuck = is_stuck
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Sink) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


@contextmanager
def server(situation: str) -> Iterator[str]:
    """Give the address of a server in that situation."""
    with subprocess.Popen([sys.executable, "-m", "bench.client", "--serve", situation], stdout=subprocess.PIPE, text=True) as process:
        port = process.stdout.readline().strip() if process.stdout is not None else ""
        try:
            if situation == "dead":
                process.kill()
                process.wait()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


# --- the measurements -------------------------------------------------------------------------------------------------


def start_ms(program: str, times: int) -> float:
    """Median time of a whole interpreter that runs ``program``."""
    spent: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-S", "-c", f"import sys; sys.path = {sys.path!r}; {program}"], check=True)
        spent.append((time.perf_counter() - start) * 1_000)
    return statistics.median(spent)


def measure_import(*, is_short: bool) -> Iterator[Bar]:
    """Time to import the package and to make a client, beyond the bare interpreter."""
    times = 3 if is_short else 21
    bare_ms = start_ms("pass", times)
    yield Bar("import tapewatch_client, beyond the bare interpreter", start_ms("import tapewatch_client", times) - bare_ms, "ms", 50)
    yield Bar("the same with the first Client()", start_ms("import tapewatch_client as t; t.Client()", times) - bare_ms, "ms")


def write_one(client: Client, number: int) -> None:
    """A row as an exchange monitor writes it."""
    client.write("exchange", venue="binance", connected=True, latency_ms=12.5 + number % 7, reconnects=number, rate_limit_ratio=0.25)


def measure_latency(situation: str, seconds: float) -> Iterator[Bar]:
    """`write` at 1,000 calls/s while a second thread of the same program computes."""
    stop = threading.Event()

    def compute() -> None:
        while not stop.is_set():
            sum(number * number for number in range(1_000))

    spent_us: list[float] = []
    with server(situation) as url:
        client = Client(url, max_memory_bytes=MEMORY_BYTES)
        write_one(client, 0)
        thread = threading.Thread(target=compute)
        thread.start()
        due = time.perf_counter()
        end = due + seconds
        while due < end:
            due += 1 / CALLS_PER_S
            time.sleep(max(0.0, due - time.perf_counter()))
            start = time.perf_counter_ns()
            write_one(client, len(spent_us))
            spent_us.append((time.perf_counter_ns() - start) / 1_000)
        stop.set()
        thread.join()
        client.close(0.5)
    spent_us.sort()
    name = f"write, busy program, {CALLS_PER_S:,} calls/s, server {situation},"
    yield Bar(f"{name} p50", percentile(spent_us, 0.5), "µs")
    yield Bar(f"{name} p99", percentile(spent_us, 0.99), "µs", 50)
    yield Bar(f"{name} p99.9", percentile(spent_us, 0.999), "µs", 1_000)
    yield Bar(f"{name} p99.99", percentile(spent_us, 0.9999), "µs", 10_000)
    yield Bar(f"{name} maximum", spent_us[-1], "µs")


def measure_rate(situation: str, seconds: float) -> Iterator[Bar]:
    """`write` as often as one thread can, what becomes of the rows, and the memory that it takes."""
    with server(situation) as url:
        client = Client(url, max_memory_bytes=MEMORY_BYTES)
        write_one(client, 0)
        time.sleep(0.3)
        count = 0
        start = time.perf_counter()
        while (now := time.perf_counter()) < start + seconds:
            for _ in range(1_000):
                write_one(client, count)
                count += 1
        rate = count / (now - start)
        held = client.stats().queued_bytes
        client.close(5 if situation == "alive" else 0.5)
        stats = client.stats()
    name = f"one thread without pause, server {situation},"
    yield Bar(f"{name} calls", rate, "/s", 200_000, is_least=True)
    yield Bar(f"{name} rows held", held / 2**20, "MiB", MEMORY_BYTES / 2**20)
    yield Bar(f"{name} delivered", stats.delivered / stats.written, "of all")
    yield Bar(f"{name} not accounted for", stats.written - stats.delivered - stats.dropped - stats.refused_rows - stats.queued, "rows", 0)


def measure(is_short: bool) -> Iterator[Bar]:  # noqa: FBT001 - the one switch that every script has
    """Import, then each situation at full speed and at an even pace."""
    logging.getLogger("tapewatch_client").setLevel(logging.CRITICAL)  # dead servers are the point here
    yield from measure_import(is_short=is_short)
    for situation in SITUATIONS:
        yield from measure_rate(situation, 1.0 if is_short else 5.0)
    for situation in SITUATIONS:
        yield from measure_latency(situation, 1.5 if is_short else 30.0)
    yield Bar("peak memory of this process", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MiB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(is_stuck=sys.argv[2] == "stuck")
    else:
        run(measure, "What a program pays for the client.")
