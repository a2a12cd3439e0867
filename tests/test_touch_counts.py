"""What adding a thing costs: in a copy of the repository each is added as the guide says, its files are counted, and it works."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.server import Running, running, unused_port
from tests.sizes import ROOT, tracked
from tests.started import request, rows, wait_for, write

NEEDED = ("src/", "client/", "tests/", "scripts/", "docs/", "pyproject.toml", "CONTRIBUTING.md")

TABLE = """
SPREAD = Table(
    "spread",
    "Quoted spread of one symbol on one venue.",
    (
        _VENUE,
        _SYMBOL,
        gauge("spread_bps", "bps", "Best ask minus best bid.", minimum=0, thresholds=Thresholds(5, 20)),
    ),
    retention=Retention.MARKET,
)

"""
COLUMN = '        gauge("depth", "quantity", "Quantity at the best price.", minimum=0),\n'
PANEL = """        Panel(
            "spread",
            "Spread",
            PanelKind.LINE,
            "Largest spread of each venue in each stretch of time.",
            24,
            6,
            EMPTY,
            PanelQuery("spread", (Measure(Function.MAX, "spread_bps", alias="spread_bps"),), ("env", "venue"), is_bucketed=True),
        ),
"""
QUESTION = '        Question(Stage.WORST, "Where does it cost most to cross?", ("spread",)),\n'
DASHBOARD = '''"""Spread: what does it cost to cross?"""

from __future__ import annotations

from tapewatch.model.query import Function, Measure
from tapewatch.surfaces.dashboards.feeding import EXCHANGE as EMPTY
from tapewatch.surfaces.dashboards.panel import Dashboard, Panel, PanelKind, PanelQuery, Question, Stage, newest

_KEY = ("env", "venue", "symbol")
_MOST = Measure(Function.MAX, "spread_bps", alias="spread_bps")

SPREAD = Dashboard(
    "spread",
    "Spread",
    "What does it cost to cross?",
    ("env", "venue"),
    (
        Panel("now", "Now", PanelKind.STAT, "Newest spread.", 24, 4, EMPTY, newest("spread", _KEY, "spread_bps")),
        Panel("wider", "Over time", PanelKind.LINE, "Largest one.", 24, 6, EMPTY, PanelQuery("spread", (_MOST,), _KEY, is_bucketed=True)),
        Panel("widest", "Widest", PanelKind.TABLE, "Largest spread in range.", 24, 6, EMPTY, PanelQuery("spread", (_MOST,), _KEY)),
    ),
    questions=(
        Question(Stage.VERDICT, "What does it cost now?", ("now",)),
        Question(Stage.CHANGE, "Did it become dearer?", ("wider",)),
        Question(Stage.WORST, "Where is it dearest?", ("widest",)),
    ),
)
'''
COLLECTOR = '''"""Spreads that a quoting bot publishes over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import ClassVar

from tapewatch.errors import SourceError
from tapewatch.model.rows import RawBatch
from tapewatch.sources.base import Context
from tapewatch.sources.from_settings import Seconds
from tapewatch.sources.http_json import fetch_object, redacted

EXPECTED = \'{"spreads": [{"venue", "symbol", "bps"}]}\'


@dataclass(frozen=True, slots=True)
class SpreadCollector:
    """Asks one address for spreads: rows of table ``spread``."""

    kind: ClassVar[str] = "spread"
    tables: ClassVar[tuple[str, ...]] = ("spread",)
    busy: ClassVar[bool] = False

    url: str = field(metadata={"sentence": "Address that answers the spreads."})
    period_s: Seconds = field(default=1.0, metadata={"sentence": "Seconds between two questions."})

    async def collect(self, context: Context) -> AsyncIterator[RawBatch]:
        """See `Collector.collect`."""
        answer = await fetch_object(context.http(), self.url, EXPECTED)
        spreads = answer.get("spreads")
        if not isinstance(spreads, list):
            raise SourceError(f"{redacted(self.url)} answered no spreads; expected {EXPECTED}")
        found = [{"venue": one["venue"], "symbol": one["symbol"], "spread_bps": one["bps"]} for one in spreads]
        yield RawBatch.of("spread", found, period_s=self.period_s)
'''
COLLECTOR_TEST = '''"""Spreads over HTTP."""

import json
from pathlib import Path
from typing import Any, ClassVar

from tapewatch.sources.collectors.spread import SpreadCollector
from tapewatch.testing.collectors import CollectorSuite


class TestContract(CollectorSuite):
    kind = SpreadCollector
    settings: ClassVar[dict[str, Any]] = {"url": "URL"}
    answers = (json.loads(Path(__file__).with_name("spread.json").read_text()),)
'''
COLLECTOR_INPUT = (
    '{"spreads": [{"venue": "kraken", "symbol": "BTC/USD", "bps": 1.2}, {"venue": "okx", "symbol": "BTC/USDT", "bps": 25.0}]}\n'
)
BACKEND = '''"""A store on a shelf: the reference under another name."""

from __future__ import annotations

from typing import ClassVar

from tapewatch.store.backends.memory import MemoryStore
from tapewatch.store.base import Capabilities


