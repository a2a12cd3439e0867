"""Every piece of code in the README and the guides is run as it stands, against a server that was started as the README says."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tapewatch.cli import main
from tapewatch.clock import SystemClock
from tapewatch.model.catalog import Catalog
from tapewatch.sources.base import Context
from tapewatch_client import Client
from tests.server import Running
from tests.sizes import ROOT
from tests.started import up

DEFAULT_ADDRESS = "127.0.0.1:4780"
# Lines that install or start things, or belong on another machine: they are read by `make`'s own tests or cannot be run here.
# The steps of record-and-replay are run one after the other by tests/test_record.py, `tapewatch feeds` by tests/test_feeds.py.
NOT_RUN = (
    "make ",
    "mkdir -p incident",
    "python -m tapewatch.desk play ",
    "ssh ",
    "systemctl ",
    "tapewatch agent ",
    "tapewatch backup ",
    "tapewatch doctor",
    "tapewatch feeds",
    "tapewatch migrate ",
    "tapewatch record ",
    "tapewatch restore ",
    "tapewatch retire ",
    "tapewatch set-aside",
    "tapewatch unit ",
    "0 3 * * *",
)


@dataclass(frozen=True)
class Snippet:
    """One fenced block of a page."""

    page: str
    line: int
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def snippets(*languages: str) -> list[Snippet]:
    """Blocks of the README and the hand-written pages of docs/, in order."""
    found: list[Snippet] = []
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = path.read_text()
        for match in re.finditer(r"^```(\w+)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL):
            if match[1] in languages:
                line = text.count("\n", 0, match.start()) + 1
                found.append(Snippet(path.relative_to(ROOT).as_posix(), line, match[1], match[2]))
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose settings hold the table of the recipe."""
    folder = tmp_path_factory.mktemp("server")
    own_table = next(snippet for snippet in snippets("toml") if "own-tables" in snippet.page)
    with up(folder, own_table.code) as server:
        yield server


class Daemon:
    """What the guide calls `daemon`: something that describes itself."""

    def get_status(self) -> dict[str, object]:
        return {"running": True, "uptime_seconds": 5.0}


def executed(snippet: Snippet, url: str) -> dict[str, Any]:
    """Names after running a Python block with the server's address in place of the default one."""
    names: dict[str, Any] = {"__name__": "snippet", "daemon": Daemon()}
    exec(compile(snippet.code.replace(DEFAULT_ADDRESS, url.removeprefix("http://")), str(snippet), "exec"), names)
    return names


@pytest.mark.parametrize("snippet", snippets("python"), ids=str)
def test_python_runs_as_it_stands(snippet: Snippet, server: Running) -> None:
    names = executed(snippet, server.url)
    if isinstance(client := names.get("client"), Client):
        assert client.flush(5)
        client.close()
        stats = client.stats()
        assert stats.delivered == stats.written
        assert not stats.refused


async def test_the_collector_of_the_guide_collects(server: Running) -> None:
    snippet = next(snippet for snippet in snippets("python") if "add-a-collector" in snippet.page)
    collector = executed(snippet, server.url)["HttpCheck"](url=server.url + "/health")
    async with httpx2.AsyncClient() as http:
        batches = [batch async for batch in collector.collect(Context("venue-status", "live", "here", SystemClock(), lambda: http))]
    [batch] = batches
    assert batch.table in collector.tables
    assert set(batch.columns) <= {column.name for column in Catalog()[batch.table].all_columns}
    assert batch.columns["status"] == ["up"]


@pytest.mark.parametrize("snippet", snippets("sh"), ids=str)
def test_every_command_line_works(snippet: Snippet, server: Running) -> None:
    if snippet.code.startswith(NOT_RUN):
        return
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", snippet.code.replace(DEFAULT_ADDRESS, server.url.removeprefix("http://"))],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for answer in re.findall(r"\{.*?\}(?=\{|$)", done.stdout):
        body = json.loads(answer)
        assert "error" not in body
        assert body.get("refused_total", 0) == body.get("quarantined", 0)
        assert body.get("accepted", 1) + body.get("quarantined", 0) >= 1


@pytest.mark.parametrize("snippet", snippets("toml"), ids=str)
def test_settings_are_accepted_by_tapewatch_check(
    snippet: Snippet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if "http_check" in snippet.code:
        return  # the kind that the guide adds; its own test is below
    path = tmp_path / "tapewatch.toml"
    path.write_text(snippet.code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["tapewatch", "check"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert (ended.value.code, said.out, said.err) == (0, f"{path.name}: nothing wrong\n", "")
