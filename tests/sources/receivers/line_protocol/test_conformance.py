"""Published conformance suites: what InfluxData's decoder reads, and what QuestDB's clients send or must refuse to send."""

import base64
import gzip
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from tapewatch.sources.receivers.line_protocol.columns import gather
from tapewatch.sources.receivers.line_protocol.grammar import INFLUX, QUESTDB, UNITS_NS, Grammar
from tapewatch.sources.receivers.line_protocol.line import Line, Unreadable, read_lines
from tapewatch.sources.receivers.line_protocol.quick import Quick
from tests.sources.receivers.line_protocol.bodies import rows

pytestmark = pytest.mark.recordings

DIFFERENCES: dict[str, str] = {
    # key of a case, or name of a test, to the reason why we differ on purpose. Empty: both suites are followed to the letter.
}

WORD = " ,=\n\r\\"
"""Signs that are escaped in unquoted words."""

UNITS = {"1ns": "ns", "1µs": "us", "1ms": "ms", "1s": "s"}


def careful(body: bytes, grammar: Grammar) -> tuple[list[Line], list[Unreadable]]:
    """Lines that can be read and lines that cannot; the quick way must agree."""
    found = list(read_lines(body, grammar))
    fast, slow = gather(Quick(grammar).read(body), 1), gather(found, 1)
    assert (rows(fast), fast.refusals) == (rows(slow), slow.refusals)
    return [line for line in found if isinstance(line, Line)], [line for line in found if isinstance(line, Unreadable)]


def value_of(field: dict[str, Any]) -> Any:
    """A value of the suite, whose floats lose their point in JSON."""
    ((kind, value),) = field.items()
    return float(value) if kind == "float" else base64.b64decode(value["binary"]).decode() if isinstance(value, dict) else value


def point_of(expected: dict[str, Any]) -> tuple[Any, ...]:
    tags = sorted((tag["key"], tag["value"]) for tag in expected["tags"])
    return expected["name"], tags, [(field["key"], value_of(field["value"])) for field in expected["fields"]], expected["time"]


def test_every_case_of_the_line_protocol_corpus(recordings: Path) -> None:
    with gzip.open(recordings / "conformance" / "line-protocol-decode.json.gz", "rt") as source:
        cases: dict[str, Any] = json.load(source)
    differing: set[str] = set()
    for key, case in cases.items():
        given, expected = case["input"], case["output"]
        text = given["text"]
        body = base64.b64decode(text["binary"]) if isinstance(text, dict) else text.encode()
        lines, unreadable = careful(body, INFLUX)
        unit_ns = UNITS_NS[UNITS[given["precision"]]]
        points = [
            (line.table, sorted(line.tags), list(line.fields), given["defaultTime"] if line.time is None else line.time * unit_ns)
            for line in lines
        ]
        is_same = bool(unreadable) if "error" in expected else not unreadable and points == list(map(point_of, expected["result"]))
        if not is_same:
            differing.add(key)
    assert len(cases) == 3_360
    assert differing == set(DIFFERENCES) & set(cases)


def questdb_cases(recordings: Path) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((recordings / "conformance" / "questdb-ilp-client-interop.json").read_text())
    assert len(cases) == 109
    return cases


def sent(case: dict[str, Any]) -> list[bytes]:
    """All the forms in which a client may send the row of a case."""
    result = case["result"]
    texts = [*([result["line"]] if "line" in result else []), *result.get("anyLines", [])]
    binary = [base64.b64decode(result["binaryBase64"])] if "binaryBase64" in result else []
    return [*(text.encode() for text in texts), *binary]


def test_every_row_that_the_clients_of_questdb_send(recordings: Path) -> None:
    succeeding = [case for case in questdb_cases(recordings) if case["result"]["status"] == "SUCCESS"]
    for case in succeeding:
        tags = [(tag["name"], tag["value"]) for tag in case["symbols"]]
        fields = [
            (field["name"], float(field["value"]) if field["type"] == "DECIMAL" else field["value"])  # our numbers have 64 bits
            for field in case["columns"]
        ]
        for body in sent(case):
            assert careful(body, QUESTDB) == ([Line(0, case["table"], tuple(tags), tuple(fields))], []), case["testName"]
    assert len(succeeding) == 9


def escaped(text: str, signs: str) -> str:
    return "".join(f"\\{sign}" if sign in signs else sign for sign in text)


def as_written(column: dict[str, Any]) -> str:
    """A value as a client would write it that does not check anything."""
    value = column["value"]
    match column["type"]:
        case "STRING":
            return '"' + escaped(value, '"\\\n\r') + '"'
        case "LONG":
            return f"{value}i"
        case "BOOLEAN":
            return "t" if value else "f"
        case _:
            return "=\x10" + struct.pack("<d", value).decode("latin-1")


def test_every_row_that_the_clients_must_refuse_is_refused_when_it_is_sent_all_the_same(recordings: Path) -> None:
    refused = [case for case in questdb_cases(recordings) if case["result"]["status"] != "SUCCESS"]
    differing: set[str] = set()
    for case in refused:
        line = escaped(case["table"], WORD)
        line += "".join(f",{escaped(tag['name'], WORD)}={escaped(tag['value'], WORD)}" for tag in case["symbols"])
        if case["columns"]:
            line += " " + ",".join(f"{escaped(column['name'], WORD)}={as_written(column)}" for column in case["columns"])
        body = line.encode("latin-1") if "=\x10" in line else line.encode()
        lines, unreadable = careful(body, QUESTDB)
        if lines or not unreadable:
            differing.add(case["testName"])
    assert len(refused) == 100
    assert differing == set(DIFFERENCES) & {case["testName"] for case in refused}