class ShelfStore(MemoryStore):
    """Rows in lists."""

    capabilities: ClassVar[Capabilities] = Capabilities("shelf", durable=False)
'''


@dataclass(frozen=True)
class Copy:
    """A copy of the repository that may be changed."""

    root: Path

    def add(self, name: str, text: str) -> None:
        path = self.root / name
        assert not path.exists()
        path.write_text(text)

    def insert(self, name: str, before: str, text: str) -> None:
        """Put a text before the last place where another one stands."""
        path = self.root / name
        head, found, tail = path.read_text().rpartition(before)
        assert found, f"{name} has no {before!r}"
        path.write_text(head + text + found + tail)

    def register(self, package: str, tuple_name: str, word: str, from_module: str) -> None:
        """The one line of a package's `__init__.py`: an import, and the name at the end of the tuple."""
        path = self.root / package / "__init__.py"
        text = path.read_text()
        lines = text.splitlines(keepends=True)
        at = max(i for i, line in enumerate(lines) if line.startswith("from "))
        lines.insert(at, f"from {from_module} import {word}\n")
        pattern = re.compile(rf"(^{tuple_name}\b[^=]*= \()(.*?)(,?\s*\)\n)", re.MULTILINE | re.DOTALL)
        text, count = pattern.subn(rf"\g<1>\g<2>, {word}\g<3>", "".join(lines))
        assert count == 1
        path.write_text(text)

    def files(self) -> dict[str, str]:
        """Every file by its content."""
        paths = (path for path in self.root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(self.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def run(self, *command: str, within_s: float = 120) -> str:
        """Output of Python in the copy, on the copy's own sources."""
        done = subprocess.run(
            [sys.executable, *command], cwd=self.root, env=self.environment(), capture_output=True, text=True, timeout=within_s, check=False
        )
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": f"{self.root / 'src'}:{self.root / 'client' / 'src'}", "PYTHONDONTWRITEBYTECODE": "1"}


MARKET = "src/tapewatch/model/tables/market.py"
COLLECTORS = "src/tapewatch/sources/collectors"
BACKENDS = "src/tapewatch/store/backends"
BOARDS = "src/tapewatch/surfaces/dashboards"


def add_table(copy: Copy) -> None:
    copy.insert(MARKET, "\nTABLES = (", TABLE)
    path = copy.root / MARKET
    path.write_text(re.sub(r"(^TABLES = \(.*?)(,?\s*\)\n)", r"\1, SPREAD\2", path.read_text(), flags=re.MULTILINE | re.DOTALL))


def add_column(copy: Copy) -> None:
    copy.insert(MARKET, "    ),\n    retention=Retention.MARKET,\n)\n\n\nTABLES", COLUMN)


def add_panel(copy: Copy) -> None:
    copy.insert(f"{BOARDS}/exchange.py", "    ),\n    questions=(\n", PANEL)
    copy.insert(f"{BOARDS}/exchange.py", "    ),\n)\n", QUESTION)


def add_dashboard(copy: Copy) -> None:
    copy.add(f"{BOARDS}/spread.py", DASHBOARD)
    copy.register(BOARDS, "DASHBOARDS", "SPREAD", "tapewatch.surfaces.dashboards.spread")


def add_collector(copy: Copy) -> None:
    copy.add(f"{COLLECTORS}/spread.py", COLLECTOR)
    copy.register(COLLECTORS, "COLLECTORS", "SpreadCollector", "tapewatch.sources.collectors.spread")
    copy.add("tests/sources/collectors/test_spread.py", COLLECTOR_TEST)
    copy.add("tests/sources/collectors/spread.json", COLLECTOR_INPUT)


def add_backend(copy: Copy) -> None:
    copy.add(f"{BACKENDS}/shelf.py", BACKEND)
    copy.register(BACKENDS, "BACKENDS", "ShelfStore", "tapewatch.store.backends.shelf")


STEPS: dict[str, Callable[[Copy], None]] = {
    "table": add_table,
    "column": add_column,
    "panel": add_panel,
    "dashboard": add_dashboard,
    "collector": add_collector,
    "store backend": add_backend,
}


def promised() -> dict[str, int]:
    """Thing to number of files, as CONTRIBUTING.md has it."""
    section = (ROOT / "CONTRIBUTING.md").read_text().partition("## Add a")[2].partition("\n## ")[0]
    return {thing: int(files) for thing, files in re.findall(r"^\| ([a-zA-Z ]+?) \| (\d+) \|", section, flags=re.MULTILINE)}


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Copy, dict[str, int]]:
    """The copy with everything added, and how many files each thing touched."""
    copy = Copy(tmp_path_factory.mktemp("copy"))
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(NEEDED):
            (copy.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy.root / name)
    counts: dict[str, int] = {}
    for thing, add in STEPS.items():
        before = copy.files()
        add(copy)
        after = copy.files()
        counts[thing] = sum(before.get(name) != content for name, content in after.items())
    return copy, counts


@pytest.fixture(scope="module")
def copy(counted: tuple[Copy, dict[str, int]]) -> Copy:
    return counted[0]


def test_every_thing_costs_what_the_guide_says(counted: tuple[Copy, dict[str, int]]) -> None:
    assert counted[1] == {thing: promised()[thing] for thing in STEPS}


def test_the_copy_is_what_runs_in_the_copy(copy: Copy) -> None:
    assert copy.run("-c", "import tapewatch; print(tapewatch.__file__)").startswith(str(copy.root))


def test_the_repositorys_own_tests_take_what_was_added(copy: Copy) -> None:
    """Among them the suites of all stores and collectors, which find the new ones by themselves."""
    paths = ("tests/store/backends/test_backends.py", "tests/sources/collectors", "tests/surfaces/dashboards", "tests/model/test_table.py")
    words = "ShelfStore or spread or test_every_module_of_the_folder"
    told = copy.run("-m", "pytest", "-v", "-p", "no:randomly", "-p", "no:cacheprovider", "-k", words, *paths)
    for name in (
        "TestShelfStore::test_",
        "test_backends.py::test_every_module_of_the_folder_is_in_the_list PASSED",
        "test_collectors.py::test_every_module_of_the_folder_is_registered PASSED",
        "test_collectors.py::test_every_collector_is_held_to_the_contract[spread] PASSED",
        "test_spread.py::TestContract::test_its_rows_fit_their_tables PASSED",
        "[exchange-spread] PASSED",
        "[spread-now] PASSED",
    ):
        assert name in told


def test_the_documents_take_what_was_added(copy: Copy) -> None:
    copy.run("scripts/reference.py")
    tables = (copy.root / "docs" / "reference" / "tables.md").read_text()
    assert "Quoted spread of one symbol on one venue." in tables
    assert "Quantity at the best price." in tables
    assert "Address that answers the spreads." in (copy.root / "docs" / "reference" / "collectors.md").read_text()


class _Bot(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(COLLECTOR_INPUT.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature is the library's
        pass


@pytest.fixture(scope="module")
def bot() -> Iterator[str]:
    """Address of the system that the new collector reads."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Bot) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


@pytest.mark.parametrize("store", ["shelf", "duckdb"])
def test_a_server_of_the_copy_runs_all_of_it(copy: Copy, bot: str, tmp_path: Path, store: str) -> None:
    settings = f'watch_self = false\n[store]\nkind = "{store}"\n[collectors.bot]\nkind = "spread"\nurl = "{bot}"\nperiod_s = 0.5\n'
    (tmp_path / "tapewatch.toml").write_text(settings)
    port = unused_port()
    command = [sys.executable, "-m", "tapewatch", "up", "--port", str(port), "--data", str(tmp_path / "data")]
    with running(command, port, tmp_path, copy.environment()) as server:
        collected(server)
        validated(server)
        shown(server)
        assert (tmp_path / "data" / "tapewatch.duckdb").exists() == (store == "duckdb")


def collected(server: Running) -> None:
    """The collector runs, and its rows are judged by the table's own thresholds."""
    found = wait_for(lambda: rows(server, "spread", where="source:bot"))
    assert {row["venue"]: row["spread_bps"] for row in found} == {"kraken": 1.2, "okx": 25.0}
    (run,) = rows(server, "collector_run", where="collector:bot")
    assert (run["ok"], run["rows"]) == (True, 2)
    series = json.loads(server.get("/api/query?table=spread"))["series"]
    assert {one["key"]["venue"]: one["status"] for one in series} == {"kraken": "up", "okx": "down"}


def validated(server: Running) -> None:
    """Rows over HTTP are refused and kept by the table's definition."""
    write(server, "spread", {"venue": "bybit", "symbol": "BTC/USDT", "spread_bps": 3, "depth": 2.5})
    body = {"table": "spread", "rows": [{"venue": "bybit", "symbol": "ETH/USDT", "spread_bps": -1}, {"symbol": "BTC/USDT"}]}
    _, answer = request(server, "/api/rows", json.dumps(body).encode())
    told = {(one["row"], one["column"], one["reason"]) for one in answer["refused"]}
    assert told == {(0, "spread_bps", "out_of_range"), (1, None, "missing_tag")}
    (kept,) = rows(server, "spread", where="venue:bybit", column="symbol,spread_bps,depth", limit="1", order="symbol")
    assert (kept["spread_bps"], kept["depth"]) == (3, 2.5)


def shown(server: Running) -> None:
    """The catalogue describes the table; the panel is on its dashboard and its question is answered."""
    tables: list[dict[str, Any]] = json.loads(server.get("/api/catalog"))["tables"]
    columns = {column["name"]: column for table in tables if table["name"] == "spread" for column in table["columns"]}
    assert columns["spread_bps"]["unit"] == "bps"
    assert columns["depth"]["sentence"] == "Quantity at the best price."
    boards = {board["id"]: board for board in json.loads(server.get("/api/dashboards"))["dashboards"]}
    assert boards["spread"]["panels"][0]["kind"] == "stat"
    (panel,) = [panel for panel in boards["exchange"]["panels"] if panel["id"] == "spread"]
    frame = server.post_json("/api/query", {**panel["query"], "range": {"last_s": 60}})
    assert frame["rows"]
