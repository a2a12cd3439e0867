"""Writes the description of the HTTP interface, and its records as types for the page; with `--check` says whether both are current.

`tests/golden/openapi.json` is what reviewers see change; `ui/src/api.gen.ts` is what the page is checked against.
"""

import argparse
import difflib
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tapewatch.clock import SystemClock
from tapewatch.ingest.intake import Intake
from tapewatch.ingest.quarantine import Adoption, Quarantine
from tapewatch.model.catalog import Catalog
from tapewatch.model.tables.self import QUARANTINE
from tapewatch.model.venue import Names
from tapewatch.query.retirements import Retirements, Silence
from tapewatch.query.run import QueryEngine
from tapewatch.query.series import SeriesBook
from tapewatch.sources.base import Context
from tapewatch.sources.http_json import SharedHttp
from tapewatch.sources.nearby.look import Nearby
from tapewatch.sources.receivers import RECEIVERS
from tapewatch.store.backends.memory import MemoryStore
from tapewatch.surfaces.dashboards import DASHBOARDS
from tapewatch.surfaces.web.app import build_web
from tapewatch.surfaces.web.board import StatusBoard
from tapewatch.surfaces.web.live import Hub
from tapewatch.surfaces.web.parts import WebParts

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden" / "openapi.json"
TYPES = ROOT / "ui" / "src" / "api.gen.ts"
VERSION = "0"  # the interface is compared, not the release


async def _write_nothing(_: Sequence[Silence]) -> None:
    """Nothing is started, so nothing is retired."""


def description() -> str:
    """The description as text; nothing is started."""
    clock, catalog, store = SystemClock(), Catalog(), MemoryStore()
    book = SeriesBook(catalog, clock)
    engine = QueryEngine(store, catalog, book, clock)
    store.create(QUARANTINE)
    intake = Intake(store, catalog, Names(), clock)
    board = StatusBoard(book, DASHBOARDS, clock, host="", store_state=dict)
    parts = WebParts(
        version=VERSION,
        bound_host="127.0.0.1",
        allowed_hosts=(),
        token="",
        max_body_bytes=1,
        catalog=catalog,
        intake=intake,
        engine=engine,
        store=store,
        dashboards=DASHBOARDS,
        board=board,
        hub=Hub(engine, catalog, book, DASHBOARDS, board, clock, VERSION),
        receivers=RECEIVERS,
        adoption=Adoption(Quarantine(store, clock), store, catalog, Names(), clock, intake.put),
        retirements=Retirements(book, catalog, clock, lambda _: 0.0),
        write_silences=_write_nothing,
        clock=clock,
        health=tuple,
        nearby=Nearby((), Context("", "live", "", clock, SharedHttp(1.0)), own_port=0, is_on=False),
        metrics=dict,
    )
    return json.dumps(build_web(parts).openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


NOTE = "/** Records of the HTTP interface. Written by `make api` from the routes; do not edit. */"
WORDS = {"integer": "number", "number": "number", "string": "string", "boolean": "boolean", "null": "null"}


def types(text: str) -> str:
    """The records of a description as TypeScript."""
    schemas = json.loads(text)["components"]["schemas"]
    return "\n".join([NOTE, *(line for name in sorted(schemas) for line in interface(name, schemas[name]))]) + "\n"


def interface(name: str, schema: dict[str, Any]) -> Iterator[str]:
    """One record: fields that may be missing carry a question mark."""
    needed = set(schema.get("required", ()))
    yield ""
    yield f"/** {schema['description']} */"
    yield f"export interface {name} {{"
    for field, of in schema.get("properties", {}).items():
        yield f"  {field}{'' if field in needed else '?'}: {written(of)};"
    yield "}"


def written(schema: dict[str, Any]) -> str:
    """The type of one value."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(written(part) for part in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " | ".join(json.dumps(word) for word in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        inner = written(schema["items"])
        return f"({inner})[]" if " | " in inner else f"{inner}[]"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"Record<string, {written(values) if isinstance(values, dict) else 'any'}>"
    return WORDS.get(schema.get("type", ""), "any")


def wanted() -> dict[Path, str]:
    """Every file that this script writes, with its text."""
    text = description()
    return {GOLDEN: text, TYPES: types(text)}


def main() -> int:
    """Write, or compare; 1 when they differ."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; print the difference")
    given = parser.parse_args()
    differs = False
    for path, new in wanted().items():
        if not given.check:
            path.write_text(new, encoding="utf-8")
            continue
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        name = path.relative_to(ROOT).as_posix()
        difference = list(difflib.unified_diff(old.splitlines(), new.splitlines(), name, "the routes", lineterm="", n=2))
        print("\n".join(difference) + "\nRun `make api`." if difference else f"{name} is current")
        differs = differs or bool(difference)
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
