"""Each link of the chain is really broken, and doctor names it; a sound chain is left as it was found."""

import contextlib
import json
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tapewatch.commands.links import LINKS
from tests.server import Running, unused_port
from tests.small_disk import fill, small_disk
from tests.started import UPKEEP_SOON, request, rows, tapewatch, up, up_until_killed, verdicts, wait_for, write

TOKEN = "watch-the-tape-42"
NAMES = [link.name for link in LINKS]


class Walked:
    """What doctor printed: the mark and the words of each link, and its last sentence."""

    def __init__(self, *arguments: str, folder: Path, code: int = 0) -> None:
        done = tapewatch("doctor", *arguments, folder=folder, within_s=60)
        assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert done.stderr == ""
        lines = done.stdout.splitlines()
        self.text = done.stdout
        self.last = lines[-1]
        self.links = {name: (mark, words) for name, mark, words in (line.split(None, 2) for line in lines[:-2])}
        assert list(self.links) == NAMES

    def marks(self) -> dict[str, str]:
        return {name: mark for name, (mark, _) in self.links.items()}


def broken_at(link: str, *, hidden: tuple[str, ...] = ()) -> dict[str, str]:
    return {name: "BROKEN" if name == link else "?" if name in hidden else "ok" for name in NAMES}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("server"), f'host = "desk-1"\n[server]\ntoken = "{TOKEN}"\n') as server:
        yield server


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server without a token and without collectors, for what breaks before it."""
    with up(tmp_path_factory.mktemp("quiet"), "watch_self = false\n") as server:
        yield server


def get(server: Running, path: str) -> dict[str, Any]:
    with urlopen(Request(server.url + path, headers={"Authorization": f"Bearer {TOKEN}"})) as answer:
        return json.load(answer)


def test_a_sound_chain(server: Running) -> None:
    folder = server.output.parent
    walked = Walked("--url", server.url, folder=folder)
    assert walked.marks() == dict.fromkeys(NAMES, "ok")
    assert walked.last == "every link is sound"
    assert "tapewatch.toml: nothing wrong" in walked.links["settings"][1]
    assert "the System page shows it" in walked.links["panel"][1]
    assert TOKEN not in walked.text


def test_the_row_it_sends_is_no_series_that_anybody_watches(quiet: Running, tmp_path: Path) -> None:
    """Of a server that watches nothing else, so that the load of this host changes nothing."""
    before = get(quiet, "/api/status")["dashboards"]
    Walked("--url", quiet.url, folder=tmp_path)
    frame = get(quiet, "/api/query?table=canary&mode=rows&last=1h")
    assert frame["rows"] >= 1
    assert frame["series"] == []
    assert get(quiet, "/api/status")["dashboards"] == before


def test_settings_that_are_wrong(server: Running, tmp_path: Path) -> None:
    (tmp_path / "tapewatch.toml").write_text("[server]\nprot = 4780\n")
    walked = Walked("--url", server.url, "--token", TOKEN, folder=tmp_path, code=1)
    assert walked.marks() == broken_at("settings")
    assert walked.last.startswith("the broken link is settings: tapewatch.toml: line 2: server.prot: this key is not known")
    assert walked.last.endswith("mend that line; `tapewatch check` lists all that is wrong")
    walked = Walked("--url", server.url, "--token", TOKEN, "--config", "missing.toml", folder=tmp_path, code=1)
    assert "missing.toml cannot be read" in walked.last


RECEIPT = b'{"accepted": 1, "refused": [], "refused_total": 0}'
"""An acknowledgement of a row that goes nowhere."""
BEHIND = tuple(NAMES[2:])


def test_a_server_that_is_down(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{unused_port()}"
    walked = Walked("--url", address, "--data", "data", folder=tmp_path, code=1)
    assert walked.marks() == broken_at("server", hidden=BEHIND)
    assert walked.last.startswith(f"the broken link is server: {address} does not answer")
    assert walked.last.endswith("there is no store in data; start it with `tapewatch up`, or name its address with --url")
    with up_until_killed(tmp_path, "watch_self = false\n") as server:
        write(server, "exchange", {"venue": "kraken", "connected": True})
    walked = Walked("--url", address, "--data", "data", folder=tmp_path, code=1)
    assert "the store in data is at rest with" in walked.last
    assert (tmp_path / "data" / "tapewatch.duckdb.wal").exists(), "doctor only looks"
    (tmp_path / "data" / "tapewatch.duckdb").write_bytes(b"broken" * 1000)
    walked = Walked("--url", address, "--data", "data", folder=tmp_path, code=1)
    assert "the store at rest is not sound: " in walked.last


def test_another_program_at_the_address(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        Thread(target=_answer_once, args=(other,), daemon=True).start()
        walked = Walked("--url", f"http://127.0.0.1:{other.getsockname()[1]}", "--data", "data", folder=tmp_path, code=1)
    assert "but is no tapewatch server" in walked.last


def _answer_once(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(10_000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")


@pytest.mark.parametrize("token", [(), ("--token", "wrong")])
def test_a_token_that_is_missing_or_wrong(server: Running, tmp_path: Path, token: tuple[str, ...]) -> None:
    walked = Walked("--url", server.url, *token, folder=tmp_path, code=1)
    assert walked.marks() == broken_at("server", hidden=BEHIND)
    words = "the token that was sent is not this server's" if token else "this server asks for its token"
    how = "give the token of its settings with --token or in TAPEWATCH_TOKEN"
    assert walked.last == f"the broken link is server: {server.url}: {words}; {how}"


def test_a_collector_that_fails(tmp_path: Path) -> None:
    settings = 'watch_self = false\n[collectors.ccxt]\nkind = "daemon"\nurl = "http://127.0.0.1:9/status?key=hunter2"\n'
    with up(tmp_path, settings) as server:
        wait_for(lambda: [run for run in rows(server, "collector_run") if run["collector"] == "ccxt"])
        walked = Walked("--url", server.url, folder=tmp_path, code=1)
    assert walked.marks() == broken_at("collectors")
    assert walked.last.startswith("the broken link is collectors: collector ccxt failed ")
    assert walked.last.endswith("or to [collectors.ccxt] in the settings")
    assert "hunter2" not in walked.text


def test_a_collector_that_the_server_does_not_run(quiet: Running, tmp_path: Path) -> None:
    (tmp_path / "tapewatch.toml").write_text('[collectors.late]\nkind = "host"\n')
    walked = Walked("--url", quiet.url, folder=tmp_path, code=1)
    assert walked.marks() == broken_at("collectors")
    assert "collector late is in the settings and has not run in the last day; start the server again" in walked.last


def test_a_server_that_takes_no_body(quiet: Running, tmp_path: Path) -> None:
    """What stands before a server may answer in its place; here it lets nothing be posted."""
    with before(quiet, {"/api/rows": 413}) as address:
        walked = Walked("--url", address, folder=tmp_path, code=1)
    assert walked.marks() == broken_at("receiver", hidden=("ingest", "store", "query", "panel"))
    assert walked.last.startswith("the broken link is receiver: POST /api/rows answers 413: too much")


def test_a_server_whose_ingest_is_full(quiet: Running, tmp_path: Path) -> None:
    with before(quiet, {"/api/rows": 503}) as address:
        walked = Walked("--url", address, folder=tmp_path, code=1)
    assert walked.marks() == broken_at("ingest", hidden=("store", "query", "panel"))
    assert "the row was not acknowledged: too much; senders keep their rows" in walked.last


def test_a_proxy_that_passes_no_live_connection(quiet: Running, tmp_path: Path) -> None:
    with before(quiet, {}) as address:
        walked = Walked("--url", address, folder=tmp_path, code=1)
    assert walked.marks() == broken_at("panel")
    assert "let whatever stands before the server pass WebSockets" in walked.last


@pytest.mark.slow
def test_a_row_that_waits_behind_others_in_the_spool_is_not_called_lost(quiet: Running, tmp_path: Path) -> None:
    """What the server says while the store takes a long spool, after it was away; here the row never gets out of it."""
    held = {"/metrics": b"# TYPE tapewatch_spool_rows gauge\ntapewatch_spool_rows 1200.0\n# EOF\n", "/api/rows": RECEIPT}
    with before(quiet, {}, held) as address:
        walked = Walked("--url", address, folder=tmp_path, code=1)
    assert walked.marks() == broken_at("store", hidden=("query", "panel"))
    assert "the row waits in the server's spool, one of 1200 that the store is taking; ask again when it has them" in walked.last
    assert walked.last.endswith("nothing acknowledged is lost")


def test_a_row_that_waits_nowhere_and_is_not_in_the_store_is_lost(quiet: Running, tmp_path: Path) -> None:
    with before(quiet, {}, {"/api/rows": RECEIPT}) as address:
        walked = Walked("--url", address, folder=tmp_path, code=1)
    assert walked.last.endswith("the row was acknowledged, and the store has it 0 times; keep the data directory and report it")


@contextlib.contextmanager
def before(server: Running, refusals: dict[str, int], answers: Mapping[str, bytes] | None = None) -> Iterator[str]:
    """A proxy that refuses some paths, answers others itself and knows no WebSockets; its address."""

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        codes: ClassVar[dict[int, str]] = {413: "body_too_large", 503: "store_unavailable"}

        def do_GET(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length", 0))) or None
            status, body = refusals.get(self.path, 0), b""
            if self.path in (answers or {}):
                status, body = 200, (answers or {})[self.path]
            elif status:
                body = json.dumps({"error": {"code": self.codes[status], "message": "too much"}}).encode()
            else:
                try:
                    with urlopen(Request(server.url + self.path, sent, {"Content-Type": "application/json"})) as answer:
                        status, body = answer.status, answer.read()
                except HTTPError as error:
                    with error:
                        status, body = error.code, error.read()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *args: object) -> None:
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{proxy.server_address[1]}"
    finally:
        proxy.shutdown()
        proxy.server_close()


@pytest.mark.slow
def test_a_store_whose_disk_is_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "12m") as disk, up(tmp_path, "", "--data", str(disk / "data"), first=UPKEEP_SOON) as server:
        wait_for(lambda: rows(server, "collector_run"))
        filler = fill(disk)
        wait_for(lambda: request(server, "/health")[0] == 503)
        walked = Walked("--url", server.url, folder=tmp_path, code=1)
        assert walked.marks() == broken_at("store", hidden=("collectors", "query", "panel"))
        assert walked.last.startswith("the broken link is store: The store is away: ")
        assert "No space left" in walked.last
        assert walked.last.endswith("; free some space: it goes on by itself, and nothing acknowledged is lost")
        filler.unlink()
        wait_for(lambda: request(server, "/health")[0] == 200)
        assert Walked("--url", server.url, folder=tmp_path).last == "every link is sound"


@pytest.mark.slow
def test_a_server_that_stands_still(tmp_path: Path) -> None:
    with up(tmp_path, "watch_self = false\n") as server:
        write(server, "exchange", {"venue": "kraken", "connected": True})
        assert verdicts(server, "exchange")
        os.kill(server.process.pid, signal.SIGSTOP)
        try:
            walked = Walked("--url", server.url, "--data", "data", folder=tmp_path, code=1)
        finally:
            os.kill(server.process.pid, signal.SIGCONT)
    assert walked.marks() == broken_at("server", hidden=BEHIND)
    assert "a process holds the store in data all the same" in walked.last
