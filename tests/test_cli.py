"""What a person reads on the terminal: settings that are wrong, starts that are refused, questions that are answered."""

import json
import os
import re
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tapewatch.cli import main
from tapewatch.settings import Settings
from tests.server import Running, unused_port
from tests.small_disk import small_disk
from tests.started import refused, up, write


@dataclass(frozen=True)
class Told:
    """What a command said and how it ended."""

    code: object
    out: str
    err: str


Tell = Callable[..., Told]


@pytest.fixture
def tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Tell:
    """Run a command that ends by itself, here and in an empty folder; environment variables as keywords."""
    monkeypatch.chdir(tmp_path)

    def tell(*arguments: str, **environment: str) -> Told:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["tapewatch", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return Told(ended.value.code or 0, captured.out, captured.err)

    return tell


def message_of(told: Told) -> str:
    """The message of a refusal, which has exit code 2 and nothing else to say."""
    assert told.code == 2, told
    assert told.out == ""
    return told.err.removesuffix("\n")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("server"), 'host = "desk-1"\n') as server:
        write(server, "exchange", {"venue": "kraken", "connected": False, "latency_ms": 12.5}, {"venue": "okx", "connected": True})
        yield server


# --- starts that are refused, as processes -----------------------------------------------------------------------------


def test_a_port_in_use_is_named(server: Running, tmp_path: Path) -> None:
    port = server.url.rpartition(":")[2]
    message = refused("up", "--port", port, "--data", "data", folder=tmp_path)
    assert message == f"tapewatch: server.port: {port} on 127.0.0.1 is in use by another program; choose another with --port"
    assert not (tmp_path / "data").exists()


def test_a_second_server_on_the_same_store_is_refused_by_name_and_process(server: Running, tmp_path: Path) -> None:
    folder = server.output.parent / "data"
    message = refused("up", "--port", str(unused_port()), "--data", str(folder), folder=tmp_path)
    owner = f"tapewatch process {server.process.pid} on host {socket.gethostname()}"
    assert message == f"tapewatch: data: {folder} is in use by {owner}; stop it or choose another data directory"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "1m") as disk:
        yield disk


@pytest.mark.parametrize("left_bytes", [0, 24_576])
def test_a_full_disk_at_the_start_is_named(disk: Path, tmp_path: Path, left_bytes: int) -> None:
    (disk / "other").write_bytes(b"x" * (1_048_576 - left_bytes))
    message = refused("up", "--port", str(unused_port()), "--data", str(disk / "data"), folder=tmp_path)
    assert message.startswith("tapewatch: data: ")
    assert "No space left on device" in message
    assert str(disk) in message
    assert len(message.splitlines()) == 1


# --- starts that are refused before anything is started ----------------------------------------------------------------


def test_without_settings_it_serves_this_host_alone_and_keeps_rows_with_the_users_data() -> None:
    settings = Settings()
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 4780)
    assert settings.data_dir == Path(os.environ["XDG_DATA_HOME"]) / "tapewatch"


def test_a_settings_file_that_is_not_there_is_named(tell: Tell) -> None:
    for command in ("up", "check"):
        message = message_of(tell(command, "--config", "missing.toml"))
        assert message == "tapewatch: the settings file missing.toml cannot be read: No such file or directory"


def test_a_settings_file_that_is_no_text_is_named(tell: Tell) -> None:
    Path("tapewatch.toml").write_bytes(b'env = "\xff\xfe"\n')
    for command in ("up", "check"):
        assert message_of(tell(command)) == "tapewatch: the settings file tapewatch.toml cannot be read: it is not UTF-8 text"


def test_a_settings_file_that_is_a_folder_is_named(tell: Tell) -> None:
    assert message_of(tell("check", "--config", ".")) == "tapewatch: the settings file . cannot be read: Is a directory"


@pytest.mark.parametrize("beyond", ["0.0.0.0", "::"])
def test_listening_beyond_this_host_needs_a_token(tell: Tell, beyond: str) -> None:
    words = f"server.host: {beyond} is reachable from other hosts; set server.token (or listen on 127.0.0.1)"
    assert message_of(tell("up", "--host", beyond, "--data", "data")) == f"tapewatch: {words}"
    Path("tapewatch.toml").write_text(f'[server]\nport = 1\nhost = "{beyond}"\n')
    assert message_of(tell("up", "--data", "data")) == f"tapewatch: tapewatch.toml: line 3: {words}"
    assert message_of(tell("check")) == f"tapewatch.toml: line 3: {words}"
    assert not Path("data").exists()


