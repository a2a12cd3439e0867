"""One system at a time, in a process and a data directory of its own, and what is measured from outside."""

from __future__ import annotations

import contextlib
import http.client
import os
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.rivals.question import Answer, Question
from bench.rivals.system import Request, System

READY_WITHIN_S, ANSWER_WITHIN_S, END_WITHIN_S = 40.0, 120.0, 30.0
TRY_AGAIN_S = 0.05
BUSY = {http.HTTPStatus.TOO_MANY_REQUESTS, http.HTTPStatus.SERVICE_UNAVAILABLE}
FINE = range(200, 300)
BLOCK_BYTES = 512


@dataclass
class Running:
    """A running system, and one connection to it."""

    system: System
    port: int
    folder: Path
    process: psutil.Popen

    def __post_init__(self) -> None:
        self._connection = self.connect()

    def connect(self) -> http.client.HTTPConnection:
        """A connection more."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_WITHIN_S)

    def renew(self) -> None:
        """Another connection in place of the first: servers close one that was idle for seconds."""
        self._connection.close()
        self._connection = self.connect()

    def send(self, request: Request) -> bytes:
        """Body of the answer.

        Raises:
            SystemExit: The system said that it could not.
        """
        return exchanged(self._connection, request, self.system.name)

    def asked(self, question: Question) -> tuple[Answer, float]:
        """The answer, and the milliseconds from the first byte out to the last byte in."""
        request = self.system.ask(question)
        began_s = time.perf_counter()
        body = self.send(request)
        took_ms = (time.perf_counter() - began_s) * 1e3
        return self.system.read(question, body), took_ms

    def write(self, body: bytes) -> None:
        """Lines, until they are acknowledged."""
        self.send(Request("POST", self.system.write_path, body))

    def ingest(self, bodies: Sequence[bytes], senders: int) -> float:
        """Several senders, each waiting for its acknowledgement before it sends again; seconds until the last one."""
        waiting, failed, lock = iter(bodies), list[BaseException](), threading.Lock()

        def work() -> None:
            connection = self.connect()
            try:
                while True:
                    with lock:
                        body = next(waiting, None)
                    if body is None:
                        return
                    exchanged(connection, Request("POST", self.system.write_path, body), self.system.name)
            except BaseException as error:  # noqa: BLE001 - told by the thread that waits
                failed.append(error)
            finally:
                connection.close()

        threads = [threading.Thread(target=work) for _ in range(senders)]
        began_s = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return time.perf_counter() - began_s

    @property
    def processor_s(self) -> float:
        """Processor time of it and its children until now."""
        every = [self.process, *self.process.children(recursive=True)]
        return sum(times.user + times.system for times in (process.cpu_times() for process in every))

    @property
    def disk_bytes(self) -> int:
        """What its data directory occupies: blocks, not lengths, because some make files larger than what is in them."""
        total = 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    total += (Path(folder) / name).stat().st_blocks * BLOCK_BYTES
        return total

    @property
    def rss_mb(self) -> float:
        """Resident memory of it and its children, in MB."""
        return sum(process.memory_info().rss for process in [self.process, *self.process.children(recursive=True)]) / 1e6

    @property
    def own_mb(self) -> float:
        """The part of it that is not pages of files, which the kernel can take back, in MB."""
        every = [self.process, *self.process.children(recursive=True)]
        return sum(info.rss - info.shared for info in (process.memory_info() for process in every)) / 1e6


class Others:
    """How much of the machine programs took from now on that are neither this one nor the system: then times say less."""

    def __init__(self, here: Running) -> None:
        self._here = here
        self._before = self._now()

    def _now(self) -> tuple[float, float]:
        every, own = psutil.cpu_times(), psutil.Process().cpu_times()
        busy_s = sum(every) - every.idle - getattr(every, "iowait", 0.0) - getattr(every, "guest", 0.0)
        return sum(every), busy_s - own.user - own.system - self._here.processor_s

    def share(self) -> float:
        """As a fraction of all cores."""
        (all_before, others_before), (all_now, others_now) = self._before, self._now()
        return max(0.0, others_now - others_before) / (all_now - all_before)


def exchanged(connection: http.client.HTTPConnection, request: Request, name: str) -> bytes:
    """Body of an answer; a system that says it is busy is asked again, and the time counts.

    Raises:
        SystemExit: The system said that it could not, in its words.
    """
    until_s = time.perf_counter() + ANSWER_WITHIN_S
    while True:
        connection.request(request.method, request.path, request.body or None, request.headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status not in BUSY or time.perf_counter() > until_s:
            break
        time.sleep(TRY_AGAIN_S)
    if answer.status not in FINE:
        raise SystemExit(f"{name} answered {answer.status} to {request.method} {request.path[:300]}: {body[:500].decode(errors='replace')}")
    return body


@contextlib.contextmanager
def running(system: System) -> Iterator[Running]:
    """Start it on a free port with an empty data directory; end it and remove the directory afterwards."""
    folder = Path(tempfile.mkdtemp())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words, environment = system.command(folder, port)
    with (folder.with_suffix(".log")).open("wb") as log:
        process = psutil.Popen(words, stdout=log, stderr=log, env={**os.environ, **environment})
    try:
        found = Running(system, port, folder, process)
        _wait(found, process, folder.with_suffix(".log"))
        for request in system.prepare:
            found.send(request)
        yield found
    finally:
        end(process)
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".log").unlink(missing_ok=True)


def end(process: psutil.Popen) -> None:
    """End it as its service manager would, and wait for it."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(END_WITHIN_S)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait()


def _wait(found: Running, process: psutil.Popen, log: Path) -> None:
    until_s = time.perf_counter() + READY_WITHIN_S
    while time.perf_counter() < until_s and process.poll() is None:
        connection = found.connect()
        try:
            connection.request("GET", found.system.ready_path)
            if connection.getresponse().status in FINE:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.02)
    raise SystemExit(f"{found.system.name} did not become ready; its last words:\n{log.read_text(errors='replace')[-2_000:]}")
