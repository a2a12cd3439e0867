"""Every example of the client's page runs against a real server and does what the text beside it says."""

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tapewatch_client import Client
from tests.client.scripted_server import ScriptedServer, eventually, status
from tests.sizes import ROOT

PAGE = (ROOT / "client" / "README.md").read_text()
EXAMPLES = dict[str, str](re.findall(r"^## ([^\n]+)\n(?:(?!^## ).)*?^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL))


@pytest.fixture
def play(server: ScriptedServer) -> Iterator[Any]:
    namespaces: list[dict[str, Any]] = []

    def play(title: str) -> dict[str, Any]:
        namespace: dict[str, Any] = {}
        namespaces.append(namespace)
        exec(compile(EXAMPLES[title].replace("http://127.0.0.1:4780", server.url), title, "exec"), namespace)
        return namespace

    yield play
    for namespace in namespaces:
        for value in namespace.values():
            if isinstance(value, Client):
                value.close(1)


def test_every_example_is_played_here() -> None:
    assert PAGE.count("```python") == len(EXAMPLES)
    source = ast.parse((ROOT / "tests" / "client" / "test_readme.py").read_text())
    played = {
        call.args[0].value
        for call in ast.walk(source)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "play"
        and isinstance(call.args[0], ast.Constant)
    }
    assert played == set(EXAMPLES)


def test_the_page_installs_the_distribution_by_its_name() -> None:
    assert re.findall(r"```sh\n(.*?)\n```", PAGE) == ["pip install tapewatch-client"]
    assert 'name = "tapewatch-client"' in (ROOT / "client" / "pyproject.toml").read_text()


def test_first_metric(server: ScriptedServer, play: Any) -> None:
    play("First metric")
    eventually(lambda: server.rows)
    ((table, row),) = server.rows
    assert table == "exchange"
    assert (row["venue"], row["connected"], row["latency_ms"]) == ("binance", True, 12.5)


def test_in_a_program(server: ScriptedServer, play: Any, capsys: pytest.CaptureFixture[str]) -> None:
    play("In a program")
    assert [table for table, _ in server.rows] == ["equity", "pipeline", "pipeline"]
    assert {request.headers["Authorization"] for request in server.requests} == {"Bearer secret"}
    assert capsys.readouterr().out == "3 rows on the server's disk\n"


def test_a_daemon(server: ScriptedServer, play: Any) -> None:
    play("A daemon with a status")
    eventually(lambda: len(server.rows) == 2)
    daemon = dict(server.rows)["daemon"]
    assert (daemon["daemon"], daemon["fetches"], daemon["symbols"], daemon["exchanges"]) == ("ccxt", 1204, "BTC/USDT:USDT", "binance")


def test_values(server: ScriptedServer, play: Any) -> None:
    play("Values")
    rows = dict(server.rows)
    assert rows["fill"]["price"] == 64000.5
    assert isinstance(rows["fill"]["ts"], int)
    assert rows["funding_rate"]["rate"] == "NaN"


def test_what_happens_to_a_row(server: ScriptedServer, play: Any, capsys: pytest.CaptureFixture[str]) -> None:
    refusal = {"row": 0, "table": "exchange", "column": "latency_ms", "value": "fast", "reason": "wrong_type", "message": "give a number"}
    server.acts.append(status(200, {"accepted": 1, "duplicate": False, "refused": [refusal], "refused_total": 1, "noted": {}}))
    play("What happens to a row")
    assert capsys.readouterr().out == "{'wrong_type': 1} table exchange, column latency_ms: wrong_type: give a number\n"


def test_rows_on_disk(server: ScriptedServer, play: Any) -> None:
    play("Rows on disk")
    eventually(lambda: server.rows)
    assert [table for table, _ in server.rows] == ["exchange"]


def test_an_event_loop(server: ScriptedServer, play: Any) -> None:
    play("Threads, processes, event loops, notebooks")
    assert [row["venue"] for _, row in server.rows] == ["okx"]


def test_frames(server: ScriptedServer, play: Any) -> None:
    play("Frames")
    assert [(table, row["venue"], row["ts"]) for table, row in server.rows] == [
        ("funding_rate", "okx", 1_767_340_800_000_000),
        ("funding_rate", "kraken", 1_767_340_800_000_000),
    ]