def test_an_address_of_another_host_is_named(tell: Tell) -> None:
    Path("tapewatch.toml").write_text('[server]\nhost = "192.0.2.1"\ntoken = "t"\n')
    assert message_of(tell("up", "--data", "data")).startswith("tapewatch: server.host: cannot listen on 192.0.2.1:4780: ")


def test_a_data_directory_that_cannot_be_written_is_named(tell: Tell) -> None:
    Path("file").write_text("in the way")
    places = ["file", "file/data"]
    if os.geteuid() == 0:
        places.append("/proc/tapewatch")  # root may write everywhere that is a real folder
    else:
        Path("theirs").mkdir(mode=0o555)
        places.append("theirs")
    for place in places:
        message = message_of(tell("up", "--port", str(unused_port()), "--data", place))
        assert message.startswith(f"tapewatch: data: cannot write {place}/tapewatch.lock: ")
        assert "choose another data directory" in message
        assert len(message.splitlines()) == 1


def test_a_store_that_is_not_one_is_named(tell: Tell) -> None:
    Path("data").mkdir()
    Path("data/tapewatch.duckdb").write_bytes(b"not a database" * 1000)
    message = message_of(tell("up", "--port", str(unused_port()), "--data", "data"))
    assert message.startswith("tapewatch: data: ")
    assert "data/tapewatch.duckdb" in message


@pytest.mark.parametrize("arguments", [["up", "--prot", "1"], ["up", "--port", "0"], ["frobnicate"], ["query"], ["agent"]])
def test_an_option_that_is_not_one_is_named(tell: Tell, arguments: list[str]) -> None:
    told = tell(*arguments)
    assert told.code == 2
    assert "Usage: tapewatch" in told.err


# --- check -------------------------------------------------------------------------------------------------------------


