"""Every piece of text that an empty dashboard offers to copy does what it says, as it stands, against a running server."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tapewatch.surfaces.dashboards import DASHBOARDS
from tests.server import Running
from tests.started import request, rows, tapewatch, up, wait_for

DEFAULT_ADDRESS = "http://127.0.0.1:4780"


class Offered(NamedTuple):
    """A snippet, and the panels that offer it."""

    language: str
    code: str
    table: str
    places: tuple[str, ...]


def offered(language: str) -> list[Offered]:
    """Different snippets of a language on all dashboards."""
    found: dict[str, Offered] = {}
    for board in DASHBOARDS:
        for panel in board.panels:
            for snippet in panel.empty.snippets:
                if snippet.language == language and panel.query is not None:
                    places = found[snippet.code].places if snippet.code in found else ()
                    found[snippet.code] = Offered(language, snippet.code, panel.query.table, (*places, f"{board.id}/{panel.id}"))
    return list(found.values())


def name(snippet: Offered) -> str:
    return snippet.places[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with up(tmp_path_factory.mktemp("server"), "watch_self = false\n") as server:
        yield server


def run(command: list[str], code: str, folder: Path) -> str:
    """Output of a program that must say nothing to complain."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    done = subprocess.run([*command, code], cwd=folder, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_every_panel_that_others_feed_says_how() -> None:
    for board in DASHBOARDS:
        for panel in board.panels:
            if panel.query is None or panel.query.table in {"self", "collector_run", "storage_stats", "refusal", "quarantine", "canary"}:
                continue
            languages = {snippet.language for snippet in panel.empty.snippets}
            assert languages == {"python", "curl", "toml"}, f"{board.id}/{panel.id}"


def test_the_page_gets_the_same_snippets(server: Running) -> None:
    told = json.loads(server.get("/api/dashboards"))["dashboards"]
    codes = {snippet["code"] for board in told for panel in board["panels"] for snippet in panel["empty"]["snippets"]}
    assert codes == {snippet.code for language in ("python", "curl", "toml") for snippet in offered(language)}


@pytest.mark.parametrize("snippet", offered("python"), ids=name)
def test_python_delivers_a_row(snippet: Offered, server: Running, tmp_path: Path) -> None:
    assert run([sys.executable, "-c"], snippet.code.replace(DEFAULT_ADDRESS, server.url), tmp_path) == ""
    (row,) = [row for row in rows(server, snippet.table, mode="rows") if row["source"] == "my-bot"][:1]
    assert row["flags"] is None, "nothing in the example is marked"
    for column, value in re.findall(r"(\w+)=([^,()]+)", snippet.code.partition("client.write(")[2]):
        assert row[column] == eval(value), column


@pytest.mark.parametrize("snippet", offered("curl"), ids=name)
def test_curl_delivers_a_row(snippet: Offered, server: Running, tmp_path: Path) -> None:
    before = len(rows(server, snippet.table, mode="rows"))
    answer = json.loads(run(["sh", "-c"], snippet.code.replace(DEFAULT_ADDRESS, server.url), tmp_path))
    assert answer == {"accepted": 1, "duplicate": False, "refused": [], "refused_total": 0, "quarantined": 0, "noted": {}}
    assert len(rows(server, snippet.table, mode="rows")) == before + 1


@pytest.mark.parametrize("snippet", offered("toml"), ids=name)
def test_settings_pass_the_check(snippet: Offered, tmp_path: Path) -> None:
    (tmp_path / "tapewatch.toml").write_text(snippet.code)
    done = tapewatch("check", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "tapewatch.toml: nothing wrong\n"), done.stderr


def test_settings_of_all_snippets_together_run_and_every_collector_reports(tmp_path: Path) -> None:
    """Venues and daemons are not there: their collectors say so; the host's and the process's rows come."""
    text = "\n".join(snippet.code for snippet in offered("toml"))
    collectors = dict(re.findall(r"^\[collectors\.(.+?)\]\n(.*?)(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL))
    settings = "watch_self = false\n"
    for name, body in collectors.items():
        # an address of this machine on which nobody listens, instead of a venue's own
        nobody = 'url = "ws://127.0.0.1:9"\n' if 'kind = "feed"' in body else ""
        settings += f"[collectors.{name}]\n{body}{nobody}"
    with up(tmp_path, settings) as server:
        wait_for(lambda: set(collectors) <= {row["collector"] for row in rows(server, "collector_run")})
        wait_for(lambda: rows(server, "host") and rows(server, "process") and rows(server, "exchange"))
        (process,) = rows(server, "process")
        assert (process["process"], process["running"]) == ("my-bot", False)
        assert rows(server, "collector_run", where="collector:ccxt")[0]["ok"] is False
        assert request(server, "/health")[0] == 200
