"""Writes the description of the HTTP interface to `tests/golden/openapi.json`; with `--check` says whether it is current."""

import argparse
import difflib
import json
import sys
from pathlib import Path

from tapewatch.clock import SystemClock
from tapewatch.ingest.intake import Intake
from tapewatch.model.catalog import Catalog
from tapewatch.model.venue import Names
from tapewatch.query.run import QueryEngine
from tapewatch.query.series import SeriesBook
from tapewatch.sources.receivers import RECEIVERS
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.surfaces.dashboards import DASHBOARDS
from tapewatch.surfaces.web.app import build_web
from tapewatch.surfaces.web.board import StatusBoard
from tapewatch.surfaces.web.live import Hub
from tapewatch.surfaces.web.parts import WebParts

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden" / "openapi.json"
VERSION = "0"  # the interface is compared, not the release


def description() -> str:
    """The description as text; nothing is started."""
    clock, catalog, store = SystemClock(), Catalog(), MemoryStore()
    book = SeriesBook(catalog, clock)
    engine = QueryEngine(store, catalog, book, clock)
    board = StatusBoard(book, DASHBOARDS, clock, host="", store_state=dict)
    parts = WebParts(
        version=VERSION,
        bound_host="127.0.0.1",
        allowed_hosts=(),
        token="",
        max_body_bytes=1,
        catalog=catalog,
        intake=Intake(store, catalog, Names(), clock),
        engine=engine,
        store=store,
        dashboards=DASHBOARDS,
        board=board,
        hub=Hub(engine, catalog, book, DASHBOARDS, board, clock, VERSION),
        receivers=RECEIVERS,
        clock=clock,
        health=tuple,
        metrics=dict,
    )
    return json.dumps(build_web(parts).openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> int:
    """Write, or compare; 1 when they differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; print the difference")
    given = parser.parse_args()
    new = description()
    if not given.check:
        GOLDEN.write_text(new, encoding="utf-8")
        return 0
    old = GOLDEN.read_text(encoding="utf-8") if GOLDEN.exists() else ""
    difference = list(difflib.unified_diff(old.splitlines(), new.splitlines(), "tests/golden/openapi.json", "the routes", lineterm="", n=2))
    print("\n".join(difference) + "\nRun `make api`." if difference else "openapi.json is current")
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