COLUMN = '[tables.fx]\nsentence = "One."\n[tables.fx.columns.rate]\nkind = "gauge"\nsentence = "R."\n'
WEBSOCKET = '[collectors.x]\nkind = "websocket"\nvenue = "gateio"\nurl = "wss://v"\nsymbols = ["A"]\nchannels = ["trade"]\n'
# What is wrong: the text, and line, key, value and allowed words that the message must name.
WRONG: dict[str, tuple[str, int, str, str, list[str]]] = {
    "key": ("env = 'live'\n\n[server]\nprot = 4780\n", 4, "server.prot", "4780", ["host, port, token"]),
    "key at the top": ("servers = 1\n", 1, "servers", "1", ["server", "collectors"]),
    "key of the store": ("[store]\nsize = 1\n", 2, "store.size", "1", ["kind, memory_limit_mb, threads"]),
    "type": ('[server]\nport = "many"\n', 2, "server.port", "'many'", ["integer"]),
    "range": ("[server]\nport = 70000\n", 2, "server.port", "70000", ["65535"]),
    "type at the top": ("env = 3\n", 1, "env", "3", ["string"]),
    "engine": ('[store]\nkind = "sqlite"\n', 2, "store.kind", "'sqlite'", ["duckdb, memory"]),
    "collector kind": ('\n\n[collectors.x]\nkind = "fed"\n', 4, "collectors.x.kind", "'fed'", ["daemon", "feed", "host", "process"]),
    "no kind": ("[collectors.x]\nperiod_s = 1\n", 1, "collectors.x.kind", "is missing", ["feed", "host"]),
    "no table": ("[collectors]\nx = 3\n", 2, "collectors.x", "3", ["dict"]),
    "field": ('[collectors.x]\nkind = "host"\nperiods = 1\n', 3, "collectors.x.periods", "no such setting", ["kind, ", "period_s"]),
    "field type": ('[collectors.x]\nkind = "host"\nperiod_s = "fast"\n', 3, "collectors.x.period_s", "'fast'", ["a number above 0"]),
    "field range": ('[collectors.x]\nkind = "host"\nperiod_s = 0\n', 3, "collectors.x.period_s", "0", ["above 0 and up to 86400"]),
    "field missing": ('[collectors.x]\nkind = "daemon"\n', 1, "collectors.x.url", "is missing", []),
    "list item": (
        '[collectors.x]\nkind = "feed"\nvenue = "kraken"\nsymbols = [1]\nchannels = ["trade"]\n',
        4,
        "collectors.x.symbols",
        "1",
        ["a list of a text each"],
    ),
    "venue": (
        '[collectors.x]\nkind = "feed"\nvenue = "krakken"\nsymbols = ["BTC/USD"]\nchannels = ["trade"]\n',
        3,
        "collectors.x.venue",
        "krakken",
        ["kraken", "coinbase"],
    ),
    "channel": (
        '[collectors.x]\nkind = "feed"\nvenue = "kraken"\nsymbols = ["BTC/USD"]\nchannels = ["trades"]\n',
        5,
        "collectors.x.channels",
        "trades",
        ["trade", "book"],
    ),
    "path of the time": (
        WEBSOCKET + 'time_path = "data.t"\n',
        7,
        "collectors.x.time_path",
        "'data.t'",
        ["a list of a text or an integer each"],
    ),
    "unit of the time": (
        WEBSOCKET + 'time_unit = "h"\n',
        7,
        "collectors.x.time_unit",
        "'h'",
        ["'ms'", "'iso'"],
    ),
    "dotted": ('collectors.x.kind = "fed"\n', 1, "collectors.x.kind", "'fed'", ["feed"]),
    "inline": ('[collectors]\nx = { kind = "fed" }\n', 2, "collectors.x.kind", "'fed'", ["feed"]),
    "column kind": (COLUMN.replace("gauge", "guage"), 4, "tables.fx.columns.rate.kind", "'guage'", ["gauge", "counter"]),
    "column key": (COLUMN + 'units = "ms"\n', 6, "tables.fx.columns.rate.units", "'ms'", ["unit", "minimum"]),
    "column missing": (COLUMN.replace('sentence = "R."\n', ""), 3, "tables.fx.columns.rate.sentence", "required", []),
    "unit": (COLUMN + 'unit = "msec"\n', 6, "tables.fx.columns.rate.unit", "'msec'", ["ms"]),
    "column name": (COLUMN.replace("rate]", "Rate]"), 3, "tables.fx.columns.Rate", "'Rate'", ["[a-z]"]),
    "sentence": (COLUMN.replace("R.", "R"), 3, "tables.fx.columns.rate", "full stop", []),
    "table name": (COLUMN.replace("fx", "FX"), 1, "tables.FX", "'FX'", ["[a-z]"]),
    "built-in column": (COLUMN.replace("rate]", "ts]"), 1, "tables.fx", "ts", []),
    "built-in table": (COLUMN.replace("fx", "exchange"), 1, "tables.exchange", "choose another name", []),
    "identity": (COLUMN.replace("One.", 'One."\nidentity = "unique'), 3, "tables.fx.identity", "'unique'", ["measurement", "event"]),
    "threshold": ("[thresholds]\n'exchange.latency' = { degraded = 1 }\n", 2, "thresholds.exchange.latency", "'latency'", ["latency_ms"]),
    "threshold of no table": ('\n[thresholds."venue.latency_ms"]\ndown = 1\n', 2, "thresholds.venue.latency_ms", "'venue'", []),
    "not toml": ("env = live\n", 1, "", "not TOML", []),
    "twice": ("env = 'a'\nenv = 'b'\n", 2, "", "not TOML", []),
}


@pytest.mark.parametrize(("text", "line", "key", "value", "allowed"), WRONG.values(), ids=WRONG)
def test_check_names_key_value_line_and_what_is_allowed(tell: Tell, text: str, line: int, key: str, value: str, allowed: list[str]) -> None:
    Path("tapewatch.toml").write_text(text)
    message = message_of(tell("check"))
    assert message.startswith(f"tapewatch.toml: line {line}: {key}")
    assert [word for word in (value, *allowed) if word not in message] == []
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("name", ["key", "engine", "field", "unit", "threshold", "built-in table"])
def test_a_start_says_the_same_as_check(tell: Tell, name: str) -> None:
    Path("tapewatch.toml").write_text(WRONG[name][0])
    message = message_of(tell("check"))
    assert message_of(tell("up", "--port", str(unused_port()), "--data", "data")) == f"tapewatch: {message}"


def test_an_agent_says_the_same_as_check(tell: Tell) -> None:
    Path("tapewatch.toml").write_text(WRONG["field"][0])
    message = message_of(tell("check"))
    assert message_of(tell("agent", "--to", "http://127.0.0.1:9")) == f"tapewatch: {message}"


def test_check_names_everything_that_is_wrong_at_once(tell: Tell) -> None:
    Path("tapewatch.toml").write_text(
        '[server]\nprot = 1\nport = "x"\n[collectors.a]\nkind = "fed"\n[collectors.b]\nkind = "host"\nperiods = 2\n'
    )
    assert [int(found) for found in re.findall(r"line (\d+): ", message_of(tell("check")))] == [2, 3, 5, 8]


def test_what_the_environment_says_is_checked_without_a_line(tell: Tell) -> None:
    message = message_of(tell("up", "--data", "data", TAPEWATCH_SERVER__PORT="many"))
    assert message.startswith("tapewatch: server.port: 'many' is not allowed")


def test_check_finds_nothing_wrong_where_nothing_is(tell: Tell) -> None:
    assert tell("check") == Told(0, "no settings file: the defaults are fine\n", "")
    Path("tapewatch.toml").write_text(
        'env = "paper"\n[collectors.here]\nkind = "host"\nperiod_s = 1\n[thresholds."host.load_1m"]\ndegraded = 8\n' + COLUMN
    )
    assert tell("check") == Told(0, "tapewatch.toml: nothing wrong\n", "")


# --- query -------------------------------------------------------------------------------------------------------------


def test_query_prints_units_verdicts_and_the_reason_of_a_dash_and_cuts_nothing(server: Running, tell: Tell) -> None:
    write(server, "host", {"host": "h9", "clock_synchronised": False})
    server.post_json("/api/rows", {"table": "host", "rows": [{"host": "h8", "cpu_ratio": "NaN"}]})
    told = tell("query", "exchange", "--url", server.url)
    header, kraken, okx = (line for line in told.out.splitlines() if re.search(r"venue|kraken|okx", line))
    assert [word for word in ("status", "venue", "connected", "latency_ms", "host", "env") if word not in header] == []
    assert [word for word in ("degraded: not connected", "12.5 ms", " no ") if word not in kraken] == []
    assert re.search(r"│ up +│", okx)
    assert "–" in okx
    assert "…" not in told.out
    assert re.search(r"^2 rows · newest row .+ ago", told.out, re.MULTILINE)
    hosts = tell("query", "host", "--where", "host:h8", "--url", server.url).out
    assert "– nan" in hosts
    assert re.search(r"^1 row · ", hosts, re.MULTILINE)


def test_query_prints_json_that_is_the_servers_answer(server: Running, tell: Tell) -> None:
    told = tell("query", "exchange", "-m", "max(latency_ms)", "--by", "venue", "--json", "--url", server.url)
    frame = json.loads(told.out)
    values = {column["name"]: column["values"] for column in frame["columns"]}
    assert dict(zip(values["venue"], values["max_latency_ms"], strict=True)) == {"kraken": 12.5, "okx": None}


def test_query_passes_its_options_on(server: Running, tell: Tell) -> None:
    options = ["--where", "venue:kraken", "--last", "5min", "--mode", "rows", "--limit", "1", "--json"]
    frame = json.loads(tell("query", "exchange", *options, "--url", server.url).out)
    assert frame["rows"] == 1
    assert next(column["values"] for column in frame["columns"] if column["name"] == "venue") == ["kraken"]
    buckets = tell("query", "exchange", "-m", "count()", "--bucket", "10s", "--url", server.url).out
    assert re.search(r"bucket +┃ +count", buckets)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["exchanges"], ["'exchanges'", "exchange"]),
        (["exchange", "-m", "avg(latency)"], ["'latency'", "latency_ms"]),
        (["exchange", "--last", "soon"], ["'soon'", "5min"]),
        (["exchange", "--where", "venue"], ["'venue'"]),
        (["exchange", "--mode", "newest"], ["'newest'", "latest"]),
    ],
)
def test_a_question_that_cannot_be_answered_says_why(server: Running, tell: Tell, arguments: list[str], words: list[str]) -> None:
    told = tell("query", *arguments, "--url", server.url)
    assert told.code in {1, 2}
    assert [word for word in words if word not in told.err] == []
    assert len(told.err.splitlines()) == 1


def test_a_server_that_does_not_answer_is_named(tell: Tell) -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    told = tell("query", "exchange", "--url", url)
    assert told.code == 1
    assert told.err.startswith(f"tapewatch: {url} does not answer")
    assert "is `tapewatch up` running there?" in told.err
    assert len(told.err.splitlines()) == 1


class _Another(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>It works</html>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature is the library's
        pass


def test_an_address_of_something_else_is_named(tell: Tell) -> None:
    with HTTPServer(("127.0.0.1", 0), _Another) as another:
        Thread(target=another.handle_request, daemon=True).start()
        told = tell("query", "exchange", "--url", f"http://127.0.0.1:{another.server_address[1]}")
    assert told.code == 1
    assert "is no tapewatch server" in told.err
    assert tell("query", "exchange", "--url", "not an address").err.startswith("tapewatch: not an address does not answer: ")
